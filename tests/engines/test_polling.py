"""torch's threads leave the cores to the decode loop's threads."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import time
import bot.engines
import torch

torch.set_num_threads(2)
x = torch.ones(1 << 20)
x.exp()
started = time.process_time()
for _ in range(20):
    x.exp()
    time.sleep(0.02)
sleeping = time.process_time() - started
started = time.process_time()
for _ in range(20):
    x.exp()
print(sleeping - (time.process_time() - started))
"""


def test_threads_of_torch_rest_soon_after_an_operation() -> None:
    """Polling, they would take 5 ms of processor time in each of the 20 pauses, libgomp's default."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert float(ran.stdout) < 0.04
