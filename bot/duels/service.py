"""The life of a duel from its request to its end, except for its messages in Discord."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from bot.coach.lexicon import lexicon
from bot.config import BUILTIN_AR, BUILTIN_DIFFUSION, Settings
from bot.duels.neutral import NeutralFiles, neutralise
from bot.errors import InvalidRecipe, NotFound, RenderError, UserError
from bot.jobs.files import remove_files
from bot.jobs.service import JobService
from bot.presets.use import recipe_from
from bot.recipe import Mode, Recipe, validate_prompt
from bot.recipe.build import OwnerLimits, build_recipe, longest_seconds
from bot.recipe.capabilities import Capabilities
from bot.store.duels.model import SIDES, AnswerShown, Duel, DuelSide, DuelState, InSeries, NewDuel, Side
from bot.store.duels.repository import Duels
from bot.store.job_model import Request, State
from bot.store.presets.model import Body

MAX_TRIES = 2
"""Attempts at rendering a side before the duel fails."""

TAG_CLASSES = ("genre", "mood")
MAX_TAGS = 8


_BUILT_IN = {BUILTIN_AR, BUILTIN_DIFFUSION}


@dataclass(frozen=True, slots=True)
class Contender:
    """One side of a duel: a model, by a preset's settings where there is one. name: as members know it."""

    engine: Capabilities
    preset: Body | None = None
    name: str = ""


class DuelService:
    """One instance owns the duels. `clock`: Unix time by the bot's clock, which also closes duels."""

    def __init__(
        self, duels: Duels, jobs: JobService, settings: Settings, clock: Callable[[], float]
    ) -> None:
        self._duels = duels
        self._jobs = jobs
        self._settings = settings
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` when a duel was closed by a vote or a person, or failed; it must not block."""
        self._listeners.append(listener)

    async def start(
        self,
        prompt: str,
        pair: tuple[Recipe, Recipe],
        guild_id: int,
        to_request: Callable[[Recipe], Request],
        series: tuple[int, tuple[int, int]] | None = None,
    ) -> Duel:
        """Queue both clips; the side of each is drawn at random and kept secret until the end.

        pair: recipes of one length.  to_request: turns a recipe into the member's request.
        series: the series that the duel belongs to, with the numbers of the pair's contenders.
        Raises UserError where a model is not there any more or a limit is reached.
        """
        adopted = [self._jobs.adopt(recipe) for recipe in pair]
        first = secrets.randbelow(2)
        recipes: dict[Side, Recipe] = {"a": adopted[first], "b": adopted[1 - first]}
        duel, jobs = await self._duels.start(
            NewDuel(
                prompt=prompt,
                seconds=adopted[0].seconds,
                tags=tags_of(prompt),
                built_in=any(recipe.model in _BUILT_IN for recipe in adopted),
                guild_id=guild_id,
                sides={side: to_request(recipe) for side, recipe in recipes.items()},
                series=series and InSeries(series[0], {"a": series[1][first], "b": series[1][1 - first]}),
            ),
            self._clock(),
            max_open=self._settings.duels_per_member,
            per_member=self._settings.max_jobs_per_member,
            in_all=self._settings.max_queue,
        )
        await self._jobs.queued(*jobs)
        return duel

    def recipes(
        self,
        prompt: str,
        seconds: float | None,
        limits: OwnerLimits | None = None,
        a: Contender | None = None,
        b: Contender | None = None,
    ) -> tuple[Recipe, Recipe]:
        """Return a recipe for each contender, of the same length.

        a, b: where one is None, the default model of the mode that the other one is not of, if there is one.
        seconds: None takes the owner's default, clamped to what both models support.  limits: of the server;
        None takes the owner's.
        Raises UserError where a mode has no model, both are the same, or a value suits only one of them.
        """
        limits = limits or self._settings
        left, right = self.recipes_of(self._pair(a, b), prompt, seconds, limits)
        return left, right

    def recipes_of(
        self, contenders: Sequence[Contender], prompt: str, seconds: float | None, limits: OwnerLimits
    ) -> tuple[Recipe, ...]:
        """Return a recipe for each of two or more contenders, of one length that all of them take.

        Raises UserError as `recipes`.
        """
        prompt = validate_prompt(prompt)
        engines = [one.engine for one in contenders]
        shortest = max(engine.min_seconds for engine in engines)
        longest = min(longest_seconds(engine, limits) for engine in engines)
        if shortest > longest:
            raise InvalidRecipe("These models have no clip length in common, so no duel is possible.")
        if seconds is None:
            seconds = min(max(limits.default_seconds, shortest), longest)
        if not shortest <= seconds <= longest:
            raise InvalidRecipe(
                "A duel can last {shortest:g} to {longest:g} seconds here, not {seconds:g}.",
                shortest=shortest,
                longest=longest,
                seconds=seconds,
            )
        found = tuple(self._recipe(one, prompt, seconds, limits) for one in contenders)
        for left, right in combinations(found, 2):
            if left == right.reseeded(left.seed):
                raise InvalidRecipe("Both sides would be made alike. Choose two different models or presets.")
        return found

    async def rematch(self, duel: Duel, limits: OwnerLimits | None = None) -> tuple[Recipe, Recipe]:
        """Return the recipes of an old duel with new seeds; of the defaults where a model is gone."""
        sides = await self._duels.sides(duel.id)
        left, right = (sides[side].recipe.reseeded() for side in SIDES)
        try:
            return self._jobs.adopt(left), self._jobs.adopt(right)
        except UserError:
            return self.recipes(duel.prompt, duel.seconds, limits)

    def _pair(self, a: Contender | None, b: Contender | None) -> tuple[Contender, Contender]:
        if a is not None and b is not None:
            return a, b
        known = a or b
        if known is None:
            return Contender(self._jobs.engine(Mode.AR)), Contender(self._jobs.engine(Mode.DIFFUSION))
        models = self._jobs.models
        others = [*(models.defaults[m] for m in Mode if m in models.defaults), *models.values()]
        others.sort(key=lambda one: one.mode is known.engine.mode)
        other = next((one for one in others if one.model_ref != known.engine.model_ref), known.engine)
        return (known, Contender(other)) if a is not None else (Contender(other), known)

    def _recipe(self, contender: Contender, prompt: str, seconds: float, limits: OwnerLimits) -> Recipe:
        if contender.preset is None:
            return build_recipe(contender.engine, limits, prompt=prompt, seconds=seconds)
        return recipe_from(contender.preset, prompt, contender.engine, limits, seconds=seconds)

    @property
    def built_in(self) -> bool:
        """Whether a model that ships with the program takes part in duels of the two defaults."""
        return any(one.model in _BUILT_IN for one in self._jobs.models.defaults.values())

    async def advance(self, duel: Duel) -> None:
        """Advance a rendering duel whose jobs have ended: to ready, to another attempt, or to failed."""
        sides = await self._duels.sides(duel.id)
        broken = [side for side in sides.values() if side.job_state in (State.FAILED, State.CANCELLED)]
        if broken:
            await self._retry(duel, broken)
        elif all(side.job_state is State.RENDERED for side in sides.values()):
            try:
                await self._make_neutral(duel, sides)
            except (RenderError, NotFound) as error:
                await self.fail(duel, error.english)

    async def get(self, duel_id: int, guild_id: int | None = None) -> Duel:
        """Return a duel, of this server where one is given. Raises NotFound."""
        duel = await self._duels.get(duel_id)
        if guild_id is not None and duel.guild_id != guild_id:
            raise NotFound("There is no duel {duel_id} in this server.", duel_id=duel_id)
        return duel

    async def sides(self, duel_id: int) -> dict[Side, DuelSide]:
        """Return both sides of a duel with their jobs."""
        return await self._duels.sides(duel_id)

    async def due(self) -> list[Duel]:
        """Return the duels whose next step or whose answer is due now."""
        return await self._duels.due(self._clock())

    async def open_in(self, guild_id: int) -> list[Duel]:
        """Return a server's open duels by closing time."""
        return await self._duels.open_in(guild_id)

    async def unfinished_in(self, guild_id: int) -> list[Duel]:
        """Return a server's duels that count against a member's limit, newest first."""
        return await self._duels.unfinished_in(guild_id)

    async def finished_in(self, guild_id: int, containing: str, limit: int) -> list[Duel]:
        """Return a server's finished duels, newest first, whose prompt contains a text in any case."""
        return await self._duels.finished_in(guild_id, containing, limit)

    async def all_open(self) -> list[Duel]:
        """Return every open duel, oldest first."""
        return await self._duels.all_open()

    async def begin_posting(self, duel_id: int) -> float | None:
        """Record that a message of a duel is about to be posted; return the time of the first such record.

        None the first time: then no earlier attempt can have posted it.
        """
        return await self._duels.posting(duel_id, self._clock())

    async def answered(self, duel_id: int, answer_id: int) -> None:
        """Record the id of the original response."""
        await self._duels.answered(duel_id, answer_id)

    async def token_over(self, duel_id: int) -> None:
        """Forget the interaction's token, which Discord no longer accepts."""
        await self._duels.token_over(duel_id)

    async def answer_updated(self, duel: Duel) -> None:
        """Record that the original response shows the duel's state."""
        shown: AnswerShown = "rendering" if duel.state is DuelState.RENDERING else "open"
        await self._duels.answer_shows(duel.id, shown)

    async def requester_notified(self, duel_id: int) -> None:
        """Record that the requester was notified of a failure, and forget the interaction's token."""
        await self._duels.notified(duel_id)

    async def shrink(self, duel_id: int, max_bytes: int) -> None:
        """Have the neutral files of an unposted duel made again, at most this large."""
        await self._duels.shrink(duel_id, max_bytes)

    async def opened(self, duel: Duel, message_id: int, posted_at: float, hours: float | None = None) -> None:
        """Record the duel's message and begin to take votes.

        posted_at: Discord's Unix time of the message, from which votes are timed. The duel closes by the
        bot's clock alone, so that an offset between both clocks neither shortens nor extends it.
        hours: until then; None takes the owner's setting.
        """
        closes_at = self._clock() + (hours or self._settings.duel_hours) * 3600
        await self._duels.opened(duel.id, message_id, posted_at, closes_at)

    async def close(self, duel_id: int) -> Duel | None:
        """Close an open duel; None where it was not open."""
        duel = await self._duels.close(duel_id, self._clock())
        if duel is not None:
            self.changed()
        return duel

    async def close_in_channel(self, channel_id: int) -> None:
        """Close the open duels of a channel or thread in which votes became impossible."""
        for duel in await self._duels.open_in_channel(channel_id):
            await self.close(duel.id)

    async def withdraw(self, duel: Duel) -> bool:
        """End a duel at its requester's or a moderator's request; False where it was over already."""
        if await self.close(duel.id) is not None:
            return True
        return await self.fail(duel, "It was stopped with /duel close.")

    async def revealed(self, duel: Duel) -> None:
        """Record that the sides were revealed, and remove the neutral files."""
        # The record comes first: else a kill in between would have it revealed again without its picture.
        await self._duels.revealed(duel.id, self._clock())
        self.remove_neutral(duel.id)

    async def fail(self, duel: Duel, error: str) -> bool:
        """Fail a duel that is not open yet, together with its jobs; False where it was open or over."""
        unfinished = await self._duels.fail(duel.id, error, self._clock())
        if unfinished is None:
            return False
        self.remove_neutral(duel.id)
        await self._jobs.cancelled(*unfinished)
        self.changed()
        return True

    async def _retry(self, duel: Duel, broken: list[DuelSide]) -> None:
        for side in broken:
            if side.job_state is State.CANCELLED:
                await self.fail(duel, "One of its clips was cancelled with /cancel.")
                return
            if side.tries >= MAX_TRIES:
                await self.fail(duel, f"One clip couldn't be made. {side.job_error}")
                return
        try:
            recipes = {side.side: self._jobs.adopt(side.recipe.reseeded()) for side in broken}
        except UserError as gone:
            await self.fail(duel, gone.english)
            return
        for side in broken:
            before = await self._jobs.jobs.get(side.job_id)
            again = Request(
                recipe=recipes[side.side],
                user_id=before.user_id,
                guild_id=before.guild_id,
                channel_id=before.channel_id,
                application_id=before.application_id,
                interaction_token=before.interaction_token or "",
                can_post=before.can_post,
                max_bytes=before.max_bytes,
            )
            job = await self._duels.retry(duel.id, side, again, self._clock())
            if job is not None:
                await self._jobs.queued(job)

    async def _make_neutral(self, duel: Duel, sides: dict[Side, DuelSide]) -> None:
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
        if await self._duels.ready(duel.id, file_a=names.a, file_b=names.b, picture=names.picture) is None:
            self.remove_neutral(duel.id)

    def changed(self) -> None:
        """Call the listeners."""
        for listener in self._listeners:
            listener()

    def remove_neutral(self, *duel_ids: int) -> None:
        """Remove the neutral files of duels that are over."""
        # Their names follow from the id: a duel that fails at a second attempt has recorded none.
        for duel_id in duel_ids:
            remove_files(self._settings.clip_dir, *NeutralFiles.of(duel_id))


def tags_of(prompt: str) -> tuple[str, ...]:
    """Return a prompt's topics, for example "genre:jazz", without duplicates and in the prompt's order."""
    found: dict[str, None] = {}
    for term in lexicon().read(prompt).of_class(*TAG_CLASSES):
        for name in TAG_CLASSES:
            if name in term.classes:
                found[f"{name}:{term.key}"] = None
    return tuple(found)[:MAX_TAGS]
