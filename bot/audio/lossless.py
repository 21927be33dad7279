"""A mastered wave as a WAV or FLAC file of 24 bits, with the tag of an MP3 in the format's own place.

The quantization noise of 24 bits lies at −146 dBFS, below any converter's, so that no dither is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from mutagen.flac import FLAC, FLACNoHeaderError, Picture
from mutagen.id3 import ID3

from bot.audio.encoding import Encoding, measured
from bot.audio.endings import LOSSLESS
from bot.audio.master import Mastered

_CHUNK_HEADER = struct.Struct("<4sI")


def encode(mastered: Mastered, rate: int, ending: str, folder: Path) -> Encoding:
    """Write a mastered wave into a scratch folder, and measure what the file holds."""
    file = folder / f"clip{ending}"
    with soundfile.SoundFile(
        file, "w", rate, mastered.channels, format=LOSSLESS[ending], subtype="PCM_24"
    ) as written:
        for part in mastered.parts():
            # Rounded here: libsndfile scales floating point differently for each format.
            written.write(np.rint(np.clip(part.T, -1.0, 1.0) * (2.0**23 - 1)).astype(np.int32) << 8)
    return measured(file, mastered.peak_limited)


def add_tag(file: Path, tag: bytes) -> None:
    """Add an ID3v2 tag to a WAV as its chunk `id3 `, to a FLAC as Vorbis comments of the same names."""
    if file.suffix == ".wav":
        _append_chunk(file, tag)
        return
    frames, audio = ID3(BytesIO(tag)), FLAC(file)
    for frame in frames.getall("TIT2"):
        audio["title"] = frame.text
    for frame in frames.getall("TPE1"):
        audio["artist"] = frame.text
    for frame in frames.getall("TXXX"):
        audio[frame.desc] = frame.text
    for frame in frames.getall("APIC"):
        picture = Picture()
        picture.type, picture.mime, picture.data = frame.type, frame.mime, frame.data
        audio.add_picture(picture)
    audio.save()


def wav_tag(file: BinaryIO, limit: int) -> bytes:
    """Return at most `limit` bytes of the ID3v2 tag of an open WAV file, empty where it has none."""
    for name, size in _chunks(file):
        if name.lower() == b"id3 ":
            return file.read(min(size, limit))
    return b""


def flac_comment(file: BinaryIO, name: str) -> str | None:
    """Return a Vorbis comment of an open FLAC file, None where it has none. Raises MutagenError."""
    try:
        return next(iter(FLAC(file).get(name) or ()), None)
    except FLACNoHeaderError:
        return None


def _append_chunk(file: Path, data: bytes) -> None:
    """Append a chunk to a RIFF file; chunks begin at even offsets, and the file's header counts them all."""
    with file.open("rb+") as opened:
        opened.seek(0, 2)
        opened.write(_CHUNK_HEADER.pack(b"id3 ", len(data)) + data + b"\0" * (len(data) % 2))
        size = opened.tell() - _CHUNK_HEADER.size
        opened.seek(0)
        opened.write(_CHUNK_HEADER.pack(b"RIFF", size))


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield name and size of each chunk of a WAV file, positioned at its data."""
    at = 12
    while True:
        file.seek(at)
        header = file.read(_CHUNK_HEADER.size)
        if len(header) < _CHUNK_HEADER.size:
            return
        name, size = _CHUNK_HEADER.unpack(header)
        yield name, size
        at += _CHUNK_HEADER.size + size + size % 2
