"""Melody files: whatever ffmpeg reads is taken, the rest refused by name before a job is queued."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bot.audio import melody
from bot.errors import UserError
from bot.jobs.melodies import prepare
from tests.audio import melody_files as files
from tests.audio.test_ffmpeg import HANG, ended, pid_in
from tests.audio.test_mp3 import converter
from tests.tone import loudest

NAME = "my tune.bin"
AS_IT_IS = {
    "wav": [],
    "flac": [],
    "ogg": ["-c:a", "libvorbis"],
    "opus": ["-c:a", "libopus"],
    "mp3": [],
    "aiff": [],
    "caf": [],
}
CONVERTED = {
    "m4a": ["-c:a", "aac"],
    "alac.m4a": ["-c:a", "alac"],
    "aac": [],
    "webm": ["-c:a", "libopus"],
    "mka": ["-c:a", "libvorbis"],
    "mp4": ["-c:a", "aac"],
    "mov": ["-c:a", "pcm_s16le"],
    "3gp": ["-c:a", "aac"],
    "wma": ["-c:a", "wmav2"],
    "ac3": [],
    "eac3": [],
    "wv": [],
    "tta": [],
    "ts": ["-c:a", "aac"],
    "avi": ["-c:a", "mp3"],
    "flv": ["-c:a", "mp3"],
}
STILL = ["-f", "lavfi", "-i", "color=c=red:s=64x64:r=25:d=2", *files.TONE]


def heard(data: bytes) -> float:
    """The loudest frequency, in Hz, of what an engine reads."""
    wave, rate = soundfile.read(BytesIO(data), always_2d=True)
    return loudest(wave.mean(axis=1), rate)


@pytest.mark.parametrize("suffix", AS_IT_IS)
async def test_a_file_that_an_engine_reads_is_kept_as_it_is(tmp_path: Path, suffix: str) -> None:
    data = files.made(tmp_path, f"tune.{suffix}", *AS_IT_IS[suffix])
    assert (await prepare(data, NAME)).data is data


@pytest.mark.parametrize("suffix", CONVERTED)
async def test_any_other_is_kept_as_what_ffmpeg_hears_in_it(tmp_path: Path, suffix: str) -> None:
    data = files.made(tmp_path, f"tune.{suffix}", *CONVERTED[suffix])
    kept = (await prepare(data, NAME)).data
    info = soundfile.info(BytesIO(kept))
    assert (info.format, info.channels, info.samplerate) == ("FLAC", 1, melody.RATE)
    assert info.duration == pytest.approx(2, abs=0.15)
    assert heard(kept) == pytest.approx(files.HZ, abs=5)
    assert (await prepare(data, NAME)).data == kept, "two of the same are one melody"


async def test_a_voice_message_of_an_old_phone(tmp_path: Path) -> None:
    assert soundfile.info(BytesIO((await prepare(files.amr(), NAME)).data)).duration == pytest.approx(
        2, abs=0.1
    )


ODD: dict[str, Callable[[Path], bytes]] = {
    "m4a named mp3": lambda folder: files.made(folder, "tune.m4a", "-c:a", "aac"),
    "index at the end": lambda folder: files.made(
        folder, "tune.mp4", "-c:a", "aac", "-movflags", "+frag_keyframe"
    ),
    "APE tag first": lambda folder: files.ape_tagged(files.made(folder, "tune.mp3")),
    "junk first": lambda folder: bytes(range(1, 200)) * 20 + files.made(folder, "tune.mp3"),
    "cut in the middle": lambda folder: files.made(folder, "tune.aac")[:-9_000],
    "a film": lambda folder: files.made(folder, "tune.mp4", "-c:a", "aac", source=STILL),
    "length 0": lambda folder: files.streamed(),
    "length unknown": lambda folder: files.made(folder, "tune.wav", "-f", "wav", "-seekable", "0"),
    "5.1": lambda folder: files.wav(np.repeat(files.sine()[:, None], 6, axis=1)),
    "3 channels": lambda folder: files.wav(np.repeat(files.sine()[:, None], 3, axis=1)),
    "5.1 AC-3": lambda folder: files.made(folder, "tune.ac3", "-ac", "6"),
    "96 kHz": lambda folder: files.wav(files.sine(rate=96_000), 96_000),
    "384 kHz": lambda folder: files.wav(files.sine(rate=384_000), 384_000),
    "quiet": lambda folder: files.wav(files.sine(level=1e-3)),
    "integers as floats": lambda folder: files.wav(files.sine(level=32_768.0)),
    "0.2 s": lambda folder: files.wav(files.sine(0.2)),
}


@pytest.mark.parametrize("kind", ODD)
async def test_what_is_odd_is_followed_all_the_same(tmp_path: Path, kind: str) -> None:
    assert heard((await prepare(ODD[kind](tmp_path), NAME)).data) == pytest.approx(files.HZ, abs=8)


NO_AUDIO = "cannot be read as audio"
NO_MELODY: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "0 bytes": (lambda folder: b"", NO_AUDIO),
    "header alone": (lambda folder: files.wav(files.sine())[:44], NO_AUDIO),
    "text": (lambda folder: b"do re mi fa so la ti do\n" * 500, NO_AUDIO),
    "noise": (lambda folder: np.random.default_rng(2).bytes(100_000), NO_AUDIO),
    "PNG": (
        lambda folder: files.made(folder, "a.png", "-frames:v", "1", source=STILL[:4]),
        "cannot be read as audio",
    ),
    "GIF": (
        lambda folder: files.made(folder, "a.gif", "-frames:v", "3", source=STILL[:4]),
        "cannot be read as audio",
    ),
    "film without sound": (
        lambda folder: files.made(folder, "a.mp4", source=STILL[:4]),
        "cannot be read as audio",
    ),
    "index cut off": (
        lambda folder: files.made(folder, "a.m4a", "-c:a", "aac")[:-9_000],
        "cannot be read as audio",
    ),
    "NaN": (lambda folder: files.with_one(np.nan), "invalid numbers (NaN or infinity)"),
    "infinity": (lambda folder: files.with_one(-np.inf), "invalid numbers (NaN or infinity)"),
    "NaN in 5.1": (
        lambda folder: files.wav(np.full((16_000, 6), np.nan, np.float32)),
        "invalid numbers (NaN or infinity)",
    ),
    "1e30": (lambda folder: files.with_one(1e30), "louder than any sound can be"),
    "1 sample": (lambda folder: files.wav(files.sine()[1:2]), "shorter than 0.1 s"),
    "10 samples": (lambda folder: files.wav(files.sine()[1:11]), "shorter than 0.1 s"),
    "silence": (lambda folder: files.wav(np.zeros(32_000, np.float32)), "There is no sound in my tune.bin."),
    "dither": (
        lambda folder: files.wav(np.random.default_rng(3).integers(-2, 3, 32_000) / 32_768),
        "There is no sound in my tune.bin.",
    ),
    "silent m4a": (
        lambda folder: files.made(folder, "a.m4a", source=["-f", "lavfi", "-i", "anullsrc=d=2"]),
        "There is no sound in my tune.bin.",
    ),
    "305 s of silence first": (
        lambda folder: files.made(folder, "a.flac", "-af", "adelay=305s", "-ar", "8000"),
        "There is no sound in the first 5 minutes of my tune.bin.",
    ),
    "6 h of silence": (
        lambda folder: files.long_flac(np.zeros(60 * 8_000), 360),
        "There is no sound in the first 5 minutes of my tune.bin.",
    ),
}


@pytest.mark.parametrize("kind", NO_MELODY)
async def test_what_is_no_melody_is_refused_by_its_name(tmp_path: Path, kind: str) -> None:
    make, said = NO_MELODY[kind]
    with pytest.raises(UserError, match=re.escape(said)) as refusal:
        await prepare(make(tmp_path), NAME)
    assert NAME in str(refusal.value)
    assert not re.search(r"[0-9a-f]{16}", str(refusal.value))


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of this machine that nobody attached; with sound, so that it would be a melody."""
    path = tmp_path / "secret.ts"
    files.made(tmp_path, "secret.ts", "-c:a", "aac")
    return path


def hls(target: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n".encode()


def dash(target: str) -> bytes:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        '<AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1000">'
        f"<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ).encode()


PLAYLISTS: dict[str, Callable[[str], bytes]] = {
    "hls": hls,
    "concat": lambda target: f"ffconcat version 1.0\nfile '{target}'\n".encode(),
    "dash": dash,
    "sdp": lambda target: (
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"
    ),
    "m3u": lambda target: f"#EXTM3U\n{target}\n".encode(),
    "asx": lambda target: f'<asx version="3.0"><entry><ref href="{target}"/></entry></asx>'.encode(),
}


@pytest.mark.parametrize("kind", PLAYLISTS)
async def test_a_playlist_opens_no_other_file_and_no_address(secret: Path, kind: str) -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + secret.read_bytes())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        address = f"http://127.0.0.1:{port}/tune.ts"
        for target in (str(secret), secret.as_uri(), address, "/etc/passwd"):
            with pytest.raises(UserError, match=NO_AUDIO):
                await asyncio.to_thread(melody.prepare, PLAYLISTS[kind](target), NAME, tune=True)
    assert asked == []


async def test_no_format_runs_that_holds_no_sound_itself(tmp_path: Path) -> None:
    """A score for a synthesizer, whose parser strangers have no business in; ffmpeg plays it unless told."""
    module = tmp_path / "tune.mod"
    module.write_bytes(files.tracker_module())
    played = files.made(tmp_path, "played.wav", source=["-i", str(module)])
    assert soundfile.read(BytesIO(played))[0].any()
    with pytest.raises(UserError, match=NO_AUDIO):
        await prepare(files.tracker_module(), NAME)


async def test_a_film_of_a_million_pictures_is_heard_in_time(tmp_path: Path) -> None:
    """As many as fit into an attachment: 4 bytes each, beside 12 of index."""
    (tmp_path / "pictures").write_bytes(bytes(4 * 400_000))
    raw = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", "2x2", "-r", "10000", "-i", str(tmp_path / "pictures")]
    data = files.made(tmp_path, "film.mkv", "-c:a", "mp3", "-c:v", "copy", source=[*raw, *files.TONE])
    assert len(data) > 4_000_000
    assert heard((await prepare(data, NAME)).data) == pytest.approx(files.HZ, abs=8)


async def test_hours_in_a_few_kilobytes_cost_five_minutes(tmp_path: Path) -> None:
    """A FLAC of 3 h of a tone, and the same in a container that ffmpeg has to read."""
    flac = files.long_flac(files.sine(60, 8_000), 180)
    assert (await prepare(flac, NAME)).data is flac
    (tmp_path / "long.flac").write_bytes(flac)
    source = ["-i", str(tmp_path / "long.flac")]
    kept = (await prepare(files.made(tmp_path, "long.mka", "-c:a", "copy", source=source), NAME)).data
    assert soundfile.info(BytesIO(kept)).duration == melody.MAX_SECONDS
    assert heard(kept) == pytest.approx(files.HZ, abs=5)


async def test_a_long_source_is_cut_to_what_is_read_of_it(tmp_path: Path) -> None:
    """An engine reads all of a source, where it reads five minutes of a tune."""
    flac = files.long_flac(files.sine(60, 8_000), 6)
    source = await prepare(flac, NAME, tune=False)
    assert source.seconds == pytest.approx(melody.MAX_SECONDS)
    assert not source.has_score
    assert soundfile.info(BytesIO(source.data)).duration == melody.MAX_SECONDS
    short = files.wav(files.sine())
    assert (await prepare(short, NAME, tune=False)).data is short


async def test_a_header_that_promises_too_much_is_refused() -> None:
    data = bytearray(files.wav(files.sine(), subtype="PCM_16"))
    data[22:24] = (60_000).to_bytes(2, "little")
    with pytest.raises(UserError, match=re.escape(NAME)):
        await prepare(bytes(data), NAME)


async def test_a_decoder_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid_file = tmp_path / "pid"
    data = files.made(tmp_path, "tune.m4a", "-c:a", "aac")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", converter(tmp_path, HANG.format(str(pid_file))))
    monkeypatch.setattr("bot.jobs.melodies._LISTEN_SECONDS", 5.0)
    with pytest.raises(UserError, match=r"^my tune\.bin cannot be read"):
        await prepare(data, NAME)
    assert await asyncio.to_thread(ended, pid_in(pid_file))


async def test_without_ffmpeg_the_common_kinds_work_and_the_others_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, plain = files.made(tmp_path, "tune.m4a", "-c:a", "aac"), files.wav(files.sine())
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nothing"))
    assert (await prepare(plain, NAME)).data is plain
    with pytest.raises(UserError, match="ffmpeg is missing"):
        await prepare(data, NAME)
