"""A comparison as a PNG. Imports matplotlib."""

from __future__ import annotations

from io import BytesIO
from statistics import fmean, pstdev

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from bot.audio.picture import BACKGROUND, INK
from bot.comparison.results import PUBLISHED, PUBLISHED_ON, Comparison
from bot.locale import ntr, tr

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
        tr("peak memory, GB (× published)"),
        [one.mode for one in found.models],
        colours,
        [one.peak_gb for one in found.models],
    )
    for number, model in enumerate(found.models):
        if (published := PUBLISHED.get(model.mode)) is not None:
            memory.plot([number], [published.memory_gb], "x", color=INK, markersize=10)
    low_mids = [[100 * one.low_mids for one in model.sounds] for model in found.models]
    _bars(
        sound,
        tr("energy 200–500 Hz, % of all"),
        [one.mode for one in found.models],
        colours,
        [fmean(values) if values else None for values in low_mids],
        [pstdev(values) if values else 0 for values in low_mids] if len(found.seeds) > 1 else None,
    )
    _steps(steps, found, colours)
    seeds = ntr("{count} seed", "{count} seeds", len(found.seeds))
    figure.suptitle(f"{found.processor}, {seeds}", color=INK, fontsize=12)
    handles, labels = times.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=2, frameon=False, labelcolor=INK, fontsize=11
    )
    written = BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()


def _times(axes: Axes, found: Comparison, colours: list[str], names: list[str]) -> None:
    _style(axes, tr("time to render, s"))
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
                label=f"{model.mode}: {tr('published')}, {tr(PUBLISHED_ON)}",
            )
    axes.set_xlabel(tr("length of the clip, s"), color=INK, fontsize=11)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _steps(axes: Axes, found: Comparison, colours: list[str]) -> None:
    _style(axes, tr("distance to most steps, dB"))
    swept = False
    for model, colour in zip(found.models, colours, strict=True):
        if model.steps:
            swept = True
            axes.plot([p.steps for p in model.steps], [p.distance for p in model.steps], "o-", color=colour)
    axes.set_xlabel(tr("steps"), color=INK, fontsize=11)
    if swept:
        axes.set_xscale("log")
        steps = sorted({point.steps for model in found.models for point in model.steps})
        axes.set_xticks(steps, [str(one) for one in steps])
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.text(0.5, 0.5, tr("no model has steps"), color=INK, ha="center", transform=axes.transAxes)


def _bars(
    axes: Axes,
    title: str,
    names: list[str],
    colours: list[str],
    values: list[float | None],
    errors: list[float] | None = None,
) -> None:
    """Draw a bar for each model. values: None is written, since a bar of no height would be a figure."""
    _style(axes, title)
    axes.bar(
        range(len(values)), [one or 0 for one in values], color=colours, yerr=errors, ecolor=INK, capsize=5
    )
    for number, value in enumerate(values):
        if value is None:
            axes.text(number, 0, tr("not measured"), color=INK, ha="center", va="bottom", fontsize=10)
    axes.set_xticks(range(len(values)), names)


def _style(axes: Axes, title: str) -> None:
    axes.set_facecolor(BACKGROUND)
    axes.set_title(title, color=INK, fontsize=12)
    axes.tick_params(which="both", colors=INK, labelsize=11)
    for side in axes.spines.values():
        side.set_color(INK)
