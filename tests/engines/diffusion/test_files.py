"""Pipelines' folders that are incomplete, damaged or meant to harm: refused, with the file and the reason."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from bot.engines import registry
from bot.errors import ModelMissing
from bot.recipe import Mode

ROOT = Path(__file__).parents[3]
TRANSFORMER = "transformer/diffusion_pytorch_model.safetensors"
TEXT_ENCODER = "text_encoder/model.safetensors"


@pytest.fixture
def copy(folders: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(folders["stable_audio"], tmp_path / "model")


def change_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_weights(path: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, {"format": "pt"})


def refusal(folder: Path) -> str:
    with pytest.raises(ModelMissing) as caught:
        registry.describe(Mode.DIFFUSION, str(folder))
    return str(caught.value)


@pytest.mark.parametrize("path", ["transformer", "transformer/config.json", "scheduler", "tokenizer"])
def test_what_is_missing_is_named(path: str, copy: Path) -> None:
    target = copy / path
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    assert f"{target} cannot be used: the " in refusal(copy)
    assert "is missing" in refusal(copy)


@pytest.mark.parametrize("file", [TRANSFORMER, TEXT_ENCODER])
def test_missing_weights_are_named_with_their_folder(file: str, copy: Path) -> None:
    (copy / file).unlink()
    assert f"{(copy / file).parent} cannot be used: its weights are missing" in refusal(copy)


def test_a_truncated_file_is_named(copy: Path) -> None:
    path = copy / TRANSFORMER
    path.write_bytes(path.read_bytes()[:-100])
    assert f"{path} cannot be used: it is damaged" in refusal(copy)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95" + 100 * b"x",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 70) + b'{"a": {"dtype": "F32", "shape": [1000000], "data_offsets": [0, 4000000]}}',
    ],
    ids=["empty", "pickle", "endless header", "no object", "offsets past the end"],
)
def test_what_is_no_safetensors_file_is_refused(content: bytes, copy: Path) -> None:
    (copy / TRANSFORMER).write_bytes(content)
    assert f"{copy / TRANSFORMER} cannot be used: it is damaged or no safetensors file" in refusal(copy)


def test_a_pickle_is_never_opened(copy: Path) -> None:
    (copy / TRANSFORMER).rename(copy / "transformer/diffusion_pytorch_model.bin")
    assert "diffusion_pytorch_model.bin cannot be used: it is a pickle" in refusal(copy)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"_class_name": "StableDiffusionPipeline"}, "'StableDiffusionPipeline' is not one of"),
        ({"_class_name": ["my.py", "Pipeline"]}, "names no class"),
        ({"transformer": ["evil", "Backdoor"]}, "'transformer' is of class 'Backdoor', not StableAudioDiT"),
        ({"text_encoder": ["transformers", "AutoModel"]}, "not T5EncoderModel"),
        ({"../../etc": ["diffusers", "X"]}, "is not a library and a class"),
        ({"watermarker": ["evil", "X"]}, "has no component 'watermarker'"),
        ({"vae": ["diffusers"]}, "is not a library and a class"),
        ({"scheduler": [None, None]}, "the component 'scheduler' is missing"),
    ],
)
def test_an_index_that_names_other_code_is_refused(changes: dict[str, Any], words: str, copy: Path) -> None:
    change_json(copy / "model_index.json", **changes)
    assert words in refusal(copy)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("model_index.json", b"[1]", "is not a JSON object"),
        ("model_index.json", b"{" + b'"a":[' * 90_000, "is not readable as JSON"),
        ("vae/config.json", b"{}", "does not describe a StableAudioPipeline"),
        ("vae/config.json", b" " * 5_000_000, "far too large"),
        (
            "transformer/config.json",
            b'{"sample_size": 64, "num_layers": 1000000000}',
            "no model is that deep",
        ),
    ],
)
def test_a_configuration_that_is_none_is_refused(file: str, content: bytes, words: str, copy: Path) -> None:
    (copy / file).write_bytes(content)
    assert words in refusal(copy)


def test_shards_are_read_and_stay_in_their_folder(copy: Path) -> None:
    whole = registry.parameters(Mode.DIFFUSION, str(copy))
    path, index = copy / TRANSFORMER, copy / f"{TRANSFORMER}.index.json"
    tensors = load_file(path)
    names = sorted(tensors)
    files = ["a-00001-of-00002.safetensors", "a-00002-of-00002.safetensors"]
    for file, part in zip(files, (names[::2], names[1::2]), strict=True):
        save_file({name: tensors[name] for name in part}, path.with_name(file), {"format": "pt"})
    path.unlink()
    weight_map = {name: files[number % 2] for number, name in enumerate(names)}
    index.write_text(json.dumps({"weight_map": weight_map}))
    assert registry.parameters(Mode.DIFFUSION, str(copy)) == whole
    path.with_name(files[1]).unlink()
    assert f"{path.with_name(files[1])} cannot be used: the file is missing" in refusal(copy)
    index.write_text(json.dumps({"weight_map": {"a": "../../../secret.safetensors"}}))
    assert "isn't a safetensors file beside it" in refusal(copy)


@pytest.mark.parametrize("file", [TRANSFORMER, TEXT_ENCODER])
@pytest.mark.parametrize("harm", ["missing", "extra", "shape"])
def test_weights_that_are_not_exactly_the_part_s_are_refused(file: str, harm: str, copy: Path) -> None:
    tensors = load_file(copy / file)
    name = max(tensors, key=lambda key: tensors[key].size if "shared" not in key else 0)
    changes: dict[str, Callable[[dict[str, np.ndarray]], object]] = {
        "missing": lambda found: found.pop(name),
        "extra": lambda found: found.update({"backdoor.weight": np.zeros(3, np.float32)}),
        "shape": lambda found: found.update({name: np.zeros((3, 3), np.float32)}),
    }
    change_weights(copy / file, changes[harm])
    with pytest.raises(ModelMissing) as caught:
        registry.load(Mode.DIFFUSION, str(copy), "cpu", "auto")
    words = {"missing": f"missing: {name}", "extra": "backdoor.weight", "shape": name}
    assert str(copy / file).removesuffix("/" + Path(file).name) in str(caught.value)
    assert words[harm] in str(caught.value)


def test_a_diffusion_model_is_no_language_model(copy: Path) -> None:
    with pytest.raises(ModelMissing, match="is a diffusion model: name it in MODELS"):
        registry.describe(Mode.AR, str(copy))


def test_what_a_pipeline_takes_is_known_without_torch(folders: dict[str, Path]) -> None:
    program = (
        "import sys; from bot.engines import registry; from bot.recipe import Mode\n"
        "for folder in sys.argv[1:]:\n"
        "    c = registry.describe(Mode.DIFFUSION, folder)\n"
        "    takes = sorted(c.options)\n"
        "    print(c.sample_rate, c.channels, c.max_seconds, takes)\n"
        "assert not {'torch', 'diffusers', 'transformers'} & set(sys.modules)\n"
    )
    paths = [str(folders[kind]) for kind in ("turbo", "base", "stable_audio", "audioldm2")]
    done = subprocess.run(
        [sys.executable, "-c", program, *paths], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    own = ["bpm", "key", "lyrics", "num_sampling_steps", "shift", "time_signature", "vocal_language"]
    own += ["repaint_start", "repaint_end"]
    assert done.stdout.splitlines() == [
        f"8000 2 600.0 {sorted(own)}",
        f"8000 2 600.0 {sorted([*own, 'guidance_scale', 'structure'])}",
        "16000 2 2.0 ['guidance_scale', 'negative_prompt', 'num_sampling_steps']",
        "16000 1 2.5 ['guidance_scale', 'negative_prompt', 'num_sampling_steps']",
    ]
