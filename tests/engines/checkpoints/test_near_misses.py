"""Folders that are nearly right: each is refused by its own sentence, or read."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bot.engines import registry
from bot.engines.checkpoints.weights import read_tensors
from bot.errors import ModelMissing
from bot.hub.pointers import is_pointer
from bot.recipe import Mode
from tests.engines.checkpoint_files import write_musicgen
from tests.engines.diffusion.checkpoints import write_pipeline
from tests.error_messages import OUT_OF_MEMORY

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 123456789\n".format("0" * 64)


@pytest.fixture
def musicgen(tmp_path: Path) -> Path:
    return write_musicgen(tmp_path / "musicgen")


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    return write_pipeline(tmp_path / "pipeline", "stable_audio")


def refusal(mode: Mode, folder: Path) -> str:
    with pytest.raises(ModelMissing) as caught:
        registry.load(mode, str(folder), "cpu", "float32")
    return str(caught.value)


def point(file: Path) -> str:
    file.write_text(POINTER)
    assert is_pointer(file)
    return f"{file} is a Git-LFS pointer"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_pointers_of_a_musicgen_are_named(musicgen: Path, name: str) -> None:
    assert point(musicgen / name) in refusal(Mode.AR, musicgen)


def test_a_pickles_pointer_is_no_reason_to_convert(musicgen: Path) -> None:
    (musicgen / "model.safetensors").unlink()
    said = point(musicgen / "pytorch_model.bin")
    refused = refusal(Mode.AR, musicgen)
    assert said in refused
    assert "convert" not in refused


def test_a_pointer_that_nothing_reads_is_no_reason_to_refuse(musicgen: Path) -> None:
    point(musicgen / "pytorch_model.bin")
    assert registry.load(Mode.AR, str(musicgen), "cpu", "float32").capabilities.mode is Mode.AR


@pytest.mark.parametrize(
    "name",
    [
        "model_index.json",
        "transformer/config.json",
        "transformer/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
        "tokenizer/tokenizer.json",
        "scheduler/scheduler_config.json",
    ],
)
def test_pointers_of_a_pipeline_are_named(pipeline: Path, name: str) -> None:
    assert point(pipeline / name) in refusal(Mode.DIFFUSION, pipeline)


def test_a_pipelines_pickled_pointer_is_named(pipeline: Path) -> None:
    (pipeline / "vae/diffusion_pytorch_model.safetensors").unlink()
    assert point(pipeline / "vae/diffusion_pytorch_model.bin") in refusal(Mode.DIFFUSION, pipeline)


def test_audiocrafts_pointer_is_no_reason_to_convert(tmp_path: Path) -> None:
    assert point(tmp_path / "state_dict.bin") in refusal(Mode.AR, tmp_path)


def test_a_byte_order_mark_is_read_over(musicgen: Path, pipeline: Path) -> None:
    for file in (musicgen / "config.json", pipeline / "model_index.json", pipeline / "vae/config.json"):
        file.write_bytes(codecs.BOM_UTF8 + file.read_bytes())
    assert registry.describe(Mode.AR, str(musicgen)).mode is Mode.AR
    assert registry.describe(Mode.DIFFUSION, str(pipeline)).mode is Mode.DIFFUSION


def _lora(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")


def _original(folder: Path) -> None:
    (folder / "model.ckpt").write_bytes(b"")


def _no_config(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_lora, "holds a LoRA (adapter_config.json)"),
        (_original, "holds model.ckpt, a checkpoint in its authors' own layout"),
        (_no_config, "config.json is missing"),
        (lambda folder: None, "holds no model that this program knows"),
    ],
)
def test_other_kinds_of_folders_have_their_own_sentence(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    make(tmp_path)
    assert said in refusal(Mode.AR, tmp_path)


def test_a_file_given_for_a_folder_is_named(musicgen: Path) -> None:
    file = musicgen / "model.safetensors"
    assert f"{file} is a file: name the folder" in refusal(Mode.AR, file)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.fp16.safetensors", b"", "holds only a variant of the weights, model.fp16.safetensors"),
        ("pytorch_model.bin.index.json", b"{}", "is not the index of a sharded model"),
        (
            "model.safetensors.index.json",
            json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors"}}).encode(),
            "The file model-00001-of-00002.safetensors is missing",
        ),
    ],
)
def test_weights_that_are_nearly_there_are_named(
    musicgen: Path, name: str, content: bytes, said: str
) -> None:
    (musicgen / "model.safetensors").unlink()
    (musicgen / name).write_bytes(content)
    assert said in refusal(Mode.AR, musicgen)


def test_a_pipelines_variant_and_missing_shard_are_named(pipeline: Path) -> None:
    weights = pipeline / "vae/diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert "diffusion_pytorch_model.fp16.safetensors cannot be used: it is a variant" in refusal(
        Mode.DIFFUSION, pipeline
    )
    index = weights.with_name("diffusion_pytorch_model.safetensors.index.json")
    index.write_text(json.dumps({"weight_map": {"a": "part-1.safetensors"}}))
    assert "part-1.safetensors cannot be used: the file is missing" in refusal(Mode.DIFFUSION, pipeline)


@pytest.mark.parametrize("name", OUT_OF_MEMORY)
def test_too_little_memory_is_never_a_damaged_file(
    musicgen: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    error = OUT_OF_MEMORY[name]()

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("bot.engines.checkpoints.stored.safe_open", fail)
    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(type(error)):
        read_tensors(musicgen)
    (musicgen / "model.safetensors").rename(musicgen / "pytorch_model.bin")
    with pytest.raises(type(error)):
        read_tensors(musicgen)


def test_too_little_memory_for_a_pipeline_is_never_a_damaged_file(
    pipeline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = OUT_OF_MEMORY["winerror-1455"]()

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("safetensors.safe_open", fail)
    with pytest.raises(type(error)):
        registry.describe(Mode.DIFFUSION, str(pipeline))
