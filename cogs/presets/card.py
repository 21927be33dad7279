"""A preset as a card."""

from __future__ import annotations

from pathlib import Path

import discord

from bot.app import Antiphon
from bot.errors import NotFound
from bot.presets.starters import other_wordings
from bot.presets.text import settings_text
from bot.store.preset_model import BOT, Preset, Scope
from cogs.ui.text import EMBED_COLOURS, quoted, shortened

TEMPLATE_SHOWN = 700
BRIEF_SHOWN = 160
VERSIONS_SHOWN = 5


def preset_card(preset: Preset, versions: list[Preset]) -> discord.Embed:
    """Return all of a preset. versions: newest first."""
    embed = discord.Embed(
        title=preset.name,
        description=_about(preset, TEMPLATE_SHOWN),
        colour=EMBED_COLOURS[preset.body.mode],
    )
    embed.add_field(name="Settings", value=quoted_lines(settings_text(preset.body), 300))
    embed.add_field(name="By", value=author(preset))
    embed.add_field(name="Seen by", value=_seen_by(preset))
    embed.add_field(name="Counts", value=counts(preset), inline=False)
    if preset.body.tags:
        embed.add_field(name="Tags", value=", ".join(preset.body.tags), inline=False)
    if preset.origin is not None:
        embed.add_field(name="Forked from", value=preset.origin, inline=False)
    if len(versions) > 1:
        lines = [
            f"{one.version}: {_when(one.created_at)} {quoted(one.body.template, 80)}" for one in versions
        ]
        embed.add_field(name="Versions", value="\n".join(lines[:VERSIONS_SHOWN]), inline=False)
    for number, wording in enumerate(other_wordings(preset.code), start=2):
        embed.add_field(name=f"Wording {number}", value=quoted(wording, 900), inline=False)
    embed.set_footer(text=f"Version {preset.version} of {preset.newest}")
    return embed


def brief_card(preset: Preset, number: int) -> discord.Embed:
    """Return a preset as one of several on a page."""
    facts = f"{preset.body.mode} · {author(preset)} · {counts(preset)}"
    tags = f"\n{', '.join(preset.body.tags)}" if preset.body.tags else ""
    return discord.Embed(
        title=f"{number}. {preset.name}",
        description=f"{_about(preset, BRIEF_SHOWN)}\n{facts}{tags}",
        colour=EMBED_COLOURS[preset.body.mode],
    )


def counts(preset: Preset) -> str:
    """Return “👍 3 👎 1 · 12 clips · 2 forks · 4 versions”."""
    parts = [f"👍 {preset.ups} 👎 {preset.downs}", _many(preset.uses, "clip"), _many(preset.forks, "fork")]
    return " · ".join([*parts, _many(preset.newest, "version")])


def author(preset: Preset) -> str:
    """Return a mention, which pings nobody."""
    return "Antiphon" if preset.owner_id == BOT else f"<@{preset.owner_id}>"


def quoted_lines(text: str, limit: int) -> str:
    """Return lines that Discord shows as typed."""
    return shortened("\n".join(quoted(line, limit) for line in text.splitlines()), limit)


async def example(bot: Antiphon, preset: Preset) -> list[discord.File]:
    """Return the example clip's file, where there is one still."""
    if preset.example_clip is None:
        return []
    try:
        clip = await bot.clips.get(preset.example_clip)
    except NotFound:
        return []
    audio = Path(bot.settings.clip_dir, clip.file)
    return [discord.File(audio, filename="example.mp3")] if clip.file and audio.is_file() else []


def _about(preset: Preset, limit: int) -> str:
    words = f"{quoted(preset.body.description, limit)}\n" if preset.body.description else ""
    return f"{words}> {quoted(preset.body.template, limit)}"


def _seen_by(preset: Preset) -> str:
    code = f", code `{preset.code}`" if preset.code else ""
    match preset.scope:
        case Scope.PRIVATE:
            return "you alone"
        case Scope.SERVER:
            return f"this server{code}"
        case Scope.PUBLIC:
            return f"everybody{code}"


def _when(seconds: float) -> str:
    return f"<t:{int(seconds)}:d>"


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
