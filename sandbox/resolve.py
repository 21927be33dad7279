"""The `resolved` part of an interaction: the users, roles, channels and files that its values name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.components import Kind
from sandbox.model import Channel, Json
from sandbox.payloads import Payloads
from sandbox.rules.shapes import as_snowflake
from sandbox.world import World


class ActionError(Exception):
    """Discord's client would not let a person do this; the message says why."""


class Resolver:
    """Collects the objects that values refer to, in one channel. ActionError for an unknown id."""

    def __init__(self, world: World, payloads: Payloads, channel: Channel) -> None:
        self.world = world
        self.payloads = payloads
        self.channel = channel
        self._guild = world.guilds.get(channel.guild_id or 0)
        self._found: dict[str, dict[str, Json]] = {}

    def result(self) -> Json:
        """`{"resolved": …}`, or nothing when no value named anything."""
        return {"resolved": self._found} if self._found else {}

    def user(self, value: Any) -> str:
        """A user, with its membership in a guild."""
        user = self.world.users.get(self._id(value))
        if user is None:
            raise ActionError(f"There is no user {value}.")
        self._keep("users", user.id, self.payloads.user(user))
        member = self._guild.members.get(user.id) if self._guild is not None else None
        if member is not None:
            body = self.payloads.member(member, with_user=False)
            body["permissions"] = str(self.world.permissions(user.id, self.channel))
            self._keep("members", user.id, body)
        return str(user.id)

    def role(self, value: Any) -> str:
        """A role of the guild."""
        role = self._guild.roles.get(self._id(value)) if self._guild is not None else None
        if role is None:
            raise ActionError(f"There is no role {value} here.")
        self._keep("roles", role.id, self.payloads.role(role))
        return str(role.id)

    def mentionable(self, value: Any) -> str:
        """A user or a role."""
        is_role = self._guild is not None and self._id(value) in self._guild.roles
        return self.role(value) if is_role else self.user(value)

    def a_channel(self, value: Any, types: Sequence[int] | None) -> str:
        """A channel of the guild, of one of the types if any are given."""
        channel = self.world.channels.get(self._id(value))
        if channel is None or channel.guild_id is None or channel.guild_id != self.channel.guild_id:
            raise ActionError(f"There is no channel {value} here.")
        if types and channel.type not in types:
            raise ActionError(f"{channel.name} is not a channel of the wanted kind.")
        body = self.payloads.channel(channel)
        body["permissions"] = str(self.world.permissions(self.world.application_id, channel))
        self._keep("channels", channel.id, body)
        return str(channel.id)

    def attachment(self, value: Any) -> str:
        """An upload."""
        attachment = self.world.uploads.get(self._id(value))
        if attachment is None:
            raise ActionError(f"There is no upload {value}.")
        self._keep("attachments", attachment.id, self.payloads.attachment(attachment))
        return str(attachment.id)

    def _keep(self, room: str, key: int, body: Json) -> None:
        self._found.setdefault(room, {})[str(key)] = body

    @staticmethod
    def _id(value: Any) -> int:
        return as_snowflake(value) or 0


def entity_values(component: Json, values: Sequence[Any], resolver: Resolver) -> list[str]:
    """The values chosen in a select, checked against it."""
    kind, name = component["type"], component["custom_id"]
    least, most = component.get("min_values", 1), component.get("max_values", 1)
    if not isinstance(values, (list, tuple)) or not least <= len(values) <= most:
        raise ActionError(f"{name!r} takes {least} to {most} values.")
    if kind == Kind.STRING_SELECT:
        known = {option["value"] for option in component["options"]}
        strange = [value for value in values if value not in known]
        if strange:
            raise ActionError(f"{name!r} does not offer {strange[0]!r}.")
        return [str(value) for value in values]
    if kind == Kind.CHANNEL_SELECT:
        return [resolver.a_channel(value, component.get("channel_types")) for value in values]
    judge = {
        Kind.USER_SELECT: resolver.user,
        Kind.ROLE_SELECT: resolver.role,
        Kind.MENTIONABLE_SELECT: resolver.mentionable,
    }
    return [judge[kind](value) for value in values]
