"""Which gateway events a change becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox import changes
from sandbox.events import Intent, Outgoing
from sandbox.model import Channel, Interaction, Json, Message
from sandbox.payloads import Payloads
from sandbox.place_events import PlaceEvents
from sandbox.rules.shapes import as_snowflake
from sandbox.world import World


class Dispatcher:
    """Translates the world's changes for the gateway."""

    def __init__(self, world: World, payloads: Payloads, upload_limit: Callable[[Interaction], int]) -> None:
        self.world = world
        self.payloads = payloads
        self.upload_limit = upload_limit
        self._places = PlaceEvents(world, payloads)

    @staticmethod
    def shard(guild_id: int, shards: int) -> int:
        """The shard a guild is on."""
        return (guild_id >> 22) % shards

    def events(self, change: changes.Change) -> list[Outgoing]:
        """Return the gateway events of a change; none where the bot does not see it."""
        match change:
            case changes.MessageCreated(message):
                return self._message("MESSAGE_CREATE", message)
            case changes.MessageUpdated(message):
                return self._message("MESSAGE_UPDATE", message)
            case changes.MessageDeleted(message):
                channel = self.world.channels[message.channel_id]
                if message.ephemeral_for is not None or not self._present(channel):
                    return []
                body = {"id": str(message.id), "channel_id": str(channel.id)}
                return [
                    self._place(
                        channel, "MESSAGE_DELETE", body, Intent.GUILD_MESSAGES, Intent.DIRECT_MESSAGES
                    )
                ]
            case changes.MessagesDeleted(channel, messages):
                ids = [str(one.id) for one in messages if one.ephemeral_for is None]
                if not ids or not self._present(channel):
                    return []
                bulk: Json = {"ids": ids, "channel_id": str(channel.id)}
                in_dm = Intent.DIRECT_MESSAGES
                return [self._place(channel, "MESSAGE_DELETE_BULK", bulk, Intent.GUILD_MESSAGES, in_dm)]
            case changes.InteractionSent(interaction):
                limit = self.upload_limit(interaction)
                body = self.payloads.interaction(interaction, limit)
                guild_id = interaction.guild_id
                return [Outgoing("INTERACTION_CREATE", body, guild_id=guild_id)]
            case changes.ReactionToggled() | changes.ReactionsCleared():
                return self._reaction(change)
            case changes.Typing(channel, user_id):
                return self._typing(channel, user_id)
            case _:
                return self._places.events(change)

    def members_chunk(self, request: Any) -> Json | None:
        """The answer to a request for guild members, or None when the request makes no sense."""
        if not isinstance(request, dict):
            return None
        key = request.get("guild_id")
        guild = self.world.guilds.get(as_snowflake(key[0] if isinstance(key, list) and key else key) or 0)
        if guild is None or self.world.application_id not in guild.members:
            return None
        members = list(guild.members.values())
        body: Json = {"guild_id": str(guild.id), "chunk_index": 0, "chunk_count": 1}
        wanted = request.get("user_ids")
        if wanted is not None:
            listed = wanted if isinstance(wanted, list) else [wanted]
            ids = [as_snowflake(one) for one in listed]
            members = [member for member in members if member.user_id in ids]
            body["not_found"] = [str(one) for one in ids if one not in guild.members]
        elif request.get("query"):
            query = str(request["query"]).lower()
            members = [
                one for one in members if self.world.users[one.user_id].username.lower().startswith(query)
            ]
        if isinstance(request.get("nonce"), str):
            body["nonce"] = request["nonce"]
        limit = request.get("limit")
        if isinstance(limit, int) and limit > 0:
            members = members[:limit]
        return body | {"members": [self.payloads.member(member) for member in members]}

    def _present(self, channel: Channel) -> bool:
        return self.world.may_see(self.world.application_id, channel)

    def _message(self, name: str, message: Message) -> list[Outgoing]:
        channel = self.world.channels[message.channel_id]
        if message.ephemeral_for is not None or not self._present(channel):
            return []
        body = self.payloads.message_event(message)
        bot = self.world.application_id
        open_book = channel.guild_id is None or message.author_id == bot or bot in message.mentions
        event = self._place(channel, name, body, Intent.GUILD_MESSAGES, Intent.DIRECT_MESSAGES)
        if open_book:
            return [event]
        closed = body | {"content": "", "embeds": [], "attachments": [], "components": []}
        return [Outgoing(event.name, event.body, event.intent, event.guild_id, lambda: closed)]

    def _reaction(self, change: changes.ReactionToggled | changes.ReactionsCleared) -> list[Outgoing]:
        message = change.message
        channel = self.world.channels[message.channel_id]
        if not self._present(channel):
            return []
        body: Json = {"channel_id": str(channel.id), "message_id": str(message.id)}
        if change.emoji is not None:
            body["emoji"] = {"id": None, "name": change.emoji}
        if isinstance(change, changes.ReactionsCleared):
            name = "MESSAGE_REACTION_REMOVE_ALL" if change.emoji is None else "MESSAGE_REACTION_REMOVE_EMOJI"
        else:
            name = "MESSAGE_REACTION_ADD" if change.added else "MESSAGE_REACTION_REMOVE"
            body |= {"user_id": str(change.user_id), "type": 0, "burst": False}
            if change.added:
                body["message_author_id"] = str(message.author_id)
                if channel.guild_id is not None:
                    member = self.world.guild(channel.guild_id).members.get(change.user_id)
                    body |= {} if member is None else {"member": self.payloads.member(member)}
        where = (Intent.GUILD_MESSAGE_REACTIONS, Intent.DIRECT_MESSAGE_REACTIONS)
        return [self._place(channel, name, body, *where)]

    def _typing(self, channel: Channel, user_id: int) -> list[Outgoing]:
        if not self._present(channel):
            return []
        body: Json = {
            "channel_id": str(channel.id),
            "user_id": str(user_id),
            "timestamp": int(self.world.clock.now()),
        }
        if channel.guild_id is not None:
            body["member"] = self.payloads.member(self.world.guild(channel.guild_id).members[user_id])
        typing = (Intent.GUILD_MESSAGE_TYPING, Intent.DIRECT_MESSAGE_TYPING)
        return [self._place(channel, "TYPING_START", body, *typing)]

    @staticmethod
    def _place(channel: Channel, name: str, body: Json, in_guild: Intent, in_dm: Intent) -> Outgoing:
        if channel.guild_id is None:
            return Outgoing(name, body, in_dm)
        return Outgoing(name, body | {"guild_id": str(channel.guild_id)}, in_guild, channel.guild_id)
