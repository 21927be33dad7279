"""The leaderboard as a PNG. Imports matplotlib: run it outside the bot's process.

Where nothing is known nothing is coloured and no point is drawn, only how wide the uncertainty is, in grey:
noise cannot be read as a win. The card has its own background, so it looks the same on Discord's dark and
light theme, and 800 pixels with type of 25 and more stay readable on a phone that shows 360. Blue and orange
(Okabe and Ito 2008) differ for every kind of colour vision, and every row says in words what it shows.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.transforms import Affine2D

from bot.arena.results import Conclusion, Leaderboard
from bot.arena.text import (
    RANKING_HEADING,
    arm_name,
    count,
    expit,
    finding,
    footnotes,
    headline,
    outlook,
    ranking_headline,
    strength_span,
    turnout_line,
)
from bot.arena.winrate import conclusion
from bot.recipe import Mode

WIDTH = 800
"""Pixels."""
ROWS = 8
"""The most rows of a breakdown on one picture; the text has them all."""

_MARGIN = 32
_BACKGROUND, _TRACK, _INK, _QUIET, _GREY = "#2b2d31", "#404249", "#ffffff", "#c4c9ce", "#8e9297"
_COLOURS = {Conclusion.DIFFUSION: "#e69f00", Conclusion.AR: "#56b4e9", Conclusion.EVEN: "#dbdee1"}
_TITLE, _HEADLINE, _TEXT = 30, 38, 25
_DPI = 100
_LINE = 200
"""Characters; even the narrowest letters do not fit more into a line."""


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    says: str
    low: float
    high: float
    rate: float
    conclusion: Conclusion


def draw(board: Leaderboard, group: str | None = None) -> bytes:
    """Return the leaderboard as a PNG 800 pixels wide: the whole, and below it the rows of one breakdown.

    group: a breakdown's name, "tag" for one; None ranks the models where there are more than two.
    Raises ValueError when the board has no such breakdown but has others.
    """
    heading, rows = _rows(board, group)
    ranking = group is None and bool(board.strengths)
    more = [f"{len(rows) - ROWS} more rows below"] if len(rows) > ROWS else []
    notes = [*footnotes(board, ranking=ranking), *more]
    rows = rows[:ROWS]
    if ranking:
        return _ranking(board, heading, rows, notes)
    below = outlook(board.overall, board.needed)
    height = 312 + 36 * bool(below) + (58 + 84 * len(rows)) * bool(rows) + 36 * len(notes)
    sheet = _Sheet(height)
    sheet.text(_MARGIN, 48, board.title, _TITLE, _QUIET)
    said = headline(board.overall, board.needed)
    sheet.text(_MARGIN, 100, said, _HEADLINE, _COLOURS.get(board.overall.conclusion, _INK), bold=True)
    y = 138.0
    if below:
        sheet.text(_MARGIN, y, below, _TEXT, _QUIET)
        y += 36
    overall = board.overall
    sheet.bar(y + 10, 34, overall.low, overall.high, overall.rate or 0.5, overall.conclusion)
    sheet.axis(y + 78)
    y += 124
    who = f"{count(overall.counts.decisive, 'vote')} · {count(overall.people, 'person', 'people')}"
    sheet.text(_MARGIN, y, f"{who} · {count(overall.duels, 'duel')}", _TEXT, _QUIET)
    y += 22
    if rows:
        y += 40
        sheet.text(_MARGIN, y, heading, _TEXT, _INK, bold=True)
        y += 18
    y = sheet.rows(y, rows) + 44
    for note in notes:
        sheet.text(_MARGIN, y, note, _TEXT, _QUIET)
        y += 36
    return sheet.png()


def _ranking(board: Leaderboard, heading: str, rows: list[_Row], notes: list[str]) -> bytes:
    """Return the models by strength, without the modes' win rate."""
    sheet = _Sheet(264 + 84 * len(rows) + 36 * len(notes))
    sheet.text(_MARGIN, 48, board.title, _TITLE, _QUIET)
    sheet.text(_MARGIN, 100, ranking_headline(board.strengths), _HEADLINE, _INK, bold=True)
    sheet.text(_MARGIN, 146, heading, _TEXT, _QUIET)
    y = sheet.rows(158, rows) + 24
    sheet.shares(y)
    y += 48
    sheet.text(_MARGIN, y, turnout_line(board), _TEXT, _QUIET)
    y += 36
    for note in notes:
        sheet.text(_MARGIN, y, note, _TEXT, _QUIET)
        y += 36
    return sheet.png()


def _rows(board: Leaderboard, group: str | None) -> tuple[str, list[_Row]]:
    if group is None:
        rows = []
        for one in board.strengths:
            low, high = expit(one.low), expit(one.high)
            said = _against_average(low, high) if one.known else Conclusion.TOO_FEW
            words = strength_span(one)
            rows.append(_Row(arm_name(one), words, low, high, expit(one.strength), said))
        return RANKING_HEADING, rows
    for found in board.groups:
        if found.name == group:
            return f"By {group}", [
                _Row(
                    cell.name,
                    finding(cell.conclusion, cell.low, cell.high),
                    cell.low,
                    cell.high,
                    cell.rate,
                    cell.conclusion,
                )
                for cell in found.cells
            ]
    if board.groups:
        known = ", ".join(found.name for found in board.groups)
        raise ValueError(f"There is no breakdown by {group}; there is by {known}.")
    return "", []


def _against_average(low: float, high: float) -> Conclusion:
    """Return how an arm is drawn; a model ahead of the average takes its colour from neither mode."""
    return (
        Conclusion.NOT_YET_KNOWN
        if low <= 0.5 <= high and conclusion(low, high) is not Conclusion.EVEN
        else Conclusion.EVEN
    )


class _Sheet:
    """A card in pixels, y downwards."""

    def __init__(self, height: float) -> None:
        # On the figure itself: axes with their ticks and spines would be a third of the work.
        self._figure = Figure(figsize=(WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor=_BACKGROUND)
        FigureCanvasAgg(self._figure)
        self._pixels = Affine2D().scale(1, -1).translate(0, height)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: int,
        colour: str,
        *,
        bold: bool = False,
        right: bool = False,
        room: float = WIDTH - 2 * _MARGIN,
    ) -> None:
        """Write one line with its baseline at y, cut to fit into so many pixels."""
        words = drawable(words)[:_LINE]
        if self.width(words, size, bold) > room:
            fits = bisect(range(len(words)), room, key=lambda n: self.width(words[:n] + "…", size, bold)) - 1
            words = words[: max(0, fits)].rstrip() + "…"
        self._figure.text(
            x,
            y,
            words,
            transform=self._pixels,
            fontsize=_points(size),
            color=colour,
            fontweight="bold" if bold else "normal",
            ha="right" if right else "left",
            va="baseline",
            parse_math=False,
        )

    def width(self, words: str, size: int, bold: bool = False) -> float:
        """Return how many pixels wide a line is."""
        font = get_font(findfont(_font(bold)))
        font.set_size(_points(size), _DPI)
        font.set_text(drawable(words), 0.0)
        return float(font.get_width_height()[0]) / 64

    def bar(self, y: float, height: float, low: float, high: float, rate: float, said: Conclusion) -> None:
        """Draw an interval of shares, 0 to 1, on its track; coloured and with a point only if it is known."""
        self._box(_MARGIN, y, WIDTH - 2 * _MARGIN, height, facecolor=_TRACK)
        left, right = _x(low), _x(high)
        if said.known:
            self._box(left, y, max(right - left, 6), height, facecolor=_COLOURS[said])
            self._add(Rectangle((_x(rate) - 3, y), 6, height, facecolor=_BACKGROUND, linewidth=0))
        elif said is Conclusion.NOT_YET_KNOWN:
            self._box(
                left, y, right - left, height, facecolor=_TRACK, edgecolor=_GREY, hatch="////", linewidth=1.5
            )
        ends = [y - 6, y + height + 6]
        self._add(Line2D([_x(0.5)] * 2, ends, color=_INK, linewidth=2, solid_capstyle="butt"))

    def rows(self, y: float, rows: list[_Row]) -> float:
        """Draw rows from y downwards, each with its name, words and bar; return where they end."""
        for row in rows:
            colour = _COLOURS.get(row.conclusion, _QUIET)
            self.text(WIDTH - _MARGIN, y + 34, row.says, _TEXT, colour, right=True)
            room = WIDTH - 3 * _MARGIN - self.width(row.says, _TEXT)
            self.text(_MARGIN, y + 34, row.name, _TEXT, _INK, room=room)
            self.bar(y + 46, 22, row.low, row.high, row.rate, row.conclusion)
            y += 84
        return y

    def axis(self, y: float) -> None:
        """Label the two ends of the axis."""
        self.text(_MARGIN, y, f"◀ {Mode.AR}", _TEXT, _COLOURS[Conclusion.AR])
        self.text(
            WIDTH - _MARGIN, y, f"{Mode.DIFFUSION} ▶", _TEXT, _COLOURS[Conclusion.DIFFUSION], right=True
        )
        self.text(_x(0.5) - self.width("50 %", _TEXT) / 2, y, "50 %", _TEXT, _QUIET)

    def shares(self, y: float) -> None:
        """Label the ends and the middle of a track of shares."""
        self.text(_MARGIN, y, "0 %", _TEXT, _QUIET)
        self.text(_x(0.5) - self.width("average", _TEXT) / 2, y, "average", _TEXT, _QUIET)
        self.text(WIDTH - _MARGIN, y, "100 %", _TEXT, _QUIET, right=True)

    def png(self) -> bytes:
        """Return the card as a PNG."""
        out = BytesIO()
        self._figure.savefig(out, format="png", metadata={"Software": None}, pil_kwargs={"compress_level": 3})
        return out.getvalue()

    def _box(self, x: float, y: float, width: float, height: float, **how: Any) -> None:
        radius = min(height, width) / 4
        style = f"round,pad=0,rounding_size={radius}"
        self._add(FancyBboxPatch((x, y), width, height, boxstyle=style, **{"linewidth": 0, **how}))

    def _add(self, artist: Artist) -> None:
        artist.set_transform(self._pixels)
        self._figure.add_artist(artist)


def drawable(words: str) -> str:
    """Return a line without characters that the font lacks: emoji, some scripts, control characters."""
    glyphs = _glyphs()
    kept = "".join(letter if ord(letter) in glyphs else " " for letter in words)
    return " ".join(kept.split()) or "–"


def _x(share: float) -> float:
    return _MARGIN + share * (WIDTH - 2 * _MARGIN)


def _points(pixels: float) -> float:
    return pixels * 72 / _DPI


def _font(bold: bool) -> FontProperties:
    return FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")


@cache
def _glyphs() -> frozenset[int]:
    regular, bold = (get_font(findfont(_font(weight))).get_charmap() for weight in (False, True))
    return frozenset(regular) & frozenset(bold)
