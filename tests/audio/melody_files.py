"""Audio files of every kind, good, odd and hostile, made by the bundled ffmpeg."""

from __future__ import annotations

import struct
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from bot.audio import ffmpeg

HZ = 500.0
TONE = ["-f", "lavfi", "-i", f"sine={HZ:g}:duration=2:sample_rate=44100"]


def made(folder: Path, name: str, *options: str, source: list[str] = TONE) -> bytes:
    """Return a file that ffmpeg writes; the suffix of its name decides the container."""
    out = folder / name
    command = [ffmpeg.executable(), "-nostdin", "-v", "error", "-y", *source, *options, str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out.read_bytes()


def wav(wave: np.ndarray, rate: int = 16_000, subtype: str = "FLOAT") -> bytes:
    """Return a WAV of a wave [samples] or [samples, channels]."""
    written = BytesIO()
    soundfile.write(written, wave, rate, format="WAV", subtype=subtype)
    return written.getvalue()


def sine(seconds: float = 2.0, rate: int = 16_000, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * HZ * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def with_one(value: float) -> bytes:
    """A tone whose last sample is this."""
    wave = sine()
    wave[-1] = value
    return wav(wave)


def streamed() -> bytes:
    """A WAV whose writer could not go back to fill in the length: 0, as some recorders leave it."""
    data = bytearray(wav(sine(), subtype="PCM_16"))
    place = data.index(b"data") + 4
    data[place : place + 4] = bytes(4)
    data[4:8] = bytes(4)
    return bytes(data)


def amr(seconds: float = 2.0) -> bytes:
    """AMR-NB at 12.2 kbit/s: frames of 20 ms, which this ffmpeg reads and does not write. Noise of a kind."""
    frames = np.random.default_rng(4).integers(0, 256, (round(seconds * 50), 31), dtype=np.uint8)
    return b"#!AMR\n" + b"".join(b"\x3c" + frame.tobytes() for frame in frames)


def ape_tagged(mp3: bytes) -> bytes:
    """An MP3 behind an APEv2 tag, which belongs at the end."""
    item = struct.pack("<II", 4, 0) + b"Title\0tune"
    head = b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, 0xA0000000) + bytes(8)
    foot = b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, 0x80000000) + bytes(8)
    return head + item + foot + mp3


def tracker_module() -> bytes:
    """A ProTracker module: a score and its instrument, which ffmpeg hands to a synthesizer."""
    length = 4_000
    header = b"square".ljust(22, b"\0") + struct.pack(">HBBHH", length // 2, 0, 64, 0, length // 2)
    nothing = bytes(22) + struct.pack(">HBBHH", 0, 0, 0, 0, 1)
    row = struct.pack(">I", (428 << 16) | (1 << 12)) + bytes(12)
    pattern = (row + bytes(16) * 7) * 8
    square = (b"\x60" * 8 + b"\xa0" * 8) * (length // 16)
    order = bytes([1, 127]) + bytes(128)
    return b"tune".ljust(20, b"\0") + header + nothing * 30 + order + b"M.K." + pattern + square


def long_flac(wave: np.ndarray, times: int, rate: int = 8_000) -> bytes:
    """A wave [samples] so many times: hours, in few bytes where it is simple."""
    written = BytesIO()
    with soundfile.SoundFile(written, "w", rate, 1, format="FLAC", subtype="PCM_16") as file:
        for _ in range(times):
            file.write(wave)
    return written.getvalue()
