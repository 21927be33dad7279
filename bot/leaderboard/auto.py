"""`mode:auto`: the model for a prompt, drawn by what this community voted for, else by the coach."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from bot.arena.votes import Arm
from bot.coach.recommend import Recommendation, recommend_mode
from bot.config import BUILTIN_AR, BUILTIN_DIFFUSION
from bot.duels.service import tags_of
from bot.hub.naming import model_name
from bot.leaderboard.process import LeaderboardFailed, LeaderboardProcess
from bot.recipe import Mode, Recipe

log = logging.getLogger(__name__)


class AutoService:
    """Chooses among recipes of one prompt, length and seed, one a model. The seed decides the draw."""

    def __init__(self, process: LeaderboardProcess) -> None:
        self._process = process

    async def choose(
        self, recipes: Sequence[Recipe], guild_id: int | None, default_mode: Mode
    ) -> tuple[Recipe, str]:
        """Return the recipe that was drawn, and why in a few words.

        guild_id: the server whose votes count; None takes everybody's.  default_mode: what the coach
        recommends for words that speak for neither mode.  Where the votes cannot be read, the coach alone
        decides.
        """
        first = recipes[0]
        advice = recommend_mode(first.prompt, default=default_mode)
        by_arm = _by_arm(recipes)
        try:
            arm, reason = await self._process.choose(
                list(by_arm),
                tags=tags_of(first.prompt),
                seconds=first.seconds,
                advice=advice,
                seed=first.seed,
                guild_id=guild_id,
                built_in=not {BUILTIN_AR, BUILTIN_DIFFUSION}.isdisjoint(one.model for one in recipes),
            )
        except (LeaderboardFailed, TimeoutError):
            log.exception("mode:auto could not read the votes; the coach decides")
            return _advised(recipes, advice), advice.reason
        return by_arm[arm], reason


def _by_arm(recipes: Sequence[Recipe]) -> Mapping[Arm, Recipe]:
    """Return the recipes by the names under which votes know their models."""
    return {Arm(one.mode, model_name(one.model)): one for one in reversed(recipes)}


def _advised(recipes: Sequence[Recipe], advice: Recommendation) -> Recipe:
    return next((one for one in recipes if one.mode is advice.mode), recipes[0])
