"""The service for votes on duels: judging, storing, feedback, and a person's control over their votes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.arena.votes import Choice, ExcludedReason, Feedback, Rules, ServerRules, excluded_reason
from bot.config import Settings
from bot.errors import NotFound, StoreError, UserError
from bot.store.duels.model import DuelState
from bot.store.duels.votes import Tally, Votes, VotingFacts

MAX_JUDGINGS = 100
"""Attempts to store one vote. Each further one follows another vote of the same person in between."""


@dataclass(frozen=True, slots=True)
class VoteOutcome:
    """The result of a stored vote. closed: whether it was the last one that the duel waited for."""

    excluded_reason: ExcludedReason | None
    closed: bool


_OWNERS_ALONE = ServerRules()


class VoteService:
    """One instance owns the votes. `clock` is the bot's; `on_closed` runs when a vote closed a duel."""

    def __init__(
        self, votes: Votes, settings: Settings, clock: Callable[[], float], on_closed: Callable[[], None]
    ) -> None:
        self._votes = votes
        self._settings = settings
        self._clock = clock
        self._on_closed = on_closed
        self._rules = Rules(
            heard_share=settings.duel_heard_share,
            account_days=settings.duel_account_days,
            votes_per_day=settings.duel_votes_per_day,
        )

    async def cast(
        self,
        duel_id: int,
        voter_id: int,
        choice: Choice,
        *,
        cast_at: float,
        account_created_at: float,
        server: ServerRules = _OWNERS_ALONE,
    ) -> VoteOutcome:
        """Judge and store a vote.

        cast_at, account_created_at: Discord's Unix times, from the ids of the interaction and of the voter.
        The facts are read first, judged in memory, and the INSERT takes effect only if they still hold;
        otherwise the vote is judged again. So no code runs inside of a transaction but SQL.
        Raises NotFound where the duel takes no votes, UserError for a second vote or a vote too early.
        """
        for _ in range(MAX_JUDGINGS):
            facts = await self._votes.facts(duel_id, voter_id, cast_at)
            if facts is None or self._clock() >= facts.closes_at:
                raise NotFound("This duel takes no more votes.")
            reason = self._judge(facts, cast_at, account_created_at, self.rules(server))
            state = await self._votes.insert(
                duel_id,
                voter_id,
                choice,
                cast_at=cast_at,
                excluded_reason=reason,
                counted_today=facts.counted_today,
                full_at=int(server.close_votes or self._settings.duel_close_votes),
                now=self._clock(),
            )
            if state is not None:
                if state is DuelState.CLOSED:
                    self._on_closed()
                return VoteOutcome(reason, state is DuelState.CLOSED)
        raise StoreError(f"The vote of {voter_id} on duel {duel_id} was not stored.")

    def rules(self, server: ServerRules) -> Rules:
        """Return the rules by which votes in a server count."""
        return self._rules.narrowed(server)

    def _judge(
        self, facts: VotingFacts, cast_at: float, account_created_at: float, rules: Rules
    ) -> ExcludedReason | None:
        """Return the rule that excludes the vote, if any. Raises UserError where it is refused."""
        if facts.voted:
            raise UserError("You've already voted on this duel. Everyone has one vote, and it is final.")
        seconds_to_vote = max(0.0, cast_at - facts.posted_at)
        earliest = self._settings.duel_hearing_seconds
        if seconds_to_vote < earliest:
            raise UserError(
                "Nobody can have heard both in that time. Listen to A and B, then vote: votes count "
                "from {earliest:g} s after the duel was posted.",
                earliest=earliest,
            )
        return excluded_reason(
            rules,
            seconds_to_vote=seconds_to_vote,
            clip_seconds=facts.seconds,
            account_age_days=(cast_at - account_created_at) / 86_400,
            counted_today=facts.counted_today,
            requester=facts.requester,
        )

    async def give_feedback(self, duel_id: int, voter_id: int, feedback: Feedback) -> None:
        """Attach feedback to a vote. Raises NotFound without a vote, or where the duel is closed."""
        await self._votes.set_feedback(duel_id, voter_id, feedback)

    async def tally(self, duel_id: int) -> Tally:
        """Return the result of a duel. Raises NotFound while it is open."""
        return await self._votes.tally(duel_id)

    async def set_consent(self, user_id: int, *, consents: bool) -> None:
        """Record whether a person consents to the export of their votes and prompts."""
        await self._votes.set_consent(user_id, self._clock(), consents=consents)

    async def has_consented(self, user_id: int) -> bool:
        """Return whether a person consents to the export."""
        return await self._votes.has_consented(user_id)

    async def count_of(self, user_id: int) -> int:
        """Return the number of a person's stored votes."""
        return await self._votes.count_of(user_id)

    async def delete_of(self, user_id: int) -> int:
        """Delete a person's votes, feedback and consent; return the number of votes."""
        return await self._votes.delete_of(user_id)
