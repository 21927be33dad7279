"""/history: clips found again, page by page; each can be sent again, and the member's own deleted.

The page and the choice stand in custom_ids: the select carries where its page begins and the number of the
stored search, 0 for all own clips; the buttons carry the chosen clip. So a second press of Delete finds its
clip deleted, never the one that took its place. What the member can see is looked up at every press.
Delete asks first, and has Keep where Delete was: a double click deletes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, Self

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.discord_limits import MAX_CHOICE_CHARACTERS
from bot.errors import UserError
from bot.locale import tr
from bot.recipe import PROMPT_CHARACTERS, validate_mode
from bot.store.clip_search import ClipFilter, HistoryEntry
from cogs.clips.resend import send_clip
from cogs.presets.lookup import named, suggest
from cogs.submission.models import suggest_models
from cogs.ui.answers import defer_update, think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.choices import mode_choices
from cogs.ui.commands import command
from cogs.ui.embeds import build_embed
from cogs.ui.gated_item import GatedItem
from cogs.ui.persistent_cog import PersistentCog
from cogs.ui.text import in_a_line, one_line, plain, quoted
from cogs.ui.visible_channels import visible_channels

PAGE = 8
REASON_SHOWN = 150
WORDS_SHOWN = 100
_CHOOSE = "history:choose"
_CHOOSE_ID = rf"{_CHOOSE}:(?P<before>[0-9]{{1,18}})(?::(?P<search>[0-9]{{1,18}}))?"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a stored search. before: the id that its clips are below; None for the newest."""

    search: int = 0
    before: int | None = None

    @classmethod
    def of(cls, match: re.Match[str]) -> Self:
        """Return the page of a select's custom_id; those of before there were searches have none."""
        return cls(int(match["search"] or 0), int(match["before"]) or None)


class OlderButton(IdButton, prefix="history:older"):
    """The next page: the clips before the one that stands in its custom_id."""

    label = "Older"
    emoji = "⬇️"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the page in place of this one."""
        await defer_update(interaction)
        await _show(interaction, Page(_page(interaction.message).search, self.number))


class NewestButton(IdButton, prefix="history:newest"):
    """The first page of the search in its custom_id."""

    label = "Newest"
    emoji = "⬆️"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the page in place of this one."""
        await defer_update(interaction)
        await _show(interaction, Page(self.number))


class ClipSelect(GatedItem, template=_CHOOSE_ID):
    """Chooses a clip of the page, which is in its custom_id."""

    def __init__(self, page: Page, entries: list[HistoryEntry] | None = None, *, own: bool = True) -> None:
        self.page = page
        options = [_option(number, entry) for number, entry in enumerate(entries or (), start=1)]
        super().__init__(
            discord.ui.Select(
                custom_id=f"{_CHOOSE}:{page.before or 0}:{page.search}",
                placeholder=tr("Send again or delete …") if own else tr("Send again …"),
                options=options,
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the select again from a message of any age."""
        return cls(Page.of(match))

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the page with the chosen clip marked, and what can be done with it."""
        await defer_update(interaction)
        [chosen] = self.item.values
        await _show(interaction, self.page, int(chosen))


class SendAgainButton(IdButton, prefix="history:send"):
    """Uploads a clip again, in a private answer."""

    label = "Send again"
    style = discord.ButtonStyle.primary
    emoji = "📨"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Upload it."""
        await think(interaction, private=True)
        clip = await interaction.client.history.shown_clip(
            interaction.user.id, self.number, visible_channels(interaction)
        )
        await send_clip(interaction, clip)


class DeleteFromHistoryButton(IdButton, prefix="history:delete"):
    """Asks whether to delete the chosen clip."""

    label = "Delete"
    emoji = "🗑️"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Ask, on the page itself."""
        await defer_update(interaction)
        clip = await interaction.client.history.own_clip(interaction.user.id, self.number)
        await _show(interaction, _page(interaction.message), clip.id, asks=True)


class ReallyDeleteFromHistoryButton(IdButton, prefix="history:really-delete"):
    """Deletes a clip: its message, its files and its record."""

    label = "Delete"
    style = discord.ButtonStyle.danger

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Delete it, and show the page without it and without a choice."""
        await defer_update(interaction)
        clip = await interaction.client.history.own_clip(interaction.user.id, self.number)
        await interaction.client.deletions.begin(clip.id)
        await _show(interaction, _page(interaction.message))


class KeepInHistoryButton(IdButton, prefix="history:keep"):
    """Takes the question away."""

    label = "Keep"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the page with the clip still chosen."""
        await defer_update(interaction)
        await _show(interaction, _page(interaction.message), self.number)


ITEMS = (
    OlderButton,
    NewestButton,
    ClipSelect,
    SendAgainButton,
    DeleteFromHistoryButton,
    ReallyDeleteFromHistoryButton,
    KeepInHistoryButton,
)


class History(PersistentCog):
    """A member's clips, and those of a server."""

    items = ITEMS

    @app_commands.command(description="Find clips again: yours or this server's; send or delete them")
    @app_commands.describe(
        words="Words in the prompt or the lyrics",
        mode="The mode that made it",
        model="The model that made it",
        preset="The preset it was made with",
        scope="Whose clips; only yours if you leave it out",
    )
    @app_commands.autocomplete(model=suggest_models, preset=suggest)
    @app_commands.choices(mode=mode_choices())
    async def history(
        self,
        interaction: discord.Interaction[Antiphon],
        words: app_commands.Range[str, 1, PROMPT_CHARACTERS] | None = None,
        mode: str | None = None,
        model: app_commands.Range[str, 1, MAX_CHOICE_CHARACTERS] | None = None,
        preset: app_commands.Range[str, 1, MAX_CHOICE_CHARACTERS] | None = None,
        scope: Literal["mine", "server"] = "mine",
    ) -> None:
        """Show the newest page, to the member alone."""
        await think(interaction, private=True)
        if scope == "server" and interaction.guild_id is None:
            raise UserError("There is no server here. Leave out `scope` to search your own clips.")
        wanted = ClipFilter(
            words=one_line(words or ""),
            mode=validate_mode(mode) if mode else None,
            model=_model(self.bot, model),
            preset_id=(await named(interaction, preset)).id if preset else None,
            in_server=scope == "server",
        )
        search = await self.bot.history.store_search(interaction.user.id, wanted)
        await _show(interaction, Page(search))


def _model(bot: Antiphon, typed: str | None) -> str | None:
    """Return the name of the model that was chosen; one that is not installed any more is taken as typed."""
    if typed is None:
        return None
    try:
        return bot.models.named(typed).model
    except UserError:
        return typed.strip()


async def _show(
    interaction: discord.Interaction[Antiphon],
    page: Page,
    chosen: int | None = None,
    *,
    asks: bool = False,
) -> None:
    """Turn the answer into a page. asks: whether it asks about the deletion of the chosen clip."""
    history, user_id = interaction.client.history, interaction.user.id
    wanted = await history.stored_search(user_id, page.search)
    found = await history.page(
        user_id, wanted, visible_channels(interaction), before=page.before, limit=PAGE + 1
    )
    entries = found[:PAGE]
    if not entries:
        newest = [NewestButton(page.search)] if page.before is not None else []
        await interaction.edit_original_response(
            embed=build_embed(description=_nothing(interaction.client, wanted, page)),
            view=in_rows(*newest) if newest else None,
        )
        return
    lines = [*_filters(wanted), *(_line(n, entry, chosen) for n, entry in enumerate(entries, start=1))]
    items: list[discord.ui.Item[Any]] = [ClipSelect(page, entries, own=not wanted.in_server)]
    here = next((entry.clip for entry in entries if entry.clip.id == chosen), None)
    if here is not None and asks:
        lines.append("\n" + tr("**Delete this clip?** {clip}", clip=in_a_line(here.recipe)))
        items += [ReallyDeleteFromHistoryButton(here.id), KeepInHistoryButton(here.id)]
    elif here is not None:
        send = SendAgainButton(here.id)
        send.item.disabled = not (here.file and here.picture)
        items.append(send)
        if here.user_id == user_id:
            items.append(DeleteFromHistoryButton(here.id))
    if page.before is not None:
        items.append(NewestButton(page.search))
    if len(found) > PAGE:
        items.append(OlderButton(entries[-1].clip.id))
    title = tr("Clips of this server") if wanted.in_server else tr("Your clips")
    await interaction.edit_original_response(
        embed=build_embed(title=title, description=lines), view=in_rows(*items)
    )


def _nothing(bot: Antiphon, wanted: ClipFilter, page: Page) -> str:
    """Return what is said in place of an empty page."""
    if page.before is not None:
        return tr("There are no older ones.")
    if wanted == ClipFilter():
        return tr("You have no clips yet. Make one with {music}.", music=command(bot, "music"))
    if wanted == ClipFilter(in_server=True):
        return tr(
            "I found no clips in the channels that you can see. Make one with {music}.",
            music=command(bot, "music"),
        )
    return "\n".join((*_filters(wanted), tr("No clip matches. Try fewer words or filters.")))


def _filters(wanted: ClipFilter) -> list[str]:
    """Return one line that says what was searched for, none without a filter."""
    parts = [f"“{quoted(wanted.words, WORDS_SHOWN)}”"] if wanted.words else []
    parts += [wanted.mode.value] if wanted.mode else []
    parts += [quoted(wanted.model, WORDS_SHOWN)] if wanted.model else []
    parts += [tr("preset #{number}", number=wanted.preset_id)] if wanted.preset_id is not None else []
    return [tr("Search: {parts}", parts=" · ".join(parts)) + "\n"] if parts else []


def _line(number: int, entry: HistoryEntry, chosen: int | None) -> str:
    clip = entry.clip
    mark = "▸ " if clip.id == chosen else ""
    when = f"<t:{int(clip.created_at)}:R>"
    # Beside the prompt, not around it: inside a masked link the client shows the escapes of markdown.
    if entry.reason is None:
        guild = clip.guild_id or "@me"
        end = f"[{tr('open')}](https://discord.com/channels/{guild}/{clip.channel_id}/{clip.message_id})"
    else:
        end = f"({quoted(tr(entry.reason), REASON_SHOWN)})"
    if not clip.file:
        end += " " + tr("(its file was deleted to free up space)")
    return f"{mark}**{number}.** {when} {in_a_line(clip.recipe)} · {end}"


def _option(number: int, entry: HistoryEntry) -> discord.SelectOption:
    recipe = entry.clip.recipe
    return discord.SelectOption(
        label=plain(f"{number}. {recipe.prompt}", 100),
        description=f"{recipe.mode} · {recipe.seconds:g} s",
        value=str(entry.clip.id),
    )


def _page(message: discord.Message | None) -> Page:
    """Return the page in a message, as its select has it."""
    for row in message.components if message else ():
        for child in row.children if isinstance(row, discord.ActionRow) else ():
            custom_id = getattr(child, "custom_id", None) or ""
            if match := re.fullmatch(_CHOOSE_ID, custom_id):
                return Page.of(match)
    return Page()


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(History(bot))
