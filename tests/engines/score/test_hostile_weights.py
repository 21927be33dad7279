"""Files of a model that are missing, damaged or a trap: each is refused by name, and nothing in it runs."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bot.engines import score
from bot.errors import ModelMissing
from bot.recipe import Mode

WEIGHTS = "model.safetensors"


class Trap:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


def copied(name: str, place: Path) -> Path:
    """A copy of a shipped model, with what stands beside it."""
    shipped = score.BUILT_IN[name]
    shutil.copytree(shipped.parent / "sounds", place / "sounds")
    return Path(shutil.copytree(shipped, place / shipped.name))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return copied("antiphon-tiny-ar", tmp_path)


@pytest.fixture
def denoiser(tmp_path: Path) -> Path:
    return copied("antiphon-tiny-diffusion", tmp_path)


def test_a_pickle_with_code_in_it_is_refused_and_not_run(model: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    (model / WEIGHTS).write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(ModelMissing, match=r"ar/model\.safetensors is damaged"):
        score.load(Mode.AR, model)
    assert not sprung.exists()
    pickle.loads((model / WEIGHTS).read_bytes()).close()
    assert sprung.exists(), "the trap itself works"


def test_missing_weights_are_named(model: Path) -> None:
    (model / WEIGHTS).unlink()
    with pytest.raises(ModelMissing, match=r"model\.safetensors|ar"):
        score.load(Mode.AR, model)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: b"{}" * 100,
    ],
    ids=["truncated", "empty", "a header of 18 exabytes", "another format"],
)
def test_damaged_weights_are_named(model: Path, damage: Callable[[bytes], bytes]) -> None:
    path = model / WEIGHTS
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelMissing, match=r"model\.safetensors"):
        score.load(Mode.AR, model)


def test_weights_of_another_shape_or_with_one_missing_are_named(model: Path) -> None:
    path = model / WEIGHTS
    tensors = load_file(path)
    name = sorted(tensors)[0]
    for changed in (
        {k: v for k, v in tensors.items() if k != name},
        {**tensors, name: tensors[name][:1].clone()},
    ):
        save_file(changed, path)
        with pytest.raises(ModelMissing, match=r"not fit (its|their) configuration"):
            score.load(Mode.AR, model)


@pytest.mark.parametrize(
    ("file", "changes", "says"),
    [
        ("transformer", {"num_layers": 10**9}, "num_layers is 1000000000, not a whole number"),
        ("transformer", {"num_layers": 7}, "does not fit its configuration"),
        ("transformer", {"attention_head_dim": "32"}, "attention_head_dim is '32', not a whole number"),
        ("transformer", {"num_key_value_attention_heads": 2}, "do not divide"),
        ("transformer", {"num_key_value_attention_heads": 1}, "does not fit its configuration"),
        ("transformer", {"in_channels": 64}, "in_channels is 64, not 136"),
        ("transformer", {"out_channels": 64}, "out_channels is 64, not 128"),
        ("transformer", {"global_states_input_dim": 1536}, "global_states_input_dim is 1536, not 16"),
        ("transformer", {"cross_attention_input_dim": 768}, "cross_attention_input_dim is 768, not 128"),
        ("text_encoder", {"model_type": "t5"}, "model_type is t5, not antiphon_clauses"),
        ("text_encoder", {"num_layers": 10**12}, "num_layers is 1000000000000, not a whole number"),
        ("text_encoder", {"d_model": 130}, "d_model 130 isn't a multiple of 4 heads"),
    ],
    ids=str,
)
def test_a_configuration_that_cannot_be_is_named(
    file: str, changes: dict[str, Any], says: str, denoiser: Path
) -> None:
    path = denoiser / file / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ModelMissing, match=says):
        score.load(Mode.DIFFUSION, denoiser)


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"\xff\xfe", b'{"num_layers": 6'], ids=repr)
@pytest.mark.parametrize("file", ["text_encoder", "transformer"])
def test_a_configuration_that_is_none_is_named(file: str, content: bytes, denoiser: Path) -> None:
    (denoiser / file / "config.json").write_bytes(content)
    with pytest.raises(ModelMissing, match=rf"{file}/config\.json cannot be used"):
        score.load(Mode.DIFFUSION, denoiser)


@pytest.mark.parametrize(
    "file",
    [
        "text_encoder/model.safetensors",
        "transformer/diffusion_pytorch_model.safetensors",
        "planner/model.safetensors",
        "instruments/model.safetensors",
        "styles/model.safetensors",
        "autoencoder/model.safetensors",
    ],
)
def test_a_part_of_the_denoiser_with_other_tensors_than_its_own_is_named(file: str, denoiser: Path) -> None:
    path = denoiser / file
    tensors = load_file(path)
    name = sorted(tensors)[0]
    without = {other: value for other, value in tensors.items() if other != name}
    for changed in (
        {},
        without,
        without | {name: tensors[name][..., :0].clone()},
        without | {name: torch.zeros(())},
        tensors | {"more": torch.zeros(1)},
    ):
        save_file(changed, path)
        with pytest.raises(ModelMissing, match=r"in \S*diffusion does not fit its configuration"):
            score.load(Mode.DIFFUSION, denoiser)
