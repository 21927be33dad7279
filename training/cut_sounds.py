"""Cut the sampler's sounds out of a SoundFont bank: `python -m training.cut_sounds BANK.sf3 OUT_FOLDER`.

Writes one Ogg Vorbis file an instrument, one for the drums, and `index.json` with the offset, pitch and loop
of every sample, the attack, release and low-pass filter of every velocity layer, and the gains that
`training.balance` measures. Sounds that die away are baked with their envelope; sounds that last keep a loop
with a crossfaded seam.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal
import soundfile

from bot.engines.score.bank import (
    DRUM_LAYER_VELOCITIES,
    LAYER_VELOCITIES,
    LONGEST_RELEASE,
    OPEN_HERTZ,
    SAMPLE_RATE,
)
from bot.engines.score.drums import STROKES
from bot.engines.score.programs import KITS, PROGRAMS, Program
from training.balance import balanced
from training.soundfont import VELOCITY_TO_CUTOFF_CENTS, FloatArray, SoundFont, Zone

PITCH_SPACING = {"piano": 3}
"""Instrument → semitones between its samples, at most."""
PITCH_SPACING_ELSE = 6
LASTING_SECONDS = 2.0
DYING_SECONDS = {"piano": 4.0, "electric piano": 3.2, "harp": 3.2, "vibraphone": 3.2, "tubular bells": 4.0}
"""Instrument → seconds kept of a sound that dies away."""
DYING_SECONDS_ELSE = 2.4
DRUM_SECONDS = {"crash": 2.6, "ride": 2.2, "open hat": 1.6, "concert cymbal": 2.6, "gran cassa": 2.0}
DRUM_SECONDS_ELSE = 1.3
SHORTEST_RELEASE = 0.05
"""Seconds; some zones of the bank have none at all, which would click."""
LEVEL = 0.12
"""RMS of the loudest 0.3 s that every sample is brought to; the peak stays under 0.95."""


def cut(font: SoundFont, folder: Path, velocity: int, quality: float) -> None:
    """Write all sounds of a bank into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    index: dict[str, Any] = {"sample_rate": SAMPLE_RATE, "programs": {}, "drums": {}}
    files: dict[str, str] = {}
    for program in PROGRAMS:
        if program.gm is not None:
            entry, wave = _cut_program(font, program, velocity)
            # Two presets of the same samples share a file.
            file = files.setdefault(hashlib.sha256(wave.tobytes()).hexdigest(), entry["file"])
            if file == entry["file"]:
                _write(folder / file, wave, quality)
            index["programs"][program.name] = entry | {"file": file}
    index["drums"] = _cut_drums(font, folder, quality)
    index["gains"] = dict.fromkeys((*(p.name for p in PROGRAMS), *KITS), 1.0)
    _write_index(folder, index)
    index["gains"] = balanced(folder)
    _write_index(folder, index)


def _write_index(folder: Path, index: dict[str, Any]) -> None:
    (folder / "index.json").write_text(json.dumps(index, separators=(",", ":")) + "\n")


def _cut_program(font: SoundFont, program: Program, velocity: int) -> tuple[dict[str, Any], FloatArray]:
    """Return an instrument's entry of the index, and its samples one after the other."""
    assert program.gm is not None
    zones = font.zones(0, program.gm, velocity)
    low, high = program.low, program.high
    count = max(1, math.ceil((high - low) / PITCH_SPACING.get(program.name, PITCH_SPACING_ELSE)))
    targets = [low + (high - low) * (i + 0.5) / count for i in range(count)]
    chosen: list[Zone] = []
    for target in targets:
        zone = _zone_at(zones, round(target))
        if all(abs(zone.root - other.root) >= 1 for other in chosen):
            chosen.append(zone)
    chosen.sort(key=lambda z: z.root)
    waves: list[FloatArray] = []
    entries: list[dict[str, Any]] = []
    offset = 0
    for zone in chosen:
        wave, loop = _sound(font, zone, DYING_SECONDS.get(program.name, DYING_SECONDS_ELSE))
        entries.append(
            {
                "root": round(zone.root, 2),
                "start": offset,
                "length": len(wave),
                "loop": loop,
            }
        )
        waves += [wave, np.zeros(320, np.float32)]
        offset += len(wave) + 320
    name = program.name.replace(" ", "_") + ".ogg"
    return {"file": name, "layers": _layers(font, program), "samples": entries}, np.concatenate(waves)


def _layers(font: SoundFont, program: Program) -> list[tuple[float, float, int | None]]:
    """Return attack and release in seconds and cut-off in Hz of an instrument at each of LAYER_VELOCITIES."""
    assert program.gm is not None
    velocities = [round(127 * velocity) for velocity in LAYER_VELOCITIES]
    zones = [_zone_at(font.zones(0, program.gm, velocity), program.centre) for velocity in velocities]
    return [
        (round(zone.attack, 3), round(_release(zone), 3), cutoff)
        for zone, cutoff in zip(zones, _cutoffs(zones, velocities), strict=True)
    ]


def _release(zone: Zone) -> float:
    """Return the seconds in which a note falls by 60 dB: a bank gives those to 100 dB."""
    return min(max(0.6 * zone.release, SHORTEST_RELEASE), LONGEST_RELEASE)


def _cutoffs(zones: list[Zone], velocities: list[int]) -> list[int | None]:
    """Return the cut-off in Hz at each velocity, None for an open filter.

    Where the bank has zones of other cut-offs for other velocities, these; else the modulator from velocity
    to cut-off, which by default lowers it by 2,400 cents over all velocities.
    """
    cents = [float(zone.cutoff) for zone in zones]
    if len(set(cents)) == 1:
        cents = _fallen(cents, velocities, zones[0].cutoff_fall)
    return _hertz(cents)


def _drum_cutoffs(zones: list[Zone], velocities: list[int]) -> list[int | None]:
    """Return the same for a drum: the bank's zones and the default modulator, which the bank switches off.

    Its zones alone make a ghost note on the snare 13 % darker than an accent.
    """
    return _hertz(_fallen([float(zone.cutoff) for zone in zones], velocities, -VELOCITY_TO_CUTOFF_CENTS))


def _fallen(cents: list[float], velocities: list[int], fall: int) -> list[float]:
    return [cutoff - fall * (127 - v) / 127 for cutoff, v in zip(cents, velocities, strict=True)]


def _hertz(cents: list[float]) -> list[int | None]:
    hertz = [round(440 * 2 ** ((cutoff / 100 - 69) / 12)) for cutoff in cents]
    return [cutoff if cutoff < OPEN_HERTZ else None for cutoff in hertz]


def _zone_at(zones: list[Zone], key: int) -> Zone:
    inside = [z for z in zones if z.low <= key <= z.high]
    return min(inside or zones, key=lambda z: abs(z.root - key))


def _sound(font: SoundFont, zone: Zone, dying_seconds: float) -> tuple[FloatArray, list[int] | None]:
    wave = font.wave(zone)
    lasting = zone.loop is not None and (zone.sustain < 30 or zone.decay < 0.5)
    seconds = LASTING_SECONDS if lasting else dying_seconds
    if zone.loop is not None:
        wave = _unrolled(wave, zone.loop, round(zone.rate * (seconds + 0.2)))
    wave = _resampled(wave[: round(zone.rate * (seconds + 0.2))], zone.rate)
    if lasting:
        wave, loop = _looped(wave[: round(SAMPLE_RATE * seconds)])
        return _levelled(wave), loop
    wave = wave[: round(SAMPLE_RATE * seconds)]
    if zone.decay > 0.5 and zone.sustain >= 30:
        envelope = 10 ** (-100 / zone.decay * np.arange(len(wave)) / SAMPLE_RATE / 20)
        wave = np.asarray(wave * envelope, np.float32)
    wave = _trimmed(wave)
    fade = min(len(wave) // 3, round(0.5 * SAMPLE_RATE))
    wave[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32) ** 2
    return _levelled(wave), None


def _unrolled(wave: FloatArray, loop: tuple[int, int], samples: int) -> FloatArray:
    start, end = loop
    end = min(end, len(wave))
    if len(wave) >= samples and end >= samples:
        return wave
    body = wave[start:end]
    repeats = max(0, math.ceil((samples - end) / max(1, len(body))))
    return np.concatenate([wave[:end], *([body] * repeats)])


def _looped(wave: FloatArray) -> tuple[FloatArray, list[int]]:
    """Loop the last part of a steady sound.

    The seam is a crossfade at the lag where both sides agree best.
    """
    fade = round(0.08 * SAMPLE_RATE)
    end = len(wave)
    tail = wave[end - fade :]
    first, last = round(0.45 * end), round(0.7 * end)
    region = wave[first - fade : last]
    match = scipy.signal.fftconvolve(region, tail[::-1], "valid")
    energy = scipy.signal.fftconvolve(region**2, np.ones(fade, np.float32), "valid")
    start = first + int(np.argmax(match / np.sqrt(np.maximum(energy, 1e-9))))
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    out = wave.copy()
    out[end - fade :] = tail * (1 - ramp) + wave[start - fade : start] * ramp
    return out, [start, end]


def _resampled(wave: FloatArray, rate: int) -> FloatArray:
    divisor = math.gcd(rate, SAMPLE_RATE)
    if rate // divisor > 4000:
        return np.asarray(scipy.signal.resample(wave, round(len(wave) * SAMPLE_RATE / rate)), np.float32)
    return np.asarray(scipy.signal.resample_poly(wave, SAMPLE_RATE // divisor, rate // divisor), np.float32)


def _trimmed(wave: FloatArray) -> FloatArray:
    loud = np.flatnonzero(np.abs(wave) > 0.002 * np.abs(wave).max())
    return wave[: int(loud[-1]) + 1].copy()


def _levelled(wave: FloatArray) -> FloatArray:
    window = min(len(wave), round(0.3 * SAMPLE_RATE))
    power = scipy.signal.fftconvolve(wave**2, np.ones(window, np.float32) / window, "valid")
    gain = min(LEVEL / math.sqrt(max(float(power.max()), 1e-9)), 0.95 / float(np.abs(wave).max()))
    return np.asarray(wave * gain, np.float32)


def _cut_drums(font: SoundFont, folder: Path, quality: float) -> dict[str, Any]:
    waves: list[FloatArray] = []
    out: dict[str, Any] = {"file": "drums.ogg", "samples": {}}
    offset = 0
    velocities = [round(127 * velocity) for velocity in DRUM_LAYER_VELOCITIES]
    for name, (preset, key) in STROKES.items():
        zone = _zone_at(font.zones(128, preset, 110), key)
        layers = [_zone_at(font.zones(128, preset, velocity), key) for velocity in velocities]
        wave = font.wave(zone)
        pitch = 2 ** ((key - zone.root) / 12)
        wave = _resampled(wave[: round(zone.rate * 4.0)], zone.rate)
        if abs(pitch - 1) > 0.01:
            wave = np.interp(np.arange(0, len(wave) - 1, pitch), np.arange(len(wave)), wave).astype(
                np.float32
            )
        wave = _trimmed(wave)[: round(DRUM_SECONDS.get(name, DRUM_SECONDS_ELSE) * SAMPLE_RATE)]
        fade = min(len(wave) // 4, round(0.2 * SAMPLE_RATE))
        wave[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        wave = np.asarray(wave * (0.9 / np.abs(wave).max()), np.float32)
        out["samples"][name] = {
            "start": offset,
            "length": len(wave),
            "cutoffs": _drum_cutoffs(layers, velocities),
        }
        waves += [wave, np.zeros(320, np.float32)]
        offset += len(wave) + 320
    _write(folder / out["file"], np.concatenate(waves), quality)
    return out


def _write(path: Path, wave: FloatArray, quality: float) -> None:
    """Write Ogg Vorbis in short blocks: libsndfile overflows its stack on long ones."""
    with soundfile.SoundFile(
        path, "w", SAMPLE_RATE, 1, format="OGG", subtype="VORBIS", compression_level=1 - quality
    ) as file:
        for start in range(0, len(wave), 8192):
            file.write(wave[start : start + 8192])


def main() -> None:
    """Cut a bank as the command line asks."""
    parser = argparse.ArgumentParser(description="Cut the sampler's sounds out of a SoundFont bank.")
    parser.add_argument("bank", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--velocity", type=int, default=96)
    parser.add_argument("--quality", type=float, default=0.6, help="Vorbis quality, 0 to 1")
    args = parser.parse_args()
    cut(SoundFont(args.bank), args.folder, args.velocity, args.quality)


if __name__ == "__main__":
    main()
