"""/privacy: what is kept about a member, a copy of it, its erasure, and the consent to share votes."""

from __future__ import annotations

import gzip
import io

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.arena.text import count
from bot.errors import UserError
from bot.locale import mark, ntr, tr
from cogs.ui.answers import think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.persistent_cog import PersistentCog

KEPT = mark(
    "I keep your prompts, clips, presets and reports, and what you asked the coach about. "
    "Of each duel you vote on, I keep your choice, when you made it, and what you say under “Why?”. "
    "No one else sees your votes."
)
SHARED = mark(
    "You agreed that your votes, and the prompts of duels you start, may be given to researchers, without "
    "your name or ID. `/privacy share allow:False` takes that back for everything handed out from then on."
)
NOT_SHARED = mark(
    "Your votes are not given to researchers. If you want to help them, use `/privacy share allow:True`: "
    "your votes, and the prompts of duels you start, are then exported without your name or ID."
)
COMMANDS = mark(
    "`/privacy export` gives you a copy of everything. `/privacy forget` deletes your votes, "
    "`/privacy erase` deletes everything."
)
FINAL = mark(
    "My messages that show your clips and prompts are deleted too, where I can still reach them. "
    "Clips that are waiting are cancelled, and your open duels end. "
    "Your votes and ratings still count, but under no name. "
    "A moderator's ban stays.\n"
    "You can't undo this. `/privacy export` gives you a copy first."
)


class ForgetButton(IdButton, prefix="privacy:forget"):
    """Deletes the votes of the person whose id is in its custom_id."""

    label = "Delete my votes"
    style = discord.ButtonStyle.danger

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Delete them; refused to anybody else."""
        await think(interaction, private=True)
        if interaction.user.id != self.number:
            raise UserError("These are somebody else's votes. `/privacy forget` deletes yours.")
        deleted = await interaction.client.votes.delete_of(self.number)
        await interaction.followup.send(
            tr("Deleted: {votes}.", votes=_counted("vote", deleted)), ephemeral=True
        )


class EraseButton(IdButton, prefix="privacy:erase"):
    """Erases the person whose id is in its custom_id."""

    label = "Erase everything"
    style = discord.ButtonStyle.danger

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Erase them; refused to anybody else."""
        await think(interaction, private=True)
        if interaction.user.id != self.number:
            raise UserError("This is somebody else's data. `/privacy erase` erases yours.")
        await interaction.client.privacy.erase(self.number)
        await interaction.followup.send(
            tr(
                "Erased. I'm deleting my messages now, which can take a few minutes. Messages that only you "
                "can see go when you dismiss them."
            ),
            ephemeral=True,
        )


class Privacy(
    PersistentCog, commands.GroupCog, group_name="privacy", group_description="What I keep about you"
):
    """The commands about a person's own data."""

    items = (ForgetButton, EraseButton)

    @app_commands.command(description="Show what I keep about you")
    async def show(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Answer in private."""
        await think(interaction, private=True)
        shared = await self.bot.votes.has_consented(interaction.user.id)
        kept = await self.bot.privacy.count(interaction.user.id)
        now = tr("Now: {things}.", things=_listed(kept) or tr("nothing"))
        await interaction.followup.send(
            f"{tr(KEPT)} {now}\n{_retention(self.bot)}{tr(SHARED if shared else NOT_SHARED)}\n{tr(COMMANDS)}",
            ephemeral=True,
        )

    @app_commands.command(description="Say whether researchers may have your votes, without your name or ID")
    @app_commands.describe(allow="True to allow it, False to take that back")
    async def share(self, interaction: discord.Interaction[Antiphon], allow: bool) -> None:
        """Record the consent or its withdrawal."""
        await think(interaction, private=True)
        await self.bot.votes.set_consent(interaction.user.id, consents=allow)
        await interaction.followup.send(tr(SHARED if allow else NOT_SHARED), ephemeral=True)

    @app_commands.command(description="Delete your votes and what you said about them")
    async def forget(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Ask for confirmation by a button."""
        await think(interaction, private=True)
        kept = await self.bot.votes.count_of(interaction.user.id)
        await interaction.followup.send(
            tr(
                "{votes} and your consent to share them would be deleted, for good.",
                votes=_counted("vote", kept),
            ),
            view=in_rows(ForgetButton(interaction.user.id)),
            ephemeral=True,
        )

    @app_commands.command(description="Get a file with everything I keep about you")
    async def export(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Send the file in private, compressed where the place does not take it as it is."""
        await think(interaction, private=True)
        data, name = await self.bot.privacy.export(interaction.user.id), "antiphon-export.json"
        if len(data) > interaction.filesize_limit:
            data, name = gzip.compress(data), f"{name}.gz"
        if len(data) > interaction.filesize_limit:
            raise UserError(
                "The file is too large for Discord. Ask the owner of this bot for it: "
                "`antiphon privacy export` makes the same file."
            )
        await interaction.followup.send(
            tr(
                "This is everything I keep about you. docs/privacy.md of Antiphon explains each table. "
                "Your clips themselves are in `/history`."
            ),
            file=discord.File(io.BytesIO(data), name),
            ephemeral=True,
        )

    @app_commands.command(description="Erase everything I keep about you")
    async def erase(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Say what goes, and ask for confirmation by a button."""
        await think(interaction, private=True)
        listed = _listed(await self.bot.privacy.count(interaction.user.id))
        # A setting of the coach or a consent has no count, and is erased as well.
        await interaction.followup.send(
            tr("This erases {things}, for good.", things=listed or tr("your settings")) + f" {tr(FINAL)}",
            view=in_rows(EraseButton(interaction.user.id)),
            ephemeral=True,
        )


def _listed(kept: dict[str, int]) -> str:
    """Return counts as words: “2 clips, 1 preset and 3 votes”; nothing for none."""
    parts = [_counted(noun, number) for noun, number in kept.items()]
    return f" {tr('and')} ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _counted(noun: str, number: int) -> str:
    """Return a count of rows by their noun (bot/store/personal.py)."""
    match noun:
        case "clip":
            return ntr("{count:,} clip", "{count:,} clips", number)
        case "request":
            return ntr("{count:,} request", "{count:,} requests", number)
        case "preset":
            return ntr("{count:,} preset", "{count:,} presets", number)
        case "rating":
            return ntr("{count:,} rating", "{count:,} ratings", number)
        case "report":
            return ntr("{count:,} report", "{count:,} reports", number)
        case "search":
            return ntr("{count:,} search", "{count:,} searches", number)
        case "coached prompt":
            return ntr("{count:,} coached prompt", "{count:,} coached prompts", number)
        case "duel":
            return ntr("{count:,} duel", "{count:,} duels", number)
        case "series":
            return ntr("{count:,} series of duels", "{count:,} series of duels", number)
        case "vote":
            return ntr("{count:,} vote", "{count:,} votes", number)
        case "report on a clip":
            return ntr("{count:,} report on a clip", "{count:,} reports on clips", number)
        case _:
            return count(number, noun)


def _retention(bot: Antiphon) -> str:
    days = bot.settings.retention_days
    if not days:
        return ""
    return tr("After {days:g} days I erase prompts, clips and finished duels by myself.", days=days) + "\n"


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Privacy(bot))
