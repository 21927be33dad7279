"""The models that ship, as a fresh machine runs them: by `antiphon generate`, with no setting at all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bot.config import FIELDS, Settings
from bot.engines import registry
from bot.errors import ModelMissing
from bot.recipe import Mode
from tests.engines.checkpoint_files import write_musicgen

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_fresh_machine_makes_music_in_each_mode(mode: Mode, tmp_path: Path) -> None:
    command = ["generate", "calm piano", "--mode", mode.value, "--seconds", "5", "--seed", "1", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "bot", *command],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k.lower() not in FIELDS} | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["title"] == "built-in score model, sampled instruments"
    assert made["device"] in ("cpu", "cuda")
    assert soundfile.info(tmp_path / "clip.mp3").duration == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("mode", list(Mode))
def test_what_a_model_takes_is_known_without_loading_it(mode: Mode) -> None:
    [name] = [name for of, name in Settings().named_models if of is mode]
    described = registry.describe(mode, name)
    assert (described.mode, described.licence) == (mode, "MIT")
    assert registry.mode_of(name) is mode


def test_the_mode_of_a_model_is_in_its_name_its_files_or_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = write_musicgen(tmp_path / "model")
    assert registry.mode_of(str(folder)) is Mode.AR
    assert registry.mode_of(f"multiband:{folder}") is Mode.DIFFUSION
    assert registry.mode_of("facebook/musicgen-small") is Mode.AR
    assert registry.mode_of("stabilityai/stable-audio-open-1.0") is Mode.DIFFUSION
    assert registry.mode_of("somebody/unheard-of") is None


def test_an_unknown_model_is_named_with_what_there_is() -> None:
    with pytest.raises(ModelMissing, match=r"No model named nonsense .* antiphon-tiny-ar"):
        registry.describe(Mode.AR, "nonsense")


def test_a_musicgen_folder_is_described_without_torch_and_rendered_by_the_command(tmp_path: Path) -> None:
    folder = write_musicgen(tmp_path / "their-musicgen", melody=True)
    time = np.arange(64_000) / 16_000
    soundfile.write(tmp_path / "tune.wav", 0.5 * np.sin(2 * np.pi * 440 * time), 16_000)
    describe = (
        "import sys; from bot.engines import registry; from bot.recipe import Mode\n"
        f"c = registry.describe(Mode.AR, {str(folder)!r})\n"
        "assert (c.title, c.licence, c.channels) == ('their-musicgen', 'CC-BY-NC-4.0', 1), c\n"
        "heavy = {'torch', 'transformers', 'audiocraft'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", describe], cwd=ROOT, check=True)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bot",
            "generate",
            "strings",
            "--seconds",
            "2",
            "--json",
            "--melody",
            "tune.wav",
        ],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k.lower() not in FIELDS}
        | {"PYTHONPATH": str(ROOT), "AR_MODEL": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["title"], made["licence"]) == ("their-musicgen", "CC-BY-NC-4.0")
    assert made["recipe"]["model"] == str(folder)
    digest = hashlib.sha256((tmp_path / "tune.wav").read_bytes()).hexdigest()
    assert made["recipe"]["sources"]["melody"] == digest
    assert soundfile.info(tmp_path / "clip.mp3").duration == pytest.approx(2, abs=0.1)


def test_a_folder_of_something_else_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(ModelMissing, match="holds no model that this program knows"):
        registry.describe(Mode.AR, str(tmp_path))
    (tmp_path / "state_dict.bin").write_bytes(b"")
    with pytest.raises(ModelMissing, match="antiphon models convert"):
        registry.describe(Mode.AR, str(tmp_path))
    with pytest.raises(ModelMissing, match="antiphon models fetch facebook/musicgen-small"):
        registry.describe(Mode.AR, "facebook/musicgen-small")
    with pytest.raises(ModelMissing, match="is an autoregressive model: name it in MODELS"):
        registry.describe(Mode.DIFFUSION, str(write_musicgen(tmp_path / "model")))
