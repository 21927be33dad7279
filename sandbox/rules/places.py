"""The rules of channels: permissions, archived and locked threads, forums, voice channels.

The functions take permission bits as `sandbox/permissions.py` computes them.
Source: Discord's "Threads" and "Permissions" pages, "Create Message", and discord-api-docs issue 6884.
"""

from __future__ import annotations

from sandbox.errors import ApiError, missing_access, refusal
from sandbox.model import Channel, ChannelType, Json, Permission
from sandbox.rules.book import Rulebook, rule

SEND = rule("send_messages", "Writing needs Send Messages, or in a thread Send Messages in Threads (50013).")
EMBED_LINKS = rule("embed_links", "A bot's embeds need Embed Links (50013).")
ATTACH_FILES = rule("attach_files", "Files need Attach Files (50013).")
REPLY = rule("reply_needs_history", "A reply needs Read Message History (160002).")
HISTORY = rule("read_history", "Reading a message needs Read Message History (50013).")
VOICE = rule("voice_history_connect", "Reading a voice channel's messages needs Connect (50001).")
FORUM = rule("forum_takes_posts", "A forum takes posts, and no messages (40058).")
ARCHIVED = rule("thread_archived", "A message in an archived thread cannot be edited (50083).")
LOCKED = rule("thread_locked", "Writing in a locked thread needs Manage Threads (160005, archived 50083).")
LOCKED_DELETE = rule(
    "locked_thread_keeps", "Deleting in a locked and archived thread needs Manage Threads (50083)."
)
UNARCHIVE = rule("unarchive_locked", "Unarchiving a locked thread needs Manage Threads or its owner (50013).")
THREAD_EDIT = rule("thread_edit", "Changing a thread needs Manage Threads or its owner (50013).")
THREAD_LOCK = rule("thread_lock", "Locking a thread needs Manage Threads (50013).")
MANAGE = rule("manage_channels", "Changing and deleting channels needs Manage Channels (50013).")


def judge_post(channel: Channel, bits: int, body: Json, files: bool, rules: Rulebook) -> None:
    """Raise unless an author with these permissions may write this message as its own."""
    if channel.type == ChannelType.GUILD_FORUM and FORUM in rules:
        raise refusal(40058)
    if channel.guild_id is None:
        return
    wanted = Permission.SEND_MESSAGES if channel.thread is None else Permission.SEND_MESSAGES_IN_THREADS
    needed = [(SEND, wanted, True)]
    needed += [
        (EMBED_LINKS, Permission.EMBED_LINKS, bool(body.get("embeds"))),
        (ATTACH_FILES, Permission.ATTACH_FILES, files),
    ]
    if any(asked and not bits & permission and name in rules for name, permission, asked in needed):
        raise refusal(50013)
    if body.get("message_reference") and not bits & Permission.READ_MESSAGE_HISTORY and REPLY in rules:
        raise ApiError(400, 160002, "Cannot reply without permission to read message history")


def judge_thread(channel: Channel, bits: int | None, rules: Rulebook, *, edit: bool) -> None:
    """Raise if a thread is closed to an author with these permissions; `bits` None: not in the guild.

    A new message (`edit` False) unarchives a thread that is not locked.
    """
    state = channel.thread
    if state is None:
        return
    may_manage = bits is not None and bool(bits & Permission.MANAGE_THREADS)
    locked = state.locked and not may_manage and LOCKED in rules
    if not locked and not (state.archived and edit and ARCHIVED in rules):
        return
    if bits is None:
        raise missing_access()
    raise refusal(50083 if state.archived else 160005, state.refusal_status)


def judge_delete(channel: Channel, bits: int, rules: Rulebook) -> None:
    """Raise if the messages of a thread are kept from an author with these permissions."""
    state = channel.thread
    if state is None or not (state.locked and state.archived) or LOCKED_DELETE not in rules:
        return
    if not bits & Permission.MANAGE_THREADS:
        raise refusal(50083, state.refusal_status)


def judge_reading(channel: Channel, bits: int, rules: Rulebook) -> None:
    """Raise unless a reader with these permissions may read a channel's messages."""
    if channel.guild_id is None:
        return
    if channel.type == ChannelType.GUILD_VOICE and not bits & Permission.CONNECT and VOICE in rules:
        raise missing_access()


def judge_thread_change(thread: Channel, user_id: int, bits: int, body: Json, rules: Rulebook) -> None:
    """Raise unless a user with these permissions may make these changes to a thread."""
    state = thread.thread
    if state is None or bits & Permission.MANAGE_THREADS:
        return
    owner = user_id == state.owner_id
    if body.get("archived") is False and set(body) <= {"archived"}:
        if state.locked and not owner and UNARCHIVE in rules:
            raise refusal(50013)
        if not bits & (Permission.SEND_MESSAGES | Permission.SEND_MESSAGES_IN_THREADS):
            raise refusal(50013)
        return
    if {"locked", "rate_limit_per_user"} & set(body) and THREAD_LOCK in rules:
        raise refusal(50013)
    if not owner and THREAD_EDIT in rules:
        raise refusal(50013)
