"""/music: from a prompt to a clip."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Literal, cast

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.ask import bounds_over, longest_seconds, recipe_for
from bot.config import Settings
from bot.engines.base import Capabilities
from bot.presets.scenarios import suggestions
from bot.recipe import LYRICS_CHARACTERS, PROMPT_CHARACTERS, SEED_MAX, Mode, checked_mode
from bot.text import sanitize
from cogs.asking import acknowledge_request, submit
from cogs.clips.melody import check_melody
from cogs.presets.named import TYPED_MOST, named, suggest
from cogs.presets.using import use
from cogs.ui.text import plain

SUGGESTIONS = 25
STARTERS = 15
"""So many of them are kept for the starter library while nothing is typed."""
CHOICE_CHARACTERS = 100


class Music(commands.Cog):
    """Holds the command, whose options follow what the configured engines take."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        engines = list(bot.capabilities.values())
        self.command: app_commands.Command[Any, ..., None] = app_commands.Command(
            name="music",
            description="Make a clip of music from a few words",
            callback=_with_options(self._music, music_options(engines, bot.settings)),
        )
        self.command.autocomplete("prompt")(self._prompts)
        self.command.autocomplete("preset")(suggest)

    async def cog_load(self) -> None:
        """Register the command."""
        self.bot.tree.add_command(self.command)

    async def cog_unload(self) -> None:
        """Take the command away."""
        self.bot.tree.remove_command(self.command.name)

    async def _music(
        self,
        interaction: discord.Interaction[Antiphon],
        prompt: str,
        mode: str | None = None,
        negative: str | None = None,
        lyrics: str | None = None,
        melody: discord.Attachment | None = None,
        seconds: float | None = None,
        seed: int | None = None,
        steps: int | None = None,
        temperature: float | None = None,
        guidance: float | None = None,
        preset: str | None = None,
    ) -> None:
        asked: dict[str, Any] = {
            "seconds": seconds,
            "seed": seed,
            "negative_prompt": negative,
            "lyrics": lyrics,
            "temperature": temperature,
            "guidance_scale": guidance,
            "num_sampling_steps": steps,
        }
        if preset is not None:
            await acknowledge_request(interaction)
            await use(interaction, await named(interaction, preset), prompt, mode, melody, **asked)
            return
        # Nothing before this touches the disk or the network, so a mistake is answered at once, privately.
        engine = self.bot.service.engine(self._mode(mode))
        recipe = recipe_for(engine, self.bot.settings, prompt=prompt, **asked)
        check_melody(melody, engine)
        await acknowledge_request(interaction)
        await submit(interaction, recipe, melody=melody)

    async def _prompts(
        self, interaction: discord.Interaction[Antiphon], current: str
    ) -> list[app_commands.Choice[str]]:
        """Offer the member's own prompts, and starters while nothing is typed yet."""
        typed = sanitize(current)
        prompts = await self.bot.history.recent_prompts(interaction.user.id, typed, SUGGESTIONS)
        if not typed:
            mode = getattr(interaction.namespace, "mode", None)
            known = self._mode(mode if mode in list(Mode) else None)
            fresh = [one for one in suggestions(known) if one not in prompts]
            prompts = [*prompts[: SUGGESTIONS - STARTERS], *fresh][:SUGGESTIONS]
        # A choice's value is bounded like its name: a longer prompt could not come back whole.
        # Of prompts that look the same, one: with two equal names a client selects the first.
        values = {plain(one, CHOICE_CHARACTERS): one for one in prompts if len(one) <= CHOICE_CHARACTERS}
        return [app_commands.Choice(name=name, value=prompt) for name, prompt in values.items() if name]

    def _mode(self, asked: str | None) -> Mode:
        if asked:
            return checked_mode(asked)
        default = self.bot.settings.default_mode
        installed = self.bot.capabilities
        return default if default in installed or not installed else next(iter(installed))


def music_options(engines: Sequence[Capabilities], settings: Settings) -> list[inspect.Parameter]:
    """Return the options of /music: those that some engine takes, within the widest bounds of any."""
    modes = [engine.mode for engine in engines] or list(Mode)
    options = [
        _option("prompt", app_commands.Range[str, 1, PROMPT_CHARACTERS], required=True),
        _option("mode", _choices([mode.value for mode in modes])),
    ]
    if engines:
        shortest = min(engine.min_seconds for engine in engines)
        longest = max(longest_seconds(engine, settings) for engine in engines)
        options.append(_option("seconds", app_commands.Range[float, shortest, longest]))
    options.append(_option("seed", app_commands.Range[int, 0, SEED_MAX]))
    for name, field, kind in (
        ("steps", "num_sampling_steps", int),
        ("temperature", "temperature", float),
        ("guidance", "guidance_scale", float),
    ):
        if bounds := bounds_over(list(engines), field):
            options.append(_option(name, app_commands.Range[kind, kind(bounds.low), kind(bounds.high)]))
    if any(engine.negative_prompt for engine in engines):
        options.append(_option("negative", app_commands.Range[str, 1, PROMPT_CHARACTERS]))
    if any(engine.lyrics for engine in engines):
        options.append(_option("lyrics", app_commands.Range[str, 1, LYRICS_CHARACTERS]))
    if any(engine.melody for engine in engines):
        options.append(_option("melody", discord.Attachment))
    options.append(_option("preset", app_commands.Range[str, 1, TYPED_MOST]))
    return options


DESCRIPTIONS = {
    "prompt": "What you want to hear: “slow piano in the rain”",
    "mode": "How it is made: ar (note after note) or diffusion (out of noise)",
    "seconds": "How long the clip is",
    "seed": "The same seed and the same words make the same clip",
    "steps": "How many denoising steps: more is finer and slower",
    "temperature": "How adventurous: 1 is as trained, less is safer",
    "guidance": "How strictly it follows your words",
    "negative": "What you do not want to hear",
    "lyrics": "Words to sing; without them nobody sings. [verse] and [chorus] mark the parts",
    "melody": "An audio file whose tune the clip follows; a bare tune works best",
    "preset": "A preset's name or code: your words go into it, your other options win over its own",
}


def _option(name: str, annotation: Any, *, required: bool = False) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else None,
        annotation=annotation if required else annotation | None,
    )


def _choices(values: list[str]) -> Any:
    return Literal[tuple(values)]


def _with_options(function: Any, options: list[inspect.Parameter]) -> Any:
    """Return a coroutine function with exactly these options; discord.py reads them off its signature."""

    async def callback(interaction: discord.Interaction[Antiphon], **given: Any) -> None:
        await function(interaction, **given)

    first = inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    cast(Any, callback).__signature__ = inspect.Signature([first, *options])
    named = {option.name: DESCRIPTIONS[option.name] for option in options}
    return app_commands.describe(**named)(callback)


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Music(bot))
