"""From an interaction to a queued job or duel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial

import discord

from bot.app import PERMISSIONS, Antiphon
from bot.errors import UserError
from bot.locale import mark
from bot.policy.acts import Act
from bot.policy.limits import daily_limits, has_priority
from bot.recipe import Recipe
from bot.store.duels.series import NewSeries, Series
from bot.store.job_model import Job, Request
from cogs.submission.references import Reference, with_file
from cogs.ui.answers import acknowledgement, think
from cogs.ui.gate import check, check_duel, check_recipe, limits_of


async def acknowledge_request(
    interaction: discord.Interaction[Antiphon], *, clips: int = 1, takes: int = 1
) -> None:
    """Acknowledge a request for so many takes of a clip, or with two clips for a duel.

    Raises NotAllowed or LimitReached before, so that no public “thinking…” appears for a refusal.
    """
    check(interaction, Act.DUEL if clips > 1 else Act.ASK)
    await interaction.client.jobs.check_limits(
        interaction.user.id, can_post=can_post(interaction), jobs=max(clips, takes)
    )
    await think(interaction)


async def submit(
    interaction: discord.Interaction[Antiphon],
    recipe: Recipe,
    preset_version: int | None = None,
    references: Sequence[Reference] = (),
    chosen: str = "",
    parent: int | None = None,
    takes: int = 1,
    then: Recipe | None = None,
) -> Job:
    """Queue a recipe for the acting member; the deferred answer becomes its progress, then its clip.

    preset_version: stored with the clip, where the recipe came from a preset.
    references: the files that the clip is made from, which passed check_references.
    chosen: why the bot chose the model, where the member left that to it.
    parent: the clip under which it was requested.
    then: what is made of the clip, in whose place it is shown.
    takes: how many clips, with the recipe's seed and those that follow it; one message carries them all.
    """
    service = interaction.client.jobs
    # One after another: each is decoded by a process of its own, with memory of its own.
    files = [await reference.read() for reference in references]
    for reference, attached in zip(references, files, strict=True):
        engine = interaction.client.models[recipe.model_ref]
        recipe = with_file(recipe, reference, attached, engine, limits_of(interaction))
    async with service.melodies.added(*files) if files else nullcontext():
        request = request_for(interaction, recipe, preset_version, chosen, parent, then)
        return await service.submit(request, takes)


async def start_duel(
    interaction: discord.Interaction[Antiphon], prompt: str, pair: tuple[Recipe, Recipe]
) -> None:
    """Queue both clips of a duel for the acting member; the outbox edits the deferred answer.

    pair: what DuelService.recipes returned.  Raises UserError where the bot could not post the duel.
    """
    if interaction.guild_id is None or not can_post(interaction):
        raise UserError(why_not_post(interaction))
    check_duel(interaction, pair)
    # From here on the duel has an answer of its own: nothing that fails now is the member's to hear.
    await interaction.client.duels.start(
        prompt, pair, interaction.guild_id, partial(request_for, interaction)
    )


async def start_series(
    interaction: discord.Interaction[Antiphon],
    names: Sequence[str],
    prompts: tuple[str, ...],
    recipes: tuple[tuple[Recipe, ...], ...],
    duels: int,
    skipped: Mapping[int, str],
) -> Series:
    """Store a series of duels for the acting member; its duels are judged once more when each is started.

    prompts, recipes: a row a prompt, of SeriesService.recipes.  skipped: prompts that are left out.
    Raises UserError where the bot could not post a duel.
    """
    if interaction.guild_id is None or not can_post(interaction):
        raise UserError(why_not_post(interaction))
    check_duel(interaction, [recipe for row in recipes for recipe in row])
    for row in recipes:
        for recipe in row:
            check_recipe(interaction, recipe)
    return await interaction.client.series.start(
        NewSeries(
            names=tuple(names),
            prompts=prompts,
            skipped=skipped,
            recipes=recipes,
            duels=duels,
            user_id=interaction.user.id,
            guild_id=interaction.guild_id,
            channel_id=interaction.channel_id or 0,
            application_id=interaction.application_id,
            max_bytes=max_bytes(interaction),
        )
    )


def request_for(
    interaction: discord.Interaction[Antiphon],
    recipe: Recipe,
    preset_version: int | None = None,
    chosen: str = "",
    parent: int | None = None,
    then: Recipe | None = None,
) -> Request:
    """Return the acting member's request for a recipe, in the interaction's channel.

    Raises NotAllowed: whatever leads to a clip comes through here, so that nothing goes round the gate.
    """
    check_recipe(interaction, recipe)
    if then is not None:
        check_recipe(interaction, then)
    answer = acknowledgement(interaction)
    member, server = interaction.user, interaction.client.policy.server(interaction.guild_id)
    return Request(
        recipe=recipe,
        user_id=interaction.user.id,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id or 0,
        application_id=interaction.application_id,
        interaction_token=interaction.token,
        can_post=can_post(interaction) and not (answer and answer.ephemeral),
        max_bytes=max_bytes(interaction),
        preset_version=preset_version,
        chosen=chosen,
        parent_clip=parent,
        then=then,
        interaction_id=interaction.id,
        answer_id=answer.message_id if answer else None,
        answer_ephemeral=bool(answer and answer.ephemeral),
        locale=str(interaction.locale),
        daily=daily_limits(server),
        priority=isinstance(member, discord.Member)
        and has_priority(server, [role.id for role in member.roles], boosts=member.premium_since is not None),
    )


def can_post(interaction: discord.Interaction[Antiphon]) -> bool:
    """Tell whether the bot may post here with its own token, so without the interaction's."""
    if interaction.context.dm_channel:
        return True
    if interaction.guild_id is None or not interaction.is_guild_integration():
        return False
    if _outside_private_thread(interaction):
        return False
    needed = discord.Permissions(PERMISSIONS.value)
    if isinstance(interaction.channel, discord.Thread):
        needed.send_messages = False
    else:
        needed.send_messages_in_threads = False
    return needed.is_subset(interaction.app_permissions)


def why_not_post(interaction: discord.Interaction[Antiphon]) -> str:
    """Return why a duel cannot be posted here, and what to do, in English."""
    if _outside_private_thread(interaction):
        return mark("I'm not in this private thread. Mention me to add me, then ask again.")
    return mark(
        "A duel needs a channel where others can vote. Start it in a server where I can post messages and "
        "files."
    )


def max_bytes(interaction: discord.Interaction[Antiphon]) -> int:
    """Return the size limit of a clip in bytes: the member's, or the server's where that is smaller.

    The member's own limit may exceed the bot's, which holds for a later post without the interaction.
    """
    if interaction.guild is not None and can_post(interaction):
        return min(interaction.filesize_limit, interaction.guild.filesize_limit)
    return interaction.filesize_limit


def _outside_private_thread(interaction: discord.Interaction[Antiphon]) -> bool:
    """Tell whether this is a private thread that the bot was not added to.

    Commands work there, and `app_permissions` looks fine, yet every post is refused with 50001.
    Source: discord-jda/JDA#2602.
    """
    thread = interaction.channel
    if not isinstance(thread, discord.Thread) or not thread.is_private():
        return False
    if interaction.app_permissions.manage_threads:
        return False
    # Discord sends a bot the private threads that it is in, with its membership.
    known = interaction.guild.get_thread(thread.id) if interaction.guild else None
    return known is None or known.me is None
