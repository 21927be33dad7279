"""New clips from a clip: *Vary*, *Longer*, *Remix*, and *Hybrid* and *Repaint* under *More*.

A choice of a strength or a length is a select in a private answer, with the clip in its custom_id: it can be
used again, by whom it was shown to, after a restart too. What a clip's model cannot do is not offered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import Any, Self

import discord

from bot.app import Antiphon
from bot.errors import InvalidRecipe, NotFound, UserError
from bot.presets.text import MAX_SETTINGS_CHARACTERS, labels_within, read_settings, settings_text
from bot.presets.use import body_of
from bot.recipe import LYRICS_CHARACTERS, PROMPT_CHARACTERS, Recipe, Task, validate_mode
from bot.recipe.capabilities import Capabilities
from bot.recipe.gestures import (
    STRENGTHS,
    STRUCTURES,
    from_clip,
    hybrid_engine,
    longer_lengths,
    remixed,
)
from bot.recipe.options import (
    MAX_SEED,
    OPTIONS,
    REPAINT_END,
    REPAINT_START,
    SECONDS,
    SEED,
    STRENGTH,
    STRUCTURE,
    InvalidField,
)
from bot.store.clips import Clip
from bot.store.presets.model import PRESET_OPTIONS
from cogs.submission.submit import acknowledge_request, submit
from cogs.ui.answers import think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.forms import HINT_CHARACTERS, Answers, Field, Form
from cogs.ui.gate import limits_of
from cogs.ui.gated_item import GatedItem
from cogs.ui.text import in_a_line

GONE_CLIP = "This clip was deleted, so nothing can be made from it. Use another one, or `/music`."
GONE_FILE = (
    "I no longer have the audio of this clip, only its recipe. Press **Remix** and send the form as it is: "
    "that makes the same clip again, and the new one can be changed."
)
_MAX_DIGITS = 12
_CHOOSE = "gesture"


class GestureSelect(GatedItem, template=rf"{_CHOOSE}:(?P<task>vary|continue|hybrid):(?P<clip>[0-9]{{1,18}})"):
    """Chooses how strong a variation, how long a continuation or how close a hybrid is, and queues it."""

    def __init__(self, task: Task, clip_id: int, options: Mapping[float, str] | None = None) -> None:
        self.task = task
        self.clip_id = clip_id
        placeholders = {Task.VARY: "How far from it?", Task.CONTINUE: "How long?", Task.HYBRID: "How close?"}
        super().__init__(
            discord.ui.Select(
                custom_id=f"{_CHOOSE}:{task}:{clip_id}",
                placeholder=placeholders[task],
                options=[
                    discord.SelectOption(label=label, value=f"{value:g}")
                    for value, label in (options or {}).items()
                ],
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the select again from a message of any age."""
        return cls(Task(match["task"]), int(match["clip"]))

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Queue it for the member who chose."""
        await acknowledge_request(interaction)
        clip = await source_clip(interaction, self.clip_id)
        [chosen] = self.item.values
        value = float(chosen)
        engine, limits = _engine(interaction.client, clip.recipe, self.task), limits_of(interaction)
        seconds = value if self.task is Task.CONTINUE else None
        option = {Task.VARY: STRENGTH, Task.HYBRID: STRUCTURE}.get(self.task)
        options = {option: value} if option else {}
        recipe = from_clip(clip.id, clip.recipe, self.task, engine, limits, seconds=seconds, options=options)
        await submit(interaction, recipe, parent=clip.id)


class VaryButton(IdButton, prefix="clip:vary"):
    """Asks how far a variation goes from its clip."""

    label = "Vary"
    emoji = "🌱"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Ask in private."""
        await think(interaction, private=True)
        clip = await source_clip(interaction, self.number)
        from_clip(
            clip.id,
            clip.recipe,
            Task.VARY,
            _engine(interaction.client, clip.recipe, Task.VARY),
            limits_of(interaction),
        )
        await _ask(interaction, clip, Task.VARY, "Vary", STRENGTHS)


class LongerButton(IdButton, prefix="clip:longer"):
    """Asks how long the clip shall become."""

    label = "Longer"
    emoji = "⏩"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Ask in private."""
        await think(interaction, private=True)
        clip = await source_clip(interaction, self.number)
        engine = _engine(interaction.client, clip.recipe, Task.CONTINUE)
        lengths = longer_lengths(clip.recipe, engine, limits_of(interaction))
        if not lengths:
            raise UserError(
                f"This clip lasts {clip.recipe.seconds:g} s, and that is as long as it gets here. **Vary** "
                "or **Remix** make something new of it."
            )
        from_clip(clip.id, clip.recipe, Task.CONTINUE, engine, limits_of(interaction), seconds=lengths[0])
        await _ask(
            interaction, clip, Task.CONTINUE, "Go on from", {one: SECONDS.shown(one) for one in lengths}
        )


class HybridButton(IdButton, prefix="clip:hybrid"):
    """Asks how closely a diffusion model keeps to the notes of an ar clip."""

    label = "Hybrid"
    emoji = "🧬"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Ask in private."""
        await think(interaction, private=True)
        clip = await source_clip(interaction, self.number)
        _engine(interaction.client, clip.recipe, Task.HYBRID)
        await _ask(interaction, clip, Task.HYBRID, "A diffusion model plays", STRUCTURES)


class RepaintForm(Form):
    """The part of a clip that is made anew; the number is the clip."""

    prefix = "clip:repaint-part"
    reopens = True

    async def reopen(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Open it, filled in."""
        clip = await source_clip(interaction, self.number)
        fields = [
            Field(
                id=name,
                label=label,
                hint=f"In seconds; the clip lasts {clip.recipe.seconds:g} s.",
                max_length=_MAX_DIGITS,
                value=typed.get(name, ""),
                required=True,
            )
            for name, label in ((REPAINT_START, "From"), (REPAINT_END, "To"))
        ]
        await self.open(interaction, "Repaint a part", fields)

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Answers) -> None:
        """Queue it."""
        await acknowledge_request(interaction)
        clip = await source_clip(interaction, self.number)
        part = {name: OPTIONS[name].parse(typed[name].strip()) for name in (REPAINT_START, REPAINT_END)}
        engine = _engine(interaction.client, clip.recipe, Task.REPAINT)
        recipe = from_clip(clip.id, clip.recipe, Task.REPAINT, engine, limits_of(interaction), options=part)
        await submit(interaction, recipe, parent=clip.id)


class RepaintButton(IdButton, prefix="clip:repaint"):
    """Asks which part of a clip is made anew."""

    label = "Repaint"
    emoji = "🖌️"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open the form."""
        await RepaintForm(self.number).reopen(interaction, {})


class RemixForm(Form):
    """Prompt, settings and seed of a clip to be changed; the number is the clip."""

    prefix = "clip:remix-words"
    reopens = True

    async def reopen(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Open it, filled in with what was typed before, else from the clip."""
        recipe = (await interaction.client.history.clip(self.number)).recipe
        start = {
            "prompt": recipe.prompt,
            "settings": settings_text(body_of(recipe)),
            "seed": str(recipe.seed),
            "lyrics": recipe.text("lyrics") or "",
        } | dict(typed)
        fields = [
            Field(
                id="prompt",
                label="Prompt",
                max_length=PROMPT_CHARACTERS,
                value=start["prompt"],
                long=True,
                required=True,
            ),
            Field(
                id="settings",
                label="Settings, one a line",
                hint=labels_within("{names}", HINT_CHARACTERS),
                max_length=MAX_SETTINGS_CHARACTERS,
                value=start["settings"],
                long=True,
            ),
            Field(
                id="seed",
                label="Seed",
                hint="The same seed stays close to the clip; leave it empty for a new one.",
                max_length=len(str(MAX_SEED)),
                value=start["seed"],
            ),
        ]
        if start["lyrics"]:
            fields.append(
                Field(
                    id="lyrics",
                    label="Lyrics",
                    max_length=LYRICS_CHARACTERS,
                    value=start["lyrics"],
                    long=True,
                )
            )
        await self.open(interaction, "Remix", fields)

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Answers) -> None:
        """Queue it."""
        await acknowledge_request(interaction)
        clip = await interaction.client.history.clip(self.number)
        recipe = _read_remix(interaction, clip.recipe, typed)
        await submit(interaction, recipe, parent=clip.id)


class RemixButton(IdButton, prefix="clip:remix"):
    """Opens the prompt and the settings of a clip, to change them."""

    label = "Remix"
    emoji = "🎚️"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open the form."""
        await RemixForm(self.number).reopen(interaction, {})


ITEMS = (
    GestureSelect,
    VaryButton,
    LongerButton,
    HybridButton,
    RepaintButton,
    RemixButton,
)
FORMS = (RepaintForm, RemixForm)


def tasks_for(bot: Antiphon, recipe: Recipe) -> Set[Task]:
    """Return the tasks that can be done here with a clip of a recipe."""
    try:
        own = bot.jobs.models[bot.jobs.adopt(recipe).model_ref]
    except UserError:
        return frozenset()
    hybrid = {Task.HYBRID} if hybrid_engine(bot.jobs.adopt(recipe), bot.jobs.models) else set()
    return (own.tasks.keys() - {Task.HYBRID}) | hybrid


async def source_clip(interaction: discord.Interaction[Antiphon], clip_id: int) -> Clip:
    """Return a clip whose audio is there. Raises UserError, with what to do, where it is deleted or gone."""
    try:
        clip = await interaction.client.history.clip(clip_id)
    except NotFound:
        raise NotFound(GONE_CLIP) from None
    if not clip.file or not (interaction.client.settings.clip_dir / clip.file).is_file():
        raise UserError(GONE_FILE)
    return clip


def _engine(bot: Antiphon, recipe: Recipe, task: Task) -> Capabilities:
    """Return the model that does a task with a clip. Raises UserError where none does."""
    own = bot.jobs.adopt(recipe)
    if task is not Task.HYBRID:
        return bot.jobs.models[own.model_ref]
    engine = hybrid_engine(own, bot.jobs.models)
    if engine is None:
        raise UserError(
            "A hybrid needs a clip of mode ar, and a diffusion model that takes its notes. Use **Try "
            "diffusion** for the same words in the other mode."
        )
    return engine


async def _ask(
    interaction: discord.Interaction[Antiphon],
    clip: Clip,
    task: Task,
    verb: str,
    options: Mapping[float, str],
) -> None:
    await interaction.followup.send(
        f"{verb}: {in_a_line(clip.recipe)}",
        view=in_rows(GestureSelect(task, clip.id, options)),
        ephemeral=True,
    )


def _read_remix(interaction: discord.Interaction[Antiphon], recipe: Recipe, typed: Answers) -> Recipe:
    """Return the recipe that a form describes. Raises InvalidRecipe with every mistake in the settings."""
    bot = interaction.client
    settings, problems = read_settings(typed["settings"])
    seed = None
    try:
        seed = SEED.parse(typed["seed"].strip()) if typed["seed"].strip() else None
    except InvalidField as problem:
        problems.append(problem)
    if problems:
        raise InvalidRecipe("\n".join(map(str, problems)))
    mode = validate_mode(settings.pop("mode", recipe.mode))
    seconds = settings.pop("seconds", None)
    own = bot.jobs.adopt(recipe) if mode is recipe.mode else None
    engine = bot.jobs.models[own.model_ref] if own else bot.jobs.engine(mode)
    unseen = {name: value for name, value in recipe.options.items() if name not in PRESET_OPTIONS}
    if "lyrics" in typed:
        unseen.pop("lyrics", None)
        if typed["lyrics"].strip():
            unseen["lyrics"] = typed["lyrics"]
    return remixed(
        own or recipe,
        engine,
        limits_of(interaction),
        prompt=typed["prompt"],
        seconds=seconds,
        seed=None if seed is None else int(seed),
        options=unseen | settings,
    )
