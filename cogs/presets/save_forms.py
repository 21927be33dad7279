"""The forms for saving and editing a preset; one that is not valid is offered again, filled in."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import discord

from bot.app import Antiphon
from bot.errors import UserError
from bot.hub.naming import model_name
from bot.locale import mark
from bot.presets.names import NAME_CHARACTERS, display_name
from bot.presets.text import MAX_SETTINGS_CHARACTERS, labels_within, read_body, settings_text
from bot.presets.use import body_of
from bot.recipe import PROMPT_CHARACTERS, Recipe
from bot.recipe.options import InvalidField
from bot.store.clips import Clip
from bot.store.presets.model import (
    DESCRIPTION_CHARACTERS,
    MARK,
    MAX_TAGS,
    MODEL_CHARACTERS,
    TAG_CHARACTERS,
    Body,
    Draft,
    Preset,
)
from cogs.presets.buttons import saved_buttons
from cogs.presets.card import preset_card, shown_name
from cogs.ui.answers import think
from cogs.ui.forms import HINT_CHARACTERS, Field, Form
from cogs.ui.take_choice import TakeChoice
from cogs.ui.text import plain


class SaveForm(Form):
    """A new preset; the number is its example clip, or 0."""

    prefix = "preset:save"
    reopens = True

    async def offer(self, interaction: discord.Interaction[Antiphon], clip: Clip | None) -> None:
        """Open it, filled in from a clip where there is one."""
        bot = interaction.client
        start = {"settings": f"mode: {bot.default_mode}"}
        if clip is not None:
            start = _typed(body_of(clip.recipe, model=model_of(bot, clip.recipe)))
        await self.reopen(interaction, start)

    async def reopen(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Open it, filled in."""
        name = Field(
            id="name",
            label="Name",
            max_length=NAME_CHARACTERS,
            value=typed.get("name", ""),
            required=True,
        )
        await self.open(interaction, "Save as preset", [name, *_body_fields(typed)])

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Keep it."""
        await think(interaction, private=True)
        bot = interaction.client
        draft = Draft(*_checked(bot, typed), self.number or None)
        if draft.example_clip is not None:
            await bot.history.clip(draft.example_clip)
        preset = await bot.presets.save(interaction.user.id, draft)
        await _kept(interaction, preset, f"Saved as “{shown_name(preset.name)}”. Only you can see it so far.")


class SaveTakeSelect(TakeChoice, prefix="takes:save"):
    """Chooses the take whose settings become a preset."""

    placeholder = mark("Which take should become a preset?")

    async def chosen(self, interaction: discord.Interaction[Antiphon], clip: Clip) -> None:
        """Open the form, filled in from the take."""
        await SaveForm(clip.id).offer(interaction, clip)


class EditForm(Form):
    """A new version of the preset whose number it has."""

    prefix = "preset:edit"
    reopens = True

    async def offer(self, interaction: discord.Interaction[Antiphon], preset: Preset) -> None:
        """Open it with the newest version filled in."""
        await self.reopen(interaction, _typed(preset.body))

    async def reopen(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Open it, filled in."""
        await self.open(interaction, "New version", _body_fields(typed))

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Add the version."""
        await think(interaction, private=True)
        bot = interaction.client
        preset = await bot.presets.edit(interaction.user.id, self.number, _body(bot, typed))
        await _kept(
            interaction,
            preset,
            f"Saved as version {preset.version}. Clips that you made before keep their version.",
        )


FORMS = (SaveForm, EditForm)


def model_of(bot: Antiphon, recipe: Recipe) -> str:
    """Return the name of a recipe's model; nothing for the default, so that a preset suits other bots."""
    default = bot.models.defaults.get(recipe.mode)
    if default is not None and default.model_ref == recipe.model_ref:
        return ""
    model = recipe.model_ref
    return bot.models.label(model) if model in bot.models else model_name(model.name)


def _checked(bot: Antiphon, typed: Mapping[str, str]) -> tuple[str, Body]:
    """Return the name and the body that were typed. Raises UserError with every mistake in them."""
    problems: list[UserError] = []
    name, body = "", None
    try:
        name = display_name(typed["name"])
    except UserError as error:
        problems.append(error)
    try:
        body = _body(bot, typed)
    except UserError as error:
        problems.append(error)
    if problems or body is None:
        raise UserError("\n".join(map(str, problems)))
    return name, body


def _typed(body: Body) -> dict[str, str]:
    """Return what has to be typed for a body, by the ids of the fields."""
    return {
        "template": body.template,
        "settings": settings_text(body),
        "tags": ", ".join(body.tags),
        "description": body.description,
    }


def _body_fields(typed: Mapping[str, str]) -> list[Field]:
    return [
        Field(
            id="template",
            label="Prompt",
            hint=f"{MARK} stands for the words typed later. If it is missing, they come at the end.",
            max_length=PROMPT_CHARACTERS,
            value=typed.get("template", ""),
            long=True,
            required=True,
        ),
        Field(
            id="settings",
            label="Settings, one a line",
            hint=labels_within("{names} (default: the bot's)", HINT_CHARACTERS),
            max_length=MAX_SETTINGS_CHARACTERS,
            value=typed.get("settings", ""),
            long=True,
        ),
        Field(
            id="tags",
            label="Tags",
            hint="Commas between: lofi, calm",
            max_length=(TAG_CHARACTERS + 2) * MAX_TAGS,
            value=typed.get("tags", ""),
        ),
        Field(
            id="description",
            label="What is it for?",
            max_length=DESCRIPTION_CHARACTERS,
            value=typed.get("description", ""),
        ),
    ]


def _body(bot: Antiphon, typed: Mapping[str, str]) -> Body:
    body = read_body(
        typed["template"], typed["settings"], typed["tags"], typed["description"], bot.default_mode
    )
    # One that is not here stays: the preset may be for another bot, or from one.
    found = None
    if body.model:
        with contextlib.suppress(UserError):
            found = bot.models.named(body.model)
    if found is not None and found.mode is not body.mode:
        problem = f"is a model of mode {found.mode}. Write “mode: {found.mode}”, or another model."
        raise InvalidField("model", problem, f"`{plain(body.model, MODEL_CHARACTERS)}`")
    return body


async def _kept(interaction: discord.Interaction[Antiphon], preset: Preset, text: str) -> None:
    await interaction.followup.send(
        text,
        embed=preset_card(preset, [], interaction.user.id),
        view=saved_buttons(preset),
        ephemeral=True,
    )
