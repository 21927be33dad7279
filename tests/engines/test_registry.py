"""The models that ship, as a fresh machine runs them: by `antiphon generate`, with no setting at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from bot.config import Settings
from bot.engines import registry
from bot.errors import ModelMissing
from bot.recipe import Mode

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_fresh_machine_makes_music_in_each_mode(mode: Mode, tmp_path: Path) -> None:
    command = ["generate", "calm piano", "--mode", mode.value, "--seconds", "5", "--seed", "1", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "bot", *command],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k.lower() not in Settings.model_fields}
        | {"PYTHONPATH": str(ROOT)},
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
    described = registry.describe(mode, Settings(_env_file=None).models[mode])
    assert (described.mode, described.licence) == (mode, "MIT")


def test_an_unknown_model_is_named_with_what_there_is() -> None:
    with pytest.raises(ModelMissing, match=r"No model named nonsense .* antiphon-tiny-ar"):
        registry.describe(Mode.AR, "nonsense")
