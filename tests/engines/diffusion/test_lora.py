"""LoRAs over ACE-Step at a small size: found by name, pinned by hash, applied for their clip alone."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from bot import loras
from bot.config import Settings
from bot.engines import registry
from bot.engines.diffusion import oobleck
from bot.engines.diffusion.lora import linear_layers
from bot.errors import InvalidRecipe
from bot.recipe import Mode, Recipe
from bot.recipe.build import build_recipe
from tests.engines.context import RecordingContext
from tests.engines.diffusion.test_engine import apart

Asked = Callable[..., Recipe]
RANK = 2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "loras"
    folder.mkdir()
    monkeypatch.setenv("LORA_DIR", str(folder))
    return folder


@pytest.fixture(scope="module")
def engine(folders: dict[str, Path]) -> Any:
    return registry.load(Mode.DIFFUSION, str(folders["turbo"]), "cpu", "auto")


def matrices(engine: Any, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random ones for every projection of the first layer, by diffusers' names."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, linear in linear_layers(engine._pipe.transformer).items():
        if name.startswith("layers.0.") and ".to_" in name:
            found[f"transformer.{name}.lora_A.weight"] = 0.2 * torch.randn(
                RANK, linear.in_features, generator=generator
            )
            found[f"transformer.{name}.lora_B.weight"] = 0.2 * torch.randn(
                linear.out_features, RANK, generator=generator
            )
    assert any("cross_attn" in name or "attn2" in name for name in found), sorted(found)
    return found


def as_published(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same by the names that ACE-Step's own trainer writes through peft."""
    found = {}
    for name, tensor in tensors.items():
        own = name.replace("transformer.", "base_model.model.", 1)
        for old, new in ((".to_q.", ".q_proj."), (".to_k.", ".k_proj."), (".to_v.", ".v_proj.")):
            own = own.replace(old, new)
        found[own.replace(".to_out.0.", ".o_proj.")] = tensor
    return found


def rendered(engine: Any, recipe: Recipe) -> np.ndarray:
    context = RecordingContext(recipe)
    loaded = copy.copy(engine)
    loaded.capabilities = registry.describe(Mode.DIFFUSION, engine.capabilities.model)
    loaded.run(context)
    if context.errors:
        raise context.errors[1]
    return context.waves[1]


def test_a_lora_is_what_adding_it_to_the_weights_gives_and_leaves_nothing(
    folder: Path,
    engine: Any,
    asked: Asked,
    folders: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    latents: list[torch.Tensor] = []
    decode = oobleck.decode

    def recorded(vae: Any, given: torch.Tensor, *others: Any) -> torch.Tensor:
        latents.append(given)
        return decode(vae, given, *others)

    monkeypatch.setattr(oobleck, "decode", recorded)
    tensors = matrices(engine)
    plain = rendered(engine, asked("turbo"))
    save_file(tensors, folder / "warm.safetensors")
    (folder / "cold").mkdir()
    save_file(as_published(tensors), folder / "cold" / "adapter_model.safetensors")
    (folder / "cold" / "adapter_config.json").write_text(json.dumps({"r": RANK, "lora_alpha": 2 * RANK}))
    warm = rendered(engine, asked("turbo", lora="warm", lora_scale=0.5))
    assert apart(plain, warm) > 1e-3
    # α = 2r: half the scale is the same.
    cold = rendered(engine, asked("turbo", lora="cold", lora_scale=0.25))
    assert apart(warm, cold) < 1e-5
    assert np.array_equal(plain, rendered(engine, asked("turbo", lora="warm", lora_scale=0.0)))
    assert np.array_equal(plain, rendered(engine, asked("turbo")))
    merged: Any = registry.load(Mode.DIFFUSION, str(folders["turbo"]), "cpu", "auto")
    for name, linear in linear_layers(merged._pipe.transformer).items():
        if (key := f"transformer.{name}.lora_A.weight") in tensors:
            linear.weight.data += 0.5 * tensors[key.replace("lora_A", "lora_B")] @ tensors[key]
    rendered(merged, asked("turbo"))
    # Of the latents: the sines of a random decoder make a rounding of them heard.
    assert (latents[1] - latents[-1]).abs().max() < 1e-4 * latents[1].abs().max()
    assert (latents[1] - latents[0]).abs().max() > 1e-2 * latents[1].abs().max()


def test_a_recipe_names_the_file_and_refuses_another(
    folder: Path, engine: Any, asked: Asked, folders: dict[str, Path]
) -> None:
    save_file(matrices(engine), folder / "warm.safetensors")
    capabilities = registry.describe(Mode.DIFFUSION, str(folders["turbo"]))
    settings = Settings()
    recipe = build_recipe(capabilities, settings, prompt="x", seconds=10, options={"lora": "warm"})
    name, _, digest = str(recipe.options["lora"]).partition("@")
    assert (name, len(digest)) == ("warm", 16)
    rendered(engine, asked("turbo", lora=recipe.options["lora"]))
    save_file(matrices(engine, seed=1), folder / "warm.safetensors")
    with pytest.raises(InvalidRecipe, match="warm was replaced since"):
        rendered(engine, asked("turbo", lora=recipe.options["lora"]))
    with pytest.raises(InvalidRecipe, match=r"no LoRA of that name\. There is warm\."):
        build_recipe(capabilities, settings, prompt="x", seconds=10, options={"lora": "other"})


def test_only_files_inside_the_folder_have_a_name(
    folder: Path, tmp_path: Path, asked: Asked, engine: Any
) -> None:
    outside = tmp_path / "outside.safetensors"
    save_file(matrices(engine), outside)
    (folder / "link.safetensors").symlink_to(outside)
    (folder / "pickled.bin").write_bytes(b"\x80\x04")
    (folder / "pickled.pt").write_bytes(b"\x80\x04")
    (folder / "bad name.safetensors").write_bytes(b"")
    (folder / "empty").mkdir()
    assert loras.files() == {}
    save_file(matrices(engine), folder / "good.safetensors")
    assert list(loras.files()) == ["good"]
    for name in ("../outside", "..", "/etc/passwd", "link", "good/../good"):
        with pytest.raises(InvalidRecipe, match="no LoRA of that name"):
            rendered(engine, asked("turbo", lora=name))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.update({"transformer.layers.9.x.lora_A.weight": torch.ones(2, 2)}), "for another model"),
        (lambda t: t.update({"extra": torch.ones(2)}), "for another model"),
        (lambda t: t.pop(next(n for n in t if "lora_B" in n)), "does not fit"),
        (
            lambda t: t.update({n: v[:, :-1].contiguous() for n, v in t.items() if "lora_A" in n}),
            "does not fit",
        ),
        (lambda t: t.update({n: v * float("nan") for n, v in t.items()}), "does not fit"),
        (lambda t: t.clear(), "is empty"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    change: Callable[[dict[str, torch.Tensor]], Any], says: str, folder: Path, engine: Any, asked: Asked
) -> None:
    tensors = matrices(engine)
    change(tensors)
    save_file(tensors, folder / "bad.safetensors")
    with pytest.raises(InvalidRecipe, match=says):
        rendered(engine, asked("turbo", lora="bad"))


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04 a pickle", b"version https://git-lfs.github.com/spec/v1\n"]
)
def test_a_damaged_file_is_refused(content: bytes, folder: Path, engine: Any, asked: Asked) -> None:
    (folder / "bad.safetensors").write_bytes(content)
    with pytest.raises(InvalidRecipe, match="cannot be read"):
        rendered(engine, asked("turbo", lora="bad"))
