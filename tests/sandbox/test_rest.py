from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

import pytest
from aiohttp import BodyPartReader

from sandbox.files import read_part
from sandbox.limits import Limits
from sandbox.rest.implemented import OPERATIONS
from sandbox.rest.routing import match
from sandbox.server import Sandbox
from tests.sandbox.raw import Raw


async def test_what_is_not_implemented_says_its_name(raw: Raw) -> None:
    answer = await raw.call("GET", f"/guilds/{raw.music.channel.guild_id}/audit-logs")
    assert (answer.status, answer.body["message"]) == (
        501,
        "The sandbox does not implement list_guild_audit_log_entries.",
    )


async def test_unknown_paths_and_methods(raw: Raw) -> None:
    assert (await raw.call("GET", "/nothing/here")).status == 404
    assert (await raw.call("PUT", "/users/@me")).status == 405


async def test_a_client_that_leaves_in_the_middle_of_an_upload_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reading = asyncio.Event()

    async def seen(part: BodyPartReader, most: int) -> bytes:
        reading.set()
        return await read_part(part, most)

    monkeypatch.setattr("sandbox.rest.http.read_part", seen)
    async with Sandbox() as sandbox:
        target = urlsplit(f"{sandbox.api_url}/channels/{sandbox.channel('music').channel.id}/messages").path
        _, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
        head = (
            f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{sandbox.port}\r\nContent-Length: 1000\r\n"
            f"Authorization: Bot {sandbox.bot_token}\r\n"
            "Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
            '--edge\r\nContent-Disposition: form-data; name="files[0]"; filename="a.mp3"\r\n\r\nhalf'
        )
        writer.write(head.encode())
        async with asyncio.timeout(30):
            await reading.wait()
        writer.transport.abort()
    assert "Error handling request" not in caplog.text


def test_a_fixed_segment_goes_before_a_parameter() -> None:
    found = match("GET", ["users", "@me"])
    assert found is not None
    assert found.name == "get_my_user"
    found = match("GET", ["users", "17"])
    assert found is not None
    assert (found.name, found.params) == ("get_user", {"user_id": "17"})
    found = match("PATCH", ["webhooks", "1", "t", "messages", "2"])
    assert found is not None
    assert found.params == {"webhook_id": "1", "webhook_token": "t", "message_id": "2"}


@pytest.mark.parametrize("token", ["", "wrong", "wröng"])
async def test_a_wrong_token_is_unauthorized(token: str, raw: Raw) -> None:
    answer = await raw.call("GET", "/users/@me", token=token)
    assert (answer.status, answer.body) == (401, {"message": "401: Unauthorized", "code": 0})


async def test_json_answers_have_exactly_that_type(raw: Raw) -> None:
    for path in ("/users/@me", "/nothing/here"):
        assert (await raw.call("GET", path)).headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "body", [b"{", b"NaN", b'{"content": NaN}', b"[" * 100_000, b"\xff", b'{"a": Infinity}']
)
async def test_what_is_not_json_is_told_so(body: bytes, raw: Raw) -> None:
    path = f"/channels/{raw.music.id}/messages"
    answer = await raw.call("POST", path, raw=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (400, 50109)


async def test_a_broken_multipart_body_is_told_so(raw: Raw) -> None:
    path = f"/channels/{raw.music.id}/messages"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (
        b"",
        b"--x\r\n",
        b"--x\r\nContent-Disposition: form-data; name=payload_json\r\n\r\n{\r\n--x--\r\n",
    ):
        assert (await raw.call("POST", path, raw=body, headers=kind)).code == 50109


@pytest.mark.parametrize("key", ["0", "1", "99999999999999999999", "abc", "-1", "%20", "１"])
async def test_ids_of_nothing_are_unknown(key: str, raw: Raw) -> None:
    assert (await raw.call("GET", f"/channels/{key}")).code == 10003
    assert (await raw.call("GET", f"/channels/{raw.music.id}/messages/{key}")).code == 10008


async def test_form_errors_nest_to_the_field(raw: Raw) -> None:
    embeds = [{"title": "fine"}, {"fields": [{"name": "n" * 257}]}]
    answer = await raw.post(embeds=embeds)
    field = answer.body["errors"]["embeds"]["1"]["fields"]["0"]
    assert field["name"]["_errors"] == [
        {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 256 or fewer in length."}
    ]
    assert field["value"]["_errors"] == [{"code": "BASE_TYPE_REQUIRED", "message": "This field is required"}]
    assert answer.body["message"] == "Invalid Form Body"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"content": 7}, "BASE_TYPE_STRING"),
        ({"embeds": {}}, "LIST_TYPE_CONVERT"),
        ({"embeds": [7]}, "DICT_TYPE_CONVERT"),
        ({"embeds": [None]}, "BASE_TYPE_REQUIRED"),
        ({"components": [{"type": "1"}]}, "UNION_TYPE_CHOICES"),
        ({"components": [{}]}, "BASE_TYPE_REQUIRED"),
        ({"flags": "many"}, "NUMBER_TYPE_COERCE"),
        ({"tts": 1}, "BOOLEAN_TYPE_CONVERT"),
        ({"allowed_mentions": {"parse": ["all"]}}, "BASE_TYPE_CHOICES"),
        ([], "DICT_TYPE_CONVERT"),
    ],
)
async def test_wrong_types_are_form_errors(body: object, code: str, raw: Raw) -> None:
    answer = await raw.call("POST", f"/channels/{raw.music.id}/messages", body)
    assert (answer.status, answer.fields) == (400, {code})


async def test_the_limits_themselves_are_allowed(raw: Raw) -> None:
    assert (await raw.post(content="x" * 2000, nonce="n" * 25)).ok
    buttons = [{"type": 2, "style": 1, "label": "l" * 80, "custom_id": str(n).rjust(100)} for n in range(25)]
    rows = [{"type": 1, "components": buttons[n : n + 5]} for n in range(0, 25, 5)]
    assert (await raw.post(content="x", components=rows)).ok
    embed = {
        "description": "d" * 4096,
        "fields": [{"name": "n" * 256, "value": "v" * 1024}],
        "title": "t" * 256,
    }
    assert (await raw.post(embeds=[embed])).ok
    assert (
        await raw.post(flags=1 << 15, components=[{"type": 10, "content": "x" * 100} for _ in range(40)])
    ).ok
    names = {f"{n}.txt": b"x" for n in range(10)}
    assert (await raw.post(names, content="")).ok


async def test_history_comes_in_pages(raw: Raw) -> None:
    ids = [(await raw.post(content=str(n))).body["id"] for n in range(6)]
    path = f"/channels/{raw.music.id}/messages?limit=2"

    async def page(query: str) -> list[str]:
        return [message["id"] for message in (await raw.call("GET", path + query)).body]

    assert await page("") == [ids[5], ids[4]]
    assert await page(f"&before={ids[4]}") == [ids[3], ids[2]]
    assert await page(f"&after={ids[0]}") == [ids[2], ids[1]]
    assert ids[3] in await page(f"&around={ids[3]}")


async def test_a_nonce_is_remembered_for_five_minutes(discord: Sandbox, raw: Raw) -> None:
    first = await raw.post(content="a", nonce="job", enforce_nonce=True)
    loose = await raw.post(content="b", nonce="job")
    assert first.body["id"] != loose.body["id"]
    discord.clock.advance(299)
    assert (await raw.post(content="c", nonce="job", enforce_nonce=True)).body["id"] == loose.body["id"]
    discord.clock.advance(301)
    late = await raw.post(content="d", nonce="job", enforce_nonce=True)
    assert late.body["content"] == "d"


async def test_edits_keep_what_they_do_not_name(raw: Raw) -> None:
    made = await raw.post({"a.mp3": b"one", "b.mp3": b"two"}, content="x", embeds=[{"title": "t"}])
    first, second = made.body["attachments"]
    edited = await raw.edit(made.body["id"], content="y")
    assert [one["id"] for one in edited.body["attachments"]] == [first["id"], second["id"]]
    assert edited.body["embeds"] == made.body["embeds"]
    assert edited.body["edited_timestamp"] is not None
    kept = [{"id": second["id"]}, {"id": 0, "filename": "c.mp3"}]
    edited = await raw.edit(made.body["id"], {"c.mp3": b"three"}, attachments=kept)
    assert [one["filename"] for one in edited.body["attachments"]] == ["b.mp3", "c.mp3"]


async def test_mentions_follow_what_is_allowed(discord: Sandbox, raw: Raw) -> None:
    alice, bob = discord.member("alice"), discord.member("bob")
    said = f"{alice.mention} {bob.mention} @everyone"
    loud = (await raw.post(content=said)).body
    assert ([user["username"] for user in loud["mentions"]], loud["mention_everyone"]) == (
        ["alice", "bob"],
        True,
    )
    hush = (await raw.post(content=said, allowed_mentions={"parse": []})).body
    assert (hush["mentions"], hush["mention_everyone"]) == ([], False)
    one = (await raw.post(content=said, allowed_mentions={"users": [str(bob.id)]})).body
    assert [user["username"] for user in one["mentions"]] == ["bob"]


async def test_commands_are_created_changed_and_deleted(discord: Sandbox, raw: Raw) -> None:
    at = f"/applications/{discord.application_id}/commands"
    play = {"name": "play", "description": "Play"}
    first = await raw.call("POST", at, play)
    again = await raw.call("POST", at, play | {"description": "Play it"})
    assert (first.status, again.status, again.body["id"]) == (201, 200, first.body["id"])
    changed = await raw.call("PATCH", f"{at}/{first.body['id']}", {"name": "listen"})
    assert (changed.body["name"], changed.body["description"]) == ("listen", "Play it")
    kept = await raw.register({"name": "listen", "description": "L"}, {"type": 3, "name": "Quote it"})
    assert [command["id"] == first.body["id"] for command in kept.body] == [True, False]
    assert (await raw.call("DELETE", f"{at}/{kept.body[1]['id']}")).status == 204
    assert [command["name"] for command in (await raw.call("GET", at)).body] == ["listen"]
    assert (await raw.call("GET", f"{at}/{kept.body[1]['id']}")).code == 10063
    assert (await raw.register(play, guild=True)).body[0]["guild_id"] == str(raw.music.channel.guild_id)
    assert discord.member("bob").commands() == ["listen", "play"]
    assert (await raw.call("PUT", "/applications/1/commands", [])).code == 10002


async def test_a_callback_can_answer_with_the_message(raw: Raw) -> None:
    interaction = await raw.slash()
    answer = await raw.respond(interaction, 4, {"content": "hello"}, query="?with_response=true")
    assert answer.body["resource"]["message"]["content"] == "hello"
    assert answer.body["interaction"]["response_message_loading"] is False
    deferred = await raw.respond(await raw.slash(), 5, query="?with_response=true")
    assert deferred.body["interaction"]["response_message_loading"] is True


async def test_the_first_follow_up_takes_the_place_of_thinking(raw: Raw) -> None:
    interaction = await raw.slash()
    assert (await raw.respond(interaction, 5)).status == 204
    original = (await raw.call("GET", raw.webhook(interaction, "@original"))).body
    first = await raw.follow_up(interaction, content="here")
    second = await raw.follow_up(interaction, content="and there")
    assert (first.body["id"] == original["id"], second.body["id"] == original["id"]) == (True, False)
    assert (await raw.call("DELETE", raw.webhook(interaction, "@original"))).status == 204
    assert (await raw.call("PATCH", raw.webhook(interaction, "@original"), {"content": "x"})).code == 10008


async def test_a_token_opens_only_its_own_messages(raw: Raw) -> None:
    mine, other = await raw.slash(), await raw.slash()
    for interaction in (mine, other):
        assert (await raw.respond(interaction, 4, {"content": "x"})).ok
    assert (await raw.call("GET", raw.webhook(mine, str(other.response_message_id)))).code == 10008
    assert (await raw.call("GET", f"/webhooks/1/{mine.token}/messages/@original")).code == 10015
    assert (await raw.call("POST", f"/interactions/{mine.id}/wrong/callback", {"type": 5})).code == 10062


async def test_ephemeral_messages_are_not_in_the_history(raw: Raw) -> None:
    interaction = await raw.slash()
    assert (await raw.respond(interaction, 4, {"content": "hush", "flags": 64})).ok
    assert (await raw.call("GET", f"/channels/{raw.music.id}/messages")).body == []
    path = f"/channels/{raw.music.id}/messages/{interaction.response_message_id}"
    assert (await raw.call("GET", path)).code == 10008
    assert (await raw.call("GET", raw.webhook(interaction, "@original"))).body["content"] == "hush"


async def test_rate_limits_are_announced_and_told(discord: Sandbox, raw: Raw) -> None:
    discord.rest.limits = Limits()
    answers = [await raw.post(content=str(n)) for n in range(6)]
    assert [answer.headers.get("X-RateLimit-Remaining") for answer in answers[:5]] == [
        "4",
        "3",
        "2",
        "1",
        "0",
    ]
    assert len({answer.headers["X-RateLimit-Bucket"] for answer in answers[:5]}) == 1
    refused = answers[5]
    assert (refused.status, refused.body["global"], refused.body["retry_after"]) == (429, False, 5.0)
    assert refused.headers["Via"]
    assert (refused.headers["Retry-After"], refused.headers["X-RateLimit-Scope"]) == ("5", "user")
    discord.clock.advance(5)
    assert (await raw.post(content="again")).ok


async def test_faults_strike_the_requests_they_are_meant_for(discord: Sandbox, raw: Raw) -> None:
    discord.faults.fail(503, times=2, operation="create_message")
    assert (await raw.call("GET", "/users/@me")).ok
    assert [(await raw.post(content="x")).status for _ in range(3)] == [503, 503, 200]
    discord.faults.rate_limit(0.5)
    limited = await raw.post(content="x")
    assert (limited.status, limited.body["retry_after"], bool(limited.headers["Via"])) == (429, 0.5, True)
    assert len(raw.music.messages) == 1


def test_every_operation_has_one_implementation() -> None:
    assert len(OPERATIONS) > 30
    assert all(callable(operation.handler) for operation in OPERATIONS.values())


async def test_the_accounts(discord: Sandbox, raw: Raw) -> None:
    alice = discord.member("alice")
    guild = raw.music.channel.guild_id
    assert (await raw.call("GET", "/users/@me")).body["id"] == str(discord.application_id)
    assert (await raw.call("GET", f"/users/{alice.id}")).body["username"] == "alice"
    assert (await raw.call("GET", f"/guilds/{guild}/members/{alice.id}")).body["user"]["username"] == "alice"
    assert (await raw.call("GET", f"/guilds/{guild}/members/1")).code == 10007
    assert (await raw.call("GET", f"/guilds/{guild}?with_counts=true")).body["approximate_member_count"] == 6
    assert len((await raw.call("GET", f"/guilds/{guild}/channels")).body) == 2
    assert len((await raw.call("GET", f"/guilds/{guild}/roles")).body) == 2
    for path in ("/applications/@me", "/oauth2/applications/@me"):
        assert (await raw.call("GET", path)).body["owner"]["username"] == "host"
    dm = (await raw.call("POST", "/users/@me/channels", {"recipient_id": alice.id})).body
    assert dm["id"] == str(discord.dm("alice").id)
    assert (await raw.call("GET", "/gateway/bot")).body["url"] == discord.gateway_url
    assert json.dumps(dm["recipients"]).count("alice") == 1
