"""A comparison as a PNG. Imports matplotlib."""

from __future__ import annotations

from io import BytesIO
from statistics import fmean, pstdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bot.audio.picture import BACKGROUND, INK
from bot.comparison.results import PUBLISHED, PUBLISHED_ON, Comparison

_COLOURS = ("#7cc4ff", "#ffb454", "#9be28a", "#e59bff", "#ff8f8f", "#d8d8e0")
_DPI = 100
_INCHES = (8.0, 8.4)
"""800 pixels: twice a phone's width, where letters of 11 points still have 8 pixels."""


def draw(found: Comparison) -> bytes:
    """Return a PNG with time against length, memory, sound over seeds, and time and distance by steps."""
    figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor=BACKGROUND, layout="constrained")
    FigureCanvasAgg(figure)
    (times, memory), (sound, steps) = figure.subplots(2, 2)
    colours = [_COLOURS[number % len(_COLOURS)] for number in range(len(found.models))]
    names = [f"{one.mode}: {one.name}" for one in found.models]
    _times(times, found, colours, names)
    _bars(
        memory,
        "peak memory, GB (× published)",
        [one.mode for one in found.models],
        colours,
        [one.peak_gb or 0 for one in found.models],
    )
    for number, model in enumerate(found.models):
        if (published := PUBLISHED.get(model.mode)) is not None:
            memory.plot([number], [published.memory_gb], "x", color=INK, markersize=10)
    low_mids = [[100 * one.low_mids for one in model.sounds] for model in found.models]
    _bars(
        sound,
        "energy 200–500 Hz, % of all",
        [one.mode for one in found.models],
        colours,
        [fmean(values) if values else 0 for values in low_mids],
        [pstdev(values) if values else 0 for values in low_mids],
    )
    _steps(steps, found, colours)
    figure.suptitle(f"{found.processor}, {len(found.seeds)} seeds", color=INK, fontsize=12)
    handles, labels = times.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=2, frameon=False, labelcolor=INK, fontsize=11
    )
    written = BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()


def _times(axes: Axes, found: Comparison, colours: list[str], names: list[str]) -> None:
    _style(axes, "time to render, s")
    for model, colour, name in zip(found.models, colours, names, strict=True):
        lengths = sorted(model.seconds)
        means = [fmean(model.seconds[length]) for length in lengths]
        axes.plot(lengths, means, "o-", color=colour, label=name)
        if (published := PUBLISHED.get(model.mode)) is not None:
            axes.plot(
                list(published.seconds),
                list(published.seconds.values()),
                "x--",
                color=colour,
                alpha=0.6,
                label=f"{model.mode}: published, {PUBLISHED_ON}",
            )
    axes.set_xlabel("length of the clip, s", color=INK, fontsize=11)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")


def _steps(axes: Axes, found: Comparison, colours: list[str]) -> None:
    _style(axes, "distance to most steps, dB")
    swept = False
    for model, colour in zip(found.models, colours, strict=True):
        if model.steps:
            swept = True
            axes.plot([p.seconds for p in model.steps], [p.distance for p in model.steps], "o-", color=colour)
            for point in model.steps:
                axes.annotate(
                    str(point.steps),
                    (point.seconds, point.distance),
                    (4, 5),
                    textcoords="offset points",
                    color=INK,
                    fontsize=10,
                )
    axes.margins(0.12)
    axes.set_xlabel("time to render, s; the number is the steps", color=INK, fontsize=11)
    if not swept:
        axes.text(0.5, 0.5, "no model has steps", color=INK, ha="center", transform=axes.transAxes)


def _bars(
    axes: Axes, title: str, names: list[str], colours: list[str], values: list[float], errors: Any = None
) -> None:
    _style(axes, title)
    axes.bar(range(len(values)), values, color=colours, yerr=errors, ecolor=INK, capsize=5)
    axes.set_xticks(range(len(values)), names)


def _style(axes: Axes, title: str) -> None:
    axes.set_facecolor(BACKGROUND)
    axes.set_title(title, color=INK, fontsize=12)
    axes.tick_params(which="both", colors=INK, labelsize=11)
    for side in axes.spines.values():
        side.set_color(INK)
