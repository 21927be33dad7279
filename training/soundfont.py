"""Read what a sampler needs from a SoundFont 2 bank, compressed (.sf3) or not.

Layout after the SoundFont 2.04 specification; in .sf3 files a sample is a whole Ogg Vorbis stream and its
loop points
count from its own start.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

FloatArray = npt.NDArray[np.float32]

KEY_RANGE, VELOCITY_RANGE, INSTRUMENT, SAMPLE_ID = 43, 44, 41, 53
SAMPLE_MODES, ROOT_KEY, COARSE_TUNE, FINE_TUNE = 54, 58, 51, 52
ATTACK, HOLD, DECAY, SUSTAIN, RELEASE = 34, 35, 36, 37, 38
CUTOFF, ENVELOPE_TO_CUTOFF, ENVELOPE_DELAY, ENVELOPE_ATTACK, ENVELOPE_SUSTAIN = 8, 11, 25, 26, 29
ENVELOPE_SECONDS = 0.5
"""An envelope of the filter that rises later than this is left out: most notes have ended before."""
VELOCITY_NEGATIVE_LINEAR = 0x0102
"""Source of a modulator: the velocity, 1 at its lowest and 0 at its highest."""
VELOCITY_TO_CUTOFF_CENTS = -2400
"""Amount of the default modulator from velocity to filter cut-off, SoundFont 2.04, 8.4.2."""


@dataclass(frozen=True, slots=True)
class Zone:
    """One sample of a preset.

    low, high: MIDI keys it serves.  root: MIDI pitch (with cents) at which it plays as recorded.
    loop: (start, end) in samples, or None.  attack: seconds.  decay: seconds from full level to −100 dB.
    sustain: dB below full level at which the decay stops.  release: seconds from full level to −100 dB.
    cutoff: of the low-pass filter while a note is held, in cents above 8.176 Hz; 13,500 is open.
    cutoff_fall: cents by which a modulator lowers it at the lowest velocity, in proportion to 127 − velocity.
    """

    low: int
    high: int
    sample: int
    root: float
    rate: int
    loop: tuple[int, int] | None
    attack: float
    decay: float
    sustain: float
    release: float
    cutoff: int
    cutoff_fall: int


class SoundFont:
    """A bank, read once into memory."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        self._chunks = _chunks(data)
        self._samples = [
            struct.unpack_from("<20sIIIIIBbHH", self._chunks[b"shdr"], 46 * i)
            for i in range(len(self._chunks[b"shdr"]) // 46 - 1)
        ]

    def zones(self, bank: int, program: int, velocity: int = 96) -> list[Zone]:
        """Return the zones of a preset that answer to a velocity, lowest keys first.

        Raises KeyError without one.
        """
        header = self._chunks[b"phdr"]
        count = len(header) // 38
        for i in range(count - 1):
            _, number, in_bank, first = struct.unpack_from("<20sHHH", header, 38 * i)
            if (in_bank, number) == (bank, program):
                last = struct.unpack_from("<20sHHH", header, 38 * (i + 1))[3]
                return sorted(self._preset_zones(first, last, velocity), key=lambda z: (z.low, z.root))
        raise KeyError((bank, program))

    def wave(self, zone: Zone) -> FloatArray:
        """Return the samples of a zone, float32 [n]."""
        header = self._samples[zone.sample]
        start, end, kind = header[1], header[2], header[9]
        raw = self._chunks[b"smpl"]
        if kind & 0x10:
            wave, _ = soundfile.read(io.BytesIO(raw[start:end]), dtype="float32")
            return np.asarray(wave if wave.ndim == 1 else wave.mean(1), np.float32)
        return np.asarray(np.frombuffer(raw[2 * start : 2 * end], "<i2") / 32768, np.float32)

    def _preset_zones(self, first: int, last: int, velocity: int) -> list[Zone]:
        out: list[Zone] = []
        shared: dict[int, int] = {}
        for bag in range(first, last):
            own = self._generators(b"pbag", b"pgen", bag)
            if INSTRUMENT not in own:
                shared = own
                continue
            merged = shared | own
            if not _answers(merged, velocity):
                continue
            out.extend(self._instrument_zones(merged, velocity))
        return out

    def _instrument_zones(self, preset: dict[int, int], velocity: int) -> list[Zone]:
        instruments = self._chunks[b"inst"]
        index = preset[INSTRUMENT]
        first = struct.unpack_from("<20sH", instruments, 22 * index)[1]
        last = struct.unpack_from("<20sH", instruments, 22 * (index + 1))[1]
        out: list[Zone] = []
        shared: dict[int, int] = {}
        shared_fall = VELOCITY_TO_CUTOFF_CENTS
        for bag in range(first, last):
            own = self._generators(b"ibag", b"igen", bag)
            fall = self._cutoff_fall(bag, shared_fall)
            if SAMPLE_ID not in own:
                shared, shared_fall = own, fall
                continue
            merged = shared | own
            if _answers(merged, velocity):
                out.append(self._zone(merged, preset, -fall))
        return out

    def _zone(self, generators: dict[int, int], preset: dict[int, int], cutoff_fall: int) -> Zone:
        def signed(key: int, default: int = 0) -> int:
            return _signed(generators.get(key, default)) + _signed(preset.get(key, 0))

        sample = generators[SAMPLE_ID]
        _, start, _, loop_start, loop_end, rate, pitch, correction, _, kind = self._samples[sample]
        root = generators.get(ROOT_KEY, 65535)
        root = pitch if root > 127 else root
        keys = generators.get(KEY_RANGE, 127 << 8)
        origin = 0 if kind & 0x10 else start
        late = _timecents(signed(ENVELOPE_DELAY, -12000)) + _timecents(signed(ENVELOPE_ATTACK, -12000))
        held = 1 - min(1000, max(0, signed(ENVELOPE_SUSTAIN))) / 1000 if late < ENVELOPE_SECONDS else 0
        looped = generators.get(SAMPLE_MODES, 0) & 1 and loop_end - loop_start > 16
        return Zone(
            low=keys & 255,
            high=keys >> 8,
            sample=sample,
            root=root - signed(COARSE_TUNE) - (signed(FINE_TUNE) + correction) / 100,
            rate=rate,
            loop=(loop_start - origin, loop_end - origin) if looped else None,
            attack=_timecents(signed(ATTACK, -12000)),
            decay=_timecents(signed(DECAY, -12000)),
            sustain=min(100.0, max(0, signed(SUSTAIN)) / 10),
            release=_timecents(signed(RELEASE, -12000)),
            cutoff=min(13_500, signed(CUTOFF, 13_500) + round(signed(ENVELOPE_TO_CUTOFF) * held)),
            cutoff_fall=cutoff_fall,
        )

    def _generators(self, bags: bytes, generators: bytes, bag: int) -> dict[int, int]:
        first = struct.unpack_from("<H", self._chunks[bags], 4 * bag)[0]
        last = struct.unpack_from("<H", self._chunks[bags], 4 * bag + 4)[0]
        return dict(struct.unpack_from("<HH", self._chunks[generators], 4 * i) for i in range(first, last))

    def _cutoff_fall(self, bag: int, shared: int) -> int:
        """Return the amount of an instrument zone's modulator from velocity to cut-off, in cents."""
        first, last = (struct.unpack_from("<H", self._chunks[b"ibag"], 4 * n + 2)[0] for n in (bag, bag + 1))
        for i in range(first, last):
            source, target, amount = struct.unpack_from("<HHh", self._chunks[b"imod"], 10 * i)
            if (source, target) == (VELOCITY_NEGATIVE_LINEAR, CUTOFF):
                return int(amount)
        return shared


def _answers(generators: dict[int, int], velocity: int) -> bool:
    span = generators.get(VELOCITY_RANGE, 127 << 8)
    return (span & 255) <= velocity <= (span >> 8)


def _signed(value: int) -> int:
    return value - 65536 if value > 32767 else value


def _timecents(value: int) -> float:
    return float(2 ** (value / 1200)) if value > -12000 else 0.001


def _chunks(data: bytes) -> dict[bytes, bytes]:
    out: dict[bytes, bytes] = {}

    def walk(start: int, end: int) -> None:
        while start + 8 <= end:
            name, size = struct.unpack_from("<4sI", data, start)
            if name in (b"RIFF", b"LIST"):
                walk(start + 12, start + 8 + size)
            else:
                out[name] = data[start + 8 : start + 8 + size]
            start += 8 + size
            if size & 1 and data[start : start + 1] == b"\0":  # some writers of .sf3 leave the padding out
                start += 1

    walk(0, len(data))
    return out
