"""/admin: the console of the bot's owner, offered only in servers that the owner or the team owns."""

from __future__ import annotations

import io
import logging

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import UserError
from bot.policy.service import DRAINING, PAUSED
from bot.store.bans import EVERYWHERE
from cogs.application import PER_SERVER
from cogs.guilds import first_channel, leave, send_to
from cogs.ui.answers import reply, think
from cogs.ui.discord_errors import NETWORK_ERRORS
from cogs.ui.embeds import build_embed
from cogs.ui.gate import owner_ids
from cogs.ui.text import plain, quoted

log = logging.getLogger(__name__)

ALT_CHARACTERS = 1_024
ANNOUNCEMENT_CHARACTERS = 1_500
SERVERS_LISTED = 20
LEAVING = "The bot's owner has asked me to leave this server. Your clips in Discord stay."

Snowflake = app_commands.Range[str, 1, 20]


class AdminCommands(app_commands.Group):
    """The commands. The gate lets the owner and the team through, nobody else (Act.OWN)."""

    def __init__(self) -> None:
        super().__init__(
            name="admin",
            description="For the bot's owner only",
            guild_only=True,
            default_permissions=discord.Permissions.none(),
            extras={PER_SERVER: True},
        )

    @app_commands.command(description="Show the last day: requests, waits, failures, real-time factors")
    async def status(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Draw it."""
        await think(interaction, private=True)
        bot = interaction.client
        day = await bot.policy.day()
        picture = await bot.leaderboards.draw_day(day)
        lines = [*state_lines(bot), *day.lines]
        file = discord.File(
            io.BytesIO(picture), "status.png", description=plain(". ".join(day.lines), ALT_CHARACTERS)
        )
        await reply(
            interaction,
            embed=build_embed(title="Status", description=lines, image="attachment://status.png"),
            attachments=[file],
        )

    @app_commands.command(description="Start no more clips; new requests wait in the queue")
    async def pause(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Pause the queue, also over restarts."""
        await _switch(interaction, PAUSED, True)
        await interaction.client.jobs.pause(True)
        await _said(
            interaction, "Paused. Clips that are rendering will be finished. `/admin resume` continues."
        )

    @app_commands.command(description="Take no new requests, and finish those that wait")
    async def drain(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Refuse new requests until resume."""
        await _switch(interaction, DRAINING, True)
        waiting = len(await interaction.client.jobs.queue_positions())
        await _said(
            interaction,
            f"Draining: I take no new requests and finish the open ones ({waiting}). `/admin resume` takes "
            "requests again.",
        )

    @app_commands.command(description="Continue after a pause or drain")
    async def resume(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Undo both."""
        await _switch(interaction, PAUSED, False)
        await _switch(interaction, DRAINING, False)
        await interaction.client.jobs.pause(False)
        await _said(interaction, "Running again: I take requests and render them.")

    @app_commands.command(name="restart-worker", description="End the worker process and start a new one")
    async def restart_worker(self, interaction: discord.Interaction[Antiphon]) -> None:
        """End the workers; what they render is rendered again."""
        await think(interaction, private=True)
        ended = interaction.client.jobs.restart_workers()
        await interaction.client.policy.record(EVERYWHERE, interaction.user.id, "restart worker")
        if not ended:
            raise UserError("No worker process runs on this machine. On a cluster, restart it there.")
        await _said(
            interaction,
            f"{ended} worker{'' if ended == 1 else 's'} ended; a new one starts, and what was rendering is "
            "rendered again.",
        )

    @app_commands.command(description="Send a message to every server")
    @app_commands.describe(
        text="The message; it goes to the log channel, or the first channel where I can post"
    )
    async def announce(
        self,
        interaction: discord.Interaction[Antiphon],
        text: app_commands.Range[str, 1, ANNOUNCEMENT_CHARACTERS],
    ) -> None:
        """Post it once a server."""
        await think(interaction, private=True)
        bot, reached = interaction.client, 0
        for guild in list(bot.guilds):
            chosen = [guild.get_channel(one) for one in bot.policy.server(guild.id).ids("log_channel")]
            channel = next((one for one in chosen if isinstance(one, discord.TextChannel)), None)
            channel = channel or first_channel(guild)
            reached += channel is not None and await send_to(channel, text)
        await bot.policy.record(EVERYWHERE, interaction.user.id, "announce")
        await _said(interaction, f"{reached} of {len(bot.guilds)} servers were reached.")

    @app_commands.command(description="Leave a server, with a short goodbye message")
    @app_commands.describe(server="The server's id (default: list the servers)")
    async def leave(
        self, interaction: discord.Interaction[Antiphon], server: Snowflake | None = None
    ) -> None:
        """Leave it, or list the servers."""
        await think(interaction, private=True)
        bot = interaction.client
        if server is None:
            lines = [f"`{one.id}` {quoted(one.name, 60)}" for one in bot.guilds[:SERVERS_LISTED]]
            lines += [f"and {len(bot.guilds) - SERVERS_LISTED} more"] * (len(bot.guilds) > SERVERS_LISTED)
            await _said(interaction, "\n".join(lines))
            return
        guild = bot.get_guild(_number(server))
        if guild is None:
            raise UserError(
                "I'm not in a server with that id. `/admin leave` without an id lists my servers."
            )
        await leave(bot, guild, LEAVING)
        await bot.policy.record(EVERYWHERE, interaction.user.id, "leave", detail=str(guild.id))
        await _said(interaction, f"Left {quoted(guild.name, 60)}.")

    @app_commands.command(description="Block a member or a server from using the bot anywhere")
    @app_commands.describe(member="The member", server="A server's id; I leave that server")
    async def block(
        self,
        interaction: discord.Interaction[Antiphon],
        member: discord.User | None = None,
        server: Snowflake | None = None,
    ) -> None:
        """Block one of both."""
        await think(interaction, private=True)
        bot, by = interaction.client, interaction.user.id
        if (member is None) == (server is None):
            raise UserError("Pick a member, or give a server's id.")
        if member is not None:
            if member.id in owner_ids(bot):
                raise UserError("You can't block an owner of the bot. Pick another member.")
            await bot.policy.ban(EVERYWHERE, member.id, by, "")
            await _said(interaction, f"{member.mention} is blocked everywhere.")
        if server is not None:
            number = _number(server)
            await bot.policy.block_guild(number, by)
            guild = bot.get_guild(number)
            if guild is not None:
                await leave(bot, guild, LEAVING)
            await _said(interaction, f"The server {number} is blocked.")

    @app_commands.command(description="Undo a block")
    @app_commands.describe(member="The member", server="A server's id")
    async def unblock(
        self,
        interaction: discord.Interaction[Antiphon],
        member: discord.User | None = None,
        server: Snowflake | None = None,
    ) -> None:
        """Unblock one of both."""
        await think(interaction, private=True)
        bot, by = interaction.client, interaction.user.id
        if (member is None) == (server is None):
            raise UserError("Pick a member, or give a server's id.")
        if member is not None:
            await bot.policy.unban(EVERYWHERE, member.id, by)
            await _said(interaction, f"{member.mention} can use the bot again.")
        if server is not None:
            await bot.policy.unblock_guild(_number(server), by)
            await _said(interaction, f"The server {_number(server)} can have the bot again.")


class Console(commands.Cog):
    """Registers the console in the owner's own servers, where Discord offers it to administrators alone."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        self.group = AdminCommands()

    async def cog_load(self) -> None:
        """Answer it from the start: the servers are known only seconds later, and offer it from before."""
        self.bot.tree.add_command(self.group)

    async def cog_unload(self) -> None:
        """Answer it no more."""
        self.bot.tree.remove_command(self.group.name)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Register it where it belongs."""
        for guild in list(self.bot.guilds):
            await self._offer(guild)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Register it in a new server of the owner's."""
        await self._offer(guild)

    async def _offer(self, guild: discord.Guild) -> None:
        application = self.bot.application
        if application is None or guild.owner_id not in owner_ids(self.bot):
            return
        body = self.group.to_dict(self.bot.tree)
        try:
            await self.bot.http.bulk_upsert_guild_commands(application.id, guild.id, payload=[body])
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            log.warning("/admin could not be registered in server %d: %s", guild.id, error)


def state_lines(bot: Antiphon) -> list[str]:
    """Return what the owner has switched, and how many servers there are."""
    state = [word for word in (PAUSED, DRAINING) if word in bot.policy.switches]
    servers = f"{len(bot.guilds)} server{'' if len(bot.guilds) == 1 else 's'}"
    return [f"**{' and '.join(state).capitalize() or 'Running'}**, in {servers}"]


async def _switch(interaction: discord.Interaction[Antiphon], name: str, on: bool) -> None:
    if not interaction.response.is_done():
        await think(interaction, private=True)
    await interaction.client.policy.switch(name, on, interaction.user.id)


async def _said(interaction: discord.Interaction[Antiphon], text: str) -> None:
    await interaction.followup.send(text, ephemeral=True)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UserError(
            "A server's id is a number. Turn on Developer Mode in Discord, right-click the server and choose "
            "Copy Server ID."
        )
    return int(text)


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Console(bot))
