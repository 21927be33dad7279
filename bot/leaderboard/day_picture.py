"""The last day as a PNG: requests by the hour, and how long they waited. Imports matplotlib.

800 pixels wide, as the leaderboard, with type that a phone can show. Blue and orange
(Okabe and Ito 2008) differ for every kind of colour vision, and what failed is hatched as well.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_BACKGROUND, _INK, _QUIET, _GREY = "#2b2d31", "#ffffff", "#c4c9ce", "#6d7178"
_MADE, _FAILED = "#56b4e9", "#e69f00"
_DPI, _TEXT, _TITLE = 100, 15, 19


def draw_day(day: dict[str, Any]) -> bytes:
    """Return the picture of bot.policy.day.Day's figures; what it says in words stands beside it."""
    figure = Figure(figsize=(8, 6.4), dpi=_DPI, facecolor=_BACKGROUND)
    FigureCanvasAgg(figure)
    height = figure.get_size_inches()[1]
    figure.text(0.04, 1 - 0.42 / height, "The last 24 hours", color=_INK, fontsize=_TITLE, weight="bold")
    top = 1 - 1.15 / height
    requests = figure.add_axes((0.1, top - 2.2 / height, 0.86, 2.0 / height))
    waits = figure.add_axes((0.1, 0.55 / height, 0.86, 1.7 / height))
    hours = list(range(-23, 1))
    bottom = [0] * len(hours)
    for name, values, colour, hatch in (
        ("made", day["made"], _MADE, None),
        ("failed", day["failed"], _FAILED, "//"),
        ("open or cancelled", day["other"], _GREY, None),
    ):
        requests.bar(hours, values, bottom=bottom, color=colour, hatch=hatch, label=name, width=0.8)
        bottom = [low + value for low, value in zip(bottom, values, strict=True)]
    _style(requests, "Requests by the hour", max([*bottom, 1]))
    requests.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=3,
        columnspacing=1.2,
        handlelength=1.4,
        frameon=False,
        labelcolor=_QUIET,
        fontsize=11,
    )
    shown = [0 if wait is None else wait for wait in day["waits"]]
    waits.bar(hours, shown, color=_MADE, width=0.8)
    _style(waits, "Median wait, seconds", max([*shown, 1]))
    target = BytesIO()
    figure.savefig(target, format="png", facecolor=_BACKGROUND)
    return target.getvalue()


def _style(axes: Axes, title: str, highest: float) -> None:
    axes.set_facecolor(_BACKGROUND)
    axes.set_title(title, loc="left", color=_INK, fontsize=_TEXT)
    axes.set_xlim(-23.6, 0.6)
    axes.set_ylim(0, highest * 1.1)
    axes.set_xticks([-23, -18, -12, -6, 0], ["23 h ago", "18 h", "12 h", "6 h", "now"])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.tick_params(colors=_QUIET, labelsize=13, length=0, pad=8)
    axes.grid(axis="y", color="#404249", linewidth=1)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
