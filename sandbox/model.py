"""What exists in the sandbox: users, guilds, channels, messages, commands, interactions.

Plain dataclasses whose `dump()` is JSON and whose class reads it back; ids are integers here and strings on
the wire. Nothing in this module sends, checks or stores anything.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, ClassVar

Json = dict[str, Any]


class Permission(enum.IntFlag):
    """The permission bits that the sandbox itself looks at; source: Discord's "Permissions" reference."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CONNECT = 1 << 20
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    USE_EXTERNAL_APPS = 1 << 50
    BYPASS_SLOWMODE = 1 << 52


ALL_PERMISSIONS = (1 << 53) - 1
MEMBER_PERMISSIONS = int(
    Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.CONNECT
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.CREATE_PRIVATE_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.USE_EXTERNAL_APPS
)


class MessageFlag(enum.IntFlag):
    """Message flags; source: Discord's "Message Flags" table."""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_COMPONENTS_V2 = 1 << 15


_LOADING = int(MessageFlag.LOADING)


class ChannelType(enum.IntEnum):
    """The kinds of channel the sandbox has."""

    GUILD_TEXT = 0
    DM = 1
    GUILD_VOICE = 2
    GROUP_DM = 3
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    GUILD_FORUM = 15


class InteractionType(enum.IntEnum):
    """The type of an interaction."""

    APPLICATION_COMMAND = 2
    MESSAGE_COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL_SUBMIT = 5


class Callback(enum.IntEnum):
    """How a bot may answer an interaction first."""

    PONG = 1
    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE_MESSAGE = 7
    AUTOCOMPLETE = 8
    MODAL = 9


class Context(enum.IntEnum):
    """Where an interaction happened."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2


@dataclass
class Entity:
    """Something with an id that the store keeps."""

    kind: ClassVar[str]
    id: int

    def dump(self) -> Json:
        """The entity's fields, not copied; written as JSON, the class called with them gives an equal one."""
        return vars(self)


@dataclass
class User(Entity):
    """An account: a person to act as, or the bot."""

    kind = "user"
    username: str
    global_name: str | None = None
    bot: bool = False
    installed_app: bool = False
    """Whether the user has installed the application for their own account."""
    locale: str = "en-US"
    """The language of the user's client, which interactions carry."""
    nitro: bool = False
    """Whether the user's own upload limit is Nitro's, which interactions promise to the bot."""


@dataclass
class Role:
    """A role of one guild."""

    id: int
    name: str
    permissions: int
    position: int
    color: int = 0


@dataclass
class Member:
    """A user's place in one guild."""

    user_id: int
    roles: list[int]
    joined_at: float
    nick: str | None = None
    premium_since: float | None = None
    """Since when the member has boosted the guild."""


@dataclass
class Guild(Entity):
    """A server. The bot is in it when it has a member there; elsewhere only user-installed commands work."""

    kind = "guild"
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    blocked_words: dict[str, int] = field(default_factory=dict)
    """AutoMod's keywords, each with the error code of the refusal."""
    preferred_locale: str = "en-US"
    """The language of the community, which interactions carry beside the member's."""
    premium_tier: int = 0
    """The boost level, 0 to 3, which decides how large an upload may be."""

    def __post_init__(self) -> None:
        self.roles = {int(k): Role(**v) if isinstance(v, dict) else v for k, v in self.roles.items()}
        self.members = {int(k): Member(**v) if isinstance(v, dict) else v for k, v in self.members.items()}

    def permissions(self, user_id: int) -> int:
        """The permission bits of a member, before any channel's overwrites; 0 for a stranger."""
        member = self.members.get(user_id)
        if member is None:
            return 0
        if user_id == self.owner_id:
            return ALL_PERMISSIONS
        bits = self.roles[self.id].permissions
        for role in member.roles:
            bits |= self.roles[role].permissions
        return ALL_PERMISSIONS if bits & Permission.ADMINISTRATOR else bits


@dataclass
class Overwrite:
    """A permission overwrite of a channel, for a role (`type` 0) or a member (1) with this `id`."""

    id: int
    type: int
    allow: int = 0
    deny: int = 0


@dataclass
class ThreadState:
    """The fields of a thread beyond those of a channel. Times are Unix seconds."""

    owner_id: int
    created_at: float
    changed_at: float
    """When it was last archived or unarchived: Discord's `archive_timestamp`."""
    active_at: float
    """When it last became active: by a message, or by being unarchived."""
    auto_archive_minutes: int = 1440
    archived: bool = False
    locked: bool = False
    members: dict[int, float] = field(default_factory=dict)
    """User id → when that user joined."""
    messages_sent: int = 0
    refusal_status: int = 400
    """The HTTP status that goes with 50083 and 160005: bots have seen both 400 and 403."""

    def __post_init__(self) -> None:
        self.members = {int(k): v for k, v in self.members.items()}


@dataclass
class UploadLimits:
    """What one file may weigh in a channel, in bytes, where that is not the usual."""

    accepted: int
    promised: int
    """What interactions call `attachment_size_limit`; Discord has promised more than it accepts."""


@dataclass
class Channel(Entity):
    """A text, voice or forum channel of a guild, a thread in one of them, a DM, or a group DM."""

    kind = "channel"
    type: int
    name: str = ""
    guild_id: int | None = None
    topic: str | None = None
    position: int = 0
    recipients: list[int] = field(default_factory=list)
    last_message_id: int | None = None
    blocked_words: dict[str, int] = field(default_factory=dict)
    """AutoMod's keywords in this channel alone, beside the guild's."""
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    slow_mode: int = 0
    """Seconds between two messages of one member: Discord's `rate_limit_per_user`."""
    age_restricted: bool = False
    """Discord's `nsfw`."""
    slows_bots: bool = False
    """Whether slow mode strikes bots too; Discord says that it does not."""
    upload_limits: UploadLimits | None = None
    parent_id: int | None = None
    """For a thread: the channel that it is in."""
    thread: ThreadState | None = None

    def __post_init__(self) -> None:
        self.overwrites = {
            int(k): Overwrite(**v) if isinstance(v, dict) else v for k, v in self.overwrites.items()
        }
        limits: Any = self.upload_limits
        if isinstance(limits, dict):
            self.upload_limits = UploadLimits(**limits)
        kept: Any = self.thread
        if isinstance(kept, dict):
            self.thread = ThreadState(**kept)


@dataclass
class Attachment:
    """An uploaded file as a message or an option refers to it; its bytes lie in the store under `id`."""

    id: int
    filename: str
    size: int
    content_type: str
    channel_id: int
    description: str | None = None
    title: str | None = None
    width: int | None = None
    height: int | None = None
    ephemeral: bool = False
    is_spoiler: bool = False


@dataclass
class Message(Entity):
    """One message, edited in place, so that every reference to it shows its current content."""

    kind = "message"
    channel_id: int
    author_id: int
    created_at: float
    type: int = 0
    content: str = ""
    edited_at: float | None = None
    flags: int = 0
    tts: bool = False
    pinned: bool = False
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    mentions: list[int] = field(default_factory=list)
    mention_roles: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    nonce: str | int | None = None
    reference: Json | None = None
    interaction_id: int | None = None
    """The interaction this message answers; its token may edit the message."""
    interaction_metadata: Json | None = None
    ephemeral_for: int | None = None
    """The only user who sees it; None for a public message."""
    reactions: dict[str, list[int]] = field(default_factory=dict)
    """Users by the emoji with which they reacted, in their order."""

    def __post_init__(self) -> None:
        self.attachments = [Attachment(**a) if isinstance(a, dict) else a for a in self.attachments]

    @property
    def loading(self) -> bool:
        """Whether the bot is still "thinking…"."""
        return bool(self.flags & _LOADING)


@dataclass
class AppSettings:
    """The application's page in the developer portal, as far as it changes what bots are answered."""

    install_types: set[int] = field(default_factory=lambda: {0, 1})
    """Supported installation contexts: 0 guild, 1 user. A new application's are 0 alone."""
    narrows_commands: bool = False
    """Whether commands for other contexts are narrowed to these instead of refused with 50035."""
    entry_point: bool = False
    """Whether the application has an entry point command, which no bulk overwrite may remove (50240)."""


@dataclass
class Command(Entity):
    """An application command, global (`guild_id` None) or of one guild. body: as registered."""

    kind = "command"
    type: int
    name: str
    version: int
    guild_id: int | None = None
    body: Json = field(default_factory=dict)


class State(enum.StrEnum):
    """The state of an interaction, as the page shows it."""

    SENT = "sent"
    THINKING = "thinking"
    ANSWERED = "answered"
    FAILED = "failed"


@dataclass
class Interaction(Entity):
    """An interaction of a member, and the bot's answer."""

    kind = "interaction"
    type: int
    token: str
    user_id: int
    channel_id: int
    created_at: float
    context: int
    guild_id: int | None = None
    data: Json = field(default_factory=dict)
    message_id: int | None = None
    """The message whose component was used (or, for a modal, whose component opened it)."""
    owners: dict[str, int] = field(default_factory=dict)
    """`authorizing_integration_owners`: "0" the guild that installed the app, "1" the user who did."""
    state: State = State.SENT
    callback: int | None = None
    response_message_id: int | None = None
    followups: int = 0
    modal: Json | None = None
    choices: list[Json] | None = None
    parent_id: int | None = None
    """For a modal: the interaction that opened it."""
    metadata: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = State(self.state)
