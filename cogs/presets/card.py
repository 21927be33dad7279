"""A preset as a card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import discord

from bot.app import Antiphon
from bot.errors import NotFound
from bot.locale import ntr, tr
from bot.presets.starters import other_wordings
from bot.presets.text import settings_text
from bot.store.presets.model import BOT, Preset, Scope
from cogs.ui.embeds import Field, build_embed
from cogs.ui.text import EMBED_COLOURS, quoted, quoted_lines

NAME_SHOWN = 120
"""A name has at most 60 characters, each of which may need an escape."""
SETTINGS_SHOWN = 300
TEMPLATE_SHOWN = 700
BRIEF_SHOWN = 160
VERSIONS_SHOWN = 5


def preset_card(
    preset: Preset, versions: Sequence[Preset], reader_id: int, more: Sequence[Field] = ()
) -> discord.Embed:
    """Return all of a preset. versions: newest first.  reader_id: the member who sees it.  more: fields."""
    fields = [
        Field(tr("Settings"), quoted_lines(settings_text(preset.body), SETTINGS_SHOWN)),
        Field(tr("By"), author(preset, reader_id)),
        Field(tr("Seen by"), _seen_by(preset)),
    ]
    if counted := counts(preset):
        fields.append(Field(tr("So far"), counted, inline=False))
    if preset.body.tags:
        fields.append(Field(tr("Tags"), ", ".join(preset.body.tags), inline=False))
    if preset.origin is not None:
        fields.append(Field(tr("Forked from"), shown_name(preset.origin), inline=False))
    if len(versions) > 1:
        lines = [
            f"{one.version}: {_when(one.created_at)} {quoted(one.body.template, 80)}" for one in versions
        ]
        fields.append(Field(tr("Versions"), lines[:VERSIONS_SHOWN], inline=False))
    for number, wording in enumerate(other_wordings(preset.code), start=2):
        fields.append(Field(tr("Wording {number}", number=number), quoted(wording, 900), inline=False))
    return build_embed(
        title=shown_name(preset.name),
        description=_about(preset, TEMPLATE_SHOWN),
        colour=EMBED_COLOURS[preset.body.mode],
        fields=[*fields, *more],
        footer=tr("Version {number} of {newest}", number=preset.version, newest=preset.newest),
    )


def brief_card(preset: Preset, number: int, reader_id: int, max_total: int) -> discord.Embed:
    """Return a preset as one of several on a page. max_total: its share of the message, in code points."""
    about = quoted(preset.body.description, BRIEF_SHOWN) or f"> {quoted(preset.body.template, BRIEF_SHOWN)}"
    facts = [
        preset.body.mode,
        tr("by {author}", author=author(preset, reader_id)),
        counts(preset),
        ", ".join(preset.body.tags),
    ]
    return build_embed(
        title=f"{number}. {shown_name(preset.name)}",
        description=f"{about}\n-# {' · '.join(filter(None, facts))}",
        colour=EMBED_COLOURS[preset.body.mode],
        max_total=max_total,
    )


def shown_name(name: str) -> str:
    """Return a preset's name for a place that has markdown."""
    return quoted(name, NAME_SHOWN)


def counts(preset: Preset) -> str:
    """Return “👍 3 👎 1 · 12 clips · 2 forks · 4 versions”, without what there is none of; may be empty."""
    parts = [f"👍 {preset.ups} 👎 {preset.downs}"] if preset.ups or preset.downs else []
    parts += [ntr("{count:,} clip", "{count:,} clips", preset.uses)] if preset.uses else []
    parts += [ntr("{count:,} fork", "{count:,} forks", preset.forks)] if preset.forks else []
    parts += [ntr("{count:,} version", "{count:,} versions", preset.newest)] if preset.newest > 1 else []
    return " · ".join(parts)


def author(preset: Preset, reader_id: int) -> str:
    """Return who made a preset, without an id: embeds show mentions of strangers as raw numbers."""
    if preset.owner_id == BOT:
        return "Antiphon"
    return tr("you") if preset.owner_id == reader_id else tr("another member")


async def example(bot: Antiphon, preset: Preset) -> list[discord.File]:
    """Return the example clip's file, where there is one still."""
    if preset.example_clip is None:
        return []
    try:
        clip = await bot.history.clip(preset.example_clip)
    except NotFound:
        return []
    audio = Path(bot.settings.clip_dir, clip.file)
    return [discord.File(audio, filename="example.mp3")] if clip.file and audio.is_file() else []


def _about(preset: Preset, limit: int) -> str:
    words = f"{quoted(preset.body.description, limit)}\n" if preset.body.description else ""
    return f"{words}> {quoted(preset.body.template, limit)}"


def _seen_by(preset: Preset) -> str:
    match preset.scope:
        case Scope.PRIVATE:
            return tr("only you")
        case Scope.SERVER:
            whom = tr("this server")
        case Scope.PUBLIC:
            whom = tr("everyone")
    return tr("{whom}, code {code}", whom=whom, code=f"`{preset.code}`") if preset.code else whom


def _when(seconds: float) -> str:
    return f"<t:{int(seconds)}:d>"
