"""What happens to a duel between its request and its end, but for what Discord is shown."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Literal

from bot.arena.votes import Rules, excluded_reason
from bot.ask import longest_seconds, recipe_for
from bot.coach.lexicon import lexicon
from bot.config import BUILTIN_AR, BUILTIN_DIFFUSION, Settings
from bot.duels.neutral import NeutralFiles, neutralise
from bot.errors import InvalidRecipe, NotFound, RenderError
from bot.jobs.service import JobService, remove_files
from bot.recipe import Mode, Recipe, checked_prompt
from bot.store.duels.model import Duel, DuelSide, NewDuel, Side
from bot.store.duels.repository import Duels
from bot.store.duels.votes import Cast, Votes
from bot.store.jobs import Request, State

TRIES = 2
"""How often a side is rendered before the duel is given up."""

TAG_CLASSES = ("genre", "mood")
TAGS_MOST = 8

Choice = Literal["a", "b", "both_good", "both_bad"]


class DuelService:
    """One instance owns the duels. `clock` is this machine's; votes are timed by Discord's."""

    def __init__(
        self,
        duels: Duels,
        votes: Votes,
        jobs: JobService,
        settings: Settings,
        clock: Callable[[], float],
    ) -> None:
        self.duels = duels
        self.votes = votes
        self._jobs = jobs
        self._settings = settings
        self._clock = clock
        self._rules = Rules(
            heard_share=settings.duel_heard_share,
            account_days=settings.duel_account_days,
            votes_per_day=settings.duel_votes_per_day,
        )
        self._listeners: list[Callable[[], None]] = []

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called when a duel was closed by a vote or a person; it must not block."""
        self._listeners.append(listener)

    async def start(
        self, prompt: str, seconds: float | None, guild_id: int, ask: Callable[[Recipe], Request]
    ) -> Duel:
        """Queue a clip a mode; which side each stands on is drawn by lot, and told to nobody.

        seconds: None takes the owner's default, as far as both models can.  ask: who asks, and where.
        Raises UserError where a mode has no model, the values fit not both, or a limit is reached.
        """
        recipes = self.recipes(prompt, seconds)
        first = secrets.choice(list(Mode))
        modes: dict[Side, Mode] = {"a": first, "b": next(mode for mode in Mode if mode is not first)}
        asked = {side: ask(recipes[mode]) for side, mode in modes.items()}
        duel, jobs = await self.duels.start(
            NewDuel(
                prompt=recipes[first].prompt,
                seconds=recipes[first].seconds,
                tags=tags_of(recipes[first].prompt),
                built_in=self.built_in,
                guild_id=guild_id,
                sides=asked,
            ),
            self._clock(),
            open_most=self._settings.duels_per_member,
            per_member=self._settings.max_jobs_per_member,
            in_all=self._settings.max_queue,
        )
        await self._jobs.queued(*jobs)
        return duel

    def recipes(self, prompt: str, seconds: float | None) -> dict[Mode, Recipe]:
        """Return a recipe for each mode, of one length. Raises UserError."""
        engines = {mode: self._jobs.engine(mode) for mode in Mode}
        prompt = checked_prompt(prompt)
        shortest = max(engine.min_seconds for engine in engines.values())
        longest = min(longest_seconds(engine, self._settings) for engine in engines.values())
        if shortest > longest:
            raise InvalidRecipe("The two models here have no length in common, so there can be no duel.")
        if seconds is None:
            seconds = min(max(self._settings.default_seconds, shortest), longest)
        if not shortest <= seconds <= longest:
            raise InvalidRecipe(
                f"A duel can be {shortest:g} to {longest:g} seconds long here, not {seconds:g}."
            )
        return {
            mode: recipe_for(engine, self._settings, prompt=prompt, seconds=seconds)
            for mode, engine in engines.items()
        }

    @property
    def built_in(self) -> bool:
        """Whether a model that ships with the program takes part in the duels of now."""
        return not {BUILTIN_AR, BUILTIN_DIFFUSION}.isdisjoint(self._settings.models.values())

    async def advance(self, duel: Duel) -> None:
        """Take a duel on whose clips are done, or did not come: to ready, to another try, or to failed."""
        sides = await self.duels.sides(duel.id)
        broken = [side for side in sides.values() if side.job_state in (State.FAILED, State.CANCELLED)]
        if broken:
            await self._mend(duel, broken)
        elif all(side.job_state is State.RENDERED for side in sides.values()):
            try:
                await self._make_alike(duel, sides)
            except (RenderError, NotFound) as error:
                await self.fail(duel, str(error))

    async def vote(
        self, duel_id: int, voter_id: int, choice: Choice, now: float, account_made: float
    ) -> Cast:
        """Store a vote. now, account_made: Unix time by Discord's clock. Raises UserError with the reason."""

        def judge(waited: float, seconds: float, today: int) -> str | None:
            return excluded_reason(
                self._rules,
                seconds_to_vote=waited,
                clip_seconds=seconds,
                account_age_days=(now - account_made) / 86_400,
                counted_today=today,
            )

        cast = await self.votes.cast(
            duel_id,
            voter_id,
            choice,
            now,
            earliest=self._settings.duel_hearing_seconds,
            full_at=self._settings.duel_close_votes,
            judge=judge,
        )
        if cast.full:
            self._changed()
        return cast

    async def opened(self, duel: Duel, message_id: int, posted_at: float) -> None:
        """Record the duel's message and begin to take votes."""
        closes_at = posted_at + self._settings.duel_hours * 3600
        await self.duels.opened(duel.id, message_id, posted_at, closes_at)

    async def close(self, duel_id: int) -> Duel | None:
        """End the voting now; None where it was not open."""
        duel = await self.duels.close(duel_id, self._clock())
        if duel is not None:
            self._changed()
        return duel

    async def withdraw(self, duel: Duel) -> bool:
        """End a duel by its requester's or a moderator's wish, in whatever state; False where it was over."""
        if await self.close(duel.id) is not None:
            return True
        return await self.fail(duel, "It was taken back with /duel close.")

    async def revealed(self, duel: Duel) -> None:
        """Record that everybody was shown what stood where."""
        # The record first: killed in between, the duel would be shown again without its picture.
        await self.duels.revealed(duel.id, self._clock())
        self.remove_neutral(duel.id)

    async def fail(self, duel: Duel, error: str) -> bool:
        """Give up on a duel that is not open yet, and on what is rendered for it; False where it was past."""
        unfinished = await self.duels.fail(duel.id, error, self._clock())
        if unfinished is None:
            return False
        self.remove_neutral(duel.id)
        await self._jobs.cancelled(*unfinished)
        self._changed()
        return True

    async def _mend(self, duel: Duel, broken: list[DuelSide]) -> None:
        for side in broken:
            if side.job_state is State.CANCELLED:
                await self.fail(duel, "One of its clips was taken back with /cancel.")
                return
            if side.tries >= TRIES:
                await self.fail(duel, f"One clip could not be made. {side.job_error}")
                return
        for side in broken:
            before = await self._jobs.jobs.get(side.job_id)
            again = Request(
                recipe=side.recipe.reseeded(),
                user_id=before.user_id,
                guild_id=before.guild_id,
                channel_id=before.channel_id,
                application_id=before.application_id,
                interaction_token=before.interaction_token or "",
                can_post=before.can_post,
                max_bytes=before.max_bytes,
            )
            job = await self.duels.retry(duel.id, side, again, self._clock())
            if job is not None:
                await self._jobs.queued(job)

    async def _make_alike(self, duel: Duel, sides: dict[Side, DuelSide]) -> None:
        folder = self._settings.clip_dir
        clips = {side: await self._jobs.clips.of_job(found.job_id) for side, found in sides.items()}
        names = NeutralFiles.of(duel.id)
        await neutralise(
            (folder / clips["a"].file).resolve(),
            (folder / clips["b"].file).resolve(),
            (folder / names.a).resolve(),
            (folder / names.b).resolve(),
            (folder / names.picture).resolve(),
            duel.max_bytes,
        )
        if await self.duels.ready(duel.id, file_a=names.a, file_b=names.b, picture=names.picture) is None:
            self.remove_neutral(duel.id)

    def _changed(self) -> None:
        for listener in self._listeners:
            listener()

    def remove_neutral(self, *duel_ids: int) -> None:
        """Remove the neutral files of duels that are over."""
        # By the names that an id gives: a duel that fails on a second try has recorded none.
        for duel_id in duel_ids:
            remove_files(self._settings.clip_dir, *NeutralFiles.of(duel_id))


def tags_of(prompt: str) -> tuple[str, ...]:
    """Return what a prompt is about, "genre:jazz" for one, each once, in the order of the prompt."""
    found: dict[str, None] = {}
    for term in lexicon().read(prompt).of_class(*TAG_CLASSES):
        for name in TAG_CLASSES:
            if name in term.classes:
                found[f"{name}:{term.key}"] = None
    return tuple(found)[:TAGS_MOST]
