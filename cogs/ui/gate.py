"""The gate as interactions and messages pass it: facts from Discord, and refusals as errors.

Commands, menus and autocomplete pass it in `GatedTree` (bot/app.py), buttons and selects in `GatedItem`,
forms in `handle_submission`; requests for clips once more where they are queued.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import discord

from bot import log
from bot.app import Antiphon
from bot.errors import NotAllowed
from bot.locale import set_language
from bot.policy.acts import Act, act_of
from bot.policy.gate import Access, Facts, Refusal
from bot.policy.limits import ServerLimits, refused_duel, refused_recipe
from bot.recipe import Recipe
from cogs.ui.language import member_language

_STRING_OPTION = 3
_SUB_COMMANDS = (1, 2)


def check(interaction: discord.Interaction[Antiphon], act: Act | None = None, *texts: str) -> None:
    """Raise NotAllowed where the gate refuses an act; it neither waits nor answers.

    The lines that this task logs from here on carry the member's id and the server's.

    act: None takes the act and the typed texts from the interaction itself, which from here on is answered in
    its member's language.  texts: to be judged instead.
    """
    log.bind(member_id=interaction.user.id)
    if interaction.guild_id is not None:
        log.bind(server_id=interaction.guild_id)
    if act is None:
        set_language(member_language(interaction))
        data = cast("Mapping[str, Any]", interaction.data or {})
        act = act_of(data.get("custom_id") or _command_name(data))
        texts = tuple(typed_texts(interaction))
    refusal = interaction.client.policy.refusal(_facts(interaction, act, texts))
    if refusal is not None:
        raise NotAllowed(str(refusal))


def limits_of(interaction: discord.Interaction[Antiphon]) -> ServerLimits:
    """Return the limits and defaults of clips where an interaction happens."""
    bot = interaction.client
    server = bot.policy.server(interaction.guild_id)
    return ServerLimits(bot.settings, server, _channel_ids(interaction.channel), bot.default_mode)


def check_recipe(interaction: discord.Interaction[Antiphon], recipe: Recipe) -> None:
    """Raise NotAllowed where the gate refuses a clip, by its words or by what it is."""
    check(interaction, Act.ASK, *recipe.texts)
    refusal = refused_recipe(recipe, interaction.client.policy.server(interaction.guild_id))
    if refusal is not None:
        raise NotAllowed(str(refusal))


def check_duel(interaction: discord.Interaction[Antiphon], recipes: Iterable[Recipe]) -> None:
    """Raise NotAllowed where the gate refuses a duel of the acting member, or of these recipes."""
    check(interaction, Act.DUEL)
    refusal = refused_duel(recipes, interaction.client.policy.server(interaction.guild_id))
    if refusal is not None:
        raise NotAllowed(str(refusal))


def message_refusal(bot: Antiphon, message: discord.Message, text: str) -> Refusal | None:
    """Return why a message that mentions the bot, or a direct message, is not answered; None where it is.

    A refusal with Cause.OFF is the server's wish for silence: nothing is to be answered at all.
    """
    return member_refusal(bot, message.author, message.channel, Act.PLAIN, (text,))


def member_refusal(
    bot: Antiphon, member: discord.User | discord.Member, channel: Any, act: Act, texts: Sequence[str]
) -> Refusal | None:
    """Return why a member's act in a channel is refused where no interaction tells; None where it is not."""
    guild = getattr(channel, "guild", None)
    facts = Facts(
        act=act,
        user_id=member.id,
        access=Access.GUILD if guild else Access.DIRECT,
        created_at=member.created_at.timestamp(),
        now=bot.clock(),
        guild_id=guild.id if guild else None,
        channel_ids=_channel_ids(channel),
        role_ids=_role_ids(member),
        age_restricted=age_restricted(channel),
        manages=_manages(member),
        owner=member.id in owner_ids(bot),
        texts=texts,
    )
    return bot.policy.refusal(facts)


def owner_ids(bot: Antiphon) -> frozenset[int]:
    """Return the application's owner, or the members of its team who may manage it."""
    application = bot.application
    if application is None:
        return frozenset()
    if application.team is None:
        return frozenset({application.owner.id})
    roles = (discord.TeamMemberRole.admin, discord.TeamMemberRole.developer)
    managing = {member.id for member in application.team.members if member.role in roles}
    return frozenset(managing | {application.team.owner_id or 0})


def typed_texts(interaction: discord.Interaction[Any]) -> Iterator[str]:
    """Yield what the member typed: the text options of a command, the fields of a form.

    Nothing for autocomplete, which sends a text again with every key.
    """
    data = cast("Mapping[str, Any]", interaction.data or {})
    if interaction.type is discord.InteractionType.application_command:
        yield from _options(data.get("options", ()))
    elif interaction.type is discord.InteractionType.modal_submit:
        yield from _fields(data.get("components", ()))


def _command_name(data: Mapping[str, Any]) -> str:
    """Return a command's name with that of its sub-command."""
    inner = [one["name"] for one in data.get("options", ()) if one["type"] in _SUB_COMMANDS]
    return " ".join([data.get("name", ""), *inner])


def _options(options: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for option in options:
        if option["type"] == _STRING_OPTION:
            yield str(option["value"])
        yield from _options(option.get("options", ()))


def _fields(components: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for component in components:
        if isinstance(component.get("value"), str):
            yield component["value"]
        inner = component.get("component")
        yield from _fields([*component.get("components", ()), *([inner] if inner else [])])


def _facts(interaction: discord.Interaction[Antiphon], act: Act, texts: Sequence[str]) -> Facts:
    user = interaction.user
    if interaction.guild_id is not None and interaction.is_guild_integration():
        access = Access.GUILD
    else:
        access = Access.DIRECT if interaction.context.dm_channel else Access.ELSEWHERE
    return Facts(
        act=act,
        user_id=user.id,
        access=access,
        created_at=user.created_at.timestamp(),
        now=interaction.client.clock(),
        guild_id=interaction.guild_id,
        channel_ids=_channel_ids(interaction.channel),
        role_ids=_role_ids(user),
        age_restricted=age_restricted(interaction.channel),
        manages=_manages(user),
        owner=user.id in owner_ids(interaction.client),
        texts=texts,
    )


def _role_ids(user: discord.User | discord.Member) -> frozenset[int]:
    return frozenset(role.id for role in user.roles) if isinstance(user, discord.Member) else frozenset()


def _manages(user: discord.User | discord.Member) -> bool:
    return isinstance(user, discord.Member) and user.guild_permissions.manage_guild


def _channel_ids(channel: Any) -> frozenset[int]:
    """Return a channel's id, with that of the channel that a thread is in."""
    if channel is None:
        return frozenset()
    return frozenset({channel.id, getattr(channel, "parent_id", None) or channel.id})


def age_restricted(channel: Any) -> bool:
    """Tell whether a channel, or the channel of a thread, is marked as age-restricted."""
    is_nsfw = getattr(channel, "is_nsfw", None)
    return bool(is_nsfw()) if callable(is_nsfw) else False
