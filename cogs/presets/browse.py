"""Pages of presets. The filter and the page are in the buttons' custom_ids."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Self

import discord

from bot.app import Antiphon
from bot.recipe import Mode
from bot.store.presets.search import Filter, Sort
from cogs.presets.buttons import ShowButton, UseButton
from cogs.presets.card import brief_card
from cogs.presets.lookup import viewer
from cogs.ui.answers import defer_update
from cogs.ui.buttons import as_rows
from cogs.ui.embeds import MAX_TOTAL, build_embed
from cogs.ui.gated_item import GatedItem
from cogs.ui.text import one_line

PAGE = 5
MAX_TEXT = 45
"""Characters; the rest of a custom_id's 100 holds the page, the sort, the mode and the tag."""
_SORTS = {sort.value[0]: sort for sort in Sort}
_MODES = {"-": None} | {mode.value[0]: mode for mode in Mode}


class PageButton(
    GatedItem,
    template=r"presets:(?P<page>\d{1,6}):(?P<sort>[run]):(?P<mode>[ad-]):(?P<tag>[^:]*):(?P<text>(?s:.*))",
):
    """Another page of the search in its custom_id."""

    def __init__(self, wanted: Filter, page: int, label: str = "", emoji: str = "▶️") -> None:
        self.wanted = wanted
        self.page = page
        mode = wanted.mode[0] if wanted.mode else "-"
        custom_id = f"presets:{page}:{wanted.sort[0]}:{mode}:{wanted.tag or ''}:{wanted.text}"
        super().__init__(discord.ui.Button(label=label or None, emoji=emoji, custom_id=custom_id))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button again from a message of any age."""
        wanted = Filter(match["text"], match["tag"] or None, _MODES[match["mode"]], _SORTS[match["sort"]])
        return cls(wanted, int(match["page"]))

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the page in place of this one."""
        await defer_update(interaction)
        embeds, view = await page(interaction, self.wanted, self.page)
        await interaction.edit_original_response(embeds=embeds, view=view)


async def page(
    interaction: discord.Interaction[Antiphon], wanted: Filter, number: int
) -> tuple[list[discord.Embed], discord.ui.View | None]:
    """Return a page of the presets that the acting member may see; pages count from 0."""
    # A starter exists in every mode; without a choice each scenario is shown once.
    starters = None if wanted.mode else interaction.client.default_mode
    wanted = replace(wanted, text=one_line(wanted.text)[:MAX_TEXT], starters=starters)
    found = await interaction.client.presets.browse(
        viewer(interaction), wanted, limit=PAGE + 1, offset=PAGE * number
    )
    if not found:
        nothing = "These were all." if number else "Nothing matches. Try fewer filters."
        return [build_embed(description=nothing)], None
    first = PAGE * number + 1
    shown = list(enumerate(found[:PAGE], start=first))
    turning: list[PageButton] = []
    if number:
        turning.append(PageButton(wanted, number - 1, "Back", "◀️"))
    if len(found) > PAGE:
        turning.append(PageButton(wanted, number + 1, "More", "▶️"))
    uses = [UseButton(preset.id, f"Use {n}") for n, preset in shown]
    shows = [ShowButton(preset.id, f"Show {n}") for n, preset in shown]
    user_id, share = interaction.user.id, MAX_TOTAL // PAGE
    return [brief_card(preset, n, user_id, share) for n, preset in shown], as_rows(uses, shows, turning)
