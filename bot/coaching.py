"""The coach's service: advice for the installed models, stored prompts, and hints under clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.coach.advice import Advice, coach
from bot.coach.recommend import Recommendation, recommend_mode
from bot.coach.translate import translate
from bot.config import BUILTIN_AR, BUILTIN_DIFFUSION
from bot.errors import InvalidRecipe
from bot.recipe import PROMPT_CHARACTERS, Mode
from bot.recipe.capabilities import Capabilities
from bot.store.coached import CoachedPrompt, CoachStore

TRIVIAL = frozenset({"doubled-spaces", "hyphenated-genre"})
"""Rules whose finding alone is not worth a hint under a clip."""


@dataclass(frozen=True, slots=True)
class Coaching:
    """An answer of the coach: the stored prompt, advice on it, and the mode that suits it.

    suited: None where no mode is recommended.
    """

    prompt: CoachedPrompt
    advice: Advice
    suited: Recommendation | None


class CoachService:
    """Advises on prompts.

    default: the recommended mode where none suits better.  clock: gives Unix time in seconds.
    """

    def __init__(
        self,
        store: CoachStore,
        capabilities: Mapping[Mode, Capabilities],
        default: Mode,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._capabilities = capabilities
        self._default = default
        self._clock = clock

    def advise(self, prompt: str, mode: Mode) -> Advice:
        """Return advice on a prompt for the model that would render it."""
        engine = self._capabilities.get(mode)
        if engine is None:
            return coach(prompt, mode, prompt_tokens=None)
        return coach(prompt, mode, prompt_tokens=engine.prompt_tokens, languages=engine.languages)

    def recommend(self, prompt: str) -> Recommendation | None:
        """Return the mode that suits a prompt; None with a built-in model.

        What suits which mode is known of large models. Of the built-in ones, `diffusion` is the weaker for
        any prompt (the model cards in bot/weights/).
        """
        if any(engine.model in (BUILTIN_AR, BUILTIN_DIFFUSION) for engine in self._capabilities.values()):
            return None
        return recommend_mode(prompt, default=self._default)

    def mode_for(self, prompt: str) -> Mode:
        """Return the mode to write a prompt for where its member names none."""
        suited = self.recommend(prompt)
        return suited.mode if suited else self._default

    async def answer(self, user_id: int, prompt: str, mode: Mode, seconds: float | None) -> Coaching:
        """Return advice on a member's prompt, which is stored for the buttons under it.

        seconds: length of the clip that it was written for; None where nobody said.
        """
        stored = await self._store.add(user_id, prompt, mode, seconds, self._clock())
        return Coaching(stored, self.advise(prompt, mode), self.recommend(prompt))

    async def answer_for_other_mode(self, prompt_id: int, user_id: int) -> Coaching:
        """Return the answer to a stored prompt, translated for the other mode.

        Raises NotFound, and InvalidRecipe where the translation is longer than a prompt can be.
        """
        stored = await self._store.get(prompt_id, user_id)
        mode = stored.mode.other
        prompt = translate(stored.prompt, mode)
        if len(prompt) > PROMPT_CHARACTERS:
            raise InvalidRecipe("For the other mode the prompt would grow too long. Shorten it first.")
        return await self.answer(user_id, prompt, mode, stored.seconds)

    async def remember(self, user_id: int, prompt: str, mode: Mode) -> CoachedPrompt:
        """Store a prompt that a member is offered a clip of."""
        return await self._store.add(user_id, prompt, mode, None, self._clock())

    async def prompt(self, prompt_id: int, user_id: int) -> CoachedPrompt:
        """Return a prompt that was shown to this member. Raises NotFound."""
        return await self._store.get(prompt_id, user_id)

    async def hint(self, user_id: int, prompt: str, mode: Mode) -> str | None:
        """Return the suggestion to show under a member's clip.

        None where nothing but trivial rules fire, or where the member switched hints off.
        """
        findings = [finding for finding in self.advise(prompt, mode).findings if finding.rule not in TRIVIAL]
        if not findings or not await self._store.wants_hints(user_id):
            return None
        return findings[0].suggestion

    async def set_hints(self, user_id: int, *, wanted: bool) -> None:
        """Switch the hints under a member's clips on or off."""
        await self._store.set_hints(user_id, wanted=wanted)
