"""Weights that are missing, damaged or a trap: each is refused by the file's name, and nothing in it runs."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
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


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the shipped model, with what stands beside it."""
    shipped = score.BUILT_IN["antiphon-tiny-ar"]
    shutil.copytree(shipped.parent / "text", tmp_path / "text")
    shutil.copytree(shipped.parent / "sounds", tmp_path / "sounds")
    return Path(shutil.copytree(shipped, tmp_path / "ar"))


def test_a_pickle_with_code_in_it_is_refused_and_not_run(model: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    (model / WEIGHTS).write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(ModelMissing, match=r"ar/model\.safetensors cannot be read"):
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
        with pytest.raises(ModelMissing, match=r"model\.safetensors do not fit"):
            score.load(Mode.AR, model)
