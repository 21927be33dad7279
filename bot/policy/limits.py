"""What a server allows a clip to be: limits for building recipes, and the judgement of a whole one."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bot.arena.votes import ServerRules
from bot.config import Settings
from bot.hub.naming import model_name
from bot.locale import tr
from bot.policy.gate import Cause, Refusal
from bot.policy.server import ServerSettings
from bot.recipe import AUTO, Mode, Recipe
from bot.recipe.capabilities import Capabilities
from bot.store.job_model import Daily


class ServerLimits:
    """The bot's settings narrowed by a server's, in one channel; an `OwnerLimits` of bot/recipe/build.py.

    channel_ids: the channel, and the one that a thread is in; either's defaults hold.  default_mode: the
    bot's; None takes the setting.
    """

    def __init__(
        self,
        settings: Settings,
        server: ServerSettings,
        channel_ids: Collection[int],
        default_mode: Mode | None = None,
    ) -> None:
        self._settings = settings
        self._server = server
        self._default_mode = default_mode or settings.fallback_mode
        self._channel_ids = sorted(channel_ids)

    @property
    def default_mode(self) -> Mode:
        """The mode where the member names none: the channel's, the server's, the bot's."""
        chosen = self._of_channel("channel_mode") or self._server.text("default_mode")
        mode = Mode(chosen) if chosen and chosen != AUTO else self._default_mode
        allowed = self._server.texts("modes")
        return mode if not allowed or mode in allowed else Mode(allowed[0])

    @property
    def auto(self) -> bool:
        """Whether the votes choose the model where the member names neither mode nor model."""
        chosen = self._of_channel("channel_mode") or self._server.text("default_mode")
        return (chosen or self._settings.default_mode) == AUTO

    @property
    def default_seconds(self) -> float:
        """The length where the member gives none, in seconds."""
        for channel_id in self._channel_ids:
            if (seconds := self._server.number("channel_seconds", channel_id)) is not None:
                return min(seconds, self.max_seconds)
        return min(self._server.number("default_seconds") or self._settings.default_seconds, self.max_seconds)

    @property
    def max_seconds(self) -> float:
        """The longest clip, in seconds."""
        longest = self._server.number("max_seconds")
        return self._settings.max_seconds if longest is None else min(longest, self._settings.max_seconds)

    @property
    def models(self) -> Collection[str]:
        """The names of the models that members may use; empty for all."""
        return self._server.texts("models")

    def allows(self, model: Capabilities) -> bool:
        """Tell whether members may use a model."""
        modes = self._server.texts("modes")
        return (not modes or model.mode in modes) and (
            not self.models or model_name(model.model) in self.models
        )

    @property
    def preset(self) -> str | None:
        """The code of the preset where the member names none."""
        return self._of_channel("channel_preset")

    def option_default(self, name: str) -> float | int | None:
        """Return the owner's default for an option, or None where the engine's own holds."""
        return self._settings.option_default(name)

    def _of_channel(self, name: str) -> str | None:
        found = (self._server.text(name, channel_id) for channel_id in self._channel_ids)
        return next((value for value in found if value is not None), None)


def refused_recipe(recipe: Recipe, server: ServerSettings) -> Refusal | None:
    """Return why a server takes no such clip, or None where it does.

    For recipes that were not built with its limits, such as another take of a clip from before they were set.
    """
    modes, models, longest = server.texts("modes"), server.texts("models"), server.number("max_seconds")
    if modes and recipe.mode not in modes:
        return Refusal(
            Cause.OFF,
            tr("Mode {mode} is switched off in this server.", mode=recipe.mode),
            tr("Use mode {modes}.", modes=", ".join(modes)),
        )
    if models and model_name(recipe.model) not in models:
        return Refusal(
            Cause.OFF,
            tr("The model {model} isn't allowed in this server.", model=model_name(recipe.model)),
            "Use another mode or model.",
        )
    if longest is not None and recipe.seconds > longest:
        return Refusal(
            Cause.LENGTH,
            tr("Clips in this server can be {longest:g} s at most.", longest=longest),
            "Ask for a shorter one.",
        )
    return None


def refused_duel(recipes: Iterable[Recipe], server: ServerSettings) -> Refusal | None:
    """Return why a server takes no duel of these recipes, or None where it does."""
    modes = server.texts("duel_modes")
    off = next((recipe.mode for recipe in recipes if modes and recipe.mode not in modes), None)
    if off is None:
        return None
    return Refusal(
        Cause.OFF,
        tr("In this server mode {off} takes no part in duels.", off=off),
        tr("Choose two models or presets of mode {modes} as a and b.", modes=" or ".join(modes)),
    )


def duel_rules(server: ServerSettings) -> ServerRules:
    """Return what a server adds to the owner's rules of votes."""
    return ServerRules(
        close_votes=server.number("duel_close_votes"),
        account_days=server.number("duel_account_days") or 0.0,
        own_duels=server.is_on("duel_own_votes"),
    )


def daily_limits(server: ServerSettings) -> Daily:
    """Return what a server's members may request within a day, and of the queue at once."""
    share = server.number("queue_share")
    return Daily(
        member_seconds=server.number("member_daily_seconds"),
        server_seconds=server.number("server_daily_seconds"),
        queue_share=1.0 if share is None else share / 100,
        cooldown_seconds=server.number("cooldown_seconds"),
    )


def has_priority(server: ServerSettings, role_ids: Collection[int], *, boosts: bool) -> bool:
    """Tell whether a member comes before others of the server. boosts: by Discord's subscription."""
    return (boosts and server.is_on("boosters_first")) or not server.ids("priority_roles").isdisjoint(
        role_ids
    )
