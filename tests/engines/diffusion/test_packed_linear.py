"""Linear layers by oneDNN: torch's results, in bfloat16 its rounding, and no second copy of the weights."""

from __future__ import annotations

import copy
import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from bot.engines import accelerator
from bot.engines.diffusion import oobleck, packed_linear
from bot.engines.diffusion.engine import PipelineEngine
from bot.engines.diffusion.packed_linear import pack_linears
from bot.engines.diffusion.pipelines import read_pipeline
from bot.recipe import Recipe
from tests.engines.context import RecordingContext
from tests.engines.diffusion.checkpoints import write_pipeline


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Linear(64, 96)
        self.plain = nn.Linear(96, 64, bias=False)
        self.small = nn.Linear(64, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.small(self.plain(self.wide(x)))
        return out


@pytest.fixture
def layers(monkeypatch: pytest.MonkeyPatch) -> Layers:
    monkeypatch.setattr(packed_linear, "SMALLEST", 4_096)
    monkeypatch.setattr(packed_linear, "SMALLEST_NARROW", 4_096)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    torch.manual_seed(0)
    return Layers().eval()


@torch.inference_mode()
def test_a_packed_model_gives_torchs_results(layers: Layers) -> None:
    inputs = [torch.randn(1, 64), torch.randn(2, 30, 64), torch.randn(64, 30).t(), torch.randn(0, 64)]
    expected = [layers(x) for x in inputs]
    assert pack_linears(layers) == 2
    for x, right in zip(inputs, expected, strict=True):
        found = layers(x)
        assert found.shape == right.shape
        assert torch.allclose(found, right, rtol=1e-5, atol=1e-6)


def test_a_packed_layer_keeps_the_shape_of_its_weight_and_not_its_memory(layers: Layers) -> None:
    pack_linears(layers)
    for weight, shape in ((layers.wide.weight, (96, 64)), (layers.plain.weight, (64, 96))):
        assert (weight.shape, weight.dtype) == (shape, torch.float32)
        assert weight.untyped_storage().nbytes() == 4


def test_only_what_is_fp32_and_not_shared_is_packed(layers: Layers) -> None:
    other = nn.Linear(64, 96, dtype=torch.bfloat16)
    twin = nn.Linear(64, 96)
    twin.weight = layers.wide.weight
    before = layers.wide.weight
    assert pack_linears(nn.ModuleList([layers, other, twin])) == 1
    assert layers.wide.weight is before
    assert layers.wide.weight is twin.weight
    assert other.weight.untyped_storage().nbytes() == 2 * 64 * 96


@pytest.mark.parametrize("missing", ["oneDNN", "x86"])
def test_other_machines_multiply_as_torch_does(
    layers: Layers, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64" if missing == "oneDNN" else "aarch64")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: missing != "oneDNN")
    assert pack_linears(layers) == 0
    assert layers.wide.weight.untyped_storage().nbytes() == 4 * 64 * 96


@torch.inference_mode()
def test_products_in_bfloat16_are_float32_in_and_out_and_off_by_their_rounding(layers: Layers) -> None:
    inputs = [torch.randn(1, 64), torch.randn(2, 30, 64), torch.randn(64, 30).t()]
    expected = [layers(x) for x in inputs]
    assert pack_linears(layers, torch.bfloat16) == 2
    assert layers.wide.weight.dtype is torch.float32, "T5 gives a layer what its weight's dtype says"
    for x, right in zip(inputs, expected, strict=True):
        found = layers(x)
        assert found.dtype is torch.float32
        assert 1e-4 < (found - right).norm() / right.norm() < 1e-2


@torch.inference_mode()
def test_weights_stored_in_bfloat16_are_packed_as_they_are(layers: Layers) -> None:
    narrow = copy.deepcopy(layers).to(torch.bfloat16)
    wide = copy.deepcopy(narrow).float()
    assert pack_linears(narrow, torch.bfloat16) == pack_linears(wide, torch.bfloat16) == 2
    x = torch.randn(5, 64)
    assert torch.equal(narrow.wide(x), wide.wide(x))


@torch.inference_mode()
def test_small_layers_are_packed_in_float32(layers: Layers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_linear, "SMALLEST_NARROW", 8_192)
    x = torch.randn(5, 64)
    right = layers(x)
    assert pack_linears(layers, torch.bfloat16) == 2
    assert torch.allclose(layers(x), right, rtol=1e-5, atol=1e-6)


@pytest.fixture
def every_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pack the layers of a small pipeline, too, as on a processor with instructions for bfloat16."""
    monkeypatch.setattr(packed_linear, "SMALLEST", 1)
    monkeypatch.setattr(packed_linear, "SMALLEST_NARROW", 128)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(accelerator, "has_bfloat16", lambda device: True)


@pytest.mark.usefixtures("every_layer")
@pytest.mark.parametrize("dtype", ["auto", "float32", "bfloat16"])
def test_denoiser_and_encoders_of_an_engine_are_packed(folders: dict[str, Path], dtype: str) -> None:
    engine = PipelineEngine(read_pipeline("tiny", folders["turbo"]), "cpu", dtype)
    assert (engine.dtype, engine.precision) == (
        torch.float32,
        {"auto": "bfloat16"}.get(dtype, dtype),
    )
    for name, component in engine._pipe.components.items():
        if isinstance(component, nn.Module):
            assert {one.dtype for one in component.parameters()} == {torch.float32}, name
            linears = [module for module in component.modules() if type(module) is nn.Linear]
            held = sum(module.weight.untyped_storage().nbytes() for module in linears)
            assert held == 4 * len(linears), name


@pytest.mark.usefixtures("every_layer")
@pytest.mark.parametrize(("kind", "precision"), [("stable_audio", "bfloat16"), ("audioldm2", "float32")])
def test_auto_is_bfloat16_where_it_was_measured_to_be_faster(
    folders: dict[str, Path], kind: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = read_pipeline("tiny", folders[kind])
    assert PipelineEngine(pipeline, "cpu", "auto").precision == precision
    monkeypatch.setattr(accelerator, "has_bfloat16", lambda device: False)
    assert PipelineEngine(pipeline, "cpu", "auto").precision == "float32"
    monkeypatch.setattr(accelerator, "has_bfloat16", lambda device: True)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert PipelineEngine(pipeline, "cpu", "auto").precision == "float32"
    assert PipelineEngine(pipeline, "cpu", "bfloat16").dtype is torch.bfloat16


@pytest.mark.usefixtures("every_layer")
@pytest.mark.parametrize(("kind", "most"), [("turbo", 0.01), ("base", 0.01), ("stable_audio", 0.04)])
def test_latents_in_bfloat16_are_near_those_in_float32(
    folders: dict[str, Path],
    asked: Callable[..., Recipe],
    kind: str,
    most: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Before they are decoded: the sines of a decoder with random weights make much of a rounding.
    pipeline, found = read_pipeline("tiny", folders[kind]), []
    decode = oobleck.decode

    def kept(vae: object, latents: torch.Tensor, *rest: Any) -> torch.Tensor:
        found.append(latents)
        return decode(vae, latents, *rest)

    monkeypatch.setattr(oobleck, "decode", kept)
    for dtype in ("float32", "auto"):
        context = RecordingContext(replace(asked(kind), model="tiny"))
        PipelineEngine(pipeline, "cpu", dtype).run(context)
        assert context.errors == {}
    right, narrow = found
    assert 1e-4 < (narrow - right).norm() / right.norm() < most


@pytest.mark.usefixtures("every_layer")
def test_a_checkpoint_in_bfloat16_gives_the_clip_of_the_same_weights_in_float32(
    tmp_path: Path, asked: Callable[..., Recipe]
) -> None:
    waves = []
    for name, dtype in (("narrow", torch.bfloat16), ("wide", torch.float32)):
        folder = write_pipeline(tmp_path / name, "ace_step", is_turbo=True)
        for file in folder.rglob("*.safetensors"):
            tensors = {key: one.to(torch.bfloat16).to(dtype) for key, one in load_file(file).items()}
            save_file(tensors, file, {"format": "pt"})
        pipeline = read_pipeline("tiny", folder)
        assert pipeline.components["transformer"].bfloat16 == (dtype is torch.bfloat16)
        context = RecordingContext(replace(asked("turbo"), model="tiny"))
        PipelineEngine(pipeline, "cpu", "auto").run(context)
        waves.append(context.waves[1])
    assert np.array_equal(waves[0], waves[1])
