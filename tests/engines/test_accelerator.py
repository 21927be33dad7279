"""Which device DEVICE=auto is: one function decides it, for the engines and for the doctor."""

from __future__ import annotations

import pytest
import torch

from bot.doctor import _accelerator
from bot.engines import accelerator
from bot.executor.provenance import memory
from bot.machine import Machine, probe


@pytest.mark.parametrize(
    ("cuda", "mps", "device"), [(True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_a_gpu_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, device: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert accelerator.resolved("auto") == device
    assert accelerator.resolved("cpu") == "cpu"


def test_the_doctor_asks_the_engines_function() -> None:
    assert probe().auto == accelerator.resolved("auto")


def test_the_doctor_says_where_auto_runs() -> None:
    machine = Machine(torch="2", gpus=(), mps=True, auto="mps", threads=8, bfloat16=False)
    assert _accelerator("auto", machine).detail == "torch 2, Apple GPU; DEVICE=auto runs on mps"
    assert _accelerator("cpu", machine).detail == "torch 2, Apple GPU"


def test_the_most_that_a_gpu_held_is_the_devices_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", {"cuda:1": 5 * 10**9}.__getitem__)
    assert accelerator.peak_bytes("cuda:1") == 5 * 10**9
    assert memory("cuda:1", 1)["gpu_peak_bytes"] == 5 * 10**9
    assert memory("cpu", 1)["gpu_peak_bytes"] is None
