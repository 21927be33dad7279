"""How a series of duels is shown: its standings, and its end."""

from __future__ import annotations

import discord

from bot.duels.series import SeriesStandings
from bot.locale import ntr, tr
from bot.store.duels.series import Series, SeriesState
from cogs.duels.card import COLOUR
from cogs.ui.embeds import build_embed
from cogs.ui.text import quoted

NAME_SHOWN = 60


def series_card(series: Series, found: SeriesStandings) -> discord.Embed:
    """Return the standings of a series by its closed duels, so that nothing of an open one is given away."""
    lines = [
        f"{number}. {quoted(rank.name, NAME_SHOWN)} · {rank.won} : {rank.lost} · "
        + tr("{percent:.0f} % likely best", percent=100 * rank.best)
        for number, rank in enumerate(found.ranks, 1)
    ]
    over = found.progress.over
    of_all = ntr("{over} of {count} duel", "{over} of {count} duels", series.duels, over=over)
    votes = ntr("{count} vote with a preference", "{count} votes with a preference", found.votes)
    running = series.state is SeriesState.RUNNING
    return build_embed(
        title=series_title(series.id) if running else tr("Series {number} is over", number=series.id),
        description=[
            f"{of_all} · {votes}",
            *([quoted(tr(series.why), 300)] if series.why else []),
            *left_out(series),
            "",
            *lines,
            "",
            _conclusion(found),
        ],
        colour=COLOUR,
        footer=tr("Votes won : lost. Each next pair is the one whose votes would tell most about the best."),
    )


def left_out(series: Series) -> list[str]:
    """Return a line for each prompt that is left out, without its words."""
    return [
        tr("Prompt {number} is left out. {reason}", number=number + 1, reason=tr(why))
        for number, why in sorted(series.skipped.items())
    ]


def series_title(series_id: int) -> str:
    """Return what the card of a series begins with."""
    return tr("Series {number}", number=series_id)


def _conclusion(found: SeriesStandings) -> str:
    if found.known is None:
        return tr("The votes are too few to tell which is best.")
    return tr("By these votes {name} is the best.", name=quoted(found.known.name, NAME_SHOWN))
