"""Messages made, edited and deleted by a request body that the rules have judged."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sandbox.components import normalise, texts
from sandbox.errors import ApiError, FormError, refusal
from sandbox.files import Upload
from sandbox.limits import SlowModeError
from sandbox.model import Attachment, Channel, Interaction, Json, Message, MessageFlag, Permission
from sandbox.places import Places
from sandbox.rules import Rulebook, rule
from sandbox.rules.automod import judge_keywords, message_texts
from sandbox.rules.messages import judge_message
from sandbox.rules.places import judge_post, judge_thread
from sandbox.rules.shapes import as_snowflake
from sandbox.upload_limits import BOOSTED, NITRO_ACCEPTED, accepted_bytes, promised_bytes
from sandbox.world import World

NONCE_WINDOW = 5 * 60.0
"""Seconds a nonce is remembered; Discord says "the past few minutes"."""
NONCE_ENFORCED = rule(
    "nonce_enforced", "With enforce_nonce, the same nonce gives the message there is already."
)
UPLOAD_SIZE = rule("upload_limit", "An attachment is at most as large as the upload limit (413, 40005).")
OWN_EDIT = rule("edit_own_only", "A message is edited by its author alone (50005).")

SLOW_MODE = rule("slow_mode", "In slow mode a member waits between two messages (429, 20016).")

_REPLY = 19
"""Type of a message; source: Discord's "Message Types"."""
_CREATE_FLAGS = (
    MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS | MessageFlag.IS_COMPONENTS_V2
)
_EDIT_FLAGS = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.IS_COMPONENTS_V2


class Messages:
    """Writes messages into one world, by its rules. `upload_limit` is bytes per attachment."""

    def __init__(self, world: World, places: Places, rules: Rulebook, upload_limit: int) -> None:
        self.world = world
        self.places = places
        self.rules = rules
        self.upload_limit = upload_limit

    def create(
        self,
        channel: Channel,
        author_id: int,
        body: Any,
        uploads: list[Upload],
        *,
        draft: Message | None = None,
    ) -> Message:
        """Create a message of `author_id`. draft: its fields that are settled already."""
        body = {} if body is None else body
        answered = draft is not None and draft.interaction_id is not None
        self.judge_uploads(channel, uploads, draft.interaction_metadata if draft and answered else None)
        judge_message(body, _names(body, uploads), self.rules)
        nonce = body.get("nonce")
        if body.get("enforce_nonce") and nonce is not None and NONCE_ENFORCED in self.rules:
            twin = self._twin(channel, author_id, nonce)
            if twin is not None:
                return twin
        message = draft or self.world.new_message(channel, author_id)
        if message.interaction_id is None:
            bits = self.world.permissions(author_id, channel)
            if not self.world.in_guild(author_id, channel):
                # Only without the rule of membership: what everybody may do.
                bits = self.world.everyone_permissions(channel)
            judge_post(channel, bits, body, bool(uploads), self.rules)
        self._judge_thread(message, message.interaction_id is not None, edit=False)
        self._judge_words(message, body)
        message.nonce = nonce
        message.tts = bool(body.get("tts"))
        message.flags |= int(body.get("flags") or 0) & _CREATE_FLAGS
        reference = body.get("message_reference")
        if reference is not None:
            self._reply(message, channel, reference)
        if message.interaction_id is None:
            self.judge_slow_mode(channel, author_id)
        self._apply(message, body, uploads)
        self.places.before_message(message)
        return self.world.add_message(message)

    def think(self, draft: Message) -> Message:
        """Add a deferred answer, which has nothing in it yet."""
        self._judge_thread(draft, True, edit=False)
        self.places.before_message(draft)
        return self.world.add_message(draft)

    def edit(
        self,
        message: Message,
        body: Any,
        uploads: list[Upload],
        *,
        interaction: Interaction | None = None,
    ) -> Message:
        """Change what `body` names; fields it lacks stay. `interaction` is the one whose token is used."""
        body = {} if body is None else body
        metadata = message.interaction_metadata if interaction is not None else None
        self.judge_uploads(self.world.channel(message.channel_id), uploads, metadata)
        before: Json = {
            "flags": message.flags,
            "content": message.content,
            "embeds": message.embeds,
            "components": message.components,
            "attachments": {attachment.id: attachment.filename for attachment in message.attachments},
        }
        judge_message(body, _names(body, uploads), self.rules, before=before)
        self._judge_thread(message, interaction is not None, edit=True)
        self._judge_words(message, body, interaction)
        was_loading = message.loading
        kept = message.flags & ~(_EDIT_FLAGS | MessageFlag.LOADING)
        asked = body.get("flags")
        message.flags = kept | ((int(asked) if asked is not None else message.flags) & _EDIT_FLAGS)
        self._apply(message, body, uploads)
        if not was_loading:
            message.edited_at = self.world.clock.now()
        return self.world.change_message(message)

    def judge_uploads(
        self, channel: Channel, uploads: Iterable[Upload], metadata: Json | None = None
    ) -> None:
        """Raise 413 if a file is over the limit; `metadata` is that of the interaction it answers."""
        nitro = metadata is not None and self.world.user(metadata["user_id"]).nitro
        guild = self.world.guilds.get(channel.guild_id or 0)
        limit = accepted_bytes(self.upload_limit, guild, channel, nitro=nitro)
        if UPLOAD_SIZE in self.rules and any(len(upload.body) > limit for upload in uploads):
            raise refusal(40005)

    def promised_bytes(self, interaction: Interaction) -> int:
        """Return the size limit that an interaction announces, in bytes."""
        channel = self.world.channel(interaction.channel_id)
        guild = self.world.guilds.get(channel.guild_id or 0)
        nitro = self.world.user(interaction.user_id).nitro
        return promised_bytes(self.upload_limit, guild, channel, nitro=nitro)

    @property
    def largest_upload(self) -> int:
        """The most bytes of a file that are accepted anywhere."""
        limits = [one.upload_limits.accepted for one in self.world.channels.values() if one.upload_limits]
        boosted = [BOOSTED.get(guild.premium_tier, 0) for guild in self.world.guilds.values()]
        nitro = [NITRO_ACCEPTED for user in self.world.users.values() if user.nitro]
        return max(self.upload_limit, *limits, *boosted, *nitro)

    def judge_slow_mode(self, channel: Channel, user_id: int) -> None:
        """Raise 20016 if the user has written, or used a command, too short a time before.

        Bots are not slowed down unless the test says so; source: Discord's "Channel" object.
        """
        is_bot = user_id == self.world.application_id
        bits = self.world.permissions(user_id, channel)
        if SLOW_MODE not in self.rules or bits & Permission.BYPASS_SLOWMODE:
            return
        if not channel.slow_mode or (is_bot and not channel.slows_bots):
            return
        for message in reversed(self.world.history(channel.id)):
            wait = message.created_at + channel.slow_mode - self.world.clock.now()
            if wait <= 0:
                return
            writer = (message.interaction_metadata or {}).get("user_id", message.author_id)
            if writer == user_id:
                raise SlowModeError(round(wait, 3))

    def _judge_thread(self, message: Message, answers: bool, *, edit: bool) -> None:
        """Raise where an archived or locked thread is closed; `answers`: by the token of an interaction.

        Ephemeral answers are no messages of the thread.
        """
        world = self.world
        if message.ephemeral_for is not None:
            return
        channel = world.channel(message.channel_id)
        author = message.author_id
        bits = world.permissions(author, channel)
        stranger = answers and not world.in_guild(author, channel)
        judge_thread(channel, None if stranger else bits, self.rules, edit=edit)

    def _judge_words(self, message: Message, body: Json, interaction: Interaction | None = None) -> None:
        """Raise 200000 or 200001 where AutoMod blocks a word; the bot's own token is exempt."""
        world, author = self.world, message.author_id
        channel = world.channel(message.channel_id)
        if author == world.application_id:
            edited = message.id in world.messages
            if interaction is None and (edited or message.interaction_id is None):
                return
        elif world.permissions(author, channel) & Permission.MANAGE_GUILD:
            return
        judge_keywords(world.blocked_words(channel), message_texts(body), self.rules)

    def own(self, message: Message, author_id: int) -> None:
        """Raise unless `author_id` wrote the message."""
        if message.author_id != author_id and OWN_EDIT in self.rules:
            raise ApiError(403, 50005, "Cannot edit a message authored by another user")

    def _apply(self, message: Message, body: Json, uploads: list[Upload]) -> None:
        if "content" in body:
            message.content = (body["content"] or "").strip()
        if "embeds" in body:
            message.embeds = [_embed(embed) for embed in body["embeds"] or []]
        if "components" in body:
            message.components = normalise(body["components"] or [], self.world.ids)
        listed = body.get("attachments")
        notes = {as_snowflake(item["id"]): item for item in listed or []}
        if listed is not None:
            gone = [attachment for attachment in message.attachments if attachment.id not in notes]
            message.attachments = [attachment for attachment in message.attachments if attachment.id in notes]
            for attachment in gone:
                self.world.store.delete_file(attachment.id)
        for attachment in message.attachments:
            _note(attachment, notes.get(attachment.id) or {})
        for upload in uploads:
            note = notes.get(upload.index) or {}
            ephemeral = message.ephemeral_for is not None
            named = Upload(upload.index, note.get("filename") or upload.filename, upload.body)
            attachment = named.attachment(self.world.ids.next(), message.channel_id, ephemeral=ephemeral)
            _note(attachment, note)
            message.attachments.append(self.world.keep_file(attachment, upload.body))
        if {"content", "components", "allowed_mentions"} & body.keys():
            self._mention(message, body.get("allowed_mentions"))

    def _mention(self, message: Message, allowed: Json | None) -> None:
        said = "\n".join([message.content, *texts(message.components)])
        parse = {"users", "roles", "everyone"} if allowed is None else set(allowed.get("parse") or ())
        users = {as_snowflake(key) for key in (allowed or {}).get("users") or ()}
        roles = {as_snowflake(key) for key in (allowed or {}).get("roles") or ()}
        named = dict.fromkeys(int(key) for key in re.findall(r"<@!?([0-9]{1,19})>", said))
        message.mentions = [
            key for key in named if key in self.world.users and ("users" in parse or key in users)
        ]
        replied = self.world.messages.get(as_snowflake((message.reference or {}).get("message_id")) or 0)
        pings = allowed is None or bool(allowed.get("replied_user"))
        if message.type == _REPLY and replied is not None and pings and replied.author_id not in named:
            message.mentions.append(replied.author_id)
        ranks = dict.fromkeys(int(key) for key in re.findall(r"<@&([0-9]{1,19})>", said))
        message.mention_roles = [key for key in ranks if "roles" in parse or key in roles]
        message.mention_everyone = "everyone" in parse and bool(re.search(r"@(everyone|here)\b", said))

    def _reply(self, message: Message, channel: Channel, reference: Json) -> None:
        target = self.world.messages.get(as_snowflake(reference["message_id"]) or 0)
        if target is None or target.channel_id != channel.id or target.ephemeral_for is not None:
            if reference.get("fail_if_not_exists", True) is False:
                return
            raise FormError([(("message_reference",), "REPLIES_UNKNOWN_MESSAGE", "Unknown message")])
        message.type = _REPLY
        message.reference = self.world.reference(channel.id, target.id)

    def _twin(self, channel: Channel, author_id: int, nonce: str | int) -> Message | None:
        since = self.world.clock.now() - NONCE_WINDOW
        for message in reversed(self.world.history(channel.id)):
            if message.created_at < since:
                return None
            if message.author_id == author_id and str(message.nonce) == str(nonce):
                return message
        return None


def _names(body: Any, uploads: list[Upload]) -> list[str]:
    listed = body.get("attachments") if isinstance(body, dict) else None
    names = {}
    if isinstance(listed, list):
        names = {item.get("id"): item.get("filename") for item in listed if _plain(item)}
    found = []
    for upload in uploads:
        given = names.get(upload.index) or names.get(str(upload.index))
        found.append(
            Upload(0, given if isinstance(given, str) else upload.filename, b"").attachment(0, 0).filename
        )
    return found


def _plain(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), (int, str))


def _note(attachment: Attachment, note: Json) -> None:
    for name in ("description", "title"):
        if note.get(name) is not None:
            setattr(attachment, name, note[name])
    if note.get("is_spoiler") is not None:
        attachment.is_spoiler = note["is_spoiler"]


_SAYS = {"author": "name", "footer": "text"}
"""What these parts of an embed must say: in a request it may be left out, in an answer it may not."""


def _embed(embed: Json) -> Json:
    known = (
        "title",
        "description",
        "url",
        "color",
        "timestamp",
        "author",
        "footer",
        "image",
        "thumbnail",
        "fields",
    )
    body: Json = {"type": "rich"}
    for name in known:
        value = embed.get(name)
        if value is None or value == "" or value == {}:
            continue
        if name in _SAYS and not value.get(_SAYS[name]):
            continue
        if name == "fields":
            value = [
                {"name": one["name"], "value": one["value"], "inline": bool(one.get("inline"))}
                for one in value
            ]
        elif name in ("image", "thumbnail"):
            # Discord measures pictures itself, and ignores the size that a request gives.
            value = {key: value[key] for key in ("url", "description") if value.get(key)}
        elif isinstance(value, dict):
            value = {key: item for key, item in value.items() if item is not None and item != ""}
        body[name] = value
    return body
