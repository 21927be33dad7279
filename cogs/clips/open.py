"""`/clip` and “Open clip” in a message's menu: the buttons of a clip for the file of one, from anywhere.

A message of ours leads to its clip. Any other file is read by its tag, which is untrusted
(bot/jobs/opened.py), and kept as a clip of the member who opened it, so its buttons work after a restart.
"""

from __future__ import annotations

import hashlib

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.errors import UserError
from bot.jobs.melodies import prepare
from bot.jobs.opened import OpenedBy
from bot.locale import mark, tr
from bot.recipe import Task
from bot.recipe_files import MAX_RECIPE_BYTES
from bot.store.clips import Clip
from cogs.clips.card import clip_embed
from cogs.clips.more import clip_buttons
from cogs.clips.source_menu import audio_of
from cogs.submission.references import check_size, downloaded, shown_file
from cogs.ui.answers import think
from cogs.ui.buttons import clip_in
from cogs.ui.gate import check_recipe, limits_of
from cogs.ui.persistent_cog import PersistentCog
from cogs.ui.take_choice import TakeChoice, takes_in


class OpenTakeSelect(TakeChoice, prefix="takes:open"):
    """Chooses the take whose buttons are shown."""

    placeholder = mark("Which take do you want to open?")

    async def chosen(self, interaction: discord.Interaction[Antiphon], clip: Clip) -> None:
        """Show them."""
        await think(interaction, private=True)
        await _show(interaction, clip)


class OpenClip(PersistentCog):
    """The command, and the one in the menu of a message."""

    items = (OpenTakeSelect,)

    def __init__(self, bot: Antiphon) -> None:
        super().__init__(bot)
        self.menu = app_commands.ContextMenu(name="Open clip", callback=self.open_clip)

    async def cog_load(self) -> None:
        """Register the menu."""
        await super().cog_load()
        self.bot.tree.add_command(self.menu)

    async def cog_unload(self) -> None:
        """Unregister it."""
        await super().cog_unload()
        self.bot.tree.remove_command(self.menu.name, type=self.menu.type)

    @app_commands.command(description="Go on with a clip that you have as a file")
    @app_commands.describe(file="An MP3, WAV or FLAC that I made, or the recipe file from its Details")
    async def clip(self, interaction: discord.Interaction[Antiphon], file: discord.Attachment) -> None:
        """Show its buttons."""
        await think(interaction, private=True)
        await _open_file(interaction, file)

    async def open_clip(self, interaction: discord.Interaction[Antiphon], message: discord.Message) -> None:
        """Show the buttons of a message's clip."""
        own = self.bot.wrote(message)
        if own and (first := takes_in(message)) is not None:
            await OpenTakeSelect.offer(interaction, first)
            return
        await think(interaction, private=True)
        if own and (clip_id := clip_in(message)) is not None:
            await _show(interaction, await self.bot.history.clip(clip_id))
            return
        file = audio_of(message) or next(
            (one for one in message.attachments if one.filename.lower().endswith(".json")), None
        )
        if file is None:
            raise UserError("That message has no clip. Choose one with an MP3 that I made.")
        await _open_file(interaction, file)


async def _open_file(interaction: discord.Interaction[Antiphon], file: discord.Attachment) -> None:
    """Show the buttons of the clip in a file, which is kept. Raises UserError, with what to do."""
    check_size(file)
    service, name = interaction.client.opened, shown_file(file)
    data = await downloaded(file)
    attached = None if _is_recipe_file(data) else await prepare(data, name, tune=False)
    recipe = service.parse(attached.recipe if attached else data.decode("utf-8", "replace"), name)
    # Before anything of it is shown, and before it is kept.
    check_recipe(interaction, recipe)
    opened = service.usable(recipe, limits_of(interaction))
    check_recipe(interaction, opened.recipe)
    lacking = service.lacks_audio(opened.recipe, attached)
    clip = await service.keep(
        data,
        hashlib.sha256(data).hexdigest(),
        opened,
        OpenedBy(
            user_id=interaction.user.id,
            guild_id=interaction.guild_id,
            channel_id=interaction.channel_id or 0,
            application_id=interaction.application_id,
        ),
        interaction.client.clock(),
        with_audio=lacking is None,
    )
    await _show(interaction, clip, *filter(None, (_origin(opened.made_from), lacking)))


async def _show(interaction: discord.Interaction[Antiphon], clip: Clip, *notes: str) -> None:
    """Fill in the deferred private answer."""
    await interaction.edit_original_response(
        embed=clip_embed(clip, notes=notes, picture=None), view=clip_buttons(interaction.client, clip)
    )


def _origin(made_from: Task | None) -> str | None:
    """Return what is said of a clip that was made from audio which the file does not hold."""
    if made_from is None:
        return None
    return tr(
        "It was made from other audio, which isn't in this file. **Again** and **Remix** start from its "
        "words alone."
    )


def _is_recipe_file(data: bytes) -> bool:
    return len(data) <= MAX_RECIPE_BYTES and data.lstrip().startswith(b"{")


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(OpenClip(bot))
