"""Loading takes the memory of the packed weights, and little beside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from bot.engines.checkpoints.stored import StoredTensors
from bot.engines.checkpoints.weights import open_tensors
from bot.engines.musicgen.cpu.integer_product import TILE
from bot.engines.musicgen.cpu.packing import ByteForm, FloatForm, Form, NibbleForm
from bot.engines.musicgen.linear import Precision
from bot.engines.musicgen.model_config import ModelConfig
from bot.engines.musicgen.network import LanguageModel
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
import ctypes, json, sys
from pathlib import Path
from bot.engines.checkpoints.stored import StoredTensors
from bot.engines.checkpoints.weights import open_tensors
from bot.engines.musicgen.model_config import ModelConfig
from bot.engines.musicgen.network import LanguageModel

def kilobytes(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))

def load(folder):
    sizes = ModelConfig(**json.loads((folder / "sizes.json").read_text()))
    return LanguageModel.from_weights(sizes, open_tensors(folder), precision=sys.argv[3])

load(Path(sys.argv[2]))  # what torch allocates once, whatever the model
ctypes.CDLL(None).malloc_trim(0)
Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is resident now
before = kilobytes("VmRSS")
model = load(Path(sys.argv[1]))
held = model._packed.size + model.embeddings.numel() * model.embeddings.element_size()
print(json.dumps([kilobytes("VmHWM") - before, held / 1024]))
"""
BESIDE = 4_000
"""Kilobytes that loading may take beside the weights: the piece that is being converted, several times."""
HEAP = {"MALLOC_MMAP_THRESHOLD_": "65536"}
"""Has glibc give freed pieces back, so that the peak is what is alive, whatever holes the heap has."""
FORMS: dict[Precision, Form] = {
    "fp32": FloatForm(torch.float32),
    "fp16": FloatForm(torch.float16),
    "bf16": FloatForm(torch.bfloat16),
    "int8": ByteForm(),
    "int4": NibbleForm(),
}


@pytest.fixture(scope="module")
def stored_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models `wide` and `tiny`."""
    folder = tmp_path_factory.mktemp("models")
    write(folder / "wide", reference(**WIDE))
    write(folder / "tiny", reference(**TINY))
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "int4"])
def test_the_peak_of_loading_is_little_above_the_packed_weights(stored_models: Path, precision: str) -> None:
    folders = stored_models / "wide", stored_models / "tiny"
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADING, *folders, precision],
        capture_output=True, text=True, check=True, env=os.environ | HEAP,
    )  # fmt: skip
    peak, held = json.loads(ran.stdout)
    assert held < peak < held + BESIDE


def write(folder: Path, model: Reference, dtype: torch.dtype = torch.float16) -> None:
    """Write a model's weights, and its sizes."""
    folder.mkdir()
    save_file(
        {name: tensor.to(dtype) for name, tensor in model.tensors.items()}, folder / "model.safetensors"
    )
    sizes = {name: getattr(model.sizes, name) for name in model.sizes.__dataclass_fields__}
    (folder / "sizes.json").write_text(json.dumps(sizes))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16", "int8", "int4"])
def test_a_matrix_read_in_pieces_is_packed_as_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: Precision, dtype: torch.dtype
) -> None:
    # Pieces of one tile: they end within a matrix, on its end, and across two that are joined.
    monkeypatch.setattr("bot.engines.musicgen.weights.PIECE_VALUES", 1)
    model = reference(**TINY)
    write(tmp_path / "tiny", model, dtype)
    stored = open_tensors(tmp_path / "tiny")
    loaded = LanguageModel.from_weights(model.sizes, stored, precision=precision)
    packed = loaded._packed
    assert packed is not None
    for number in range(model.sizes.layers):
        for name, matrix in joined(model.sizes, stored, number).items():
            form = FORMS[
                "int8" if precision == "int4" and name in ("cross_key_value", "heads") else precision
            ]
            values, scales = whole(form, matrix)
            where = number if name != "heads" else 0
            assert torch.equal(packed._values[name][where].view(torch.uint8), values.view(torch.uint8)), name
            assert torch.equal(packed._scales[name][where], scales), name
    embeddings = [stored[f"decoder.model.decoder.embed_tokens.{k}.weight"] for k in range(4)]
    assert torch.equal(loaded.embeddings, torch.stack(embeddings).float())


def joined(sizes: ModelConfig, stored: Any, number: int) -> dict[str, torch.Tensor]:
    """Return a layer's matrices, and the heads, as the decode step multiplies them, whole."""
    layer = f"decoder.model.decoder.layers.{number}"
    own, cross = f"{layer}.self_attn", f"{layer}.encoder_attn"
    return {
        "qkv": torch.cat([stored[f"{own}.{name}_proj.weight"] for name in "qkv"]),
        "self_out": stored[f"{own}.out_proj.weight"],
        "cross_query": stored[f"{cross}.q_proj.weight"],
        "cross_key_value": torch.cat([stored[f"{cross}.{name}_proj.weight"] for name in "kv"]),
        "cross_out": stored[f"{cross}.out_proj.weight"],
        "feed_in": stored[f"{layer}.fc1.weight"],
        "feed_out": stored[f"{layer}.fc2.weight"],
        "heads": torch.cat([stored[f"decoder.lm_heads.{k}.weight"] for k in range(sizes.codebooks)]),
    }


def whole(form: Form, matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pack a matrix in one go."""
    assert matrix.shape[0] % TILE == 0, "whole tiles need no padding here"
    assert matrix.shape[1] % TILE == 0
    values, scales = form.allocate(1, *matrix.shape)
    form.pack(matrix, values[0], scales[0])
    return values[0], scales[0]


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


@pytest.mark.parametrize("rows", [slice(None), slice(2), slice(1, 3), slice(2, 99), slice(3, 3), slice(4, 2)])
def test_rows_are_read_without_the_others(tmp_path: Path, rows: slice) -> None:
    tensors = {"before": torch.randn(3), "matrix": torch.randn(5, 3, 2).half(), "last": torch.randn(2)}
    save_file(tensors, tmp_path / "model.safetensors")
    stored = open_tensors(tmp_path)
    assert isinstance(stored, StoredTensors)
    matrix = stored.rows("matrix")
    assert (matrix.shape, len(matrix)) == ((5, 3, 2), 5)
    assert torch.equal(matrix[rows], tensors["matrix"][rows])
