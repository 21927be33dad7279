"""The only builder of embeds, which keeps them within Discord's limits.

Texts are Discord markdown: what people typed has gone through `quoted`. Footers have no markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import discord

from bot.markdown import ELLIPSIS, joined_lines, shortened
from bot.text import is_blank

MAX_TITLE = 256
MAX_DESCRIPTION = 4_096
MAX_FIELDS = 25
MAX_FIELD_NAME = 256
MAX_FIELD_VALUE = 1_024
MAX_FOOTER = 2_048
MAX_TOTAL = 6_000
"""Discord's embed limits, in code points; the last is for all embeds of a message together (Discord's
documentation of messages, "Embed limits")."""

_NOTHING = "–"
"""Stands where Discord wants a text and there is none."""

Text = str | Sequence[str]
"""A text, or lines of which those that do not fit are left out whole and counted."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an embed. name, value: shortened where they are too long, "–" where they are blank."""

    name: str
    value: Text
    inline: bool = True


def build_embed(
    *,
    title: str = "",
    description: Text = "",
    colour: int | None = None,
    fields: Sequence[Field] = (),
    footer: str = "",
    image: str | None = None,
    max_total: int = MAX_TOTAL,
) -> discord.Embed:
    """Return an embed within Discord's limits.

    Each text is shortened to its own limit. Where all together exceed `max_total`, the longest ones are
    shortened to one common length, so that short ones stay whole. Of more than 25 fields, the last one counts
    those that are left out.

    image: an address, or “attachment://” with the name of a file.
    max_total: code points, for several embeds in one message their share of MAX_TOTAL.
    """
    shown = _counted(fields)
    names = [_required(field.name) for field in shown]
    values = [_required(field.value) for field in shown]
    texts: list[Text] = [title, description, footer, *names, *values]
    limits = [MAX_TITLE, MAX_DESCRIPTION, MAX_FOOTER]
    limits += [MAX_FIELD_NAME] * len(shown) + [MAX_FIELD_VALUE] * len(shown)
    fitting = [_fitted(text, limit) for text, limit in zip(texts, limits, strict=True)]
    share = _common_length([len(text) for text in fitting], max_total)
    fitting = [
        _fitted(text, min(limit, share)) if len(fit) > share else fit
        for text, limit, fit in zip(texts, limits, fitting, strict=True)
    ]
    embed = discord.Embed(title=fitting[0] or None, description=fitting[1] or None, colour=colour)
    rows = zip(fitting[3 : 3 + len(shown)], fitting[3 + len(shown) :], shown, strict=True)
    for name, value, field in rows:
        embed.add_field(name=name, value=value, inline=field.inline)
    if fitting[2]:
        embed.set_footer(text=fitting[2])
    if image is not None:
        embed.set_image(url=image)
    return embed


def described_anew(embed: discord.Embed, description: str) -> discord.Embed:
    """Return a copy with another description, and of the footer only its first line."""
    copy = embed.copy()
    copy.description = description
    return copy.set_footer(text=(embed.footer.text or "").partition("\n")[0] or None)


def _counted(fields: Sequence[Field]) -> list[Field]:
    if len(fields) <= MAX_FIELDS:
        return list(fields)
    left_out = len(fields) - MAX_FIELDS + 1
    return [*fields[: MAX_FIELDS - 1], Field(ELLIPSIS, f"and {left_out} more", inline=False)]


def _required(text: Text) -> Text:
    """Return the text, or a dash where Discord would refuse it as empty."""
    whole = text if isinstance(text, str) else "\n".join(text)
    return _NOTHING if is_blank(whole) else text


def _fitted(text: Text, limit: int) -> str:
    return shortened(text, limit) if isinstance(text, str) else joined_lines(text, limit)


def _common_length(lengths: Sequence[int], total: int) -> int:
    """Return the largest length to which texts can be shortened so that all fit into `total` together."""
    left = total
    for position, length in enumerate(sorted(lengths)):
        share = left // (len(lengths) - position)
        if length > share:
            return share
        left -= length
    return total
