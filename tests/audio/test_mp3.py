import signal
import sys
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import mutagen.mp3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio import mp3
from bot.errors import RenderError
from tests.audio.full_disk import files_of_at_most
from tests.audio.signals import drums, tone

EVERY_BITRATE = [(rate, kbps) for rate, ladder in mp3.BITRATES.items() for kbps in ladder]


@pytest.mark.parametrize("rate", mp3.BITRATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_what_comes_back_is_as_long_and_in_step(rate: int, channels: int, tmp_path: Path) -> None:
    wave = drums(rate, 1.337)[:channels]
    decoded, decoded_rate = mp3.decode(mp3.encode(wave, rate, mp3.BITRATES[rate][0], tmp_path))
    assert decoded_rate == rate
    assert decoded.shape[0] == channels
    assert abs(decoded.shape[1] - wave.shape[1]) <= 0.1 * rate
    lags = np.arange(-200, 201)
    inner = slice(200, wave.shape[1] - 200)
    match = [np.dot(wave[0, inner], np.roll(decoded[0, : wave.shape[1]], lag)[inner]) for lag in lags]
    assert lags[int(np.argmax(match))] == 0


@pytest.mark.parametrize(("rate", "kbps"), EVERY_BITRATE)
def test_bitrate_is_kept_and_size_foreseen(rate: int, kbps: int, tmp_path: Path) -> None:
    wave = drums(rate, 0.7)
    file = mp3.encode(wave, rate, kbps, tmp_path)
    foreseen, size = mp3.size(wave.shape[1], rate, kbps), file.stat().st_size
    frame = mp3.size(0, rate, kbps) / 4
    assert foreseen - 2 * frame <= size <= foreseen
    info: Any = mutagen.mp3.MP3(file).info
    assert info.bitrate == pytest.approx(kbps * 1000, rel=0.01)


@given(st.sampled_from(list(mp3.BITRATES)), st.floats(0.05, 300), st.integers(0, 30 * 2**20))
def test_best_bitrate_is_the_highest_that_fits(rate: int, seconds: float, max_bytes: int) -> None:
    samples = round(rate * seconds)
    ladder = mp3.BITRATES[rate]
    fitting = [kbps for kbps in ladder if mp3.size(samples, rate, kbps) <= max_bytes]
    if fitting:
        assert mp3.best_bitrate(samples, rate, max_bytes) == max(fitting)
    else:
        with pytest.raises(RenderError, match="Ask for"):
            mp3.best_bitrate(samples, rate, max_bytes)


def test_advice_for_a_clip_that_does_not_fit_can_be_followed() -> None:
    rate = 44_100
    with pytest.raises(RenderError, match="Ask for less than 16 s") as error:
        mp3.best_bitrate(60 * rate, rate, 2**17)
    assert "60 s" in str(error.value)
    assert mp3.best_bitrate(15 * rate, rate, 2**17) == 64


def test_rate_that_mp3_lacks_is_refused() -> None:
    with pytest.raises(RenderError, match="96,000"):
        mp3.best_bitrate(96_000, 96_000, 10**7)


def test_low_bitrates_are_known_to_be_turned_down() -> None:
    assert mp3.gain(44_100, 320) == pytest.approx(0, abs=0.02)
    assert mp3.gain(44_100, 64) < -0.3


def test_encoding_leaves_one_file_and_no_tag(tmp_path: Path) -> None:
    file = mp3.encode(tone(44_100, 1), 44_100, 128, tmp_path)
    assert list(tmp_path.iterdir()) == [file]
    assert mutagen.mp3.MP3(file).tags is None
    assert b"ID3" not in file.read_bytes()


@pytest.mark.parametrize(
    "content", [b"", b"<html>not audio</html>", b"\xff\xfb\x90\x00", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f"]
)
def test_unreadable_audio_is_a_clear_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "foreign.mp3").write_bytes(content)
    with pytest.raises(RenderError, match="cannot be read"):
        mp3.decode(tmp_path / "foreign.mp3")


def converter(folder: Path, body: str) -> str:
    """Return an executable that stands where ffmpeg does."""
    script = folder / "converter"
    script.write_text(f"#!{sys.executable}\nimport os, signal, sys\n{body}\n")
    script.chmod(0o755)
    return str(script)


def test_disk_that_fills_up_under_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real ffmpeg, writing to /dev/full: the kernel answers it ENOSPC."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    body = f"os.execv({ffmpeg!r}, [{ffmpeg!r}, *sys.argv[1:-1], '/dev/full'])"
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", converter(tmp_path, body))
    clips = tmp_path / "clips"
    clips.mkdir()
    with (
        pytest.raises(RenderError, match=r"disk .* is full"),
        mp3.scratch_folder(clips / "clip.mp3") as scratch,
    ):
        mp3.encode(tone(44_100, 1), 44_100, 128, scratch)
    assert list(clips.iterdir()) == []


def test_encoder_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = f"os.kill(os.getpid(), {int(signal.SIGKILL)})"
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", converter(tmp_path, body))
    clips = tmp_path / "clips"
    clips.mkdir()
    with (
        pytest.raises(RenderError, match="encoder failed"),
        mp3.scratch_folder(clips / "clip.mp3") as scratch,
    ):
        mp3.encode(tone(44_100, 1), 44_100, 128, scratch)
    assert list(clips.iterdir()) == []


def test_disk_that_fills_up_under_us(tmp_path: Path) -> None:
    with (
        pytest.raises(RenderError, match=r"disk .* is full"),
        files_of_at_most(50_000),
        mp3.scratch_folder(tmp_path / "clip.mp3") as scratch,
    ):
        mp3.encode(tone(44_100, 1), 44_100, 128, scratch)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(RenderError, match="could not be saved: Not a directory"),
        mp3.scratch_folder(tmp_path / "file" / "clip.mp3"),
    ):
        pass


def test_published_files_replace_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "clip.mp3").write_text("old")
    (tmp_path / "new").write_text("new")
    mp3.publish({tmp_path / "new": tmp_path / "clip.mp3"})
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp3"]
    assert (tmp_path / "clip.mp3").read_text() == "new"
