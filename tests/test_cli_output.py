"""What the command line writes and prints, and how it finds the mode and the database."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest
import soundfile

from tests.command_line import Antiphon


@pytest.mark.parametrize("ending", ["wav", "flac", "WAV"])
def test_generate_writes_what_the_ending_says(antiphon: Antiphon, tmp_path: Path, ending: str) -> None:
    made = antiphon(
        "generate",
        "a tune",
        "--mode",
        "ar",
        "--seconds",
        "2",
        "-o",
        f"a.{ending}",
        "--json",
        "--picture",
        "a.png",
    )
    assert made.returncode == 0, made.stderr
    said, path = json.loads(made.stdout), tmp_path / f"a.{ending}"
    info = soundfile.info(path)
    assert (info.format, info.subtype) == (ending.upper(), "PCM_24")
    assert said["lufs"] == pytest.approx(-14, abs=0.2)
    assert said["true_peak_db"] <= -1
    again = antiphon("generate", "--like", path.name, "-o", "again.mp3", "--json")
    assert json.loads(again.stdout)["recipe"] == said["recipe"], again.stderr
    assert antiphon("generate", "--like", path.name, "-o", "b.flac").returncode == 0
    assert (soundfile.read(tmp_path / "b.flac")[0] == soundfile.read(path)[0]).all()


def test_without_a_mode_the_one_that_takes_the_options_is_used(antiphon: Antiphon) -> None:
    made = antiphon("generate", "rain", "--seconds", "1", "--negative", "drums", "--json")
    assert json.loads(made.stdout)["recipe"]["mode"] == "diffusion", made.stderr
    assert "Using --mode diffusion: the default model doesn't take all" in made.stderr
    chosen = antiphon("generate", "rain", "--mode", "ar", "--negative", "drums")
    assert (chosen.returncode, "Or use --mode diffusion." in chosen.stderr) == (2, True)


def test_what_neither_mode_takes_is_refused_without_sending_anyone_round(antiphon: Antiphon) -> None:
    for mode in ("ar", "diffusion"):
        done = antiphon("generate", "rain", "--mode", mode, "--lyrics", "la la")
        assert (done.returncode, "No model in use takes it" in done.stderr) == (2, True)
        assert "use --mode" not in done.stderr


def test_nothing_is_printed_before_the_message(antiphon: Antiphon) -> None:
    done = antiphon("generate", "a tune", "--seconds", "1")
    assert (done.stderr, done.stdout[:10]) == ("", "clip.mp3: ")


def test_the_version_is_the_packages(antiphon: Antiphon) -> None:
    assert antiphon("--version").stdout == f"antiphon {metadata.version('antiphon')}\n"


def test_the_help_shows_defaults_and_no_type_for_switches(antiphon: Antiphon) -> None:
    said = " ".join(antiphon("generate", "--help").stdout.split())
    assert "[default: DEFAULT_MODE in .env, else ar]" in said
    assert "[default: TEMPERATURE in .env, else the model's own]" in said
    for command in (["generate"], ["sandbox"], ["doctor"], ["models", "list"], ["db", "check"]):
        assert "bool" not in antiphon(*command, "--help").stdout


def test_the_sandboxs_database_is_reached_by_an_option(antiphon: Antiphon, tmp_path: Path) -> None:
    migrated = antiphon("db", "migrate", "--sandbox")
    assert "data/sandbox/antiphon.db is up to date now" in migrated.stdout
    assert antiphon("db", "check").returncode == 1
    assert antiphon("db", "check", "--sandbox").returncode == 0
    assert antiphon("votes", "export", "votes.jsonl", "--sandbox").stdout == "Wrote 0 votes to votes.jsonl.\n"


def test_votes_without_a_database_are_told_as_that(antiphon: Antiphon, tmp_path: Path) -> None:
    done = antiphon("votes", "export", "votes.jsonl")
    assert (done.returncode, "no database at data/antiphon.db" in done.stderr) == (1, True)
    assert "key" not in done.stderr
    assert list(tmp_path.iterdir()) == []
