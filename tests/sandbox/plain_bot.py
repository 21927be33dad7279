"""An ordinary discord.py bot that knows nothing of any project: run as a program, driven through the sandbox.

DISCORD_API_URL=… DISCORD_TOKEN=… python -m tests.sandbox.plain_bot
"""

from __future__ import annotations

import asyncio
import importlib
import io
import os
import re
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands, ui
from discord.ext import commands

from tests.sandbox.plain_listeners import listen

Interaction = discord.Interaction[Any]
KINDS: dict[str, Any] = {"sharded": commands.AutoShardedBot, "single": commands.Bot}


class PlainBot(KINDS[os.environ.get("PLAIN_BOT", "sharded")]):  # type: ignore[misc]
    async def setup_hook(self) -> None:
        self.add_dynamic_items(Counter)
        self.add_view(Fixed())
        guild = discord.Object(int(os.environ["GUILD_ID"])) if "GUILD_ID" in os.environ else None
        await self.tree.sync()
        if guild is not None:
            await self.tree.sync(guild=guild)

    async def on_message(self, message: discord.Message) -> None:
        if message.author.bot:
            return
        if message.content.startswith("!echo "):
            files = [await attachment.to_file() for attachment in message.attachments]
            await message.reply(message.content.removeprefix("!echo "), files=files)
        if message.content == "!where":
            await message.channel.send(
                f"{type(message.channel).__name__} {message.guild and message.guild.name}"
            )

    async def on_message_edit(self, before: discord.Message, after: discord.Message) -> None:
        if not after.author.bot:
            await after.channel.send(f"edited: {before.content} → {after.content}")


intents = discord.Intents.default()
intents.message_content = True
intents.members = True
bot = PlainBot(command_prefix="§", intents=intents, allowed_mentions=discord.AllowedMentions.none())
tree: app_commands.CommandTree[Any] = bot.tree
listen(bot)
everywhere = app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
anybody = app_commands.allowed_installs(guilds=True, users=True)


class Counter(ui.DynamicItem[ui.Button[Any]], template=r"count:(?P<n>\d+)"):
    """A button whose whole state is in its custom_id: it works after any restart."""

    def __init__(self, n: int) -> None:
        super().__init__(ui.Button(label=f"count {n}", custom_id=f"count:{n}"))
        self.n = n

    @classmethod
    async def from_custom_id(cls, interaction: Interaction, item: Any, match: re.Match[str]) -> Counter:
        return cls(int(match["n"]))

    async def callback(self, interaction: Interaction) -> None:
        view = ui.View(timeout=None)
        view.add_item(Counter(self.n + 1))
        await interaction.response.edit_message(content=f"counted to {self.n + 1}", view=view)


class Answer(ui.Modal, title="Tell me"):
    name: ui.Label[Any] = ui.Label(text="Name", description="Yours", component=ui.TextInput(max_length=20))
    colour: ui.Label[Any] = ui.Label(
        text="Colour", component=ui.Select(options=[discord.SelectOption(label=c) for c in ("red", "blue")])
    )
    friend: ui.Label[Any] = ui.Label(text="Friend", component=ui.UserSelect(required=False))
    files: ui.Label[Any] = ui.Label(text="Files", component=ui.FileUpload(required=False, max_values=2))

    async def on_submit(self, interaction: Interaction) -> None:
        fields: list[Any] = [item.component for item in (self.name, self.colour, self.friend, self.files)]
        name, colour, friend, files = fields
        sizes = [len(await file.read()) for file in files.values]
        friends = [str(one) for one in friend.values]
        await interaction.response.send_message(f"{name.value} {colour.values} {friends} {sizes}")


class Old(ui.Modal, title="Old style"):
    said: ui.TextInput[Any] = ui.TextInput(label="Say", style=discord.TextStyle.paragraph, default="preset")

    async def on_submit(self, interaction: Interaction) -> None:
        if interaction.message is None:
            await interaction.response.send_message(f"said {self.said.value}")
        else:
            await interaction.response.edit_message(content=f"edited to {self.said.value}", view=None)


class Fixed(ui.View):
    """Buttons and selects of every kind, under fixed custom_ids."""

    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.add_item(Counter(0))

    @ui.button(label="Later", custom_id="later", style=discord.ButtonStyle.primary)
    async def later(self, interaction: Interaction, button: Any) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="edited later")
        await interaction.followup.send("and a secret", ephemeral=True)

    @ui.button(label="Think", custom_id="think")
    async def think(self, interaction: Interaction, button: Any) -> None:
        await interaction.response.defer(thinking=True)
        await interaction.followup.send("thought")

    @ui.button(label="Modal", custom_id="modal", emoji="📝")
    async def modal(self, interaction: Interaction, button: Any) -> None:
        await interaction.response.send_modal(Old())

    @ui.select(
        custom_id="pick",
        placeholder="Pick",
        max_values=2,
        options=[discord.SelectOption(label=c) for c in "abc"],
    )
    async def pick(self, interaction: Interaction, select: ui.Select[Any]) -> None:
        await interaction.response.send_message(f"picked {select.values}", ephemeral=True)

    @ui.select(cls=ui.UserSelect, custom_id="user")
    async def user(self, interaction: Interaction, select: ui.UserSelect[Any]) -> None:
        await interaction.response.send_message(f"user {select.values[0].name}")

    @ui.select(cls=ui.MentionableSelect, custom_id="mentionable", max_values=2)
    async def mentionable(self, interaction: Interaction, select: ui.MentionableSelect[Any]) -> None:
        kinds = sorted(type(value).__name__ for value in select.values)
        await interaction.response.send_message(f"mentionable {kinds}")

    @ui.select(cls=ui.ChannelSelect, custom_id="channel", channel_types=[discord.ChannelType.text])
    async def channel(self, interaction: Interaction, select: ui.ChannelSelect[Any]) -> None:
        await interaction.response.send_message(f"channel {select.values[0].name}")


class Roles(ui.View):
    @ui.select(cls=ui.RoleSelect, custom_id="role")
    async def role(self, interaction: Interaction, select: ui.RoleSelect[Any]) -> None:
        await interaction.response.send_message(f"role {select.values[0].name}")


class Press(ui.Button[Any]):
    async def callback(self, interaction: Interaction) -> None:
        layout = ui.LayoutView()
        layout.add_item(ui.TextDisplay("pressed"))
        await interaction.response.edit_message(view=layout, attachments=[])


class Card(ui.LayoutView):
    """Every component of a Components V2 message."""

    def __init__(self) -> None:
        super().__init__(timeout=None)
        box: ui.Container[Any] = ui.Container(accent_colour=0x336699)
        box.add_item(ui.TextDisplay("# Title"))
        picture: ui.Thumbnail[Any] = ui.Thumbnail("attachment://dot.png", description="A dot")
        box.add_item(ui.Section(ui.TextDisplay("with a picture"), accessory=picture))
        box.add_item(ui.Separator(spacing=discord.SeparatorSpacing.large))
        box.add_item(ui.MediaGallery(discord.MediaGalleryItem("attachment://dot.png", description="again")))
        box.add_item(ui.File("attachment://notes.txt"))
        row: ui.ActionRow[Any] = ui.ActionRow()
        row.add_item(Press(label="Press", custom_id="press"))
        row.add_item(ui.Button(label="Docs", url="https://example.com"))
        box.add_item(row)
        self.add_item(box)


DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001"
    "27349f2b0000000049454e44ae426082"
)


@tree.command(description="Every kind of option")
@app_commands.describe(text="A text")
@app_commands.choices(
    size=[app_commands.Choice(name="Small", value=1), app_commands.Choice(name="Large", value=2)]
)
async def options(
    interaction: Interaction,
    text: app_commands.Range[str, 2, 10],
    count: app_commands.Range[int, 1, 9],
    ratio: float,
    flag: bool,
    user: discord.Member,
    channel: discord.TextChannel,
    role: discord.Role,
    mentionable: discord.Member | discord.Role,
    file: discord.Attachment,
    size: app_commands.Choice[int] | None = None,
) -> None:
    body = await file.read()
    shown = [
        text,
        count,
        ratio,
        flag,
        user.name,
        channel.name,
        role.name,
        mentionable.name,
        file.filename,
        len(body),
    ]
    await interaction.response.send_message(" ".join(map(str, [*shown, size and size.name])))


@tree.command(description="Autocomplete")
async def search(interaction: Interaction, mood: str, number: int = 0) -> None:
    await interaction.response.send_message(f"{mood} {number}")


@search.autocomplete("mood")
async def moods(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    known = [f"{interaction.namespace.number}-{mood}" for mood in ("calm", "calmer", "wild")]
    return [app_commands.Choice(name=mood.title(), value=mood) for mood in known if typed in mood]


preset = app_commands.Group(name="preset", description="Presets")
deep = app_commands.Group(name="deep", description="Deeper", parent=preset)


@preset.command(description="Save")
async def save(interaction: Interaction, name: str) -> None:
    await interaction.response.send_message(f"saved {name}", ephemeral=True)


@deep.command(description="Look")
async def look(interaction: Interaction) -> None:
    await interaction.response.send_message("looked deep")


tree.add_command(preset)


@tree.command(description="Think, then answer with files")
async def slow(interaction: Interaction, ephemeral: bool = False) -> None:
    await interaction.response.defer(ephemeral=ephemeral)
    await interaction.edit_original_response(content="half")
    await interaction.edit_original_response(
        content="done", attachments=[discord.File(io.BytesIO(b"one"), "a.mp3")]
    )
    more = await interaction.followup.send("more", file=discord.File(io.BytesIO(b"two"), "b.mp3"), wait=True)
    await more.edit(content="more, edited")
    gone = await interaction.followup.send("going", wait=True)
    await gone.delete()
    original = await interaction.original_response()
    await interaction.followup.send(f"{original.content} {[a.filename for a in original.attachments]}")


@tree.command(description="A modal")
async def ask(interaction: Interaction, old: bool = False) -> None:
    await interaction.response.send_modal(Old() if old else Answer())


@tree.command(description="Buttons and selects")
async def panel(interaction: Interaction) -> None:
    await interaction.response.send_message("panel", view=Fixed())


@tree.command(description="A role select")
async def roles(interaction: Interaction) -> None:
    await interaction.response.send_message("roles", view=Roles())


@tree.command(description="Components V2")
async def card(interaction: Interaction) -> None:
    files = [discord.File(io.BytesIO(DOT), "dot.png"), discord.File(io.BytesIO(b"notes"), "notes.txt")]
    callback = await interaction.response.send_message(view=Card(), files=files)
    assert callback.message_id == (await interaction.original_response()).id


@tree.command(description="Embeds")
async def embed(interaction: Interaction) -> None:
    made = discord.Embed(title="T", description="D", colour=0x112233, url="https://example.com")
    made.add_field(name="f", value="v").set_footer(text="foot").set_author(name="auth")
    made.set_image(url="attachment://dot.png")
    await interaction.response.send_message(embed=made, file=discord.File(io.BytesIO(DOT), "dot.png"))


@tree.command(description="Where am I")
@everywhere
@anybody
async def where(interaction: Interaction) -> None:
    place = [
        name for name in ("guild", "dm_channel", "private_channel") if getattr(interaction.context, name)
    ]
    installed = [interaction.is_guild_integration(), interaction.is_user_integration()]
    await interaction.response.send_message(f"{place} {installed} {interaction.filesize_limit}")


@tree.command(description="The channel, as the library reads it")
@everywhere
@anybody
async def place(interaction: Interaction) -> None:
    room = interaction.channel
    words = [type(room).__name__]
    if isinstance(room, discord.Thread):
        words += [str(room.parent), f"private {room.is_private()}", f"member {room.me is not None}"]
    if isinstance(room, discord.abc.GuildChannel | discord.Thread):
        words.append(f"sends {interaction.app_permissions.send_messages}")
    await interaction.response.send_message(" ".join(words))


@tree.command(description="Channel messages")
async def channel(interaction: Interaction) -> None:
    await interaction.response.send_message("working", ephemeral=True)
    room = interaction.channel
    assert isinstance(room, discord.TextChannel)
    async with room.typing():
        first = await room.send("sent", nonce=4711, file=discord.File(io.BytesIO(b"clip"), "clip.mp3"))
        again = await room.send("sent twice", nonce=4711)
    assert again.id == first.id
    fetched = await room.fetch_message(first.id)
    assert await fetched.attachments[0].read() == b"clip"
    await first.edit(content="changed", attachments=[])
    history = [message.content async for message in room.history(limit=5)]
    other = await room.send("short-lived")
    await other.delete()
    dm = await interaction.user.create_dm()
    await dm.send("a private word")
    await interaction.edit_original_response(
        content=f"{history[0]} {len((await room.fetch_message(first.id)).attachments)}"
    )


@tree.command(description="Answers too late")
async def late(interaction: Interaction) -> None:
    """Never answers; the member reads that the application did not respond."""


@tree.command(description="For moderators")
@app_commands.default_permissions(manage_messages=True)
async def purge(interaction: Interaction) -> None:
    await interaction.response.send_message("purged")


@tree.command(description="Who is here")
async def who(interaction: Interaction) -> None:
    assert interaction.guild is not None
    member = await interaction.guild.fetch_member(interaction.user.id)
    names = sorted(one.name for one in interaction.guild.members)
    await interaction.response.send_message(
        f"{member.display_name} {names} {interaction.permissions.manage_messages}"
    )


@tree.context_menu(name="Quote it")
async def quote(interaction: Interaction, message: discord.Message) -> None:
    await interaction.response.send_message(f"“{message.content}” {message.author.name}")


@tree.context_menu(name="Greet")
async def greet(interaction: Interaction, user: discord.Member) -> None:
    await interaction.response.send_message(f"hello {user.name}")


if "GUILD_ID" in os.environ:

    @tree.command(description="Only here", guild=discord.Object(int(os.environ["GUILD_ID"])))
    async def local(interaction: Interaction) -> None:
        await interaction.response.send_message("local")


@tree.error
async def on_error(interaction: Interaction, error: Exception) -> None:
    print(f"error {error!r}", flush=True)
    send = interaction.followup.send if interaction.response.is_done() else interaction.response.send_message
    await send(f"error {error!r}"[:2000])


async def main() -> None:
    if "LATE_NOTE" in os.environ:
        importlib.import_module("tests.sandbox.slow_heartbeat")
    api = os.environ["DISCORD_API_URL"]
    discord.http.Route.BASE = api
    async with aiohttp.ClientSession() as session, session.get(f"{api}/gateway") as answer:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL((await answer.json())["url"])
    async with bot:
        await bot.start(os.environ["DISCORD_TOKEN"])


if __name__ == "__main__":
    discord.utils.setup_logging()
    asyncio.run(main())
