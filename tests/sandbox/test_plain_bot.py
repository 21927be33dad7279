"""An unmodified discord.py bot, a process of its own, through everything the sandbox speaks."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from sandbox import reactions
from sandbox.actors import Actor, ChannelHandle, NoAnswerError, text_of
from sandbox.clock import Clock
from sandbox.components import Kind, find
from sandbox.defaults import ELSEWHERE
from sandbox.limits import Limits
from sandbox.model import ChannelType, Permission
from sandbox.resolve import ActionError
from sandbox.server import Sandbox
from sandbox.spec import Spec
from tests.sandbox.plain_bot import DOT
from tests.sandbox.program import Program

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(description: Spec | None) -> AsyncIterator[tuple[Sandbox, Program]]:
    # Time stands still, so that a busy machine cannot miss the three seconds of an acknowledgement.
    clock = Clock(paused_at=time.time())
    async with Sandbox(clock=clock, limits=Limits.none(), spec=description) as sandbox:
        guild = str(sandbox.channel("music").channel.guild_id)
        async with Program(sandbox, GUILD_ID=guild) as program:
            await sandbox.until(lambda: "local" in sandbox.member("bob").commands(), 20, "the commands")
            yield sandbox, program


@pytest.fixture
def discord(shared: tuple[Sandbox, Program], spec: Spec | None) -> Sandbox:
    return shared[0]


@pytest.fixture(autouse=True)
def show_the_bots_words(shared: tuple[Sandbox, Program]) -> Iterator[None]:
    """What the bot printed goes into the report of a failed test."""
    already = len(shared[1].lines)
    yield
    print("\n".join(shared[1].lines[already:]))


@pytest.fixture
def program(shared: tuple[Sandbox, Program]) -> Program:
    return shared[1]


@pytest.fixture
def alice(discord: Sandbox) -> Actor:
    return discord.member("alice")


@pytest.fixture
def bob(discord: Sandbox) -> Actor:
    return discord.member("bob")


@pytest.fixture
def music(discord: Sandbox) -> ChannelHandle:
    return discord.channel("music")


async def test_every_kind_of_option_arrives(
    discord: Sandbox, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    guild = discord.world.guild(music.channel.guild_id or 0)
    moderator = next(role for role in guild.roles.values() if role.name == "Moderator")
    reply = await alice.slash(
        "options",
        text="rain",
        count=3,
        ratio=0.5,
        flag=True,
        user=bob,
        channel=music,
        role=moderator,
        mentionable=moderator,
        file=("song.mid", b"12345"),
        size=2,
    )
    expected = "rain 3 0.5 True bob music Moderator Moderator song.mid 5 Large"
    assert (await reply.finished()).content == expected


async def test_what_the_client_would_not_send_is_refused(alice: Actor) -> None:
    with pytest.raises(ActionError, match="required"):
        await alice.slash("options", text="rain")
    with pytest.raises(ActionError, match="no option"):
        await alice.slash("search", mood="calm", tempo=3)
    with pytest.raises(ActionError, match="sub-command"):
        await alice.slash("preset")
    with pytest.raises(ActionError, match="not offered"):
        await alice.slash("nothing")


async def test_autocomplete_sees_what_is_typed_and_the_other_options(alice: Actor) -> None:
    choices = await alice.autocomplete("search", "mood", "calm", number=7)
    assert choices == [{"name": "7-Calm", "value": "7-calm"}, {"name": "7-Calmer", "value": "7-calmer"}]


async def test_sub_commands_and_groups(alice: Actor, bob: Actor) -> None:
    saved = await (await alice.slash("preset save", name="mine")).finished()
    assert saved.content == "saved mine"
    assert alice.sees(saved)
    assert not bob.sees(saved)
    assert (await (await alice.slash("preset deep look")).finished()).content == "looked deep"


async def test_deferral_edits_files_and_follow_ups(discord: Sandbox, alice: Actor) -> None:
    reply = await alice.slash("slow")
    await discord.channel("music").wait_for(lambda one: one.content == "done ['a.mp3']")
    first, more = await reply.finished(), await reply.followup(0)
    assert discord.bytes_of(first.attachments[0]) == b"one"
    assert (more.content, discord.bytes_of(more.attachments[0])) == ("more, edited", b"two")
    assert "going" not in [message.content for message in reply.followups]


async def test_an_ephemeral_deferral_stays_ephemeral(alice: Actor, bob: Actor) -> None:
    reply = await alice.slash("slow", ephemeral=True)
    await reply.followup(1)
    first = await reply.finished()
    assert first.ephemeral_for == alice.id
    assert not bob.sees(first)


async def test_a_modal_of_labels(alice: Actor, bob: Actor) -> None:
    reply = await alice.slash("ask")
    assert reply.modal is not None
    assert reply.modal["title"] == "Tell me"
    fields = [component["component"]["custom_id"] for component in reply.modal["components"]]
    answer = await alice.submit(
        reply, {fields[0]: "Al", fields[1]: ["blue"], fields[2]: [bob], fields[3]: [("n.txt", b"123")]}
    )
    assert (await answer.finished()).content == "Al ['blue'] ['bob'] [3]"
    with pytest.raises(ActionError, match="required"):
        await alice.submit(reply, {fields[1]: ["blue"]})
    with pytest.raises(ActionError, match="0 to 20 characters"):
        await alice.submit(reply, {fields[0]: "x" * 21, fields[1]: ["blue"]})


async def test_a_modal_of_text_inputs_keeps_what_is_prefilled(alice: Actor) -> None:
    reply = await alice.slash("ask", old=True)
    assert (await (await alice.submit(reply)).finished()).content == "said preset"


async def test_buttons(alice: Actor, bob: Actor) -> None:
    panel = await (await alice.slash("panel")).finished()
    await bob.click(panel, "count 0")
    assert panel.content == "counted to 1"
    panel = await (await alice.slash("panel")).finished()
    secret = await (await bob.click(panel, "Later")).followup(0)
    assert (panel.content, secret.content, secret.ephemeral_for) == ("edited later", "and a secret", bob.id)
    assert (await (await bob.click(panel, "Think")).finished()).content == "thought"
    opened = await bob.click(panel, "Modal")
    assert opened.modal is not None
    await bob.submit(opened, {opened.modal["components"][0]["components"][0]["custom_id"]: "fresh"})
    assert panel.content == "edited to fresh"
    with pytest.raises(ActionError, match="no component"):
        await bob.click(panel, "Later")


async def test_selects(discord: Sandbox, alice: Actor, bob: Actor, music: ChannelHandle) -> None:
    panel = await (await alice.slash("panel")).finished()
    guild = discord.world.guild(music.channel.guild_id or 0)
    moderator = next(role for role in guild.roles.values() if role.name == "Moderator")
    picked = await (await bob.select(panel, "Pick", ["a", "c"])).finished()
    assert picked.content == "picked ['a', 'c']"
    assert (await (await bob.select(panel, "user", [alice])).finished()).content == "user alice"
    both = await (await bob.select(panel, "mentionable", [alice, moderator])).finished()
    assert both.content == "mentionable ['Member', 'Role']"
    assert (await (await bob.select(panel, "channel", [music])).finished()).content == "channel music"
    roles = await (await alice.slash("roles")).finished()
    assert (await (await bob.select(roles, "role", [moderator])).finished()).content == "role Moderator"
    with pytest.raises(ActionError, match="does not offer"):
        await bob.select(panel, "Pick", ["z"])
    with pytest.raises(ActionError, match="1 to 2 values"):
        await bob.select(panel, "Pick", ["a", "b", "c"])


async def test_components_v2(discord: Sandbox, alice: Actor) -> None:
    card = await (await alice.slash("card")).finished()
    assert "# Title" in text_of(card)
    shown = discord.payloads.message(card)
    section, gallery, file = (shown["components"][0]["components"][index] for index in (1, 3, 4))
    assert section["accessory"]["media"]["width"] == 1
    assert gallery["items"][0]["media"]["url"].startswith(discord.base)
    assert (file["name"], file["size"]) == ("notes.txt", 5)
    assert (shown["attachments"], len(card.attachments)) == ([], 2)
    assert find(card.components, "press") is not None
    await alice.click(card, "Press")
    assert [component["type"] for component in card.components] == [Kind.TEXT_DISPLAY]
    assert text_of(card) == "pressed"


async def test_embeds_show_their_uploads(discord: Sandbox, alice: Actor) -> None:
    message = await (await alice.slash("embed")).finished()
    shown = discord.payloads.message(message)
    image = shown["embeds"][0]["image"]
    assert shown["attachments"] == []
    assert image["url"].startswith(discord.base)
    assert discord.bytes_of(message.attachments[0]) == DOT


async def test_contexts(discord: Sandbox, alice: Actor, bob: Actor) -> None:
    limit = discord.messages.upload_limit
    here = await (await bob.slash("where")).finished()
    assert here.content == f"['guild'] [True, False] {limit}"
    dm = await (await alice.slash("where", at=discord.dm("alice"))).finished()
    assert dm.content == f"['dm_channel'] [False, True] {limit}"
    lobby = await (await alice.slash("where", at=discord.channel("lobby", ELSEWHERE))).finished()
    assert lobby.content == f"['guild'] [False, True] {limit}"
    private = await (await alice.slash("where", at=discord.dm("alice", "bob"))).finished()
    assert private.content == f"['private_channel'] [False, True] {limit}"
    with pytest.raises(ActionError, match="not offered"):
        await bob.slash("where", at=discord.channel("lobby", ELSEWHERE))


async def test_the_library_reads_every_place(discord: Sandbox, alice: Actor, program: Program) -> None:
    music = discord.channel("music")
    voice = discord.guild().add_channel("lounge", ChannelType.GUILD_VOICE)
    forum = discord.guild().add_channel("ideas", ChannelType.GUILD_FORUM)
    thread = music.thread("sketches", by=alice)
    await program.printed("thread sketches in music")
    secret = music.thread("secret", by=alice, private=True)
    post = await alice.start_thread(forum, "A waltz", "in three")
    voice.overwrite("bot", deny=Permission.SEND_MESSAGES)

    async def place(room: ChannelHandle) -> str:
        return (await (await alice.slash("place", at=room)).finished()).content

    assert await place(voice) == "VoiceChannel sends False"
    assert await place(thread) == "Thread music private False member False sends True"
    assert await place(secret) == "Thread music private True member False sends True"
    assert await place(post) == "Thread ideas private False member False sends True"
    secret.add("bot")
    await program.printed("joined secret True")
    assert await place(secret) == "Thread music private True member True sends True"
    await alice.send("!where", at=thread)
    await thread.wait_for(lambda one: one.content.startswith("Thread "))
    thread.lock()
    await program.printed("sketches archived True locked True")
    for room in (thread, secret, post, voice, forum):
        room.delete()
    await program.printed(f"thread {thread.id} deleted")
    await program.printed("lounge deleted")


async def test_the_library_hears_of_reactions(discord: Sandbox, program: Program) -> None:
    await program.printed("ready")
    alice = discord.member("alice")
    guild_id = discord.guild().guild.id
    message = await alice.send("hello")
    await alice.react(message, "👍")
    await program.printed(f"{alice.id} added 👍 in guild {guild_id}")
    await alice.react(message, "👍", on=False)
    await program.printed(f"{alice.id} took 👍 back")
    await alice.react(message, "🔥")
    reactions.clear(discord.world, message, "🔥")
    await program.printed("🔥 cleared")
    await alice.react(message, "🔥")
    reactions.clear(discord.world, message)
    await program.printed(f"reactions to {message.id} cleared")
    private = await alice.send("in private", at=discord.dm("alice"))
    await alice.react(private, "🎹")
    await program.printed(f"{alice.id} added 🎹 in guild None")


async def test_the_library_hears_of_bulk_deletions_and_kicks(discord: Sandbox, program: Program) -> None:
    # Until then the library takes a guild for one that it was in before.
    await program.printed("ready")
    mina, general = discord.member("mina"), discord.channel("general")
    messages = [await mina.send(text, at=general) for text in "ab"]
    await mina.delete_many(*messages)
    await program.printed(f"deleted in bulk {[one.id for one in messages]}")
    discord.guild().kick_bot()
    await program.printed(f"left {discord.guild().guild.name}")
    discord.guild().add_bot()
    await program.printed(f"joined {discord.guild().guild.name}")


async def test_channel_messages(discord: Sandbox, alice: Actor, music: ChannelHandle) -> None:
    reply = await alice.slash("channel")
    first = await reply.finished()
    await discord.until(lambda: first.content == "changed 0", 10, "the end of the errand")
    sent = [message.content for message in music.messages if message.nonce == "4711"]
    assert sent == ["changed"]
    assert discord.dm("alice").messages[-1].content == "a private word"
    assert "short-lived" not in [message.content for message in music.messages]


async def test_messages_of_members_reach_the_bot(
    discord: Sandbox, alice: Actor, music: ChannelHandle, program: Program
) -> None:
    mine = await alice.send("!echo back to you", files=[("a.bin", b"\x00\x01")])
    echo = await music.wait_for(lambda one: one.content == "back to you")
    assert (echo.reference or {})["message_id"] == str(mine.id)
    assert discord.bytes_of(echo.attachments[0]) == b"\x00\x01"
    await alice.edit(mine, "changed my mind")
    await music.wait_for(lambda one: one.content == "edited: !echo back to you → changed my mind")
    await alice.delete(mine)
    await program.printed(f"deleted {mine.id}")
    dm = discord.dm("bob")
    await discord.member("bob").send("!where", at=dm)
    await dm.wait_for(lambda one: one.content == "DMChannel None")


async def test_context_menus(alice: Actor, bob: Actor) -> None:
    said = await alice.send("words to quote")
    assert (await (await bob.message_menu("Quote it", said)).finished()).content == "“words to quote” alice"
    assert (await (await bob.user_menu("Greet", alice)).finished()).content == "hello alice"


async def test_members_and_permissions(discord: Sandbox, bob: Actor) -> None:
    mina = discord.member("mina")
    everybody = ["alice", "antiphon", "bob", "carol", "host", "mina"]
    assert (await (await bob.slash("who")).finished()).content == f"Bob {everybody} False"
    assert (await (await mina.slash("who")).finished()).content == f"Mina {everybody} True"
    assert "purge" in mina.commands()
    assert "purge" not in bob.commands()
    assert (await (await mina.slash("purge")).finished()).content == "purged"


async def test_guild_commands_are_offered_in_their_guild(discord: Sandbox, bob: Actor) -> None:
    assert (await (await bob.slash("local")).finished()).content == "local"
    assert "local" not in discord.member("alice").commands(discord.dm("alice"))


async def test_silence_is_told_after_three_seconds(discord: Sandbox, alice: Actor) -> None:
    reply = await alice.slash("late", wait=False)
    discord.clock.advance(3.01)
    with pytest.raises(NoAnswerError, match="did not respond"):
        await reply.acknowledged()


@pytest.mark.parametrize("break_it", ["drop_sockets", "reconnect"])
async def test_a_broken_connection_is_resumed_without_loss(
    break_it: str, discord: Sandbox, alice: Actor, music: ChannelHandle, program: Program
) -> None:
    already = len(program.lines)
    getattr(discord.faults, break_it)()
    await discord.until(lambda: not discord.world.online, 10, "the connection to break")
    await alice.send(f"!echo missed by {break_it}")
    await program.printed("resumed", since=already)
    await music.wait_for(lambda one: one.content == f"missed by {break_it}")


async def test_an_invalid_session_starts_afresh(discord: Sandbox, alice: Actor) -> None:
    before = set(discord.gateway.sessions)
    discord.faults.invalidate_sessions()
    await discord.until(
        lambda: discord.world.online and not before & set(discord.gateway.sessions), 15, "a new session"
    )
    assert (await (await alice.slash("where")).finished()).content.startswith("['guild']")
