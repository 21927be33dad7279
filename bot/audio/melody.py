"""Decoding of an attached file to audio for the engines, in a child process that the file may crash.

Run by `child.run`. The request is a line of JSON with the file's `name` and `tune`, whether only its tune is
used, then the file. The answer is a line of JSON with `refused`, a sentence or empty, the `seconds` that were
read, at most 300, `score`, whether it carries one, and `recipe`, the text of the recipe in its tag or null,
then what to keep where that is not the file itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
import soundfile

from bot.audio import child, ffmpeg
from bot.audio.tags import carries_score, recipe_in
from bot.errors import UserError

MAX_SECONDS = 300
"""Seconds that an engine reads of a melody."""
MIN_SECONDS = 0.1
"""Shorter than any note with a pitch that could be followed."""
SILENCE = 1e-4
"""−80 dBFS: above the dither of 16 bits (−84 dBFS at most), below what anybody records."""
MAX_LEVEL = 2.0**31
"""Above what 32-bit integers written as floating point come to. Squared spectra of more overflow."""
RATES = range(8_000, 192_001)
"""Hz; from telephone to studio. Memory for resampling grows with what a header claims."""
CHANNELS = 2
RATE = 32_000
"""Hz of a tune that is converted: the rate of the MusicGen models, whose chroma ends at 16 kHz."""
SOURCE_RATE = 48_000
"""Hz of other sources that are converted: the highest rate of any model."""
_PEAK = 0.99
_TOLERANCE = 1.0
"""Seconds by which a file may be longer than it is read, such as the encoder's padding of an MP3."""
_FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dts,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,"
    "tta,w64,wav,wv"
)
"""Containers that hold their sound themselves. Playlists and descriptions that name other files and
addresses (hls, dash, concat, sdp, image sequences) are not among them."""
_CODECS = (
    "aac,aac_latm,ac3,alac,amrnb,amrwb,ape,dca,eac3,flac,libopencore_amrnb,libopencore_amrwb,libopus,"
    "libvorbis,mlp,mp1,mp1float,mp2,mp2float,mp3,mp3float,opus,truehd,tta,vorbis,wavpack,wmalossless,wmapro,"
    "wmav1,wmav2,wmavoice,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,gsm,gsm_ms,pcm_alaw,pcm_mulaw,pcm_f32be,"
    "pcm_f32le,pcm_f64be,pcm_f64le,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,pcm_s8,pcm_u8"
)
"""Audio codecs alone: no image decoder, a frequent source of vulnerabilities, runs on untrusted input."""
_CLOSED = ["-protocol_whitelist", "fd", "-format_whitelist", _FORMATS, "-codec_whitelist", _CODECS]
"""The open file on standard input is all that ffmpeg reaches: no name, no address."""
_BLOCK = 65_536

Samples = npt.NDArray[np.float32]


class _Unreadable(Exception):
    """The library does not read this file, or not as it has to be."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was read of a file. seconds: at most 300 and a bit.  flac: what engines read instead, if any."""

    seconds: float
    flac: bytes | None = None


def prepare(data: bytes, name: str, *, tune: bool) -> Prepared:
    """Read a file, and convert it where engines cannot read the file itself.

    name: what the file is called in a refusal.  tune: whether only its tune is used, so mono at 32 kHz is
    enough; any other source is kept in stereo at 48 kHz, with its level, and converted where it is longer
    than 300 s, too.  Raises UserError, with what to do, for a file without sound in its first 300 s, of less
    than 0.1 s, with NaN, infinity or absurd levels, or that neither libsndfile nor ffmpeg reads within the
    limits.
    """
    with suppress(_Unreadable):
        if not tune:
            _refuse_longer(data)
        return Prepared(_validate(_read(data), name)[0])
    rate, channels = (RATE, 1) if tune else (SOURCE_RATE, CHANNELS)
    decoded = _decoded(data, name, rate, channels)
    seconds, peak = _validate(
        [(decoded[start : start + _BLOCK], rate) for start in range(0, len(decoded), _BLOCK)], name
    )
    # A tune at half of full scale: only pitch is read of it, and 16 bits hold a quiet recording as well.
    decoded *= np.float32(0.5 / peak if tune else min(1.0, _PEAK / peak))
    written = BytesIO()
    soundfile.write(written, decoded, rate, format="FLAC", subtype="PCM_16")
    return Prepared(seconds, written.getvalue())


def _refuse_longer(data: bytes) -> None:
    """Raise _Unreadable for a file of which an engine would read more than the first 300 s."""
    try:
        with soundfile.SoundFile(BytesIO(data)) as audio:
            if audio.frames > (MAX_SECONDS + _TOLERANCE) * audio.samplerate:
                raise _Unreadable
    except soundfile.SoundFileError as error:
        raise _Unreadable from error


def _validate(blocks: Iterable[tuple[Samples, int]], name: str) -> tuple[float, float]:
    """Return the seconds and the peak of blocks of samples, each with its rate in Hz. Raises UserError."""
    seconds, peak = 0.0, 0.0
    for block, rate in blocks:
        if not np.isfinite(block).all():
            raise UserError(
                "{name} holds invalid numbers (NaN or infinity). Export it again, for example as an MP3.",
                name=name,
            )
        seconds += len(block) / rate
        peak = max(peak, float(np.abs(block).max()))
    if seconds == 0:
        raise _Unreadable
    if peak > MAX_LEVEL:
        raise UserError(
            "{name} is louder than any sound can be. Export it again, for example as an MP3.", name=name
        )
    if peak < SILENCE:
        if seconds > MAX_SECONDS - 1:
            raise UserError(
                "There is no sound in the first 5 minutes of {name}. Attach a file in which music can be "
                "heard.",
                name=name,
            )
        raise UserError("There is no sound in {name}. Attach a file in which music can be heard.", name=name)
    if seconds < MIN_SECONDS:
        raise UserError(
            "{name} is shorter than {min_seconds:g} s. Attach a few seconds of music.",
            name=name,
            min_seconds=MIN_SECONDS,
        )
    return seconds, peak


def _read(data: bytes) -> Iterator[tuple[Samples, int]]:
    """Yield what an engine will read, block by block [frames, channels]. Raises _Unreadable."""
    try:
        with soundfile.SoundFile(BytesIO(data)) as audio:
            rate = audio.samplerate
            if rate not in RATES or audio.channels > CHANNELS:
                raise _Unreadable
            left = MAX_SECONDS * rate
            while left > 0 and len(block := audio.read(min(left, _BLOCK), dtype="float32", always_2d=True)):
                yield block, rate
                left -= len(block)
    except soundfile.SoundFileError as error:
        raise _Unreadable from error


def _decoded(data: bytes, name: str, rate: int, channels: int) -> Samples:
    """Return the first 300 s of any file as ffmpeg reads it, [frames, channels]. Raises UserError."""
    frame_bytes = 4 * channels
    limits = ffmpeg.Limits(seconds=40, memory_bytes=1 << 30, output_bytes=frame_bytes * MAX_SECONDS * rate)
    sound = ["-ac", str(channels), "-ar", str(rate), "-f", "f32le", "pipe:1"]
    output = ["-map", "0:a:0", "-t", str(MAX_SECONDS), *sound]
    try:
        done = ffmpeg.run([*_CLOSED, "-threads", "1", "-fd", "0", "-i", "fd:", *output], data, None, limits)
    except ffmpeg.FfmpegMissing as error:
        print(f"ffmpeg cannot be started: {error}", file=sys.stderr)
        raise UserError(
            "{name} cannot be read here, as ffmpeg is missing. Attach a WAV, FLAC, OGG or MP3 file.",
            name=name,
        ) from error
    except TimeoutError as error:
        raise UserError(
            "{name} takes too long to read. Attach a short MP3, for example.", name=name
        ) from error
    if len(done.output) < frame_bytes:
        print(f"ffmpeg ended with {done.code}: {done.messages}", file=sys.stderr)
        raise UserError(
            "{name} cannot be read as audio. Attach an MP3, M4A, WAV, FLAC, OGG, Opus or WebM file.",
            name=name,
        )
    whole = done.output[: len(done.output) // frame_bytes * frame_bytes]
    return np.frombuffer(whole, dtype="<f4").reshape(-1, channels).copy()


def main() -> None:
    """Answer one request."""
    header, _, data = child.request().partition(b"\n")
    wanted = json.loads(header)
    answer: dict[str, object] = {"refused": ""}
    converted = b""
    try:
        prepared = prepare(data, wanted["name"], tune=wanted["tune"])
        converted = prepared.flac or b""
        # What is converted has lost its tags.
        answer |= {
            "seconds": prepared.seconds,
            "score": not converted and carries_score(BytesIO(data)),
            "recipe": None if converted else recipe_in(BytesIO(data)),
        }
    except UserError as error:
        answer["refused"], answer["values"] = error.message, error.values
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + converted)


if __name__ == "__main__":
    main()
