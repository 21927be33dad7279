"""Waveforms to MP3 and back: ffmpeg's LAME to write, fed by pydub; libsndfile to read."""

from __future__ import annotations

import errno
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from bot.audio import ffmpeg, scratch
from bot.audio.meter import Wave
from bot.errors import RenderError

with warnings.catch_warnings():
    # Without a system ffmpeg it warns; and its regular expressions do, from Python 3.12 on.
    warnings.simplefilter("ignore")
    import pydub

_MPEG1 = (320, 256, 224, 192, 160, 128, 112, 96, 80, 64)
_MPEG2 = (160, 144, 128, 112, 96, 80, 64)
BITRATES = {
    **dict.fromkeys((48_000, 44_100, 32_000), _MPEG1),
    **dict.fromkeys((24_000, 22_050, 16_000), _MPEG2),
    **dict.fromkeys((12_000, 11_025, 8_000), (64,)),
}
"""Sample rate in Hz → constant bitrates in kbit/s worth hearing, best first: ISO/IEC 11172-3 (MPEG-1),
ISO/IEC 13818-3 (MPEG-2), and its extension to lower rates, where LAME goes no higher than 64."""

_BASE_SECONDS = 30.0
_SECONDS_PER_SECOND = 0.25
"""Time limit of one encoding: so much, and so much more a second of audio. LAME at 320 kbit/s takes 0.02 s
a second on a desktop's core; a clip of 10 minutes stays within the watchdog's default of 180 s."""

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


def encode(wave: Wave, rate: int, kbps: int, folder: Path) -> Path:
    """Write a wave [1 or 2 channels, samples] as an untagged constant-bitrate MP3 into a scratch folder.

    Values beyond ±1 are clipped. 32-bit samples go to the encoder, so nothing needs dither. Raises
    RenderError when the disk is full, or ffmpeg fails, is missing or takes too long.
    """
    return encode_parts(lambda: iter([wave]), wave.shape[1], len(wave), rate, kbps, folder)


def encode_parts(
    parts: Callable[[], Iterator[Wave]], samples: int, channels: int, rate: int, kbps: int, folder: Path
) -> Path:
    """Do what `encode` does with a wave of so many samples that comes in parts [channels, n]."""
    with write_errors():
        handle, name = tempfile.mkstemp(suffix=".mp3", dir=folder)
        os.close(handle)
        _encode(parts(), samples, channels, rate, kbps, folder, ["-y", f"file:{name}"])
    return Path(name)


@lru_cache(maxsize=32)
def gain(rate: int, kbps: int) -> float:
    """Return by how many dB the encoder changes a tone's level: LAME turns low bitrates down a little.

    Measured once by encoding a tone of one second.
    """
    tone = 0.1 * np.sin(2 * np.pi * 440 / rate * np.arange(rate, dtype=np.float32))
    wave = np.repeat(tone[np.newaxis], 2, axis=0)
    with write_errors():
        # A pipe cannot be sought to write the LAME header, by which a decoder takes off the delay.
        encoded = _encode(iter([wave]), rate, 2, rate, kbps, None, ["-write_xing", "0", "pipe:1"])
        try:
            decoded = soundfile.read(BytesIO(encoded), dtype="float32", always_2d=True)[0].T
        except soundfile.LibsndfileError as error:
            raise _EncodingFailed("ffmpeg wrote no MP3") from error
    decoded = decoded[:, _ENCODER_DELAY:]
    middle = slice(rate // 4, 3 * rate // 4)
    return float(20 * np.log10(np.std(decoded[:, middle]) / np.std(wave[:, middle])))


def _encode(
    parts: Iterator[Wave],
    samples: int,
    channels: int,
    rate: int,
    kbps: int,
    folder: Path | None,
    output: list[str],
) -> bytes:
    limits = ffmpeg.Limits(seconds=_BASE_SECONDS + _SECONDS_PER_SECOND * samples / rate)
    bare = ["-map_metadata", "-1", "-id3v2_version", "0"]
    raw = ["-f", "s32le", "-ar", str(rate), "-ac", str(channels)]
    made = ffmpeg.run(
        [*raw, "-i", "pipe:0", "-b:a", f"{kbps}k", *bare, "-f", "mp3", *output],
        ffmpeg.Pieces((_segment(part, rate).raw_data for part in parts), 4 * samples * channels),
        folder,
        limits,
    )
    if made.code:
        raise _EncodingFailed(made.messages or f"ffmpeg ended with {made.code}")
    return made.output


def _segment(part: Wave, rate: int) -> pydub.AudioSegment:
    samples = (np.clip(part.T, -1.0, 1.0).astype(np.float64) * (2**31 - 1)).astype("<i4")
    return pydub.AudioSegment(samples.tobytes(), sample_width=4, frame_rate=rate, channels=len(part))


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
    """Make a scratch folder (bot.audio.scratch) with its write errors as RenderError."""
    with write_errors(), scratch.scratch_folder(beside) as folder:
        yield folder


def publish(targets: Mapping[Path, Path]) -> None:
    """Move finished files to their target paths, each atomically, once all of them are synced to the disk."""
    with write_errors():
        for file in targets:
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())
        for file, target in targets.items():
            file.replace(target)


class _EncodingFailed(Exception):
    """The text is ffmpeg's own."""


@contextmanager
def write_errors() -> Iterator[None]:
    """Turn a failed write, ours or ffmpeg's, into a RenderError that can be shown to the requester."""
    try:
        yield
    except _EncodingFailed as error:
        if os.strerror(errno.ENOSPC) in str(error) or os.strerror(errno.EFBIG) in str(error):
            raise _disk_full() from error
        raise RenderError(
            "The MP3 encoder failed. Try again; if it happens again, tell the owner of the bot."
        ) from error
    except ffmpeg.FfmpegMissing as error:
        raise RenderError(
            "The MP3 encoder (ffmpeg) is missing or cannot be started, so no clip can be saved. Ask the "
            "owner of the bot to run `make install`."
        ) from error
    except TimeoutError as error:
        raise RenderError(
            "The MP3 encoder took too long and was stopped. Try again; if it happens again, tell the "
            "owner of the bot."
        ) from error
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise _disk_full() from error
        raise RenderError(f"The clip could not be saved: {error.strerror}. Tell the bot's owner.") from error


def _disk_full() -> RenderError:
    return RenderError(
        "The disk for clips is full, so this one couldn't be saved. "
        "Ask the owner of the bot to free some space, then try again."
    )
