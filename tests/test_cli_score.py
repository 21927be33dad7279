"""`antiphon score` and `generate --midi --stems`, on clips of the model that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from bot.cli import Parts, app
from bot.errors import UserError


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELS", "antiphon-tiny-ar")


def run(*words: str) -> str:
    result = CliRunner().invoke(app, words, obj=Parts(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_clip_its_notes_and_its_stems_come_from_one_command_and_later_from_its_tags(tmp_path: Path) -> None:
    run(
        "generate",
        "calm jazz trio with piano",
        "--seconds",
        "5",
        "--seed",
        "5",
        "--midi",
        "a.mid",
        "--stems",
        "a",
    )
    said = run("score", "clip.mp3", "--midi", "b/b.mid", "--stems", "b")
    assert "b.mid: MIDI, " in said
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b/b.mid").read_bytes()
    stems = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert len(stems) >= 2
    for name in stems:
        first, rate = soundfile.read(tmp_path / "a" / name)
        assert first.shape == (5 * rate, 2)
        assert np.array_equal(first, soundfile.read(tmp_path / "b" / name)[0])


def test_what_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    soundfile.write("tone.wav", np.zeros(100), 8000)
    for words, reason in (
        (("score", "tone.wav"), "Add --midi FILE"),
        (("score", "tone.wav", "--midi", "a.mid"), "no score in its tags"),
        (("score", "gone.mp3", "--stems", "a"), "can't be opened"),
    ):
        with pytest.raises(UserError, match=reason):
            run(*words)
    assert not (tmp_path / "a.mid").exists()
