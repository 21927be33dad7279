"""/music: from a prompt to a clip."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, cast

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.config import Settings
from bot.discord_limits import MAX_CHOICE_CHARACTERS, MAX_CHOICES, MAX_COMMAND_OPTIONS
from bot.errors import InvalidRecipe, UserError
from bot.locale import mark, tr
from bot.policy.limits import ServerLimits
from bot.presets.scenarios import suggestions
from bot.recipe import AUTO, Mode, OptionValue, Role, Task, random_seed
from bot.recipe.build import build_recipe, longest_seconds, mode_taking, modes_taking
from bot.recipe.capabilities import Bounds, Capabilities, bounds_over
from bot.recipe.gestures import hybrid_of_words, hybrid_pair
from bot.recipe.options import OPTIONS, PROMPT, REPAINT_END, REPAINT_START, SECONDS, SEED, Option
from bot.recipe.uses import Use, uses_of
from bot.recipe.validate import Unsupported
from bot.store.takes import MAX_TAKES
from bot.text import sanitize
from cogs.presets.lookup import channel_preset, named, suggest
from cogs.presets.submit import use as use_preset
from cogs.submission.auto import candidates, submit_chosen
from cogs.submission.models import suggest_models
from cogs.submission.references import Reference, check_references, sources_of
from cogs.submission.submit import acknowledge_request, submit
from cogs.ui.choices import TAKES_DESCRIPTION, mode_or_auto_choices
from cogs.ui.gate import limits_of
from cogs.ui.language import localized
from cogs.ui.text import plain

HYBRID = "hybrid"
HYBRID_NAME = mark("hybrid: ar writes the notes, diffusion plays them anew")

STARTERS = 15
"""So many of them are kept for the starter library while nothing is typed."""


class Music(commands.Cog):
    """The command /music, whose options follow the capabilities of the configured engines."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        engines = list(bot.models.values())
        self.command: app_commands.Command[Any, ..., None] = app_commands.Command(
            name="music",
            description="Make a clip of music from a few words",
            callback=_with_options(
                self._music, music_options(engines, bot.settings), list(bot.models.defaults), uses_of(engines)
            ),
        )
        self.command.autocomplete("prompt")(self._prompts)
        self.command.autocomplete("preset")(suggest)
        self.command.autocomplete("model")(suggest_models)

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
        model: str | None = None,
        seconds: float | None = None,
        seed: int | None = None,
        takes: int | None = None,
        melody: discord.Attachment | None = None,
        source: discord.Attachment | None = None,
        use: str | None = None,
        preset: str | None = None,
        **options: OptionValue | None,
    ) -> None:
        given: dict[str, Any] = {
            "seconds": seconds,
            "seed": seed,
            "options": {option.name: options.get(option.parameter) for option in OPTIONS.values()},
        }
        limits, takes = limits_of(interaction), takes or 1
        references = self._references(melody, source, _use_of(use, mode, given["options"]), seconds)
        if mode == AUTO and model is not None:
            mode = None
        if preset is not None:
            if mode == HYBRID:
                raise UserError("A preset has a mode of its own: leave `mode` out, or choose one.")
            await acknowledge_request(interaction, takes=takes)
            found = await named(interaction, preset)
            await use_preset(interaction, found, prompt, mode, references, model=model, takes=takes, **given)
            return
        if usual := await channel_preset(interaction, limits):
            if mode == HYBRID:
                raise UserError(
                    "This channel's preset has a mode of its own: leave `mode` out, or choose one."
                )
            await acknowledge_request(interaction, takes=takes)
            await use_preset(interaction, usual, prompt, mode, references, model=model, takes=takes, **given)
            return
        if mode == HYBRID:
            if source is None:
                await self._hybrid(interaction, prompt, model, given, limits, takes)
                return
            mode = None
        # Nothing before this touches the disk or the network, so a mistake is answered at once, privately.
        given |= (wanted := sources_of(references))
        if mode == AUTO or (mode is None and model is None and limits.auto):
            given["seed"] = random_seed() if seed is None else seed
            recipes = candidates(
                interaction, lambda engine: build_recipe(engine, limits, prompt=prompt, **given), references
            )
            await acknowledge_request(interaction, takes=takes)
            await submit_chosen(interaction, recipes, references, takes=takes)
            return
        defaults, asked = self.bot.models.defaults, (given["options"], wanted["sources"], wanted["task"])
        default = mode_taking(defaults, limits.default_mode, *asked)
        engine = self.bot.models.chosen(mode, model, default, limits.models)
        try:
            check_references(references, engine)
            recipe = build_recipe(engine, limits, prompt=prompt, **given)
        except Unsupported as refused:
            others = modes_taking(defaults, *asked)
            if not others:
                raise
            raise Unsupported(
                "{refused} Or use `mode:{other}`, which takes it.", refused=refused, other=others[0]
            ) from refused
        await acknowledge_request(interaction, takes=takes)
        await submit(interaction, recipe, references=references, takes=takes)

    def _references(
        self,
        melody: discord.Attachment | None,
        source: discord.Attachment | None,
        use: Use | None,
        seconds: float | None,
    ) -> list[Reference]:
        """Return the attached files with what becomes of each. Raises UserError for half of a choice."""
        found = []
        if melody is not None:
            found.append(Reference(melody, Use.MELODY, seconds is not None))
        if source is not None:
            known = [one for one in uses_of(self.bot.models.values()) if one is not Use.MELODY]
            found.append(Reference(source, use or known[0], seconds is not None))
        elif use is Use.REPAINT:
            raise UserError(
                "To make a part anew, I need the clip. Attach it as `source`, or press **More** under it, "
                "then **Repaint**."
            )
        elif use is not None and use is not Use.HYBRID:
            raise UserError("`use:{use}` needs a file. Attach it as `source`.", use=use)
        return found

    async def _hybrid(
        self,
        interaction: discord.Interaction[Antiphon],
        prompt: str,
        model: str | None,
        given: dict[str, Any],
        limits: ServerLimits,
        takes: int,
    ) -> None:
        """Queue an ar clip and the hybrid that is made of it."""
        models = self.bot.models
        pair = hybrid_pair(models, models.named(model) if model is not None else None)
        if pair is None:
            raise UserError(
                "No two models here make a hybrid with that. Leave `model` out, or choose another `mode`."
            )
        if takes > 1:
            raise UserError(
                "With `mode:hybrid`, words alone make one clip: ar writes it, then diffusion plays it anew. "
                "Leave `takes` out, or attach an ar clip as `source`: of that I make several takes."
            )
        recipe, then = hybrid_of_words(pair, limits, prompt=prompt, **given)
        await acknowledge_request(interaction)
        await submit(interaction, recipe, then=then)

    async def _prompts(
        self, interaction: discord.Interaction[Antiphon], current: str
    ) -> list[app_commands.Choice[str]]:
        """Offer the member's own prompts, and starters while nothing is typed yet."""
        typed = sanitize(current)
        prompts = await self.bot.history.recent_prompts(interaction.user.id, typed, MAX_CHOICES)
        if not typed:
            mode = getattr(interaction.namespace, "mode", None)
            known = Mode(mode) if mode in list(Mode) else limits_of(interaction).default_mode
            fresh = [one for one in suggestions(known) if one not in prompts]
            prompts = [*prompts[: MAX_CHOICES - STARTERS], *fresh][:MAX_CHOICES]
        # A choice's value is bounded like its name: a longer prompt could not come back whole.
        # Of prompts that look the same, one: with two equal names a client selects the first.
        values = {
            plain(one, MAX_CHOICE_CHARACTERS): one for one in prompts if len(one) <= MAX_CHOICE_CHARACTERS
        }
        return [app_commands.Choice(name=name, value=prompt) for name, prompt in values.items() if name]


def _use_of(use: str | None, mode: str | None, options: Mapping[str, OptionValue | None]) -> Use | None:
    """Return what becomes of the source, by what was given beside it. Raises InvalidRecipe for both."""
    repaint = [OPTIONS[name] for name in (REPAINT_START, REPAINT_END) if options[name] is not None]
    implied = Use.HYBRID if mode == HYBRID else Use.REPAINT if repaint else None
    if implied is None:
        return Use(use) if use else None
    why = "`mode:hybrid`" if implied is Use.HYBRID else f"`{repaint[0].label}`"
    if use not in (None, implied):
        raise InvalidRecipe("{why} can't go with `use:{use}`. Leave one of them out.", why=why, use=use)
    if implied is Use.HYBRID and repaint:
        raise InvalidRecipe(
            "{why} can't go with `{label}`. Leave one of them out.", why=why, label=repaint[0].label
        )
    return implied


def music_options(engines: Sequence[Capabilities], settings: Settings) -> list[inspect.Parameter]:
    """Return the options of /music: those that some engine takes, within the widest bounds of any."""
    parameters = [
        _parameter("prompt", _annotation(PROMPT, PROMPT.bounds), required=True),
        _parameter("mode", str),
        _parameter("model", app_commands.Range[str, 1, MAX_CHOICE_CHARACTERS]),
    ]
    if engines:
        shortest = min(engine.min_seconds for engine in engines)
        longest = max(longest_seconds(engine, settings) for engine in engines)
        parameters.append(_parameter("seconds", _annotation(SECONDS, Bounds(shortest, longest))))
    parameters.append(_parameter("seed", _annotation(SEED, SEED.bounds)))
    parameters.append(_parameter("takes", app_commands.Range[int, 1, MAX_TAKES]))
    uses = uses_of(engines)
    tasks = {Task.TEXT} | {use.task for use in uses}
    parameters += [
        _parameter(option.parameter, _annotation(option, bounds))
        for option in OPTIONS.values()
        if tasks & option.tasks and (bounds := bounds_over(engines, option.name))
    ]
    if any(engine.takes_source(Role.MELODY) for engine in engines):
        parameters.append(_parameter("melody", discord.Attachment))
    if any(use is not Use.MELODY for use in uses):
        parameters += [_parameter("source", discord.Attachment), _parameter("use", str)]
    parameters.append(_parameter("preset", app_commands.Range[str, 1, MAX_CHOICE_CHARACTERS]))
    excess = len(parameters) - MAX_COMMAND_OPTIONS
    left_out = [name for name in LEFT_OUT_FIRST if any(one.name == name for one in parameters)]
    return [one for one in parameters if one.name not in left_out[: max(excess, 0)]]


LEFT_OUT_FIRST = ("melody", *(option.parameter for option in OPTIONS.values() if option.dispensable))
"""Options that go where models together take more than Discord lets a command have, in this order. The first
is `source` with `use:melody` as well; the others can be set in a preset and under Remix."""
DESCRIPTIONS = {
    "mode": mark("The way it is made; the same words sound different in each"),
    "model": mark("Which model makes it; the mode follows from it"),
    "takes": TAKES_DESCRIPTION,
    "melody": mark("An audio file whose tune the clip follows; a bare tune works best"),
    "source": mark("An audio file or a clip that this clip is made from"),
    "use": mark("What becomes of the source"),
    "preset": mark("A preset's name or code. Your words go into it, and your options replace its own"),
    **{option.parameter: option.description for option in (PROMPT, SECONDS, SEED, *OPTIONS.values())},
}


def _described_use(use: Use) -> str:
    return f"{use}: {tr(use.description)}"


def _annotation(option: Option, bounds: Bounds) -> Any:
    """Return an option of the table, within an engine's bounds, as discord.py reads it off a signature."""
    if option.choices:
        return Literal[option.choices]
    # discord.py wants both ends in one type.
    of = float if option.type is float else int
    return app_commands.Range[option.type, of(bounds.low), of(bounds.high)]


def _parameter(name: str, annotation: Any, *, required: bool = False) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else None,
        annotation=annotation if required else annotation | None,
    )


def _with_options(
    function: Any,
    options: list[inspect.Parameter],
    modes: Sequence[Mode] = (),
    uses: Sequence[Use] = tuple(Use),
) -> Any:
    """Return a coroutine function with exactly these options; discord.py reads them off its signature."""

    async def callback(interaction: discord.Interaction[Antiphon], **given: Any) -> None:
        await function(interaction, **given)

    first = inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    cast(Any, callback).__signature__ = inspect.Signature([first, *options])
    named = {option.name: DESCRIPTIONS[option.name] for option in options}
    *known, auto = mode_or_auto_choices(modes or Mode)
    hybrid = [app_commands.Choice(name=HYBRID_NAME, value=HYBRID)] if Use.HYBRID in uses else []
    listed = {"mode": [*known, *hybrid, auto]}
    if "use" in named:
        listed["use"] = [
            app_commands.Choice(name=localized(partial(_described_use, use)), value=use.value)
            for use in uses
            if use is not Use.MELODY
        ]
    offered = app_commands.choices(**listed)
    reserved = {option.name: option.name.rstrip("_") for option in options if option.name.endswith("_")}
    return app_commands.rename(**reserved)(offered(app_commands.describe(**named)(callback)))


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Music(bot))
