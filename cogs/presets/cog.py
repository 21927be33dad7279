"""/preset and its sub-commands, /reports, and the commands in a message's menu."""

from __future__ import annotations

import io
from functools import partial
from typing import Literal

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.discord_limits import MAX_CHOICE_CHARACTERS
from bot.errors import NotFound, UserError
from bot.jobs.configured import ConfiguredModels
from bot.presets import files
from bot.presets.names import NAME_CHARACTERS, display_name
from bot.recipe import PROMPT_CHARACTERS, Recipe, validate_mode
from bot.store.presets.model import TAG_CHARACTERS, Draft, Preset, Scope, tag_of
from bot.store.presets.search import Filter, Sort
from bot.store.takes import MAX_TAKES
from cogs.presets import buttons, forms, moderation, save_forms
from cogs.presets.browse import MAX_TEXT, PageButton, page
from cogs.presets.card import shown_name
from cogs.presets.forms import report
from cogs.presets.lookup import named, suggest, suggest_own, viewer
from cogs.presets.submit import use
from cogs.submission.submit import acknowledge_request
from cogs.ui.answers import think
from cogs.ui.buttons import clip_in, in_rows
from cogs.ui.choices import TAKES_DESCRIPTION, mode_choices, mode_or_auto_choices
from cogs.ui.forms import FixButton
from cogs.ui.persistent_cog import PersistentCog
from cogs.ui.report_form import REASON_CHARACTERS
from cogs.ui.take_choice import takes_in
from cogs.ui.text import joined_lines, quoted

Named = app_commands.Range[str, 1, MAX_CHOICE_CHARACTERS]
Name = app_commands.Range[str, 1, NAME_CHARACTERS]
_SCOPES = {"nobody else": Scope.PRIVATE, "this server": Scope.SERVER, "everyone": Scope.PUBLIC}
ITEMS = (*buttons.BUTTONS, *moderation.BUTTONS, PageButton, FixButton, save_forms.SaveTakeSelect)
LISTED_CHARACTERS = 1_500


class PresetCog(PersistentCog):
    """The commands of members and moderators about presets."""

    preset = app_commands.Group(name="preset", description="Settings with a name: make, share and use them")

    items = ITEMS
    forms = (*forms.FORMS, *save_forms.FORMS)

    def __init__(self, bot: Antiphon) -> None:
        super().__init__(bot)
        self.menus = [
            app_commands.ContextMenu(name="Save as preset", callback=self.save_as_preset),
            app_commands.ContextMenu(name="Import presets", callback=self.import_presets),
        ]

    async def cog_load(self) -> None:
        """Register the menus."""
        await super().cog_load()
        for menu in self.menus:
            self.bot.tree.add_command(menu)

    async def cog_unload(self) -> None:
        """Unregister them."""
        await super().cog_unload()
        for menu in self.menus:
            self.bot.tree.remove_command(menu.name, type=menu.type)

    @preset.command(name="save", description="Make a preset, filled in from your last clip or from scratch")
    @app_commands.describe(start="What the form begins with")
    async def save(
        self,
        interaction: discord.Interaction[Antiphon],
        start: Literal["my last clip", "scratch"] = "my last clip",
    ) -> None:
        """Open the form: a modal has to be the first answer, so one look at the disk comes before."""
        clip = None
        if start == "my last clip":
            clip = await self.bot.history.last_clip(interaction.user.id)
        await save_forms.SaveForm(clip.id if clip else 0).offer(interaction, clip)

    async def save_as_preset(
        self, interaction: discord.Interaction[Antiphon], message: discord.Message
    ) -> None:
        """Open the form, filled in from the message's clip."""
        own = self.bot.wrote(message)
        if own and (first := takes_in(message)) is not None:
            await save_forms.SaveTakeSelect.offer(interaction, first)
            return
        clip_id = clip_in(message) if own else None
        if clip_id is None:
            raise UserError("That message has no clip from me. Choose one with an MP3 and buttons.")
        await save_forms.SaveForm(clip_id).offer(interaction, await self.bot.history.clip(clip_id))

    @preset.command(name="use", description="Make a clip with a preset")
    @app_commands.describe(
        preset="Its name or code",
        prompt="Your words, if the preset needs some",
        mode="A different mode from the preset's",
        takes=TAKES_DESCRIPTION,
    )
    @app_commands.autocomplete(preset=suggest)
    @app_commands.choices(mode=mode_or_auto_choices())
    async def use(
        self,
        interaction: discord.Interaction[Antiphon],
        preset: Named,
        prompt: app_commands.Range[str, 1, PROMPT_CHARACTERS] | None = None,
        mode: str | None = None,
        takes: app_commands.Range[int, 1, MAX_TAKES] = 1,
    ) -> None:
        """Queue the clip, or several takes of it."""
        await acknowledge_request(interaction, takes=takes)
        await use(interaction, await named(interaction, preset), prompt or "", mode, takes=takes)

    @preset.command(name="show", description="Show a preset with its versions and ratings")
    @app_commands.describe(preset="Its name or code", version="An older version")
    @app_commands.autocomplete(preset=suggest)
    async def show(
        self,
        interaction: discord.Interaction[Antiphon],
        preset: Named,
        version: app_commands.Range[int, 1, 10_000] | None = None,
    ) -> None:
        """Show the card."""
        await think(interaction, private=True)
        found = await named(interaction, preset)
        if version is not None:
            found = await self.bot.presets.get(found.id, viewer(interaction), version)
        await buttons.show(interaction, found)

    @preset.command(name="browse", description="Browse the presets that you can use")
    @app_commands.describe(
        text="Words in the name, the prompt, the description or the tags",
        tag="One of its tags",
        mode="The mode it uses",
        sort="What comes first",
    )
    @app_commands.choices(mode=mode_choices())
    async def browse(
        self,
        interaction: discord.Interaction[Antiphon],
        text: app_commands.Range[str, 1, MAX_TEXT] | None = None,
        tag: app_commands.Range[str, 1, TAG_CHARACTERS] | None = None,
        mode: str | None = None,
        sort: Literal["rating", "use", "newest"] = "rating",
    ) -> None:
        """Show the first page."""
        await think(interaction, private=True)
        chosen = validate_mode(mode) if mode else None
        wanted = Filter(text or "", tag_of(tag) if tag else None, chosen, Sort(sort))
        embeds, view = await page(interaction, wanted, 0)
        await interaction.edit_original_response(embeds=embeds, view=view)

    @preset.command(name="edit", description="Change one of your presets; older versions stay")
    @app_commands.describe(preset="One of yours")
    @app_commands.autocomplete(preset=suggest_own)
    async def edit(self, interaction: discord.Interaction[Antiphon], preset: Named) -> None:
        """Open the form: a modal has to be the first answer, so one look at the disk comes before."""
        found = await named(interaction, preset)
        if found.owner_id != interaction.user.id:
            raise NotFound(
                "“{shown_name}” isn't yours. Make your own copy with `/preset fork`.",
                shown_name=shown_name(found.name),
            )
        await save_forms.EditForm(found.id).offer(interaction, found)

    @preset.command(name="fork", description="Make yourself a copy of a preset, to change as you like")
    @app_commands.describe(preset="Its name or code", name="What yours is called")
    @app_commands.autocomplete(preset=suggest)
    async def fork(
        self, interaction: discord.Interaction[Antiphon], preset: Named, name: Name | None = None
    ) -> None:
        """Copy it."""
        await think(interaction, private=True)
        clean = display_name(name) if name else None
        await buttons.fork(interaction, (await named(interaction, preset)).id, clean)

    @preset.command(name="rename", description="Give one of your presets another name")
    @app_commands.describe(preset="One of yours", name="What it is called from now on")
    @app_commands.autocomplete(preset=suggest_own)
    async def rename(self, interaction: discord.Interaction[Antiphon], preset: Named, name: Name) -> None:
        """Rename it."""
        await think(interaction, private=True)
        found, clean = await named(interaction, preset), display_name(name)
        await self.bot.presets.rename(interaction.user.id, found.id, clean)
        await interaction.followup.send(
            f"“{shown_name(found.name)}” is now called “{shown_name(clean)}”.", ephemeral=True
        )

    @preset.command(name="delete", description="Delete one of your presets")
    @app_commands.describe(preset="One of yours")
    @app_commands.autocomplete(preset=suggest_own)
    async def delete(self, interaction: discord.Interaction[Antiphon], preset: Named) -> None:
        """Ask once more."""
        await think(interaction, private=True)
        found = await self._own(interaction, preset)
        await interaction.followup.send(
            f"Delete “{shown_name(found.name)}” with {found.newest} versions for good?"
            if found.newest > 1
            else f"Delete “{shown_name(found.name)}” for good?",
            view=in_rows(buttons.ReallyDeleteButton(found.id)),
            ephemeral=True,
        )

    @preset.command(name="share", description="Choose who can see and use one of your presets")
    @app_commands.describe(preset="One of yours", who="Who can see it")
    @app_commands.rename(who="with")
    @app_commands.autocomplete(preset=suggest_own)
    async def share(
        self,
        interaction: discord.Interaction[Antiphon],
        preset: Named,
        who: Literal["nobody else", "this server", "everyone"],
    ) -> None:
        """Share it."""
        await think(interaction, private=True)
        found = await self._own(interaction, preset)
        text = await buttons.share(interaction, found.id, _SCOPES[who])
        await interaction.followup.send(text, ephemeral=True)

    @preset.command(name="rate", description="Rate a preset that you made a clip with")
    @app_commands.describe(preset="One that you made a clip with", vote="You can change it later")
    @app_commands.autocomplete(preset=suggest)
    async def rate(
        self, interaction: discord.Interaction[Antiphon], preset: Named, vote: Literal["up", "down"]
    ) -> None:
        """Record the vote."""
        await think(interaction, private=True)
        await buttons.rate(interaction, (await named(interaction, preset)).id, up=vote == "up")

    @preset.command(name="report", description="Tell the moderators that something is wrong with a preset")
    @app_commands.describe(preset="Its name or code", reason="What is wrong with it")
    @app_commands.autocomplete(preset=suggest)
    async def report(
        self,
        interaction: discord.Interaction[Antiphon],
        preset: Named,
        reason: app_commands.Range[str, 1, REASON_CHARACTERS],
    ) -> None:
        """Report it."""
        await think(interaction, private=True)
        await report(interaction, (await named(interaction, preset)).id, reason)

    @preset.command(name="export", description="Get your presets as a file")
    @app_commands.describe(preset="Only this one; it can be somebody else's")
    @app_commands.autocomplete(preset=suggest)
    async def export(self, interaction: discord.Interaction[Antiphon], preset: Named | None = None) -> None:
        """Answer with the file, or with several where there are many."""
        await think(interaction, private=True)
        presets = (
            [await named(interaction, preset)] if preset else await self.bot.presets.own(interaction.user.id)
        )
        if not presets:
            raise NotFound("You have no presets yet. `/preset save` makes one.")
        await interaction.followup.send(
            "Read it back with `/preset import`, here or in another server.",
            files=_as_files(presets),
            ephemeral=True,
        )

    @preset.command(name="import", description="Read presets from a file")
    @app_commands.describe(file="A file that /preset export made, or the recipe file from a clip's Details")
    async def import_file(self, interaction: discord.Interaction[Antiphon], file: discord.Attachment) -> None:
        """Read it."""
        await think(interaction, private=True)
        await self._import(interaction, [file])

    async def import_presets(
        self, interaction: discord.Interaction[Antiphon], message: discord.Message
    ) -> None:
        """Read the files of a message."""
        await think(interaction, private=True)
        attached = [one for one in message.attachments if one.filename.lower().endswith(".json")]
        if not attached:
            raise UserError("That message has no preset file (its name ends with .json).")
        await self._import(interaction, attached)

    @app_commands.command(description="Look at what members reported, and decide")
    @app_commands.default_permissions(manage_messages=True)
    async def reports(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the queue."""
        await think(interaction, private=True)
        embed, view = await moderation.queue_page(interaction)
        await interaction.edit_original_response(embed=embed, view=view)

    async def _import(
        self, interaction: discord.Interaction[Antiphon], attached: list[discord.Attachment]
    ) -> None:
        drafts: list[Draft] = []
        for one in attached:
            if one.size > files.FILE_BYTES:
                raise files.BadFile(
                    f"{quoted(one.filename, 100)} has {one.size:,} bytes; {files.FILE_BYTES:,} is the most."
                )
            drafts += files.read(await one.read(), partial(_model_of_file, self.bot))
        presets = await self.bot.presets.save_all(interaction.user.id, drafts)
        names = [f"- {shown_name(preset.name)}" for preset in presets]
        count = f"{len(presets)} preset{'' if len(presets) == 1 else 's'}"
        await interaction.followup.send(
            f"Imported {count}. Only you can see them so far:\n{joined_lines(names, LISTED_CHARACTERS)}",
            ephemeral=True,
        )

    async def _own(self, interaction: discord.Interaction[Antiphon], text: str) -> Preset:
        found = await named(interaction, text)
        if found.owner_id != interaction.user.id:
            raise NotFound(
                "“{shown_name}” isn't yours. Only its owner can do that.", shown_name=shown_name(found.name)
            )
        return found


def _model_of_file(bot: Antiphon, recipe: Recipe) -> str:
    """Return how a preset names the model of a recipe file, in which a folder's path is left out."""
    return save_forms.model_of(bot, ConfiguredModels(bot.models).adopt_shown(recipe))


def _as_files(presets: list[Preset]) -> list[discord.File]:
    size = files.MAX_PRESETS
    parts = [presets[start : start + size] for start in range(0, len(presets), size)][:10]
    return [
        discord.File(
            io.BytesIO(files.export([Draft(preset.name, preset.body) for preset in part])),
            filename="presets.json" if len(parts) == 1 else f"presets-{number}.json",
        )
        for number, part in enumerate(parts, start=1)
    ]


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(PresetCog(bot))
