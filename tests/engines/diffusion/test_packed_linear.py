"""The linear layers of a denoiser by oneDNN: torch's results, and no second copy of the weights."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
import torch
from torch import nn

from bot.engines.diffusion import packed_linear
from bot.engines.diffusion.engine import PipelineEngine
from bot.engines.diffusion.packed_linear import pack_linears
from bot.engines.diffusion.pipelines import read_pipeline


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


def test_the_denoiser_of_an_engine_is_packed(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed: list[nn.Module] = []
    monkeypatch.setattr("bot.engines.diffusion.engine.pack_linears", packed.append)
    engine = PipelineEngine(read_pipeline("tiny", folders["turbo"]), "cpu", "float32")
    assert packed == [engine._pipe.transformer]
