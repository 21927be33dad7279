"""The sampler: plays a score with recorded and synthesised instruments. Deterministic, numpy alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.ndimage
import scipy.signal

from bot.engines.score import mix, synth
from bot.engines.score.bank import (
    DRUM_LAYER_VELOCITIES,
    LAYER_VELOCITIES,
    OPEN_HERTZ,
    SAMPLE_RATE,
    Bank,
    Sample,
    layer_of,
)
from bot.engines.score.drums import ALTERNATES, KIT_STROKES, MACHINES
from bot.engines.score.format import BASS, CHORD, COUNTER, DRUMS, LEAD, Score
from bot.engines.score.looping import playing, playing_in_circle
from bot.engines.score.notes import Hit, Note
from bot.engines.score.programs import KITS, MIXES, PROGRAMS

FloatArray = npt.NDArray[np.float32]

PAN = {CHORD: -0.22, BASS: 0.0, LEAD: 0.08, COUNTER: 0.34}
ROLE_GAIN = {CHORD: 0.5, BASS: 0.85, LEAD: 1.0, COUNTER: 0.7}
DRUM_GAIN = 0.42
SYNTH_LEVEL = 0.24
"""Brings a synthesised tone (RMS 0.5) to about the level of the recorded ones."""
FUNDAMENTALS = 2.0
"""A low-pass filter is never lower than so many times a note's own frequency."""

_Sound = tuple[int, int, int]
"""Index into PROGRAMS, MIDI pitch, index into LAYER_VELOCITIES."""


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

    def dry(self, notes: list[Note], hits: list[Hit], samples: int) -> FloatArray:
        """Return notes and strokes, each by time, without the effects of a mix, float32 [2, samples]."""
        return self._music(notes, 0, samples, lambda number: None)[0] + self._drums(hits, 0, samples)

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
        sounding: list[tuple[int, Note, _Sound, int, int]] = []
        longest: dict[_Sound, int] = {}
        for number, note in enumerate(notes):
            start, length = round(note.start * SAMPLE_RATE), round(note.length * SAMPLE_RATE)
            if start >= stop:
                break
            sound = (note.program, note.pitch, self._layer(note))
            total = length + self._release(sound)
            if start + total > first:
                sounding.append((number, note, sound, start, length))
                longest[sound] = max(total, longest.get(sound, 0))
        held: dict[_Sound, FloatArray] = {}
        for number, note, sound, start, length in sounding:
            on_note(number)
            if sound not in held:
                held[sound] = self._held(sound, longest[sound])
            gain = ROLE_GAIN[note.role] * self._bank.gain(PROGRAMS[note.program].name) * note.velocity**1.5
            release = self._release(sound)
            wave = _panned(held[sound][:, : length + release], PAN[note.role], gain)
            _add(music[note.role if separate else 0], _released(wave, length, release), start - first)
        return music

    def _layer(self, note: Note) -> int:
        return 0 if PROGRAMS[note.program].gm is None else layer_of(note.velocity, LAYER_VELOCITIES)

    def _release(self, sound: _Sound) -> int:
        """Return in how many samples a note falls by 60 dB after its end."""
        program = PROGRAMS[sound[0]]
        seconds = program.release if program.gm is None else self._bank.layers(program.name)[sound[2]].release
        return round(seconds * SAMPLE_RATE)

    def _held(self, sound: _Sound, samples: int) -> FloatArray:
        """Return the beginning of a note that does not end, float32 [1 or 2, samples], before its gain.

        It is shorter where the recording is shorter and does not loop.
        """
        number, pitch, layer_number = sound
        program = PROGRAMS[number]
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        if program.gm is None:
            return SYNTH_LEVEL / 0.12 * 0.5 * synth.tone(program.name, frequency, samples, SAMPLE_RATE)
        layer = self._bank.layers(program.name)[layer_number]
        wave = _bent(self._bank.sample(program.name, pitch), pitch, samples)[None]
        rise = max(32, round(layer.attack * SAMPLE_RATE))
        wave[:, :rise] *= np.linspace(0, 1, rise, dtype=np.float32)[: wave.shape[1]]
        return _low_passed(wave, layer.cutoff and max(layer.cutoff, FUNDAMENTALS * frequency))

    def _drums(self, hits: list[Hit], first: int, stop: int) -> FloatArray:
        out = np.zeros((2, stop - first), np.float32)
        waves: dict[tuple[int, int, int, int, int], FloatArray] = {}
        for hit in hits:
            start = round(hit.start * SAMPLE_RATE)
            if start >= stop:
                break
            layer = layer_of(hit.velocity, DRUM_LAYER_VELOCITIES)
            key = (hit.kit, hit.part, hit.state, layer, hit.alternate)
            if key not in waves:
                waves[key] = self._stroke(hit, layer)
            _add(out, waves[key], start - first, hit.velocity**1.5)
        return out

    def _stroke(self, hit: Hit, layer: int) -> FloatArray:
        """Return a drum stroke, float32 [2, n], before the gain of its velocity."""
        stroke = KIT_STROKES[hit.kit][hit.part][hit.state]
        wave = self._bank.stroke(stroke.sound)
        alternate = ALTERNATES[0 if stroke.sound in MACHINES else hit.alternate]
        pitch = stroke.pitch * alternate.pitch
        if pitch != 1.0:
            # By cubic splines: between neighbours alone, a hat would lose a third of its level.
            position = np.arange(0, len(wave) - 1, pitch)
            wave = scipy.ndimage.map_coordinates(wave, position[None], order=3, mode="nearest")
        if alternate.tilt:
            wave = wave + np.float32(alternate.tilt) * np.diff(wave, prepend=np.float32(0))
        wave = _low_passed(wave[None], self._bank.stroke_cutoff(stroke.sound, layer))
        gain = stroke.gain * self._bank.gain(KITS[hit.kit]) * DRUM_GAIN * alternate.gain
        return _panned(wave, stroke.pan, gain)


def _kicks(hits: list[Hit], samples: int) -> list[float]:
    """Return when the bass drum is struck in a clip of so many samples, in seconds."""
    return [hit.start for hit in hits if hit.part == 0 and round(hit.start * SAMPLE_RATE) < samples]


def _released(wave: FloatArray, length: int, release: int) -> FloatArray:
    """Let a wave [c, n] fall from a sample on, by 60 dB in `release` samples; in place."""
    tail = wave[:, length:]
    if tail.shape[1]:
        fall = np.exp(np.arange(tail.shape[1], dtype=np.float32) * np.float32(-3 * np.log(10) / release))
        fall[-64:] *= np.linspace(1, 0, len(fall[-64:]), dtype=np.float32)
        tail *= fall
    return wave


def _low_passed(wave: FloatArray, cutoff: float | None) -> FloatArray:
    """Return a wave [c, n] through a Butterworth low-pass of second order; cutoff in Hz, None is open."""
    if cutoff is None or cutoff > OPEN_HERTZ:
        return wave
    return np.asarray(scipy.signal.sosfilt(_low_pass(cutoff), wave), np.float32)


@lru_cache(maxsize=1024)
def _low_pass(cutoff: float) -> npt.NDArray[np.float64]:
    sections: npt.NDArray[np.float64] = scipy.signal.butter(2, cutoff, fs=SAMPLE_RATE, output="sos")
    return sections


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

    It is shorter where the recording is and does not loop.
    """
    ratio = float(2 ** ((pitch - sample.root) / 12))
    wave = sample.wave
    if sample.loop is None:
        samples = min(samples, int((len(wave) - 1) / ratio))
        return _read(wave, np.arange(samples, dtype=np.float64) * ratio)
    position = np.arange(samples, dtype=np.float64) * ratio
    start, end = sample.loop
    over = position >= end - 1
    position[over] = start + (position[over] - start) % (end - 1 - start)
    return _read(wave, position)


def _read(wave: FloatArray, position: npt.NDArray[np.float64]) -> FloatArray:
    low = position.astype(np.int64)
    part = (position - low).astype(np.float32)
    return np.asarray(wave[low] + part * (wave[np.minimum(low + 1, len(wave) - 1)] - wave[low]), np.float32)
