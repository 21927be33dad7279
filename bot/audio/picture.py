"""A clip as a picture: its waveform over its mel spectrogram, legible at the width of a phone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image
from scipy import fft, signal

from bot.audio.blocks import blocks
from bot.audio.meter import Wave

WIDTH = 800
"""Pixels; twice a phone's 400, where a label of 24 pixels is still 12."""

COVER_WIDTH = 600
MAX_COVER_BYTES = 40 * 1024
"""With the recipe it stays below `bot.audio.tags.MAX_TAG_BYTES`, within which a recipe is looked for."""

BACKGROUND, INK, SOUND = "#1b1c22", "#e6e6ec", "#7cc4ff"
COLOUR_MAP = "magma"
"""The picture brings its own dark background, so a light theme shows it no worse than a dark one. Labels and
waveform stand out from it by more than 9:1 (WCAG asks for 4.5:1), and magma rises evenly in lightness,
so nothing hangs on telling hues apart."""

TOP_HZ, PAIR_TOP_HZ = 16_000.0, 8_000.0
"""Where the frequency axis ends at most. A pair stops where every model still has sound: the end of a
spectrum would tell which model made it."""

BOTTOM_HZ = 40.0
MELS = 96
RANGE_DB = 75.0
"""From the loudest band of the picture down to black."""

_WINDOW_SECONDS = 0.046
_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP, _BETWEEN = 100, 40, 8, 40, 6, 16
_WAVEFORM_HEIGHT, _SPECTROGRAM_HEIGHT = 40, 80
_PLOT_WIDTH = WIDTH - _LEFT - _RIGHT
_LABEL_POINTS, _NAME_POINTS, _DPI = 16, 30, 100

Decibels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Clip:
    """What is drawn of a clip.

    lowest, highest: of the samples under each column of the waveform, [columns].  decibels: of the mel
    spectrogram, [MELS, columns].
    """

    lowest: npt.NDArray[np.float32]
    highest: npt.NDArray[np.float32]
    decibels: Decibels
    seconds: float
    name: str | None = None


def draw(wave: Wave, rate: int, path: Path) -> None:
    """Write a PNG of one wave [channels, samples]; its channels are drawn as their mean."""
    draw_parts(_parts(wave, rate), wave.shape[1], rate, path)


def draw_parts(parts: Iterator[Wave], samples: int, rate: int, path: Path) -> None:
    """Do what `draw` does with a wave of so many samples that comes in parts [channels, n]."""
    top_hz = min(TOP_HZ, rate / 2)
    _draw([_measured(parts, samples, rate, top_hz)], top_hz, path)


def draw_pair(a: tuple[Wave, int], b: tuple[Wave, int], path: Path) -> None:
    """Write a PNG of two waves, each with its rate in Hz, named A and B, on the same axes."""
    top_hz = min(PAIR_TOP_HZ, a[1] / 2, b[1] / 2)
    clips = [
        _measured(_parts(wave, rate), wave.shape[1], rate, top_hz, name)
        for name, (wave, rate) in zip("AB", (a, b), strict=True)
    ]
    _draw(clips, top_hz, path)


def _parts(wave: Wave, rate: int) -> Iterator[Wave]:
    return (wave[:, start:stop] for start, stop in blocks(wave.shape[1], rate))


def cover(picture: Path) -> bytes:
    """Return a clip's picture as cover art: a square JPEG, COVER_WIDTH pixels wide, MAX_COVER_BYTES at most.

    Players show covers as squares, so the picture stands in the middle of its own background.
    """
    with Image.open(picture) as drawn:
        shown = drawn.convert("RGB")
    square = Image.new("RGB", (shown.width, shown.width), BACKGROUND)
    square.paste(shown, (0, (shown.width - shown.height) // 2))
    square = square.resize((COVER_WIDTH, COVER_WIDTH), Image.Resampling.LANCZOS)
    for quality in (85, 60, 30):
        file = BytesIO()
        square.save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() <= MAX_COVER_BYTES:
            break
    return file.getvalue()


def _draw(clips: list[_Clip], top_hz: float, path: Path) -> None:
    row = _WAVEFORM_HEIGHT + _GAP + _SPECTROGRAM_HEIGHT
    height = _TOP + row * len(clips) + _BETWEEN * (len(clips) - 1) + _BOTTOM
    figure = Figure(figsize=(WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor=BACKGROUND)
    canvas = FigureCanvasAgg(figure)
    loudest = max(float(clip.decibels.max()) for clip in clips)
    peak = max(float(max(clip.highest.max(), -clip.lowest.min())) for clip in clips) or 1.0
    seconds = max(clip.seconds for clip in clips)
    for index, clip in enumerate(clips):
        floor = height - _TOP - row * (index + 1) - _BETWEEN * index
        above = _axes(figure, height, floor + _SPECTROGRAM_HEIGHT + _GAP, _WAVEFORM_HEIGHT)
        _draw_waveform(above, clip, peak)
        below = _axes(figure, height, floor, _SPECTROGRAM_HEIGHT)
        _draw_spectrogram(below, clip, loudest, top_hz)
        above.set_xlim(0, seconds)
        below.set_xlim(0, seconds)
        below.xaxis.set_major_locator(MaxNLocator(6, integer=seconds >= 3))
        below.xaxis.set_major_formatter("{x:g} s" if index + 1 == len(clips) else "")
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, "PNG")


def _axes(figure: Figure, height: int, floor: int, tall: int) -> Axes:
    axes = figure.add_axes(
        (_LEFT / WIDTH, floor / height, _PLOT_WIDTH / WIDTH, tall / height), facecolor=BACKGROUND
    )
    axes.tick_params(colors=INK, labelsize=_LABEL_POINTS, length=4, width=1)
    axes.set_frame_on(False)
    return axes


def _draw_waveform(axes: Axes, clip: _Clip, peak: float) -> None:
    time = np.linspace(0, clip.seconds, clip.lowest.size)
    axes.fill_between(time, clip.lowest, clip.highest, color=SOUND, linewidth=1)
    axes.set_ylim(-peak, peak)
    axes.set_axis_off()
    if clip.name is not None:
        style: dict[str, Any] = {
            "color": INK,
            "fontsize": _NAME_POINTS,
            "weight": "bold",
            "ha": "center",
            "va": "center",
        }
        axes.text(-_LEFT / 2 / _PLOT_WIDTH, 0.5, clip.name, transform=axes.transAxes, **style)


def _draw_spectrogram(axes: Axes, clip: _Clip, loudest: float, top_hz: float) -> None:
    span = (0, clip.seconds, float(_mel(BOTTOM_HZ)), float(_mel(top_hz)))
    shades: dict[str, Any] = {"cmap": COLOUR_MAP, "vmin": loudest - RANGE_DB, "vmax": loudest}
    axes.imshow(clip.decibels, origin="lower", aspect="auto", extent=span, interpolation="nearest", **shades)
    ticks = [hz for hz in (1_000, 4_000) if hz < top_hz]
    axes.set_yticks([float(_mel(hz)) for hz in ticks], [f"{hz // 1_000} kHz" for hz in ticks])


def _measured(
    parts: Iterator[Wave], samples: int, rate: int, top_hz: float, name: str | None = None
) -> _Clip:
    """Return what is drawn of a wave of so many samples in parts [channels, n]; none of it is kept."""
    lowest = _Columns(np.minimum, samples, _PLOT_WIDTH)
    highest = _Columns(np.maximum, samples, _PLOT_WIDTH)
    spectrogram = _MelSpectrogram(samples, rate, top_hz)
    for part in parts:
        mono = part.mean(axis=0)
        lowest.add(mono)
        highest.add(mono)
        spectrogram.add(mono)
    return _Clip(lowest.values, highest.values, spectrogram.decibels(), samples / rate, name)


class _Columns:
    """Consecutive values [..., n], as many as are announced, summed up in at most so many columns."""

    def __init__(self, reduction: np.ufunc, count: int, columns: int) -> None:
        self._reduction, self._done = reduction, 0
        self._starts = np.linspace(0, count, min(columns, count), endpoint=False).astype(int)
        self._values: npt.NDArray[np.float32] | None = None

    def add(self, values: npt.NDArray[np.float32]) -> None:
        """Take the next values."""
        stop = self._done + values.shape[-1]
        first = int(np.searchsorted(self._starts, self._done, "right")) - 1
        last = int(np.searchsorted(self._starts, stop))
        found = self._reduction.reduceat(
            values, np.maximum(self._starts[first:last] - self._done, 0), axis=-1
        )
        if self._values is None:
            self._values = np.zeros((*values.shape[:-1], self._starts.size), np.float32)
        begun = self._starts[first] < self._done
        if begun:
            found[..., 0] = self._reduction(found[..., 0], self._values[..., first])
        self._values[..., first:last] = found
        self._done = stop

    @property
    def values(self) -> npt.NDArray[np.float32]:
        """One value a column, [..., columns]."""
        assert self._values is not None, "nothing was added"
        return self._values


class _MelSpectrogram:
    """The mel spectrogram of a wave that comes in parts, at most one column for every two pixels."""

    def __init__(self, samples: int, rate: int, top_hz: float) -> None:
        size = max(16, round(_WINDOW_SECONDS * rate))
        self._window = signal.windows.hann(size, sym=False).astype(np.float32)
        columns = _PLOT_WIDTH // 2
        self._hop = max(1, min(size // 2, samples // columns))
        self._length = fft.next_fast_len(2 * size, real=True)
        self._filters = _mel_filters(self._length // 2 + 1, rate / self._length, top_hz)
        # Beside the ends of the wave there is silence, half a window of it.
        self._half, self._coming = size // 2, samples
        self._held = np.zeros(self._half, np.float32)
        count = (samples + 2 * self._half - size) // self._hop + 1
        self._columns = _Columns(np.maximum, count, columns)

    def add(self, mono: npt.NDArray[np.float32]) -> None:
        """Take the next samples [n]."""
        self._coming -= mono.size
        after = np.zeros(0 if self._coming else self._half, np.float32)
        held = np.concatenate([self._held, mono, after])
        count = (held.size - self._window.size) // self._hop + 1
        if count > 0:
            windows = np.lib.stride_tricks.sliding_window_view(held, self._window.size)[:: self._hop]
            self._columns.add(self._filters @ _power(windows * self._window, self._length).T)
            held = held[count * self._hop :].copy()
        self._held = held

    def decibels(self) -> Decibels:
        """Return [MELS, columns] in dB of power."""
        found: Decibels = 10 * np.log10(self._columns.values + np.float32(1e-12))
        return found


def _power(frames: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.float32]:
    spectrum = fft.rfft(frames, length, axis=1)
    power: npt.NDArray[np.float32] = np.square(spectrum.real) + np.square(spectrum.imag)
    return power


@lru_cache(maxsize=8)
def _mel_filters(bins: int, bin_hz: float, top_hz: float) -> npt.NDArray[np.float32]:
    """Return [MELS, bins]: HTK's triangles of height 1, evenly spaced in mel from 40 Hz to top_hz."""
    edges = np.linspace(_mel(BOTTOM_HZ), _mel(top_hz), MELS + 2)
    below, centre, above = edges[:-2, np.newaxis], edges[1:-1, np.newaxis], edges[2:, np.newaxis]
    mel = _mel(np.arange(bins) * bin_hz)
    rising, falling = (mel - below) / (centre - below), (above - mel) / (above - centre)
    return np.maximum(np.minimum(rising, falling), 0, dtype=np.float32)


def _mel(hz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return frequencies in mel as HTK does (The HTK Book, on filterbanks): 2595 · log10(1 + f / 700)."""
    mel: npt.NDArray[np.float64] = 2595 * np.log10(1 + np.asarray(hz, dtype=np.float64) / 700)
    return mel
