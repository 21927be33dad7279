"""From stored votes to the ones that the statistics and the export read. Plain data: no numpy."""

from __future__ import annotations

from bot.arena.export import Entry, Why
from bot.arena.votes import Arm, Choice, ExcludedReason, Vote
from bot.hub.naming import model_name
from bot.recipe import Mode
from bot.store.duels.votes import ClosedDuel, StoredVote


def arms(duel: ClosedDuel) -> tuple[Arm, Arm]:
    """Return the arms of sides A and B; a model that is a folder goes by its last part, as members see it."""
    return (
        Arm(Mode(duel.mode_a), model_name(duel.model_a)),
        Arm(Mode(duel.mode_b), model_name(duel.model_b)),
    )


def votes(duel: ClosedDuel, stored: list[StoredVote]) -> list[Vote]:
    """Return the votes on one duel, which share its arms and tags."""
    a, b = arms(duel)
    return [
        Vote(
            duel=duel.id,
            voter=vote.voter_id,
            choice=Choice(vote.choice),
            a=a,
            b=b,
            seconds=duel.seconds,
            seconds_to_vote=vote.seconds_to_vote,
            cast_at=vote.cast_at,
            built_in=duel.built_in,
            requester=vote.requester,
            tags=duel.tags,
            excluded_reason=ExcludedReason(vote.excluded_reason) if vote.excluded_reason else None,
        )
        for vote in stored
    ]


def entries(duel: ClosedDuel, stored: list[StoredVote]) -> list[Entry]:
    """Return the votes on one duel with what the export needs beside them."""
    return [
        Entry(
            vote=vote,
            guild=duel.guild_id,
            prompt=duel.prompt,
            consented=kept.consented,
            prompt_consented=duel.prompt_consented,
            why=Why(reasons=kept.reasons, line=kept.line, score_a=kept.score_a, score_b=kept.score_b),
        )
        for vote, kept in zip(votes(duel, stored), stored, strict=True)
    ]
