"""Waveforms to MP3 and back: ffmpeg's LAME through pydub to write, libsndfile to read."""

from __future__ import annotations

import errno
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import imageio_ffmpeg
import numpy as np
import soundfile

from bot.audio.meter import Wave
from bot.errors import RenderError

with warnings.catch_warnings():
    # Without a system ffmpeg it warns; and its regular expressions do, from Python 3.12 on.
    warnings.simplefilter("ignore")
    import pydub
    import pydub.audio_segment
    from pydub.exceptions import CouldntEncodeError

_MPEG1 = (320, 256, 224, 192, 160, 128, 112, 96, 80, 64)
_MPEG2 = (160, 144, 128, 112, 96, 80, 64)
BITRATES = {
    **dict.fromkeys((48_000, 44_100, 32_000), _MPEG1),
    **dict.fromkeys((24_000, 22_050, 16_000), _MPEG2),
    **dict.fromkeys((12_000, 11_025, 8_000), (64,)),
}
"""Sample rate in Hz → constant bitrates in kbit/s worth hearing, best first: ISO/IEC 11172-3 (MPEG-1),
ISO/IEC 13818-3 (MPEG-2), and its extension to lower rates, where LAME goes no higher than 64."""

_SCRATCH_PREFIX = ".finishing-"
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ENCODER_DELAY = 1105
"""Samples LAME puts before the first; players take them off again by the LAME header."""


def best_bitrate(samples: int, rate: int, max_bytes: int) -> int:
    """Return the best bitrate in kbit/s at which so many samples a channel fit into max_bytes.

    Raises RenderError, with advice, when even the lowest does not fit, or MP3 has no such sample rate.
    """
    if rate not in BITRATES:
        raise RenderError(f"MP3 has no sample rate of {rate:,} Hz; the model cannot be used for clips.")
    for kbps in BITRATES[rate]:
        if size(samples, rate, kbps) <= max_bytes:
            return kbps
    longest = int(max_bytes * 8 / (BITRATES[rate][-1] * 1000))
    raise RenderError(
        f"A clip of {samples / rate:.0f} s does not fit into the {max_bytes / 2**20:.1f} MiB that can be "
        f"posted here, not even at {BITRATES[rate][-1]} kbit/s. Ask for less than {longest} s."
    )


def size(samples: int, rate: int, kbps: int) -> int:
    """Return the bytes an untagged MP3 takes at most: its frames, one for the LAME header, one to flush."""
    frame = 1152 if rate >= 32_000 else 576
    frames = -(-(samples + _ENCODER_DELAY) // frame) + 2
    return -(-frames * frame * kbps * 1000 // (8 * rate))


def encode(wave: Wave, rate: int, kbps: int, scratch: Path) -> Path:
    """Write a wave [1 or 2 channels, samples] as an untagged constant-bitrate MP3 into a scratch folder.

    Values beyond ±1 are clipped. 32-bit samples go to the encoder, so nothing needs dither. Raises
    RenderError when the disk is full or ffmpeg fails.
    """
    samples = (np.clip(wave.T, -1.0, 1.0).astype(np.float64) * (2**31 - 1)).astype(np.int32)
    segment = pydub.AudioSegment(samples.tobytes(), sample_width=4, frame_rate=rate, channels=wave.shape[0])
    bare = ["-v", "error", "-map_metadata", "-1", "-id3v2_version", "0"]
    with (
        write_errors(),
        _pydub_files_in(scratch),
        tempfile.NamedTemporaryFile(suffix=".mp3", dir=scratch, delete=False) as out,
    ):
        segment.export(out, format="mp3", bitrate=f"{kbps}k", parameters=bare)
    return Path(out.name)


@lru_cache(maxsize=32)
def gain(rate: int, kbps: int) -> float:
    """Return by how many dB the encoder changes a tone's level: LAME turns low bitrates down a little.

    Measured once by encoding a tone of one second.
    """
    tone = 0.1 * np.sin(2 * np.pi * 440 / rate * np.arange(rate, dtype=np.float32))
    wave = np.repeat(tone[np.newaxis], 2, axis=0)
    with write_errors(), tempfile.TemporaryDirectory() as scratch:
        decoded, _ = decode(encode(wave, rate, kbps, Path(scratch)))
    middle = slice(rate // 4, 3 * rate // 4)
    return float(20 * np.log10(np.std(decoded[:, middle]) / np.std(wave[:, middle])))


def decode(path: Path) -> tuple[Wave, int]:
    """Return a wave [channels, samples], without the encoder's delay and padding, and its rate in Hz.

    Values beyond ±1 are kept. Raises RenderError for anything that is no audio libsndfile knows.
    """
    try:
        wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise RenderError("The audio file cannot be read; it is damaged or of an unknown kind.") from error
    return np.ascontiguousarray(wave.T), rate


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """Give a folder on the same disk as a file to be; it is gone afterwards, whatever happens."""
    with write_errors(), tempfile.TemporaryDirectory(prefix=_SCRATCH_PREFIX, dir=beside.parent) as folder:
        yield Path(folder)


def discard_leftovers(folder: Path) -> int:
    """Delete what killed processes left half-finished in a folder of clips; return how many there were.

    Only for the one process that finishes clips there, before its first.
    """
    leftovers = [path for path in folder.glob(f"{_SCRATCH_PREFIX}*") if path.is_dir()]
    for path in leftovers:
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    return len(leftovers)


def publish(places: Mapping[Path, Path]) -> None:
    """Move finished files to their places, each in one step, once all of them are on the disk."""
    with write_errors():
        for file in places:
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())
        for file, place in places.items():
            file.replace(place)


@contextmanager
def write_errors() -> Iterator[None]:
    """Turn a failed write, ours or ffmpeg's, into a RenderError that can be shown to the person who asked."""
    try:
        yield
    except CouldntEncodeError as error:
        if os.strerror(errno.ENOSPC) in str(error) or os.strerror(errno.EFBIG) in str(error):
            raise _disk_full() from error
        raise RenderError(
            "The MP3 encoder failed. Ask again; if it goes on, tell the bot's owner."
        ) from error
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise _disk_full() from error
        raise RenderError(f"The clip could not be saved: {error.strerror}. Tell the bot's owner.") from error


def _disk_full() -> RenderError:
    return RenderError(
        "The disk that keeps the clips is full, so this one could not be saved. "
        "Tell the bot's owner to free some space, then ask again."
    )


class _ScratchFile:
    """A temporary file that can be taken from whoever still holds it: what they write then goes nowhere.

    When a write fails, pydub leaves its files open, and the wave module's writer tries again when it is
    collected.
    """

    def __init__(self, mode: str, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.NamedTemporaryFile(mode, dir=folder, delete=False)  # noqa: SIM115
        self.name = self._file.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def take_away(self) -> None:
        with suppress(OSError):
            self._file.close()
        self._file = BytesIO()


_pydub_files: ContextVar[tuple[Path, ExitStack]] = ContextVar("_pydub_files")


@contextmanager
def _pydub_files_in(folder: Path) -> Iterator[None]:
    """Have pydub's temporary files in a folder, and none of them open afterwards."""
    with ExitStack() as stack:
        token = _pydub_files.set((folder, stack))
        try:
            yield
        finally:
            _pydub_files.reset(token)


def _named_temporary_file(mode: str, delete: bool) -> _ScratchFile:
    folder, stack = _pydub_files.get()
    file = _ScratchFile(mode, folder)
    stack.callback(file.take_away)
    return file


pydub.audio_segment.NamedTemporaryFile = _named_temporary_file
pydub.AudioSegment.converter = imageio_ffmpeg.get_ffmpeg_exe()
