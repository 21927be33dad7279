"""`antiphon generate --task --source --takes` with the built-in models, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bot.audio.mp3 import decode
from bot.audio.tags import read_recipe, read_score
from bot.config import FIELDS
from bot.recipe import Role, Task
from tests.command_line import ROOT


def generate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k.lower() not in FIELDS}
    return subprocess.run(
        [sys.executable, "-m", "bot", "generate", *arguments],
        cwd=folder,
        env=inherited | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "DEVICE": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip of 10 s, `first.flac`, a recording, `tone.wav`, and a text, `words.mp3`."""
    made = tmp_path_factory.mktemp("sources")
    done = generate(made, "calm jazz trio", "--seed", "3", "--seconds", "10", "-o", "first.flac")
    assert done.returncode == 0, done.stderr
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(10 * 32_000) / 32_000)
    soundfile.write(made / "tone.wav", tone, 32_000)
    (made / "words.mp3").write_text("no sound in here")
    return made


@pytest.mark.parametrize(
    ("task", "more", "seconds"),
    [
        (Task.CONTINUE, ("--seconds", "16"), 16.0),
        (Task.VARY, ("--strength", "0.3"), 10.0),
        (Task.REPAINT, ("--from", "3", "--to", "6"), 10.0),
        (Task.HYBRID, ("--structure", "0.8"), 10.0),
    ],
)
def test_a_task_is_done_with_a_clip(folder: Path, task: Task, more: tuple[str, ...], seconds: float) -> None:
    output = f"{task}.flac"
    done = generate(folder, "--task", task, "--source", "first.flac", "--seed", "5", "-o", output, *more)
    assert done.returncode == 0, done.stderr
    recipe = read_recipe(folder / output)
    assert (recipe.task, recipe.seconds, recipe.prompt) == (task, seconds, "calm jazz trio")
    assert read_score(folder / output) != read_score(folder / "first.flac")
    assert decode(folder / output)[0].shape[1] == round(seconds * 32_000)
    if task is Task.REPAINT:
        before, after = decode(folder / "first.flac")[0], decode(folder / output)[0]
        assert recipe.options["repaint_start"] == 3
        # Not equal: the spliced clip is mastered anew, which limits other peaks.
        assert np.corrcoef(before[0, :16_000], after[0, :16_000])[0, 1] > 0.95


def test_takes_have_consecutive_seeds_and_files(folder: Path) -> None:
    done = generate(
        folder, "piano", "--takes", "2", "--seed", "7", "--seconds", "5", "-o", "take.mp3", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert [one["recipe"]["seed"] for one in json.loads(done.stdout)] == [7, 8]
    assert [read_recipe(folder / f"take-{n}.mp3").seed for n in (1, 2)] == [7, 8]
    assert not (folder / "take.mp3").exists()
    again = generate(folder, "piano", "--seed", "8", "--seconds", "5", "-o", "alone.mp3")
    assert again.returncode == 0, again.stderr
    assert (folder / "alone.mp3").read_bytes() == (folder / "take-2.mp3").read_bytes()


def test_a_clip_with_a_source_is_made_again_from_its_tags_and_the_source(folder: Path) -> None:
    made = ("--task", "vary", "--source", "first.flac", "--seed", "9", "-o", "varied.flac")
    assert generate(folder, *made).returncode == 0
    assert Role.INITIAL in read_recipe(folder / "varied.flac").sources
    again = generate(folder, "--like", "varied.flac", "--source", "first.flac", "-o", "again.flac")
    assert again.returncode == 0, again.stderr
    assert np.array_equal(decode(folder / "again.flac")[0], decode(folder / "varied.flac")[0])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("x", "--task", "vary"), "Add --source FILE"),
        (("x", "--source", "first.flac"), "Add --task continue, vary, cover, repaint, hybrid"),
        (("x", "--task", "vary", "--source", "tone.wav"), "tone.wav is a recording"),
        (("x", "--task", "vary", "--source", "words.mp3"), "words.mp3"),
        (("x", "--task", "vary", "--source", "gone.mp3"), "gone.mp3 can't be read: No such file"),
        (
            ("--task", "repaint", "--source", "first.flac", "--from", "6", "--to", "14"),
            "the clip ends at 10 s",
        ),
        (("--task", "repaint", "--source", "first.flac"), "is missing"),
        (("--task", "continue", "--source", "first.flac", "--seconds", "8"), "Ask for more seconds"),
        (("x", "--from", "2"), "`from` is for a repaint"),
        (("--task", "vary", "--source", "tone.wav"), "`prompt` is empty"),
        (("--like", "first.flac", "--source", "first.flac"), "Leave --source out"),
        (("--like", "first.flac", "--task", "vary"), "Use --task or --like, not both"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    done = generate(folder, *arguments, "-o", "refused.mp3")
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert not (folder / "refused.mp3").exists()
