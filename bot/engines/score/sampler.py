"""The sampler: plays a score with recorded and synthesised instruments. Deterministic, numpy alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from bot.engines.score import mix, synth
from bot.engines.score.bank import SAMPLE_RATE, Bank, Sample
from bot.engines.score.drums import KIT_STROKES
from bot.engines.score.format import BASS, CHORD, COUNTER, DRUMS, LEAD, Score
from bot.engines.score.looping import playing, playing_in_circle
from bot.engines.score.notes import Hit, Note
from bot.engines.score.programs import MIXES, PROGRAMS

FloatArray = npt.NDArray[np.float32]

PAN = {CHORD: -0.22, BASS: 0.0, LEAD: 0.08, COUNTER: 0.34}
ROLE_GAIN = {CHORD: 0.5, BASS: 0.85, LEAD: 1.0, COUNTER: 0.7}
DRUM_GAIN = 0.42
SYNTH_LEVEL = 0.24
"""Brings a synthesised tone (RMS 0.5) to about the level of the recorded ones."""
LENGTH_GRAIN = 256
"""Notes are rendered in lengths of this many samples, so that repeated ones are rendered once."""


class Sampler:
    """Plays scores with the sounds of one bank."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def render(
        self,
        score: Score,
        seconds: float,
        seed: int = 0,
        on_progress: Callable[[float], None] = lambda share: None,
        *,
        loop: bool = False,
    ) -> FloatArray:
        """Return a clip, float32 [2, n], exactly round(seconds · 32,000) samples.

        Same score and seed, same clip.

        on_progress(share) is called ten times meanwhile; an error that it raises ends the rendering.
        loop: the clip is as long as the score's whole bars, and its end runs into its beginning.
        """
        performed = playing_in_circle(score, seed) if loop else playing(score, seconds, seed)
        notes, hits, samples = performed.notes, performed.hits, performed.samples
        reported = -1

        def on_note(number: int) -> None:
            nonlocal reported
            if number * 10 // len(notes) > reported:
                reported = number * 10 // len(notes)
                on_progress(number / len(notes))

        def dry(first: int, stop: int) -> tuple[FloatArray, FloatArray]:
            return self._music(notes, first, stop, on_note)[0], self._drums(hits, first, stop)

        beat = 60 / score.tempo
        how = mix.mix_of(MIXES[score.mix], performed.circle)
        out = mix.mixed(dry, samples, _kicks(hits, samples), how, beat, SAMPLE_RATE, seed)
        on_progress(1.0)
        return np.ascontiguousarray(out[:, performed.first : performed.stop])

    def render_parts(
        self, score: Score, seconds: float, seed: int = 0, *, loop: bool = False
    ) -> list[FloatArray]:
        """Return the clip's five roles and the mix's noise, each float32 [2, n], which add up to `render`."""
        performed = playing_in_circle(score, seed) if loop else playing(score, seconds, seed)
        hits, samples = performed.hits, performed.samples
        music = self._music(performed.notes, 0, samples, lambda number: None, separate=True)
        drums, kicks = self._drums(hits, 0, samples), _kicks(hits, samples)
        how = mix.mix_of(MIXES[score.mix], performed.circle)
        parts = mix.mixed_parts(music, drums, kicks, how, 60 / score.tempo, SAMPLE_RATE, seed)
        return [part[:, performed.first : performed.stop] for part in parts]

    def _music(
        self,
        notes: list[Note],
        first: int,
        stop: int,
        on_note: Callable[[int], None],
        *,
        separate: bool = False,
    ) -> list[FloatArray]:
        """Return the four roles with notes from one sample up to another, added up or each for itself."""
        music = [np.zeros((2, stop - first), np.float32) for _ in range(DRUMS if separate else 1)]
        rendered: dict[tuple[int, int, int], FloatArray] = {}
        for number, note in enumerate(notes):
            start = round(note.start * SAMPLE_RATE)
            if start >= stop:
                break
            on_note(number)
            grains = -(-round(note.length * SAMPLE_RATE) // LENGTH_GRAIN)
            length = grains * LENGTH_GRAIN
            if start + length + _release(note.program) <= first:
                continue
            key = (note.program, note.pitch, grains)
            if key not in rendered:
                rendered[key] = self._note(note, length)
            gain = ROLE_GAIN[note.role] * PROGRAMS[note.program].gain * note.velocity**1.5
            wave = _panned(rendered[key], PAN[note.role], gain)
            _add(music[note.role if separate else 0], wave, start - first)
        return music

    def _note(self, note: Note, length: int) -> FloatArray:
        program = PROGRAMS[note.program]
        release = _release(note.program)
        total = length + release
        if program.gm is None:
            frequency = 440 * 2 ** ((note.pitch - 69) / 12)
            wave = SYNTH_LEVEL / 0.12 * 0.5 * synth.tone(program.name, frequency, total, SAMPLE_RATE)
        else:
            voice = self._bank.voice(program.name)
            wave = _bent(voice.nearest(note.pitch), note.pitch, total)[None]
            rise = min(total, max(32, round(voice.attack * SAMPLE_RATE)))
            wave[:, :rise] *= np.linspace(0, 1, rise, dtype=np.float32)
        if wave.shape[1] > length:
            fall = np.exp(-4.0 * np.arange(wave.shape[1] - length) / max(1, release))
            fall[-64:] *= np.linspace(1, 0, len(fall[-64:]))
            wave[:, length:] *= fall.astype(np.float32)
        return wave

    def _drums(self, hits: list[Hit], first: int, stop: int) -> FloatArray:
        out = np.zeros((2, stop - first), np.float32)
        waves: dict[tuple[int, int, int], FloatArray] = {}
        for hit in hits:
            stroke = KIT_STROKES[hit.kit][hit.part][hit.state]
            start = round(hit.start * SAMPLE_RATE)
            if start >= stop:
                break
            key = (hit.kit, hit.part, hit.state)
            if key not in waves:
                wave = self._bank.stroke(stroke.sound)
                if stroke.pitch != 1.0:
                    position = np.arange(0, len(wave) - 1, stroke.pitch)
                    wave = np.interp(position, np.arange(len(wave)), wave).astype(np.float32)
                waves[key] = _panned(wave[None], stroke.pan, stroke.gain * DRUM_GAIN)
            _add(out, waves[key], start - first, hit.velocity**1.5)
        return out


def _kicks(hits: list[Hit], samples: int) -> list[float]:
    """Return when the bass drum is struck in a clip of so many samples, in seconds."""
    return [hit.start for hit in hits if hit.part == 0 and round(hit.start * SAMPLE_RATE) < samples]


def _release(program: int) -> int:
    """Return how many samples a note of an instrument sounds on after its end."""
    return round(PROGRAMS[program].release * SAMPLE_RATE)


def _add(into: FloatArray, wave: FloatArray, start: int, gain: float | None = None) -> None:
    """Add what lies in `into` [2, n] of a wave [2, m] that begins at one of its samples, or before it."""
    if start + wave.shape[1] <= 0:
        return
    part = wave[:, max(0, -start) : into.shape[1] - start]
    start = max(0, start)
    into[:, start : start + part.shape[1]] += part if gain is None else gain * part


def _panned(wave: FloatArray, pan: float, gain: float) -> FloatArray:
    """Place a wave [1 or 2, n] between left (−1) and right (1) at constant power."""
    angle = (pan + 1) * np.pi / 4
    sides = np.array([[np.cos(angle)], [np.sin(angle)]], np.float32) * np.float32(gain * np.sqrt(2))
    return np.asarray(wave * sides, np.float32)


def _bent(sample: Sample, pitch: float, samples: int) -> FloatArray:
    """Return a recorded note bent to a MIDI pitch, float32 [samples].

    Silent after its end unless it loops.
    """
    ratio = float(2 ** ((pitch - sample.root) / 12))
    wave = sample.wave
    position = np.arange(samples, dtype=np.float64) * ratio
    if sample.loop is None:
        inside = position[: int(np.searchsorted(position, len(wave) - 1))]
        out = np.zeros(samples, np.float32)
        out[: len(inside)] = _read(wave, inside)
        return out
    start, end = sample.loop
    over = position >= end - 1
    position[over] = start + (position[over] - start) % (end - 1 - start)
    return _read(wave, position)


def _read(wave: FloatArray, position: npt.NDArray[np.float64]) -> FloatArray:
    low = position.astype(np.int64)
    part = (position - low).astype(np.float32)
    return np.asarray(wave[low] + part * (wave[np.minimum(low + 1, len(wave) - 1)] - wave[low]), np.float32)
