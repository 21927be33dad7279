"""How a series of duels is shown: its standings, and its end."""

from __future__ import annotations

import discord

from bot.arena.text import count
from bot.duels.series import SeriesStandings
from bot.store.duels.series import Series, SeriesState
from cogs.duels.card import COLOUR
from cogs.ui.embeds import build_embed
from cogs.ui.text import quoted

NAME_SHOWN = 60


def series_card(series: Series, found: SeriesStandings) -> discord.Embed:
    """Return the standings of a series by its closed duels, so that nothing of an open one is given away."""
    lines = [
        f"{number}. {quoted(rank.name, NAME_SHOWN)} · {rank.won} : {rank.lost} · "
        f"{100 * rank.best:.0f} % likely best"
        for number, rank in enumerate(found.ranks, 1)
    ]
    over = found.progress.over
    running = series.state is SeriesState.RUNNING
    return build_embed(
        title=series_title(series.id) if running else f"{series_title(series.id)} is over",
        description=[
            f"{over} of {count(series.duels, 'duel')} · {count(found.votes, 'vote')} with a preference",
            *([quoted(series.why, 300)] if series.why else []),
            "",
            *lines,
            "",
            _conclusion(found),
        ],
        colour=COLOUR,
        footer="Votes won : lost. Each next pair is the one whose votes would tell most about the best.",
    )


def series_title(series_id: int) -> str:
    """Return what the card of a series begins with."""
    return f"Series {series_id}"


def _conclusion(found: SeriesStandings) -> str:
    if found.known is None:
        return "The votes are too few to tell which is best."
    return f"By these votes {quoted(found.known.name, NAME_SHOWN)} is the best."
