"""The complete leaderboard from votes. CPU-bound: run it outside the bot's process."""

from __future__ import annotations

from collections.abc import Iterable

from bot.arena.ballots import Ballots
from bot.arena.bradley_terry import strengths, turnout, unranked
from bot.arena.breakdown import breakdown
from bot.arena.power import needed
from bot.arena.results import Conclusion, Leaderboard
from bot.arena.sidebias import side_bias
from bot.arena.table import VoteTable
from bot.arena.tag_ranking import rankings_by_tag
from bot.arena.votes import Vote
from bot.arena.winrate import win_rate


def leaderboard(
    votes: Iterable[Vote] | VoteTable, *, title: str, now: float, built_in: bool = False
) -> Leaderboard:
    """Return the leaderboard of the votes on built-in models, or of those on others; never of both.

    votes: stored votes in any order, excluded ones included.  now: Unix time.
    """
    table = votes if isinstance(votes, VoteTable) else VoteTable.of(votes)
    chosen = table.family(built_in)
    ballots = Ballots.of(chosen)
    overall = win_rate(ballots)
    # Two models of different modes are what the win rate is about.
    two_modes = len(ballots.arms) == 2 and bool(ballots.between_modes.any())
    ranking = () if two_modes else strengths(ballots)
    if ranking and not ranking[0].known and overall.conclusion is not Conclusion.TOO_FEW:
        # A ranking without intervals would hide what is known of the modes.
        ranking = ()
    return Leaderboard(
        title=title,
        overall=overall,
        needed=needed(overall),
        side_bias=side_bias(ballots),
        groups=breakdown(ballots, overall),
        strengths=ranking,
        unranked=unranked(ballots, ranking) if ranking else (),
        turnout=turnout(ballots),
        by_tag=rankings_by_tag(ballots) if ranking else (),
        exclusions=chosen.exclusions(now),
    )
