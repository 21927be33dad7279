"""The forms about presets: saving, editing, using, reporting."""

from __future__ import annotations

from collections.abc import Mapping

import discord

from bot.app import Antiphon
from bot.presets.names import NAME_CHARACTERS, display_name
from bot.presets.text import LABELS, MAX_SETTINGS_CHARACTERS, read_body, settings_text
from bot.presets.use import body_of
from bot.recipe import PROMPT_CHARACTERS
from bot.store.clips import Clip
from bot.store.presets.model import (
    DESCRIPTION_CHARACTERS,
    MARK,
    MAX_TAGS,
    TAG_CHARACTERS,
    Body,
    Draft,
    Preset,
)
from cogs.presets.card import preset_card, shown_name
from cogs.presets.lookup import viewer
from cogs.presets.submit import use
from cogs.submission.submit import acknowledge_request
from cogs.ui.answers import think
from cogs.ui.forms import HINT_CHARACTERS, Field, Form

REASON_CHARACTERS = 300


class SaveForm(Form):
    """A new preset; the number is its example clip, or 0."""

    prefix = "preset:save"

    async def offer(self, interaction: discord.Interaction[Antiphon], clip: Clip | None) -> None:
        """Open it, filled in from a clip where there is one."""
        name = Field(id="name", label="Name", max_length=NAME_CHARACTERS, required=True)
        settings = f"mode: {interaction.client.settings.default_mode}"
        body = body_of(clip.recipe) if clip else None
        await self.open(interaction, "Save as preset", [name, *_body_fields(body, settings)])

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Keep it."""
        await think(interaction, private=True)
        bot = interaction.client
        draft = Draft(display_name(typed["name"]), _body(bot, typed), self.number or None)
        if draft.example_clip is not None:
            await bot.history.clip(draft.example_clip)
        preset = await bot.presets.save(interaction.user.id, draft)
        await _kept(
            interaction, preset, f"Saved as “{shown_name(preset.name)}”. `/preset use` makes clips with it."
        )


class EditForm(Form):
    """A new version of the preset whose number it has."""

    prefix = "preset:edit"

    async def offer(self, interaction: discord.Interaction[Antiphon], preset: Preset) -> None:
        """Open it with the newest version filled in."""
        await self.open(interaction, "A new version", _body_fields(preset.body, ""))

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Add the version."""
        await think(interaction, private=True)
        bot = interaction.client
        preset = await bot.presets.edit(interaction.user.id, self.number, _body(bot, typed))
        await _kept(interaction, preset, f"Kept as version {preset.version}; older clips remember theirs.")


class UseForm(Form):
    """A member's words for the preset whose number it has."""

    prefix = "preset:words"

    async def offer(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open it."""
        words = Field(
            id="words",
            label="Your words",
            hint="They go where the preset has room for them. Some presets need none.",
            max_length=PROMPT_CHARACTERS,
            long=True,
        )
        await self.open(interaction, "Use this preset", [words])

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Queue the clip."""
        await acknowledge_request(interaction)
        preset = await interaction.client.presets.get(self.number, viewer(interaction))
        await use(interaction, preset, typed["words"])


class ReportForm(Form):
    """Why moderators should look at the preset whose number it has."""

    prefix = "preset:why"

    async def offer(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open it."""
        reason = Field(
            id="reason",
            label="What is wrong with it?",
            max_length=REASON_CHARACTERS,
            long=True,
            required=True,
        )
        await self.open(interaction, "Report to the moderators", [reason])

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Put it into the queue."""
        await think(interaction, private=True)
        await report(interaction, self.number, typed["reason"])


async def report(interaction: discord.Interaction[Antiphon], preset_id: int, reason: str) -> None:
    """Put a preset into the moderators' queue, and say so."""
    await interaction.client.preset_moderation.report(viewer(interaction), preset_id, reason)
    await interaction.followup.send("Thank you. The moderators will look at it.", ephemeral=True)


FORMS = (SaveForm, EditForm, UseForm, ReportForm)


def _body_fields(body: Body | None, settings: str) -> list[Field]:
    return [
        Field(
            id="template",
            label="Prompt",
            hint=f"{MARK} is where the words of whoever uses it go; without it they come last.",
            max_length=PROMPT_CHARACTERS,
            value=body.template if body else "",
            long=True,
            required=True,
        ),
        Field(
            id="settings",
            label="Settings, one a line",
            hint=_settings_hint(),
            max_length=MAX_SETTINGS_CHARACTERS,
            value=settings_text(body) if body else settings,
            long=True,
        ),
        Field(
            id="tags",
            label="Tags",
            hint="Commas between: lofi, calm",
            max_length=(TAG_CHARACTERS + 2) * MAX_TAGS,
            value=", ".join(body.tags) if body else "",
        ),
        Field(
            id="description",
            label="What is it for?",
            max_length=DESCRIPTION_CHARACTERS,
            value=body.description if body else "",
        ),
    ]


def _settings_hint() -> str:
    """Return the settings by name, as many as a field's hint holds."""
    names = list(LABELS)
    while len(hint := f"{', '.join(names)}; left out: as usual.") > HINT_CHARACTERS:
        names[-2:] = ["…"]
    return hint


def _body(bot: Antiphon, typed: Mapping[str, str]) -> Body:
    return read_body(
        typed["template"],
        typed["settings"],
        typed["tags"],
        typed["description"],
        bot.settings.default_mode,
    )


async def _kept(interaction: discord.Interaction[Antiphon], preset: Preset, text: str) -> None:
    await interaction.followup.send(text, embed=preset_card(preset, [], interaction.user.id), ephemeral=True)
