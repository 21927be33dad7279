"""/history: a member's own clips, page by page."""

from __future__ import annotations

import re
from typing import Any, Self, cast

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.store.clips import Clip
from cogs.ui.answers import answer_error, defer_update, think
from cogs.ui.embeds import build_embed
from cogs.ui.text import in_a_line

PAGE = 8


class OlderButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"history:older:(?P<before>\d+)"):
    """The next page: the clips before the one that stands in its custom_id."""

    def __init__(self, before: int) -> None:
        self.before = before
        super().__init__(discord.ui.Button(label="Older", emoji="⬇️", custom_id=f"history:older:{before}"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button again from a message of any age."""
        return cls(int(match["before"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show the page in place of this one."""
        bot = cast(Antiphon, interaction.client)
        try:
            await defer_update(interaction)
            embed, view = await _page(bot, interaction.user.id, self.before)
            await interaction.edit_original_response(embed=embed, view=view)
        except Exception as error:
            await answer_error(interaction, error, "history")


class History(commands.Cog):
    """A member's clips."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Have the button work on messages of before a restart."""
        self.bot.add_dynamic_items(OlderButton)

    @app_commands.command(description="Show the clips you made, newest first")
    async def history(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the newest page, to the member alone."""
        await think(interaction, private=True)
        embed, view = await _page(self.bot, interaction.user.id, None)
        await interaction.edit_original_response(embed=embed, view=view)


async def _page(
    bot: Antiphon, user_id: int, before: int | None
) -> tuple[discord.Embed, discord.ui.View | None]:
    clips = await bot.clips.of_member(user_id, before=before, limit=PAGE + 1)
    if not clips:
        text = "You have made no clips yet. /music makes one." if before is None else "These were all."
        return build_embed(description=text), None
    embed = build_embed(title="Your clips", description=[_line(clip) for clip in clips[:PAGE]])
    if len(clips) <= PAGE:
        return embed, None
    view = discord.ui.View(timeout=None)
    view.add_item(OlderButton(clips[PAGE - 1].id))
    view.stop()
    return embed, view


def _line(clip: Clip) -> str:
    when = f"<t:{int(clip.created_at)}:R>"
    text = in_a_line(clip.recipe)
    if clip.message_id is None:
        return f"{when} {text} (never delivered)"
    place = clip.guild_id or "@me"
    # A link of its own, because escapes are literal in the text of a masked link (discord-api-docs#6185).
    return f"{when} {text} · [show](https://discord.com/channels/{place}/{clip.channel_id}/{clip.message_id})"


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(History(bot))
