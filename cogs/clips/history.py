"""/history: a member's own clips, page by page, each of which can be sent again or deleted.

The page and the choice stand in custom_ids: the select carries where its page begins, the two buttons carry
the chosen clip. So a second press of Delete finds its clip deleted, never the one that took its place.
Delete asks first, and has Keep where Delete was: a double click deletes nothing.
"""

from __future__ import annotations

import re
from typing import Any, Self

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.store.clips import HistoryEntry
from cogs.clips.resend import send_clip
from cogs.ui.answers import defer_update, think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.commands import command
from cogs.ui.embeds import build_embed
from cogs.ui.gated_item import GatedItem
from cogs.ui.persistent_cog import PersistentCog
from cogs.ui.text import in_a_line, plain, quoted

PAGE = 8
REASON_SHOWN = 150
_CHOOSE = "history:choose"


class OlderButton(IdButton, prefix="history:older"):
    """The next page: the clips before the one that stands in its custom_id."""

    label = "Older"
    emoji = "⬇️"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the page in place of this one."""
        await defer_update(interaction)
        await _show(interaction, self.number)


class ClipSelect(
    GatedItem,
    template=rf"{_CHOOSE}:(?P<before>[0-9]{{1,18}})",
):
    """Chooses a clip of the page; its custom_id has the id that the page's clips are below, 0 for all."""

    def __init__(self, before: int | None, entries: list[HistoryEntry] | None = None) -> None:
        self.before = before
        options = [_option(number, entry) for number, entry in enumerate(entries or (), start=1)]
        super().__init__(
            discord.ui.Select(
                custom_id=f"{_CHOOSE}:{before or 0}", placeholder="Send again or delete …", options=options
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the select again from a message of any age."""
        return cls(int(match["before"]) or None)

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the page with the chosen clip marked, and what can be done with it."""
        await defer_update(interaction)
        [chosen] = self.item.values
        await _show(interaction, self.before, int(chosen))


class SendAgainButton(IdButton, prefix="history:send"):
    """Uploads a clip again, in a private answer."""

    label = "Send again"
    style = discord.ButtonStyle.primary
    emoji = "📨"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Upload it."""
        await think(interaction, private=True)
        clip = await interaction.client.history.own_clip(interaction.user.id, self.number)
        await send_clip(interaction, clip)


class DeleteFromHistoryButton(IdButton, prefix="history:delete"):
    """Asks whether to delete the chosen clip."""

    label = "Delete"
    emoji = "🗑️"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Ask, on the page itself."""
        await defer_update(interaction)
        clip = await interaction.client.history.own_clip(interaction.user.id, self.number)
        await _show(interaction, _before(interaction.message), clip.id, asks=True)


class ReallyDeleteFromHistoryButton(IdButton, prefix="history:really-delete"):
    """Deletes a clip: its message, its files and its record."""

    label = "Delete"
    style = discord.ButtonStyle.danger

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Delete it, and show the page without it and without a choice."""
        await defer_update(interaction)
        clip = await interaction.client.history.own_clip(interaction.user.id, self.number)
        await interaction.client.deletions.begin(clip.id)
        await _show(interaction, _before(interaction.message))


class KeepInHistoryButton(IdButton, prefix="history:keep"):
    """Takes the question away."""

    label = "Keep"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the page with the clip still chosen."""
        await defer_update(interaction)
        await _show(interaction, _before(interaction.message), self.number)


ITEMS = (
    OlderButton,
    ClipSelect,
    SendAgainButton,
    DeleteFromHistoryButton,
    ReallyDeleteFromHistoryButton,
    KeepInHistoryButton,
)


class History(PersistentCog):
    """A member's clips."""

    items = ITEMS

    @app_commands.command(description="Show the clips you made, newest first; send them again or delete them")
    async def history(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the newest page, to the member alone."""
        await think(interaction, private=True)
        await _show(interaction, None)


async def _show(
    interaction: discord.Interaction[Antiphon],
    before: int | None,
    chosen: int | None = None,
    *,
    asks: bool = False,
) -> None:
    """Turn the answer into a page. before: the clips with smaller ids; None for the newest.

    asks: whether it asks about the deletion of the chosen clip.
    """
    found = await interaction.client.history.page(interaction.user.id, before=before, limit=PAGE + 1)
    entries = found[:PAGE]
    if not entries:
        none = f"You have no clips yet. Make one with {command(interaction.client, 'music')}."
        text = none if before is None else "There are no older ones."
        await interaction.edit_original_response(embed=build_embed(description=text), view=None)
        return
    lines = [_line(number, entry, chosen) for number, entry in enumerate(entries, start=1)]
    items: list[discord.ui.Item[Any]] = [ClipSelect(before, entries)]
    here = next((entry.clip for entry in entries if entry.clip.id == chosen), None)
    if here is not None and asks:
        lines.append(f"\n**Delete this clip?** {in_a_line(here.recipe)}")
        items += [ReallyDeleteFromHistoryButton(here.id), KeepInHistoryButton(here.id)]
    elif here is not None:
        send, delete = SendAgainButton(here.id), DeleteFromHistoryButton(here.id)
        send.item.disabled = not here.file
        items += [send, delete]
    if len(found) > PAGE:
        items.append(OlderButton(entries[-1].clip.id))
    await interaction.edit_original_response(
        embed=build_embed(title="Your clips", description=lines), view=in_rows(*items)
    )


def _line(number: int, entry: HistoryEntry, chosen: int | None) -> str:
    clip = entry.clip
    mark = "▸ " if clip.id == chosen else ""
    when = f"<t:{int(clip.created_at)}:R>"
    # Beside the prompt, not around it: inside a masked link the client shows the escapes of markdown.
    if entry.reason is None:
        guild = clip.guild_id or "@me"
        end = f"[open](https://discord.com/channels/{guild}/{clip.channel_id}/{clip.message_id})"
    else:
        end = f"({quoted(entry.reason, REASON_SHOWN)})"
    if not clip.file:
        end += " (its file was deleted to free up space)"
    return f"{mark}**{number}.** {when} {in_a_line(clip.recipe)} · {end}"


def _option(number: int, entry: HistoryEntry) -> discord.SelectOption:
    recipe = entry.clip.recipe
    return discord.SelectOption(
        label=plain(f"{number}. {recipe.prompt}", 100),
        description=f"{recipe.mode} · {recipe.seconds:g} s",
        value=str(entry.clip.id),
    )


def _before(message: discord.Message | None) -> int | None:
    """Return where the page in a message begins, as its select has it."""
    for row in message.components if message else ():
        for child in row.children if isinstance(row, discord.ActionRow) else ():
            custom_id = getattr(child, "custom_id", None) or ""
            if match := re.fullmatch(rf"{_CHOOSE}:([0-9]+)", custom_id):
                return int(match[1]) or None
    return None


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(History(bot))
