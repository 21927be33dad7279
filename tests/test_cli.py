"""The command line, as its user types it."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bot.audio.tags import read_recipe
from tests.audio import melody_files
from tests.command_line import Antiphon
from tests.tone import loudest

ROOT = Path(__file__).parents[1]


def test_generate_writes_an_mp3_whose_tags_hold_the_recipe(antiphon: Antiphon, tmp_path: Path) -> None:
    done = antiphon(
        "generate",
        "lofi piano",
        "--mode",
        "ar",
        "--seconds",
        "3",
        "--seed",
        "7",
        "-o",
        "made/clip.mp3",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    path = tmp_path / "made" / "clip.mp3"
    assert said["file"] == "made/clip.mp3"
    assert soundfile.info(path).duration == pytest.approx(3, abs=0.1)
    assert read_recipe(path).to_json() == json.dumps(said["recipe"], ensure_ascii=False)
    assert said["lufs"] == pytest.approx(-14, abs=0.5)


def test_generate_like_makes_the_same_clip(antiphon: Antiphon, tmp_path: Path) -> None:
    assert antiphon("generate", "a tune", "--mode", "diffusion", "--seconds", "2").returncode == 0
    again = antiphon("generate", "--like", "clip.mp3", "-o", "again.mp3", "--picture", "again.png")
    assert again.returncode == 0, again.stderr
    assert "again.mp3: 2 s, diffusion" in again.stdout
    assert (soundfile.read(tmp_path / "clip.mp3")[0] == soundfile.read(tmp_path / "again.mp3")[0]).all()
    assert (tmp_path / "again.png").read_bytes().startswith(b"\x89PNG")


def test_generate_like_finds_the_folder_whose_name_the_tag_shows(antiphon: Antiphon, tmp_path: Path) -> None:
    folder = tmp_path / "private" / "mine"
    made = antiphon("generate", "a tune", "--mode", "ar", "--seconds", "1", AR_MODEL=str(folder))
    assert made.returncode == 0, made.stderr
    assert read_recipe(tmp_path / "clip.mp3").model == "mine"
    assert b"private" not in (tmp_path / "clip.mp3").read_bytes()
    again = antiphon("generate", "--like", "clip.mp3", "-o", "again.mp3", "--json", AR_MODEL=str(folder))
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["recipe"]["model"] == str(folder)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["generate", "rain", "-o", "clip.ogg"], "clip.ogg has to end in .mp3, .wav or .flac"),
        (["generate", "rain", "-o", "clip"], "clip has to end in .mp3, .wav or .flac"),
        (["generate", "rain", "-o", "/proc/none/clip.mp3"], "/proc/none/clip.mp3 can't be written"),
        (["generate", "rain", "--picture", "."], ". is a folder"),
        (["generate", "rain", "--melody", "absent.mp3"], "absent.mp3 can't be read: No such file"),
        (["generate", "rain", "--melody", "."], ". can't be read"),
        (["generate", "--like", "absent.mp3"], "absent.mp3 can't be opened"),
        (["generate", ""], "`prompt` is empty"),
        (["generate", "\u200b\u2800\u3164"], "`prompt` is empty"),
        (["generate", "rain", "--mode", "diffusion", "--negative", "\u202e"], "`negative` is empty"),
        (["generate", "x" * 4000], "4,000 characters"),
        (["generate", "piano", "--mode", "ar", "--steps", "5"], "`steps` does nothing in mode ar"),
        (["generate", "piano", "--seconds", "0.2"], "1 to 60 seconds"),
        (["generate", "piano", "--mode", "loud"], "Invalid value"),
        (["generate", "piano", "--like", "clip.mp3"], "not both"),
        (["run"], "DISCORD_TOKEN is missing"),
        (["nonsense"], "No such command"),
    ],
)
def test_bad_input_ends_with_2_and_says_what_is_wrong(
    antiphon: Antiphon, arguments: list[str], said: str
) -> None:
    done = antiphon(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "tune.bin cannot be read as audio"),
        (b"do re mi", "tune.bin cannot be read as audio"),
        (melody_files.with_one(np.nan), "tune.bin holds invalid numbers"),
        (melody_files.wav(np.zeros(16_000)), "There is no sound in tune.bin"),
        (None, "No such file"),
    ],
    ids=["empty", "text", "NaN", "silence", "absent"],
)
def test_a_melody_without_sound_ends_with_2_and_is_named(
    antiphon: Antiphon, tmp_path: Path, data: bytes | None, said: str
) -> None:
    if data is not None:
        (tmp_path / "tune.bin").write_bytes(data)
    done = antiphon("generate", "strings", "--mode", "ar", "--seconds", "2", "--melody", "tune.bin")
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert list(tmp_path.glob("*.mp3")) == []


def test_a_melody_of_any_kind_is_followed_and_again(antiphon: Antiphon, tmp_path: Path) -> None:
    attached = melody_files.made(tmp_path, "tune.m4a", "-c:a", "aac")
    melody = ["--melody", "tune.m4a"]
    assert antiphon("generate", "strings", "--mode", "ar", "--seconds", "2", *melody).returncode == 0
    again = antiphon("generate", "--like", "clip.mp3", *melody, "-o", "again.mp3")
    assert again.returncode == 0, again.stderr
    for name in ("clip.mp3", "again.mp3"):
        wave, rate = soundfile.read(tmp_path / name, always_2d=True)
        assert loudest(wave[:, 0], rate) == pytest.approx(melody_files.HZ, abs=5)
    recipe = read_recipe(tmp_path / "clip.mp3")
    assert recipe.melody != hashlib.sha256(attached).hexdigest(), "the engine reads another file"
    assert recipe == read_recipe(tmp_path / "again.mp3")


def test_what_a_model_refuses_ends_with_2(antiphon: Antiphon) -> None:
    done = antiphon("generate", "quoted", "--seconds", "2")
    assert (done.returncode, "Nobody can play" in done.stderr) == (2, True), done.stderr


def test_signs_of_a_failed_render_are_printed(antiphon: Antiphon) -> None:
    done = antiphon("generate", "lopsided", "--seconds", "2")
    assert (done.returncode, "Only the left side has sound." in done.stdout) == (0, True)
    assert re.search(r"made in [0-9.]+ s, float32$", done.stdout, re.MULTILINE), done.stdout
    facts = json.loads(antiphon("generate", "lopsided", "--seconds", "2", "--json").stdout)
    assert (facts["warnings"], facts["precision"]) == (["Only the left side has sound."], "float32")


def test_a_wrong_setting_ends_with_2_and_names_it(antiphon: Antiphon) -> None:
    done = antiphon("doctor", DEVICE="toaster", DISCORD_TOKEN="a-token-that-nobody-may-see")
    assert (done.returncode, "DEVICE has to be auto" in done.stderr) == (2, True)
    assert "a-token" not in done.stderr + done.stdout


def test_a_clip_that_cannot_be_made_ends_with_1(antiphon: Antiphon, tmp_path: Path) -> None:
    done = antiphon("generate", "silent", "--seconds", "2")
    assert done.returncode == 1
    assert "silent" in done.stderr
    assert list(tmp_path.glob("*.mp3")) == []


def test_a_missing_model_is_said(antiphon: Antiphon) -> None:
    done = antiphon("generate", "piano", AR_MODEL="absent")
    assert (done.returncode, "The model absent is not there" in done.stderr) == (1, True)


def test_doctor_says_what_is_there_and_what_to_do(antiphon: Antiphon) -> None:
    done = antiphon(
        "doctor", "--json", DIFFUSION_MODEL="absent", DISCORD_API_URL="http://127.0.0.1:9/api/v10"
    )
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert "mode ar, the default" in findings["Model antiphon-tiny-ar"]["detail"]
    assert findings["Model absent"]["advice"] == "List a model that you have in MODELS."
    assert findings["Mode diffusion"]["status"] == "warning"
    assert findings["MP3 encoder"]["status"] == "ok"
    assert findings["Token"]["status"] == "warning"
    assert findings["Discord"]["status"] == "warning"
    assert "torch" in findings["Accelerator"]["detail"]
    assert done.returncode == 0


def test_doctor_ends_with_1_where_something_is_broken(antiphon: Antiphon, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "antiphon.db").write_bytes(b"not a database" * 100)
    done = antiphon("doctor", DEVICE="cuda:7", DISCORD_API_URL="http://127.0.0.1:9/api/v10")
    assert done.returncode == 1
    assert "antiphon db restore" in done.stdout
    assert "DEVICE=cuda:7" in done.stdout


def test_the_database_is_migrated_checked_backed_up_and_restored(antiphon: Antiphon, tmp_path: Path) -> None:
    database = tmp_path / "data" / "antiphon.db"
    missing = antiphon("db", "check")
    assert (missing.returncode, "There is no database" in missing.stderr) == (1, True)
    assert "0001_jobs_and_clips.sql" in antiphon("db", "migrate").stdout
    assert "up to date" in antiphon("db", "migrate").stdout
    assert antiphon("db", "backup", "copy.db").returncode == 0
    refused = antiphon("db", "backup", "copy.db")
    assert (refused.returncode, "already exists" in refused.stderr) == (1, True)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP VIEW queue")
    restored = antiphon("db", "restore", "copy.db")
    assert "The old database is now" in restored.stdout
    assert "no damage found" in antiphon("db", "check").stdout
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT * FROM queue").fetchall() == []


def test_paths_are_printed_as_they_are(antiphon: Antiphon, tmp_path: Path) -> None:
    folder = tmp_path / ("a long name " * 8 + "[red]")
    database = folder / "antiphon.db"
    environment = {"DATABASE_PATH": str(database), "COLUMNS": "40"}
    copy = str(folder / "copy.db")
    assert f"{database} is up to date now. Applied: 0001" in antiphon("db", "migrate", **environment).stdout
    assert antiphon("db", "check", **environment).stdout == f"{database}: no damage found\n"
    assert antiphon("db", "backup", copy, **environment).stdout == f"Backed up to {copy}.\n"
    restored = antiphon("db", "restore", copy, **environment).stdout
    [kept] = folder.glob("antiphon.db.before-restore-*")
    assert restored == f"Restored {database}. The old database is now {kept}.\n"


def test_an_unknown_name_is_told_and_not_fatal(antiphon: Antiphon, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKNE=x\n")
    done = antiphon("db", "migrate")
    assert done.returncode == 0
    assert "Line 1 of .env sets a name that isn't a setting (did you mean DISCORD_TOKEN?)" in done.stderr
    assert "TOKNE" not in done.stderr


def test_votes_are_exported_once(antiphon: Antiphon) -> None:
    antiphon("db", "migrate")
    done = antiphon("votes", "export", "votes.jsonl")
    assert (done.returncode, done.stdout) == (0, "Wrote 0 votes to votes.jsonl.\n")
    again = antiphon("votes", "export", "votes.jsonl")
    assert again.returncode == 1
    assert "Choose another name" in again.stderr


TOKEN = "MTA5ODc2NTQzMjEwOTg3NjU0Mw.GkQ1zA.b3dWk9-LmXq_7RtYv2NcZs5PfHj8KaUo0Dg4Te"


@pytest.mark.parametrize("command", [["run"], ["doctor"], ["doctor", "--json"], ["start"], ["db", "check"]])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"DISCORD_TOKEN=\n{TOKEN}\n", "Line 2 of .env is not NAME=value"),
        (f"DISCORD_TOKEN='{TOKEN}\n", "The value in line 1 of .env opens a quote"),
        (f"DISCORD_TOKEN={TOKEN[:30]}\n{TOKEN[30:]}\n", "Line 2 of .env is not NAME=value"),
        (f"DISCORD_TOKEN=abc {TOKEN}\n", "DISCORD_TOKEN has to be the bot token"),
        (f"TOP_K={TOKEN}\n", "TOP_K has to be a whole number"),
        (f"DISCORD_API_URL=discord.com/{TOKEN}\n", "DISCORD_API_URL has to be the address"),
    ],
)
def test_a_token_in_the_wrong_line_is_never_printed(
    antiphon: Antiphon, tmp_path: Path, command: list[str], content: str, said: str
) -> None:
    (tmp_path / ".env").write_text(content)
    done = antiphon(*command)
    assert (done.returncode, said in done.stderr) == (2, True)
    assert_hidden(done, TOKEN)


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("columns", ["40", "200"])
def test_doctor_shows_no_secret_wherever_it_stands(
    antiphon: Antiphon, tmp_path: Path, options: list[str], columns: str
) -> None:
    lines = {
        "DISCORD_TOKEN": TOKEN,
        "AR_MODEL": TOKEN,
        "CLIP_DIR": f"clips/{TOKEN}",
        "DISCORD_API_URL": f"http://me:{TOKEN}@127.0.0.1:9/api/{TOKEN}",
        TOKEN.replace(".", "_"): "x",
    }
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    done = antiphon("doctor", *options, COLUMNS=columns)
    assert "Token" in done.stdout
    assert_hidden(done, TOKEN)


def test_typing_errors_and_crashes_show_no_secret(antiphon: Antiphon, tmp_path: Path) -> None:
    wrong = antiphon("generate", "piano", "--mode", TOKEN, COLUMNS="60")
    assert (wrong.returncode, "Invalid value for '--mode'" in wrong.stderr) == (2, True)
    assert_hidden(wrong, TOKEN)
    # An error that nothing raises on purpose, with the token in its text and in a local variable.
    (tmp_path / "sitecustomize.py").write_text(
        "import bot.generate\n"
        "async def generate(*_, token=None):\n"
        f"    token = {TOKEN!r}\n"
        "    raise KeyError(token)\n"
        "bot.generate.generate = generate\n"
    )
    crashed = antiphon("generate", "piano", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert (crashed.returncode, "KeyError" in crashed.stderr) == (1, True)
    assert "This is a fault in Antiphon" in crashed.stderr
    assert_hidden(crashed, TOKEN)


def assert_hidden(done: subprocess.CompletedProcess[str], secret: str) -> None:
    said = "".join((done.stdout + done.stderr).split())
    assert not [part for part in (secret[:16], secret[16:32], secret[40:56], secret[-12:]) if part in said], (
        said
    )


def test_a_model_is_chosen_by_name_and_its_mode_follows(antiphon: Antiphon) -> None:
    models = "small,large,some-diffusion"
    made = antiphon(
        "generate", "a tune", "--seconds", "1", "--model", "some-diffusion", "--json", MODELS=models
    )
    recipe = json.loads(made.stdout)["recipe"]
    assert (recipe["mode"], recipe["model"]) == ("diffusion", "some-diffusion")
    refused = antiphon("generate", "a tune", "--model", "medium", MODELS=models)
    assert (refused.returncode, "There is `small`, `large`" in refused.stderr) == (2, True)
