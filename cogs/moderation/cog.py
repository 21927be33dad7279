"""/moderate, the menu “Report clip”, and acts announced in a server's log channel."""

from __future__ import annotations

import asyncio
import logging

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import UserError
from bot.locale import ntr, tr
from bot.store.audit import Entry
from cogs.moderation.clips import ITEMS as CLIP_ITEMS
from cogs.moderation.clips import ReportClipForm, ReportTakeSelect, ban, clips_page, moderated_guild
from cogs.moderation.queue import ITEMS as QUEUE_ITEMS
from cogs.moderation.queue import queue_page
from cogs.ui.answers import think
from cogs.ui.buttons import clip_in
from cogs.ui.discord_errors import NETWORK_ERRORS
from cogs.ui.persistent_cog import PersistentCog
from cogs.ui.take_choice import takes_in
from cogs.ui.text import joined_lines, quoted

log = logging.getLogger(__name__)

LISTED = 20
REASON_CHARACTERS = 200
MAX_CONTENT = 2_000
"""Discord's limit for the content of a message. Members are named in contents: an embed shows the number of
one whom the reader's client does not know."""


@app_commands.guild_only()
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.allowed_installs(guilds=True, users=False)
class Moderation(
    PersistentCog,
    commands.GroupCog,
    group_name="moderate",
    group_description="For moderators: reports, bans, the queue and the audit log",
):
    """The commands. Each asks for a permission in the whole server, never in one channel."""

    items = (*CLIP_ITEMS, *QUEUE_ITEMS)
    forms = (ReportClipForm,)

    def __init__(self, bot: Antiphon) -> None:
        super().__init__(bot)
        self.menu = app_commands.ContextMenu(name="Report clip", callback=self.report_clip)
        self._announcing: set[asyncio.Task[None]] = set()

    async def cog_load(self) -> None:
        """Register the menu, and announce acts from now on."""
        await super().cog_load()
        self.bot.tree.add_command(self.menu)
        self.bot.policy.subscribe(self._recorded)

    async def cog_unload(self) -> None:
        """Unregister it."""
        await super().cog_unload()
        self.bot.tree.remove_command(self.menu.name, type=self.menu.type)
        for task in self._announcing:
            task.cancel()

    async def report_clip(self, interaction: discord.Interaction[Antiphon], message: discord.Message) -> None:
        """Ask why."""
        own = self.bot.wrote(message) and interaction.guild_id is not None
        if own and (first := takes_in(message)) is not None:
            await ReportTakeSelect.offer(interaction, first)
            return
        clip_id = clip_in(message) if own else None
        if clip_id is None:
            raise UserError("That message has no clip that I made in this server.")
        await ReportClipForm(clip_id).offer(interaction)

    @app_commands.command(description="Review the reported clips")
    async def clips(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the queue of reports."""
        await think(interaction, private=True)
        content, view = await clips_page(interaction)
        await interaction.edit_original_response(content=content, view=view)

    @app_commands.command(description="Show the clips that members are waiting for, and cancel any")
    async def queue(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the server's open jobs."""
        await think(interaction, private=True)
        content, view = await queue_page(interaction)
        await interaction.edit_original_response(content=content, view=view)

    @app_commands.command(description="Ban a member from using the bot in this server")
    @app_commands.describe(member="The member", reason="Why; moderators see it")
    async def ban(
        self,
        interaction: discord.Interaction[Antiphon],
        member: discord.User,
        reason: app_commands.Range[str, 1, REASON_CHARACTERS] | None = None,
    ) -> None:
        """Ban, and cancel what they wait for."""
        await think(interaction, private=True)
        guild_id = moderated_guild(interaction)
        cancelled = await ban(interaction, guild_id, member.id, reason or "")
        text = tr("{member} can no longer use the bot in this server.", member=member.mention)
        if cancelled:
            text += " " + ntr(
                "{count} of their clips was cancelled.", "{count} of their clips were cancelled.", cancelled
            )
        await interaction.followup.send(text, ephemeral=True)

    @app_commands.command(description="Let a banned member use the bot again")
    @app_commands.describe(member="The member")
    async def unban(self, interaction: discord.Interaction[Antiphon], member: discord.User) -> None:
        """Undo a ban."""
        await think(interaction, private=True)
        guild_id = moderated_guild(interaction)
        await self.bot.policy.unban(guild_id, member.id, interaction.user.id)
        await interaction.followup.send(
            tr("{member} can use the bot again.", member=member.mention), ephemeral=True
        )

    @app_commands.command(description="List the members who are banned from the bot")
    async def bans(self, interaction: discord.Interaction[Antiphon]) -> None:
        """List them."""
        await think(interaction, private=True)
        found = await self.bot.policy.bans(moderated_guild(interaction), LISTED)
        lines = [
            tr(
                "{member} by {moderator} {time}",
                member=f"<@{one.user_id}>",
                moderator=f"<@{one.banned_by}>",
                time=since(one.banned_at),
            )
            + (f": {quoted(one.reason, REASON_CHARACTERS)}" if one.reason else "")
            for one in found
        ]
        text = joined_lines(lines, MAX_CONTENT) or tr("Nobody is banned from the bot in this server.")
        await interaction.followup.send(text, ephemeral=True)

    @app_commands.command(description="Show who changed, banned, deleted or cancelled what, and when")
    async def audit(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the newest acts."""
        await think(interaction, private=True)
        found = await self.bot.policy.acts(moderated_guild(interaction), LISTED)
        lines = [f"{since(one.at)} {described(one)}" for one in found]
        text = joined_lines(lines, MAX_CONTENT) or tr("Nothing has been recorded in this server yet.")
        await interaction.followup.send(text, ephemeral=True)

    def _recorded(self, entry: Entry) -> None:
        for channel_id in self.bot.policy.server(entry.guild_id).ids("log_channel"):
            task = asyncio.create_task(self._announce(channel_id, entry), name="log channel")
            self._announcing.add(task)
            task.add_done_callback(self._announcing.discard)

    async def _announce(self, channel_id: int, entry: Entry) -> None:
        channel = self.bot.get_partial_messageable(channel_id, guild_id=entry.guild_id)
        try:
            await channel.send(described(entry))
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            log.info("the log channel of server %d took no message: %s", entry.guild_id, error)


def since(seconds: float) -> str:
    """Return a Unix time as Discord shows it, “2 hours ago”."""
    return f"<t:{int(seconds)}:R>"


def described(entry: Entry) -> str:
    """Return an act in one line."""
    whom = f" <@{entry.member_id}>" if entry.member_id is not None else ""
    return f"<@{entry.actor_id}> **{entry.act}**{whom}" + (f": {entry.detail}" if entry.detail else "")


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Moderation(bot))
