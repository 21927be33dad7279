"""The message that a rendered job is delivered by: one clip, or the takes of a group together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import discord

from bot.app import Antiphon
from bot.errors import NotFound
from bot.locale import mark, speaking, tr
from bot.store.clips import Clip
from bot.store.job_model import Job, State
from cogs.clips.card import clip_card, without_words
from cogs.clips.more import clip_buttons
from cogs.clips.takes import takes_view
from cogs.clips.takes_card import open_takes, takes_embeds, takes_files
from cogs.delivery.respondable import Draft, language_of
from cogs.ui.buttons import TAKES_SELECT, carries, carries_clip

ONLY_YOU = mark(
    "Only you can see this, and Discord forgets it when it restarts. /history sends the clip again."
)


@dataclass(frozen=True, slots=True)
class Posting:
    """A draft with its clips. wordless: the draft where AutoMod blocks the prompt.  is_it: recognises it."""

    clips: list[Clip]
    draft: Draft
    wordless: Draft
    is_it: Callable[[discord.Message], bool]


async def posting_of(bot: Antiphon, job: Job) -> Posting | None:
    """Return the message of a job, or of the takes that it is the first of; None where none is due.

    Raises NotFound where clips or files are gone.
    """
    with speaking(language_of(bot, job)):
        if job.takes_of is not None:
            return await _takes(bot, job)
        return await _clip(bot, job) if job.state is State.RENDERED else None


async def _clip(bot: Antiphon, job: Job) -> Posting:
    clip = await bot.history.clip_of_job(job.id)
    hint = None
    if bot.policy.server(clip.guild_id).is_on("coach"):
        hint = await bot.coach.hint(clip.user_id, clip.recipe.prompt, clip.recipe.mode)
    card = clip_card(clip, bot.settings.clip_dir, hint and f"💡 {hint}")
    draft = Draft(
        content=tr(ONLY_YOU) if job.answer_ephemeral else None,
        embed=card.embed,
        view=clip_buttons(bot, clip),
        files=card.files,
    )
    wordless = replace(draft, embed=without_words(card.embed))
    return Posting([clip], draft, wordless, lambda message: carries_clip(message, clip.id))


async def _takes(bot: Antiphon, first: Job) -> Posting | None:
    jobs = await bot.history.takes(first.id)
    if open_takes(jobs) or all(job.state is not State.RENDERED for job in jobs):
        return None
    clips = await bot.history.clips_of_takes(first.id)
    if not clips:
        raise NotFound("The clips of these takes are gone.")
    draft = Draft(
        content=tr(ONLY_YOU) if first.answer_ephemeral else None,
        embeds=takes_embeds(jobs, clips),
        view=takes_view(bot, first, clips),
        files=takes_files(clips, bot.settings.clip_dir),
    )
    wordless = replace(draft, embeds=takes_embeds(jobs, clips, with_words=False))
    alone = clips[0][1].id if len(clips) == 1 else None

    def is_it(message: discord.Message) -> bool:
        if alone is not None:
            return carries_clip(message, alone)
        return carries(message, f"{TAKES_SELECT}:{first.id}")

    return Posting([clip for _, clip in clips], draft, wordless, is_it)
