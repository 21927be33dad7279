"""What the page says and hears over its websocket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.model import Permission
from sandbox.server import Sandbox
from tests.sandbox.raw import Raw


class Page:
    """One open page."""

    def __init__(self, raw: Raw, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.raw = raw
        self.ws = ws
        self.heard: list[Any] = []
        self._ref = 0

    async def hear(self, kind: str, **like: Any) -> Any:
        """The next message of a type, with these fields; what comes before it is kept in `heard`."""
        while True:
            body = json.loads((await self.ws.receive(timeout=30)).data)
            self.heard.append(body)
            if body["type"] == kind and all(body.get(name) == value for name, value in like.items()):
                return body

    async def do(self, action: str, **fields: Any) -> Any:
        """The result of an action; refused ones fail."""
        answer = await self.ask(action, **fields)
        assert answer["type"] == "done", answer
        return answer["result"]

    async def ask(self, action: str, **fields: Any) -> Any:
        self._ref += 1
        await self.ws.send_json({"ref": self._ref, "do": action} | fields)
        while True:
            body = json.loads((await self.ws.receive(timeout=30)).data)
            self.heard.append(body)
            if body.get("ref") == self._ref:
                return body

    async def interaction(self, state: str) -> Any:
        """The next news of an interaction in that state."""
        while True:
            body = (await self.hear("interaction"))["interaction"]
            if body["state"] == state:
                return body


@pytest.fixture
async def page(discord: Sandbox, raw: Raw) -> AsyncIterator[Page]:
    async with raw.session.ws_connect(discord.page_url + "socket", headers={"Origin": discord.base}) as ws:
        yield Page(raw, ws)


@pytest.fixture
def room(raw: Raw) -> str:
    return str(raw.music.id)


async def registered(raw: Raw, **rest: Any) -> None:
    assert (await raw.register({"name": "play", "description": "Play"} | rest)).ok


async def test_the_snapshot_shows_what_one_user_sees(discord: Sandbox, raw: Raw, page: Page) -> None:
    shown = await page.hear("snapshot")
    assert shown["you"] == str(discord.member("alice").id)
    assert [guild["name"] for guild in shown["guilds"]] == ["Antiphon Sandbox", "Elsewhere"]
    assert [channel["name"] for channel in shown["guilds"][0]["channels"]] == ["music", "general"]
    names = [[user["username"] for user in dm["recipients"]] for dm in shown["dms"]]
    assert sorted(names) == [["antiphon"], ["bob"]]
    assert shown["bot"] == {"id": str(discord.application_id), "online": False, "process": False}


async def test_switching_the_user_changes_what_is_seen(
    discord: Sandbox, raw: Raw, page: Page, room: str
) -> None:
    interaction = await raw.slash()
    assert (await raw.respond(interaction, 4, {"content": "hush", "flags": 64})).ok
    new = await page.hear("message", new=True)
    assert (new["message"]["content"], new["message"]["ephemeral"]) == ("hush", True)
    await page.do("act_as", user_id=str(discord.member("bob").id))
    shown = await page.hear("snapshot")
    assert (shown["you"], shown["messages"][room]) == (str(discord.member("bob").id), [])
    assert (await page.ask("act_as", user_id=str(discord.application_id)))["type"] == "refused"


async def test_a_persons_language_is_that_of_their_interactions_and_of_the_texts_of_commands(
    discord: Sandbox, raw: Raw, page: Page, room: str
) -> None:
    loud = {"name": "loud", "value": "loud", "name_localizations": {"de": "laut"}}
    how = {"type": 3, "name": "how", "description": "How loud", "choices": [loud]}
    command = {
        "name": "play",
        "description": "Play it",
        "description_localizations": {"de": "Abspielen"},
        "name_localizations": {"de": "spiel"},
        "options": [how | {"description_localizations": {"de": "Wie laut"}}],
    }
    assert (await raw.register(command)).ok
    await page.hear("commands")

    async def spoken(locale: str) -> tuple[str, ...]:
        await page.do("speak", locale=locale)
        shown = await page.hear("snapshot")
        assert (shown["locale"], discord.member("alice").user.locale) == (locale, locale)
        [there] = shown["commands"][room]
        [option] = there["options"]
        return there["name"], there["description"], option["description"], option["choices"][0]["name"]

    assert await spoken("de") == ("play", "Abspielen", "Wie laut", "laut")
    assert await spoken("fr") == ("play", "Play it", "How loud", "loud")
    assert (await page.ask("speak", locale="xx"))["type"] == "refused"


async def test_messages_are_sent_edited_and_deleted(
    discord: Sandbox, raw: Raw, page: Page, room: str
) -> None:
    alice = discord.member("alice")
    form = aiohttp.FormData()
    form.add_field("file", b"sound", filename="a.mp3")
    query = f"uploads?user_id={alice.id}&channel_id={room}"
    async with raw.session.post(discord.page_url + query, data=form) as answer:
        file = await answer.json()
    assert (file["filename"], file["size"], file["content_type"]) == ("a.mp3", 5, "audio/mpeg")
    key = await page.do("send", channel_id=room, content="hello", files=[file["id"]])
    message = discord.world.messages[int(key)]
    assert discord.bytes_of(message.attachments[0]) == b"sound"
    reply = await page.do("send", channel_id=room, content="again", reply_to=key)
    assert (discord.world.messages[int(reply)].reference or {})["message_id"] == key
    await page.do("edit", message_id=key, content="changed")
    assert message.content == "changed"
    await page.do("delete", message_id=key)
    assert {"type": "message_deleted", "channel_id": room, "id": key} in page.heard
    assert (await page.ask("delete", message_id=key))["message"] == "That message is gone."
    assert [one["id"] for one in await page.do("history", channel_id=room)] == [reply]


async def test_a_command_from_typing_to_answer(discord: Sandbox, raw: Raw, page: Page, room: str) -> None:
    option = {"type": 3, "name": "mood", "description": "M", "autocomplete": True}
    await registered(raw, options=[option])
    offered = (await page.hear("commands"))["commands"][room]
    assert [command["name"] for command in offered] == ["play"]

    sent = await page.do(
        "autocomplete", channel_id=room, command="play", options={"mood": "c"}, focused="mood"
    )
    interaction = discord.world.interactions[int(sent["id"])]
    assert interaction.data["options"] == [{"name": "mood", "type": 3, "value": "c", "focused": True}]
    assert (await raw.respond(interaction, 8, {"choices": [{"name": "Calm", "value": "calm"}]})).ok
    assert (await page.interaction("answered"))["choices"] == [{"name": "Calm", "value": "calm"}]

    sent = await page.do("slash", channel_id=room, command="play", options={"mood": "calm"})
    interaction = discord.world.interactions[int(sent["id"])]
    assert (await raw.respond(interaction, 5)).ok
    thinking = (await page.hear("message", new=True))["message"]
    assert (thinking["thinking"], thinking["interaction_metadata"]["user"]["username"]) == (True, "alice")
    assert (await page.interaction("thinking"))["response_message_id"] == thinking["id"]
    assert (await raw.call("PATCH", raw.webhook(interaction, "@original"), {"content": "done"})).ok
    done = (await page.hear("message", new=False))["message"]
    assert (done["id"], done["thinking"], done["content"]) == (thinking["id"], False, "done")


async def test_no_answer_in_time_is_told(discord: Sandbox, raw: Raw, page: Page, room: str) -> None:
    await registered(raw)
    sent = await page.do("slash", channel_id=room, command="play")
    discord.clock.advance(3.01)
    assert (await page.interaction("failed"))["id"] == sent["id"]


async def test_components_modals_and_menus(discord: Sandbox, raw: Raw, page: Page, room: str) -> None:
    commands = [
        {"name": "play", "description": "Play"},
        {"type": 3, "name": "Quote"},
        {"type": 2, "name": "Greet"},
    ]
    assert (await raw.register(*commands)).ok
    row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
    pick = {"type": 3, "custom_id": "pick", "options": [{"label": "A", "value": "a"}]}
    made = (await raw.post(content="x", components=[row, {"type": 1, "components": [pick]}])).body["id"]

    sent = await page.do("click", message_id=made, custom_id="go")
    field = {"type": 4, "custom_id": "t", "style": 1, "label": "Title"}
    modal = {"custom_id": "m", "title": "M", "components": [{"type": 1, "components": [field]}]}
    assert (await raw.respond(discord.world.interactions[int(sent["id"])], 9, modal)).ok
    assert (await page.interaction("answered"))["modal"]["title"] == "M"
    assert (await page.ask("submit", interaction_id=sent["id"], values={}))["type"] == "refused"
    sent = await page.do("submit", interaction_id=sent["id"], values={"t": "Rain"})
    data = discord.world.interactions[int(sent["id"])].data
    assert data["components"][0]["components"][0]["value"] == "Rain"

    sent = await page.do("select", message_id=made, custom_id="pick", values=["a"])
    assert discord.world.interactions[int(sent["id"])].data["values"] == ["a"]
    sent = await page.do("message_menu", message_id=made, name="Quote")
    assert discord.world.interactions[int(sent["id"])].data["target_id"] == made
    bob = str(discord.member("bob").id)
    sent = await page.do("user_menu", channel_id=room, user_id=bob, name="Greet")
    assert discord.world.interactions[int(sent["id"])].data["target_id"] == bob


async def test_others_and_the_bot_are_seen_coming_and_typing(
    discord: Sandbox, raw: Raw, page: Page, room: str
) -> None:
    discord.client.typing(discord.member("bob").user, raw.music.channel)
    assert (await page.hear("typing"))["user_id"] == str(discord.member("bob").id)
    await page.do("typing", channel_id=room)
    discord.world.set_shards_online(1, 1)
    assert (await page.hear("bot"))["online"] is True
    discord.dm("alice", "carol")
    assert (await page.hear("channel"))["channel"]["recipients"][0]["username"] == "carol"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "7",
        '{"do": "fly"}',
        '{"do": 3}',
        '{"do": "slash"}',
        '{"do": "click", "message_id": [], "custom_id": {}}',
        '{"do": "history", "channel_id": "999"}',
        '{"do": "send", "channel_id": "x", "content": "y"}',
        '{"do": "act_as", "user_id": null}',
        '{"do": "submit", "interaction_id": "1"}',
        '{"do": "select", "message_id": "1", "custom_id": "x", "values": 3}',
    ],
)
async def test_nonsense_is_refused_and_the_page_lives_on(text: str, page: Page) -> None:
    await page.ws.send_str(text)
    await page.hear("refused")
    assert (await page.ask("fly"))["message"] == "There is no action 'fly'."


async def test_nobody_reads_or_acts_where_they_are_not(discord: Sandbox, raw: Raw, page: Page) -> None:
    private = str(discord.dm("bob").id)
    await discord.member("bob").send("secret", at=discord.dm("bob"))
    assert await page.do("history", channel_id=private) == []
    assert (await page.ask("send", channel_id=private, content="hello"))["type"] == "refused"
    form = aiohttp.FormData()
    form.add_field("file", b"x", filename="x.txt")
    query = f"uploads?user_id={discord.member('alice').id}&channel_id={private}"
    async with raw.session.post(discord.page_url + query, data=form) as answer:
        assert answer.status == 400


async def test_an_upload_over_the_limit_is_told(discord: Sandbox, raw: Raw, room: str) -> None:
    discord.messages.upload_limit = 10
    form = aiohttp.FormData()
    form.add_field("file", b"x" * 11, filename="x.txt")
    query = f"uploads?user_id={discord.member('alice').id}&channel_id={room}"
    async with raw.session.post(discord.page_url + query, data=form) as answer:
        assert (answer.status, "too large" in (await answer.json())["message"]) == (400, True)


async def test_the_page_hears_of_channels_and_threads(page: Page, discord: Sandbox) -> None:
    music = discord.channel("music")
    thread = music.thread("sketches")
    places = await page.hear("places")
    names = [channel["name"] for channel in places["guilds"][0]["channels"]]
    assert names == ["music", "general", "sketches"]
    await page.do("send", channel_id=str(thread.id), content="hello")
    assert [message.content for message in thread.messages] == ["hello"]
    music.thread("secret", private=True)
    assert "secret" not in json.dumps((await page.hear("places"))["guilds"])
    music.overwrite("@everyone", deny=Permission.VIEW_CHANNEL)
    while "music" in json.dumps((await page.hear("places"))["guilds"]):
        pass
    messages = [await discord.member("host").send(text, at=discord.channel("general")) for text in "ab"]
    await discord.member("host").delete_many(*messages)
    for message in messages:
        await page.hear("message_deleted", id=str(message.id))
