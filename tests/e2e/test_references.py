"""Clips from attached files, by an option of /music and by a message's menu; hostile ones are refused."""

from __future__ import annotations

import hashlib
import io
import sqlite3
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import soundfile

from bot.audio.tags import read_recipe
from bot.recipe import Role, Task
from sandbox.actors import Actor, as_upload
from sandbox.model import Member, User
from sandbox.spec import Spec
from tests import program
from tests.audio import melody_files as files
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import ask, clip_of, id_of, made, mp3_of, private, text_in
from tests.e2e.conftest import running
from tests.tone import loudest

pytestmark = pytest.mark.asyncio(loop_scope="module")

STEREO = ["-f", "lavfi", "-i", f"sine={files.HZ:g}:duration=2:sample_rate=44100", "-ac", "2"]
KINDS = {
    "voice-message.ogg": ["-c:a", "libopus", "-ac", "1"],
    "song.m4a": ["-c:a", "aac"],
    "song.aac": ["-c:a", "aac"],
    "song.webm": ["-c:a", "libopus"],
    "song.opus": ["-c:a", "libopus"],
    "song.mp3": [],
}
USES = {
    "continue": (Task.CONTINUE, Role.START),
    "cover": (Task.COVER, Role.MELODY),
    "timbre": (Task.TEXT, Role.REFERENCE),
    "vary": (Task.VARY, Role.INITIAL),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(description: Spec, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    """A bot with a model that takes files in every use."""
    folder = tmp_path_factory.mktemp("references")
    async with running(description, folder, MODELS="versatile,some-diffusion") as bot:
        yield bot


def kept(bot: BotProcess) -> dict[str, Path]:
    """The stored files by their names."""
    folder = bot.folder / "clips" / "melodies"
    return {file.name: file for file in folder.iterdir()} if folder.exists() else {}


def song(folder: Path, name: str) -> tuple[str, bytes]:
    return name, files.made(folder, name, *KINDS[name], source=STEREO)


@pytest.mark.parametrize("use", USES)
async def test_a_file_is_used_as_the_member_says(
    bot: BotProcess, alice: Actor, tmp_path: Path, use: str
) -> None:
    message = await made(alice, "strings", seconds=4, source=song(tmp_path, "song.m4a"), use=use)
    path = mp3_of(message, bot.sandbox, tmp_path)
    recipe = read_recipe(path)
    task, role = USES[use]
    assert (recipe.task, set(recipe.sources)) == (task, {role})
    # In stereo and at its own level, which a tune alone would not need.
    info = soundfile.info(kept(bot)[str(recipe.sources[role])])
    assert (info.channels, info.samplerate) == (2, 48_000)
    wave, rate = soundfile.read(path, always_2d=True)
    assert loudest(wave[:, 0], rate) == pytest.approx(files.HZ, abs=5)


@pytest.mark.parametrize("name", KINDS)
async def test_a_file_of_any_kind_is_continued_and_the_clip_is_longer_than_it(
    bot: BotProcess, alice: Actor, tmp_path: Path, name: str
) -> None:
    options = {"prompt": "and on", "source": song(tmp_path, name), "use": "continue"}
    message = await clip_of(await alice.slash("music", options))
    assert read_recipe(mp3_of(message, bot.sandbox, tmp_path)).seconds == pytest.approx(12, abs=0.2)


async def test_a_cover_is_as_long_as_its_file_unless_the_member_says_more(
    bot: BotProcess, alice: Actor, tmp_path: Path
) -> None:
    options = {"prompt": "on a piano", "source": song(tmp_path, "song.m4a"), "use": "cover"}
    message = await clip_of(await alice.slash("music", options))
    assert read_recipe(mp3_of(message, bot.sandbox, tmp_path)).seconds == pytest.approx(2, abs=0.2)


async def test_what_cannot_be_is_said_before_anything_is_queued(
    bot: BotProcess, alice: Actor, tmp_path: Path
) -> None:
    file = song(tmp_path, "song.m4a")
    for options, said in (
        ({"seconds": 2, "source": file, "use": "continue"}, r"is 2 s long\. Set `seconds`.* to 3 or more"),
        ({"source": file, "use": "cover", "melody": file}, "can't go together in one clip"),
        ({"source": file, "use": "vary", "melody": file}, "`melody` does nothing|can't go together"),
        ({"use": "cover"}, r"`use:cover` needs a file\. Attach it as `source`"),
        (
            {"source": file, "use": "timbre", "mode": "diffusion"},
            "`use:timbre` does nothing in mode diff",
        ),
    ):
        before = kept(bot)
        await text_in(await private(await ask(alice, "strings", **options)), said, bot.sandbox)
        assert kept(bot) == before


def archive(folder: Path) -> tuple[str, bytes]:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("song.wav", bytes(50_000_000))
    return "song.zip", written.getvalue()


def bomb(folder: Path) -> tuple[str, bytes]:
    """Ten hours of silence in a few kilobytes, in a container that libsndfile does not read."""
    (folder / "long.flac").write_bytes(files.long_flac(np.zeros(8_000 * 60, np.float32), 600))
    source = ["-i", str(folder / "long.flac")]
    return "song.mka", files.made(folder, "song.mka", "-c:a", "copy", source=source)


def playlist(folder: Path) -> tuple[str, bytes]:
    target = folder / "secret.wav"
    target.write_bytes(files.wav(files.sine()))
    return "song.m3u8", f"#EXTM3U\n#EXTINF:2,\n{target}\nhttp://127.0.0.1:9/a.ts\n".encode()


def concat(folder: Path) -> tuple[str, bytes]:
    return "song.mp3", f"ffconcat version 1.0\nfile '{folder / 'secret.wav'}'\n".encode()


def cut(folder: Path) -> tuple[str, bytes]:
    return "song.m4a", song(folder, "song.m4a")[1][:-9_000]


def silence(folder: Path) -> tuple[str, bytes]:
    return "song.flac", files.long_flac(np.zeros(8_000 * 60, np.float32), 360)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (archive, r"song\.\W*zip cannot be read as audio"),
        (bomb, r"no sound in the first 5 minutes of song\.\W*mka"),
        (playlist, r"song\.\W*m3u8 cannot be read as audio"),
        (concat, r"song\.\W*mp3 cannot be read as audio"),
        (cut, r"song\.\W*m4a cannot be read as audio"),
        (silence, r"no sound in the first 5 minutes of song\.\W*flac"),
    ],
)
async def test_a_hostile_file_is_refused_with_the_reason(
    bot: BotProcess,
    alice: Actor,
    tmp_path: Path,
    make: Callable[[Path], tuple[str, bytes]],
    said: str,
) -> None:
    before = kept(bot)
    message = await private(await ask(alice, "strings", source=make(tmp_path), use="cover"))
    await text_in(message, said, bot.sandbox)
    assert kept(bot) == before


async def test_the_audio_of_any_message_is_a_source(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    post = await bob.send("my song", files=[("notes.txt", b"do re mi"), song(tmp_path, "song.m4a")])
    form = await alice.message_menu("Use as source", post)
    message = await clip_of(await alice.submit(form, {"use": ["continue"], "words": "and on, louder"}))
    recipe = read_recipe(mp3_of(message, bot.sandbox, tmp_path))
    assert (recipe.prompt, recipe.task) == ("and on, louder", Task.CONTINUE)
    assert recipe.seconds == pytest.approx(12, abs=0.2)

    again = await alice.message_menu("Use as source", message)
    cover = await clip_of(
        await alice.submit(again, {"use": ["cover"], "words": "on a piano", "seconds": "3,5"})
    )
    assert read_recipe(mp3_of(cover, bot.sandbox, tmp_path)).seconds == 3.5


async def test_the_menu_on_takes_asks_which_one_and_uses_its_file(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    takes = await made(alice, "two of them", takes=2)
    choice = await private(await bob.message_menu("Use as source", takes))
    [select] = [one for row in choice.components for one in row["components"]]
    chosen = select["options"][1]["value"]
    form = await bob.select(choice, "Which take do you want to use?", [chosen])
    message = await clip_of(await bob.submit(form, {"use": ["cover"], "words": "on a piano"}))
    source = read_recipe(mp3_of(message, bot.sandbox, tmp_path)).sources[Role.MELODY]
    second = [one for one in takes.attachments if one.filename.endswith(".mp3")][1]
    assert source == hashlib.sha256(bot.sandbox.bytes_of(second)).hexdigest()
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as database:
        [[name]] = database.execute("SELECT file FROM clips WHERE id = ?", (chosen,)).fetchall()
    (bot.folder / "clips" / name).unlink()
    gone = await bob.submit(form, {"use": ["cover"], "words": "on a harp"})
    assert "The files of this clip are gone" in (await private(gone)).content


async def test_a_file_of_another_bot_is_audio_and_nothing_that_it_says_is_believed(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    own = await made(alice, "hidden words")
    mp3 = mp3_of(own, bot.sandbox, tmp_path)
    world = bot.sandbox.world
    other = world.add_user(User(777_000_000_000_000_001, "rival", "Rival", bot=True))
    guild = bot.sandbox.guild().guild
    guild.members[other.id] = Member(other.id, [], world.clock.now())
    world.add_guild(guild)
    post = bot.sandbox.client.post(
        other,
        bot.sandbox.channel("music").channel,
        "my clip",
        [as_upload(0, ("a.mp3", mp3.read_bytes()))],
        None,
    )
    # Buttons as ours have them, under a message that is not ours.
    post.components = own.components
    form = await bob.message_menu("Use as source", post)
    cover = await clip_of(await bob.submit(form, {"use": ["cover"], "words": "on a piano"}))
    recipe = read_recipe(mp3_of(cover, bot.sandbox, tmp_path))
    digest = hashlib.sha256(mp3.read_bytes()).hexdigest()
    assert (recipe.prompt, recipe.sources) == ("on a piano", {Role.MELODY: digest})
    opened = await private(await bob.message_menu("Open clip", post))
    assert id_of(opened) != id_of(own)
    for menu in ("Save as preset", "Report clip"):
        refused = (await private(await bob.message_menu(menu, post))).content
        assert "That message has no clip" in refused


async def test_a_message_without_audio_says_so_and_a_wrong_length_is_offered_again(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    text = await bob.send("no song", files=[("notes.txt", b"do re mi")])
    assert "has no audio file" in (await private(await alice.message_menu("Use as source", text))).content
    post = await bob.send("my song", files=[song(tmp_path, "song.m4a")])
    form = await alice.message_menu("Use as source", post)
    answer = await private(await alice.submit(form, {"words": "rain", "seconds": "long"}))
    assert "number of seconds" in answer.content
    fixed = await alice.submit(await alice.click(answer, "Fix it"), {"use": ["vary"], "seconds": "2"})
    assert read_recipe(mp3_of(await clip_of(fixed), bot.sandbox, tmp_path)).prompt == "rain"


@pytest.mark.asyncio(loop_scope="function")
async def test_a_form_from_before_a_restart_is_opened_again(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path, MODELS="versatile") as bot:
        alice = bot.sandbox.member("alice")
        post = await alice.send("my song", files=[song(tmp_path, "song.mp3")])
        form = await alice.message_menu("Use as source", post)
        await bot.kill()
        await bot.restart()
        lost = await private(await alice.submit(form, {"words": "rain"}))
        assert "Choose **Use as source** in the message's menu again" in lost.content
        again = await alice.message_menu("Use as source", post)
        assert (await clip_of(await alice.submit(again, {"use": ["cover"], "words": "rain"}))).attachments


@pytest.mark.asyncio(loop_scope="function")
async def test_the_built_in_models_continue_their_clips_and_say_why_no_recording(
    description: Spec, tmp_path: Path
) -> None:
    real = {program.ENGINES: "bot.engines.registry"}
    async with running(description, tmp_path, **real) as bot:
        alice = bot.sandbox.member("alice")
        refused = await ask(alice, "strings", source=song(tmp_path, "song.m4a"), use="continue", seconds=9)
        await text_in(
            await private(refused), r"song\.\W*m4a is a recording, and .* works with notes", bot.sandbox
        )
        assert not kept(bot)
        first = mp3_of(await made(alice, "slow piano", mode="ar", seconds=5), bot.sandbox, tmp_path)
        upload = bot.sandbox.client.upload(
            alice.user, bot.sandbox.channel("music").channel, as_upload(0, (first.name, first.read_bytes()))
        )
        longer = await made(alice, "slow piano", seconds=9, source=upload, use="continue")
        recipe = read_recipe(mp3_of(longer, bot.sandbox, tmp_path))
        assert (recipe.task, recipe.seconds) == (Task.CONTINUE, 9)
