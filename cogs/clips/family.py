"""A clip's family as a small tree: what it was made from, and what was made of it, in a private answer."""

from __future__ import annotations

import discord

from bot.app import Antiphon
from bot.locale import tr
from bot.recipe.gestures import described_change
from bot.store.clips import Clip
from bot.store.family import Family
from cogs.ui.answers import think
from cogs.ui.buttons import IdButton
from cogs.ui.embeds import build_embed
from cogs.ui.text import EMBED_COLOURS, in_a_line
from cogs.ui.visible_channels import visible_channels

PROMPT_SHOWN = 60


class FamilyButton(IdButton, prefix="clip:family"):
    """The clips that a clip was made from, beside it and of it."""

    label = "Family"
    emoji = "🌳"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show those that the acting member may see."""
        await think(interaction, private=True)
        history = interaction.client.history
        clip = await history.clip(self.number)
        family = await history.family(clip, interaction.user.id, visible_channels(interaction))
        await interaction.followup.send(
            embed=build_embed(
                title=tr("Family of clip {id}", id=clip.id),
                description=tree(family),
                colour=EMBED_COLOURS[clip.recipe.mode],
            ),
            ephemeral=True,
        )


def tree(family: Family) -> list[str]:
    """Return a line for each clip, indented by generation."""
    clip, parent = family.clip, family.parent
    beside = [one for one in family.siblings if one.id != clip.id]
    lines, depth = [], 0
    if family.has_parent:
        depth = 1
        if parent is not None:
            lines.append(f"{_line(parent)} · {_link(parent)}")
        elif family.deleted:
            lines.append(tr("*a deleted clip*"))
        else:
            lines.append(tr("*a clip that you can't see here*"))
    for one in sorted([*beside, clip], key=lambda one: one.id):
        change = f"**{_change(one, parent)}** · " if family.has_parent else ""
        if one.id == clip.id:
            lines.append(f"{_branch(depth)}▸ {change}{_line(one)}")
            lines += [
                f"{_branch(depth + 1)}**{_change(child, clip)}** · {_line(child)} · {_link(child)}"
                for child in family.children
            ]
        else:
            lines.append(f"{_branch(depth)}{change}{_line(one)} · {_link(one)}")
    if len(lines) == 1:
        lines.append(
            tr("-# Nothing was made of it yet. **Vary**, **Longer** and **Remix** make clips of it.")
        )
    return lines


def _change(child: Clip, parent: Clip | None) -> str:
    return described_change(child.recipe, parent.recipe if parent else None)


def _branch(depth: int) -> str:
    return "\u2003" * (depth - 1) + "└ " if depth else ""


def _line(clip: Clip) -> str:
    return f"#{clip.id} {in_a_line(clip.recipe, PROMPT_SHOWN)}"


def _link(clip: Clip) -> str:
    if clip.message_id is None:
        return tr("not posted")
    where = f"{clip.guild_id or '@me'}/{clip.channel_id}"
    return f"[{tr('open')}](https://discord.com/channels/{where}/{clip.message_id})"
