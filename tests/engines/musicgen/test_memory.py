"""Loading takes the memory of the packed weights, and little beside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from bot.engines.checkpoints.weights import open_tensors
from bot.errors import ModelMissing
from tests.engines.musicgen.reference import TINY, Reference, reference

WIDE: dict[str, Any] = {
    "hidden_size": 512,
    "num_hidden_layers": 24,
    "num_attention_heads": 8,
    "ffn_dim": 2048,
    "vocab_size": 256,
}
LOADING = """
import json, sys
from pathlib import Path
from bot.engines.checkpoints.weights import open_tensors
from bot.engines.musicgen.cpu.backend import PackedWeights
from bot.engines.musicgen.model_config import ModelConfig
from bot.engines.musicgen.network import LanguageModel

def kilobytes(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))

def load(folder):
    sizes = ModelConfig(**json.loads((folder / "sizes.json").read_text()))
    return LanguageModel.from_weights(sizes, open_tensors(folder), precision=sys.argv[3])

load(Path(sys.argv[2]))  # what torch allocates once, whatever the model
Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is resident now
before = kilobytes("VmRSS")
model = load(Path(sys.argv[1]))
print(json.dumps([kilobytes("VmHWM") - before, model._packed.size / 1024]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "int4"])
def test_the_peak_of_loading_is_little_above_the_packed_weights(tmp_path: Path, precision: str) -> None:
    write(tmp_path / "wide", reference(**WIDE))
    write(tmp_path / "tiny", reference(**TINY))
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADING, tmp_path / "wide", tmp_path / "tiny", precision],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    peak, packed = json.loads(ran.stdout)
    # The heap keeps some tens of megabytes beside, whatever the model's size.
    assert packed < peak < 1.3 * packed + 64_000


def write(folder: Path, model: Reference) -> None:
    """Write a model's weights in half precision, and its sizes."""
    folder.mkdir()
    save_file({name: tensor.half() for name, tensor in model.tensors.items()}, folder / "model.safetensors")
    sizes = {name: getattr(model.sizes, name) for name in model.sizes.__dataclass_fields__}
    (folder / "sizes.json").write_text(json.dumps(sizes))


def test_a_tensor_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    tensors = {
        "float": torch.randn(3, 5),
        "half": torch.randn(7).half(),
        "bf16": torch.randn(2, 2, 2).bfloat16(),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(4),
        "empty": torch.zeros(0, 3),
    }
    save_file(tensors, tmp_path / "model.safetensors")
    stored = open_tensors(tmp_path)
    assert set(stored) == set(tensors)
    for name, tensor in tensors.items():
        assert stored[name].dtype is tensor.dtype
        assert torch.equal(stored[name], tensor)
    assert stored["float"] is not stored["float"]
    with (tmp_path / "model.safetensors").open("r+b") as file:
        file.truncate(200)
    with pytest.raises(ModelMissing, match="cut short"):
        dict(stored)
