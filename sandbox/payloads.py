"""Entities as Discord writes them: the JSON of REST answers, gateway events and the page."""

from __future__ import annotations

from typing import Any

from sandbox import channel_payloads, reactions
from sandbox.components import fill_media, referenced
from sandbox.links import Links
from sandbox.model import (
    Attachment,
    Channel,
    ChannelType,
    Command,
    Guild,
    Interaction,
    Json,
    Member,
    Message,
    MessageFlag,
    Permission,
    Role,
    User,
)
from sandbox.world import World

APPLICATION_FLAGS = (1 << 14) | (1 << 18)
"""GATEWAY_GUILD_MEMBERS and GATEWAY_MESSAGE_CONTENT: both privileged intents are granted."""


class Payloads:
    """Renders the things of one world."""

    def __init__(self, world: World, links: Links) -> None:
        self.world = world
        self.links = links

    def user(self, user: User) -> Json:
        """A user object."""
        body: Json = {
            "id": str(user.id),
            "username": user.username,
            "global_name": user.global_name,
            "discriminator": "0",
            "avatar": None,
            "banner": None,
            "accent_color": None,
            "avatar_decoration_data": None,
            "collectibles": None,
            "primary_guild": None,
            "public_flags": 0,
            "flags": 0,
        }
        return body | {"bot": True} if user.bot else body

    def me(self) -> Json:
        """The bot's own user object."""
        return self.user(self.world.bot) | {
            "mfa_enabled": True,
            "locale": self.world.bot.locale,
            "premium_type": 0,
            "email": None,
            "verified": True,
        }

    def application(self) -> Json:
        """The application, as its own bot sees it."""
        world = self.world
        return {
            "id": str(world.application_id),
            "name": world.bot.global_name,
            "icon": None,
            "description": "",
            "type": None,
            "bot": self.user(world.bot),
            "bot_public": True,
            "bot_require_code_grant": False,
            "integration_types_config": {str(kind): {} for kind in sorted(world.app.install_types)},
            "verify_key": "0" * 64,
            "flags": APPLICATION_FLAGS,
            "flags_new": str(APPLICATION_FLAGS),
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "owner": self.user(world.user(world.owner_id)),
            "approximate_guild_count": len(self.bot_guilds()),
            "approximate_user_install_count": sum(user.installed_app for user in world.users.values()),
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": [],
        }

    def bot_guilds(self) -> list[Guild]:
        """The guilds the bot is a member of."""
        return [guild for guild in self.world.guilds.values() if self.world.application_id in guild.members]

    def role(self, role: Role) -> Json:
        """A role object."""
        return {
            "id": str(role.id),
            "name": role.name,
            "permissions": str(role.permissions),
            "position": role.position,
            "color": role.color,
            "colors": {"primary_color": role.color, "secondary_color": None, "tertiary_color": None},
            "hoist": role.position > 0,
            "managed": False,
            "mentionable": False,
            "icon": None,
            "unicode_emoji": None,
            "flags": 0,
        }

    def member(self, member: Member, *, with_user: bool = True) -> Json:
        """A guild member object."""
        body: Json = {
            "nick": member.nick,
            "avatar": None,
            "banner": None,
            "avatar_decoration_data": None,
            "communication_disabled_until": None,
            "flags": 0,
            "joined_at": self.world.clock.iso(member.joined_at),
            "pending": False,
            "premium_since": None
            if member.premium_since is None
            else self.world.clock.iso(member.premium_since),
            "roles": [str(role) for role in member.roles],
            "mute": False,
            "deaf": False,
        }
        return body | {"user": self.user(self.world.user(member.user_id))} if with_user else body

    def channel(self, channel: Channel) -> Json:
        """A channel object; a private one as the bot sees it, without itself among the recipients."""
        body: Json = {
            "id": str(channel.id),
            "type": channel.type,
            "last_message_id": str(channel.last_message_id) if channel.last_message_id else None,
            "flags": 0,
        }
        if channel.thread is not None:
            return body | channel_payloads.thread(self.world, channel, channel.thread)
        if channel.guild_id is not None:
            return body | channel_payloads.guild_channel(channel)
        others = [key for key in channel.recipients if key != self.world.application_id]
        body["recipients"] = [self.user(self.world.user(key)) for key in others]
        if channel.type == ChannelType.GROUP_DM:
            body |= {"name": channel.name or None, "icon": None, "owner_id": str(channel.recipients[0])}
        return body

    def guild(self, guild: Guild) -> Json:
        """A guild object as REST gives it."""
        return {
            "id": str(guild.id),
            "name": guild.name,
            "owner_id": str(guild.owner_id),
            "roles": [self.role(role) for role in guild.roles.values()],
            **dict.fromkeys(
                ("icon", "description", "home_header", "splash", "discovery_splash", "banner",
                 "application_id", "afk_channel_id", "system_channel_id", "widget_channel_id",
                 "max_presences", "vanity_url_code", "rules_channel_id", "safety_alerts_channel_id",
                 "public_updates_channel_id", "incidents_data")
            ),
            "region": "local",
            "afk_timeout": 300,
            "system_channel_flags": 0,
            "widget_enabled": False,
            "verification_level": 0,
            "default_message_notifications": 0,
            "mfa_level": 0,
            "explicit_content_filter": 0,
            "max_members": 500_000,
            "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25,
            "premium_tier": guild.premium_tier,
            "premium_subscription_count": 0,
            "preferred_locale": guild.preferred_locale,
            "premium_progress_bar_enabled": False,
            "nsfw": False,
            "nsfw_level": 0,
            "features": [],
            "emojis": [],
            "stickers": [],
        }  # fmt: skip

    def guild_create(self, guild: Guild) -> Json:
        """A guild with everything in it, as GUILD_CREATE gives it."""
        channels = [one for one in self.world.channels.values() if one.guild_id == guild.id]
        threads = [one for one in channels if one.thread is not None and not one.thread.archived]
        bot = self.world.application_id
        return self.guild(guild) | {
            "joined_at": self.world.clock.iso(guild.members[self.world.application_id].joined_at),
            "large": False,
            "unavailable": False,
            "member_count": len(guild.members),
            "members": [self.member(member) for member in guild.members.values()],
            "channels": [self.channel(channel) for channel in channels if channel.thread is None],
            "threads": [self.channel(one) for one in threads if self.world.may_see(bot, one)],
            **{name: [] for name in ("presences", "voice_states", "stage_instances",
                                     "guild_scheduled_events", "soundboard_sounds")},
        }  # fmt: skip

    def attachment(self, attachment: Attachment) -> Json:
        """An attachment object with a fresh link."""
        url = self.links.url(attachment)
        body: Json = {
            "id": str(attachment.id),
            "filename": attachment.filename,
            "size": attachment.size,
            "url": url,
            "proxy_url": url,
            "content_type": attachment.content_type,
        }
        for name in ("description", "title", "width", "height"):
            value = getattr(attachment, name)
            if value is not None:
                body[name] = value
        if attachment.ephemeral:
            body["ephemeral"] = True
        return body

    def message(self, message: Message, *, nested: bool = False) -> Json:
        """A message object; `nested` leaves out the message it replies to."""
        world = self.world
        files = {attachment.filename: attachment for attachment in message.attachments}
        shown = {name: self.attachment(attachment) for name, attachment in files.items()}
        body: Json = {
            "id": str(message.id),
            "channel_id": str(message.channel_id),
            "type": message.type,
            "content": message.content,
            "author": self.user(world.user(message.author_id)),
            "timestamp": world.clock.iso(message.created_at),
            "edited_timestamp": world.clock.iso(message.edited_at) if message.edited_at else None,
            "flags": message.flags,
            "tts": message.tts,
            "pinned": message.pinned,
            "mention_everyone": message.mention_everyone,
            "mentions": [self.user(world.users[key]) for key in message.mentions if key in world.users],
            "mention_roles": [str(role) for role in message.mention_roles],
            "attachments": [shown[one.filename] for one in self.listed(message)],
            "embeds": [fill_media(embed, shown) for embed in message.embeds],
            "components": [fill_media(component, shown) for component in message.components],
        }
        if message.reactions:
            body["reactions"] = reactions.payload(message, world.application_id)
        if message.nonce is not None:
            body["nonce"] = message.nonce
        if message.interaction_metadata is not None:
            body["interaction_metadata"] = self.metadata(message.interaction_metadata)
        if message.interaction_id is not None:
            body |= {
                "application_id": str(world.application_id),
                "webhook_id": str(world.application_id),
            }
        if message.reference is not None:
            body["message_reference"] = message.reference
            if not nested:
                replied = world.messages.get(int(message.reference["message_id"]))
                body["referenced_message"] = None if replied is None else self.message(replied, nested=True)
        return body

    @staticmethod
    def listed(message: Message) -> list[Attachment]:
        """The attachments that stand under the message: not those its embeds or components show.

        A Components V2 message lists none; source: discord-api-docs issue 8277, which calls that intended.
        """
        if message.flags & MessageFlag.IS_COMPONENTS_V2:
            return []
        elsewhere = set(referenced(message.embeds))
        return [attachment for attachment in message.attachments if attachment.filename not in elsewhere]

    def metadata(self, kept: Json) -> Json:
        """`interaction_metadata`, with its user filled in."""
        body = {name: value for name, value in kept.items() if name != "user_id"}
        body["user"] = self.user(self.world.user(kept["user_id"]))
        inner = body.get("triggering_interaction_metadata")
        return body | {"triggering_interaction_metadata": self.metadata(inner)} if inner else body

    def message_event(self, message: Message) -> Json:
        """A message as the gateway tells it: with its guild and its author's membership."""
        body = self.message(message)
        guild_id = self.world.channel(message.channel_id).guild_id
        if guild_id is not None:
            body["guild_id"] = str(guild_id)
            member = self.world.guild(guild_id).members.get(message.author_id)
            if member is not None:
                body["member"] = self.member(member, with_user=False)
        return body

    def command(self, command: Command) -> Json:
        """An application command object."""
        body = command.body | {
            "id": str(command.id),
            "application_id": str(self.world.application_id),
            "version": str(command.version),
        }
        return body | {"guild_id": str(command.guild_id)} if command.guild_id is not None else body

    def interaction(self, interaction: Interaction, upload_limit: int) -> Json:
        """An interaction as INTERACTION_CREATE gives it."""
        world = self.world
        channel = world.channel(interaction.channel_id)
        permissions = world.permissions(interaction.user_id, channel)
        body: Json = {
            "id": str(interaction.id),
            "application_id": str(world.application_id),
            "type": int(interaction.type),
            "token": interaction.token,
            "version": 1,
            "context": int(interaction.context),
            "channel_id": str(channel.id),
            "channel": self.channel(channel) | {"permissions": str(permissions)},
            "locale": world.user(interaction.user_id).locale,
            "data": interaction.data,
            "entitlements": [],
            "entitlement_sku_ids": [],
            "app_permissions": str(self.app_permissions(channel)),
            "authorizing_integration_owners": {k: str(v) for k, v in interaction.owners.items()},
            "attachment_size_limit": upload_limit,
        }
        if channel.guild_id is not None:
            guild = world.guild(channel.guild_id)
            member = self.member(guild.members[interaction.user_id])
            body |= {
                "guild_id": str(guild.id),
                "guild_locale": guild.preferred_locale,
                "guild": {"id": str(guild.id), "locale": guild.preferred_locale, "features": []},
                "member": member | {"permissions": str(permissions)},
            }
        else:
            body["user"] = self.user(world.user(interaction.user_id))
        if interaction.message_id is not None and interaction.message_id in world.messages:
            body["message"] = self.message(world.messages[interaction.message_id])
        return body

    def app_permissions(self, channel: Channel) -> int:
        """Return the bot's permissions in a channel; where it is not a member, those of its interactions.

        In private channels that is little; source: Discord's change log of 2024-03-18.
        """
        if channel.guild_id is None:
            bits = Permission.ATTACH_FILES | Permission.EMBED_LINKS | Permission.MENTION_EVERYONE
            own = channel.type == ChannelType.DM and self.world.application_id in channel.recipients
            return int(bits | Permission.USE_EXTERNAL_EMOJIS if own else bits)
        if self.world.in_guild(self.world.application_id, channel):
            return self.world.permissions(self.world.application_id, channel)
        return self.world.everyone_permissions(channel)

    def interaction_state(self, interaction: Interaction) -> Json:
        """The short interaction object that a callback asked `with_response` is answered with."""
        message = self.world.messages.get(interaction.response_message_id or 0)
        body: dict[str, Any] = {
            "id": str(interaction.id),
            "type": int(interaction.type),
            "channel_id": str(interaction.channel_id),
        }
        if interaction.guild_id is not None:
            body["guild_id"] = str(interaction.guild_id)
        if message is not None:
            body |= {
                "response_message_id": str(message.id),
                "response_message_loading": message.loading,
                "response_message_ephemeral": bool(message.flags & MessageFlag.EPHEMERAL),
            }
        return body
