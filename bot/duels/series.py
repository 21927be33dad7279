"""The life of a series of duels: each next one is the pair whose votes would tell most about the best."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.arena.results import SeriesView
from bot.duels.service import Contender, DuelService
from bot.errors import BLOCKED_WORDS, LimitReached, UserError, WordsRefused
from bot.locale import mark
from bot.recipe import Recipe, validate_prompt
from bot.recipe.build import OwnerLimits
from bot.store.duels.series import NewSeries, Progress, Series, SeriesState, SeriesStore
from bot.store.job_model import Request

MAX_DUELS = 30
MAX_PROMPTS = 10
MAX_FAILURES = 2
"""Duels in a row that could not be started, after which a series ends."""
SURE = 0.95
"""The probability from which a contender is called the best."""
FILTERED = mark("This server's filter of words and links doesn't let it through.")
NO_PROMPT_LEFT = mark("None of its prompts is let through.")


def split_prompts(typed: str) -> tuple[str, ...]:
    """Return the prompts of a series, which are typed one a line, or with semicolons between them.

    Raises UserError for too many, and for one that is none.
    """
    found = [one.strip() for line in typed.splitlines() for one in line.split(";") if one.strip()]
    if len(found) > MAX_PROMPTS:
        raise UserError(
            "A series can have up to {max_prompts} prompts, not {count}.",
            max_prompts=MAX_PROMPTS,
            count=len(found),
        )
    return tuple(map(validate_prompt, found or [typed]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """One contender's place in a series. best: the probability that it is the best one, 0 to 1."""

    name: str
    won: int
    lost: int
    best: float


@dataclass(frozen=True, slots=True)
class SeriesStandings:
    """The contenders of a series, the likeliest best first, and how far it is."""

    ranks: tuple[Rank, ...]
    progress: Progress

    @property
    def votes(self) -> int:
        """Number of votes with a preference."""
        return sum(rank.won for rank in self.ranks)

    @property
    def known(self) -> Rank | None:
        """The best one, where the votes say so; None where they are too few."""
        first = self.ranks[0]
        return first if first.best >= SURE else None


class SeriesService:
    """One instance owns the series.

    fit: from wins and a seed to what they say, as LeaderboardProcess.pair.  clock: Unix time by the bot's.
    """

    def __init__(
        self,
        store: SeriesStore,
        duels: DuelService,
        fit: Callable[[Sequence[Sequence[int]], int], Awaitable[SeriesView]],
        clock: Callable[[], float],
    ) -> None:
        self.store = store
        self._duels = duels
        self._fit = fit
        self._clock = clock

    def recipes(
        self,
        contenders: Sequence[Contender],
        prompts: Sequence[str],
        seconds: float | None,
        limits: OwnerLimits,
    ) -> tuple[tuple[Recipe, ...], ...]:
        """Return a row of recipes for each prompt, one a contender.

        Raises UserError as DuelService.recipes_of.
        """
        return tuple(self._duels.recipes_of(contenders, one, seconds, limits) for one in prompts)

    async def check_free(self, user_id: int, guild_id: int) -> None:
        """Raise LimitReached where the member has a series running in that server."""
        await self.store.check_free(user_id, guild_id)

    async def start(self, new: NewSeries) -> Series:
        """Store a series, whose duels the next steps start. Raises LimitReached."""
        series = await self.store.start(new, self._clock())
        self._duels.changed()
        return series

    async def step(self, series: Series, to_request: Callable[[Recipe], Request]) -> bool:
        """Take a running series' next step, and return whether anything changed.

        A step starts a duel, leaves out a prompt whose words are refused, or ends the series. Nothing where a
        duel is unfinished, or where a limit is reached, which is tried again later.
        to_request: turns a recipe into the member's request; a UserError that it raises ends the series, but
        for WordsRefused.
        """
        progress = await self.store.progress(series.id)
        if series.state is not SeriesState.RUNNING or progress.unfinished is not None:
            return False
        if progress.over >= series.duels:
            return await self.store.end(series.id, "", self._clock())
        refused = {
            n for n, one in enumerate(series.prompts) if one in progress.blocked
        } - series.skipped.keys()
        if refused:
            return await self.store.skip(series, refused, BLOCKED_WORDS)
        number = series.prompt_of(progress.over)
        if number is None:
            return await self.store.end(series.id, NO_PROMPT_LEFT, self._clock())
        if progress.failures >= MAX_FAILURES:
            why = f"{progress.failures} duels in a row couldn't be started. {progress.error}"
            return await self.store.end(series.id, why, self._clock())
        return await self._start_duel(series, progress.over, number, to_request)

    async def _start_duel(
        self, series: Series, duel: int, number: int, to_request: Callable[[Recipe], Request]
    ) -> bool:
        """Start the duel with this number, on the prompt with that one; return whether anything changed."""
        wins = await self.store.wins(series.id, len(series.names))
        pair = (await self._fit(wins, series.id * MAX_DUELS + duel)).pair
        left, right = (series.recipes[number][one].reseeded() for one in pair)
        try:
            await self._duels.start(
                series.prompts[number],
                (left, right),
                series.guild_id,
                to_request,
                series=(series.id, pair),
            )
        except LimitReached:
            return False
        except WordsRefused:
            return await self.store.skip(series, [number], FILTERED)
        except UserError as refused:
            return await self.store.end(series.id, refused.english, self._clock())
        return True

    async def standings(self, series: Series) -> SeriesStandings:
        """Return how the contenders stand by the closed duels."""
        wins = await self.store.wins(series.id, len(series.names))
        best = (await self._fit(wins, series.id)).best
        ranks = [
            Rank(name=name, won=sum(wins[i]), lost=sum(row[i] for row in wins), best=best[i])
            for i, name in enumerate(series.names)
        ]
        ranks.sort(key=lambda rank: -rank.best)
        return SeriesStandings(tuple(ranks), await self.store.progress(series.id))

    async def stop(self, series: Series, why: str) -> bool:
        """End a running series and its unfinished duel; False where it was over."""
        if not await self.store.end(series.id, why, self._clock()):
            return False
        progress = await self.store.progress(series.id)
        if progress.unfinished is not None:
            await self._duels.withdraw(await self._duels.get(progress.unfinished))
        self._duels.changed()
        return True
