"""Requests that may break a rule: messages, modals, commands and answers, built from a few words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sandbox.defaults import ELSEWHERE
from sandbox.limits import Limits
from sandbox.resolve import ActionError
from sandbox.server import Sandbox
from tests.sandbox.raw import Answer, Raw

V2 = 1 << 15
LONG, MANY = "BASE_TYPE_MAX_LENGTH", "BASE_TYPE_BAD_LENGTH"
Request = Callable[[Raw], Awaitable[Answer | str]]


@dataclass(frozen=True)
class Violation:
    request: Request
    refusal: str

    async def outcome(self, raw: Raw) -> str:
        """ "accepted", or the refusal: "50035 FIELD_CODE", "STATUS CODE", "ActionError"."""
        try:
            answer = await self.request(raw)
        except ActionError:
            return "ActionError"
        if isinstance(answer, str):
            return answer
        if answer.ok:
            return "accepted"
        if answer.code == 50035:
            return f"50035 {' '.join(sorted(answer.fields))}"
        return f"{answer.status} {answer.code}"


def button(custom_id: str = "a", **rest: Any) -> dict[str, Any]:
    return {"type": 2, "style": 2, "label": "A", "custom_id": custom_id} | rest


def row(*components: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(components)}


def option(value: str = "a", **rest: Any) -> dict[str, Any]:
    return {"label": "A", "value": value} | rest


def select(*options: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"type": 3, "custom_id": "s", "options": list(options) or [option()]} | rest


def text(content: str = "x") -> dict[str, Any]:
    return {"type": 10, "content": content}


def media(**rest: Any) -> dict[str, Any]:
    return {"media": {"url": "https://example.com/a.png"}} | rest


def entry(**rest: Any) -> dict[str, Any]:
    return {"type": 4, "custom_id": "t", "style": 1} | rest


def label(component: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"type": 18, "label": "L", "component": component} | rest


def says(**body: Any) -> Request:
    """A message of the bot."""
    return lambda raw: raw.post(**body)


def shows(*components: dict[str, Any]) -> Request:
    """A message with ordinary components."""
    return says(content="x", components=list(components))


def lays_out(*components: dict[str, Any]) -> Request:
    """A Components V2 message."""
    return says(flags=V2, components=list(components))


def embeds(*bodies: dict[str, Any]) -> Request:
    return says(embeds=list(bodies))


def opens(*components: dict[str, Any], **modal: Any) -> Request:
    """A modal in answer to a slash command."""

    async def request(raw: Raw) -> Answer:
        body = {"custom_id": "m", "title": "M", "components": list(components) or [label(entry())]} | modal
        return await raw.respond(await raw.slash(), 9, body)

    return request


def command(**rest: Any) -> dict[str, Any]:
    return {"name": "play", "description": "Play"} | rest


def taking(*options: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return command(options=list(options), **rest)


def opt(name: str = "o", kind: int = 3, **rest: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "description": "D"} | rest


def registers(*commands: dict[str, Any]) -> Request:
    return lambda raw: raw.register(*commands)


def choice(name: str = "c", value: str = "v") -> dict[str, Any]:
    return {"name": name, "value": value}


async def answers_late(raw: Raw) -> Answer:
    interaction = await raw.slash()
    raw.sandbox.clock.advance(3.1)
    return await raw.respond(interaction, 5)


async def answers_twice(raw: Raw) -> Answer:
    interaction = await raw.slash()
    assert (await raw.respond(interaction, 5)).ok
    return await raw.respond(interaction, 4, {"content": "again"})


async def answers_with_a_blocked_word(raw: Raw) -> Answer:
    raw.music.block_words("nitro")
    return await raw.respond(await raw.slash(), 4, {"content": "nitro"})


async def edits_after_the_token_died(raw: Raw) -> Answer:
    interaction = await raw.slash()
    assert (await raw.respond(interaction, 5)).ok
    raw.sandbox.clock.advance(15 * 60 + 1)
    return await raw.call("PATCH", raw.webhook(interaction, "@original"), {"content": "late"})


async def follows_up_first(raw: Raw) -> Answer:
    return await raw.follow_up(await raw.slash(), content="early")


async def updates_a_message_that_is_not_there(raw: Raw) -> Answer:
    """A deferred message is no answer to autocomplete."""
    await raw.register(taking(opt(autocomplete=True)))
    alice = raw.sandbox.member("alice")
    sent = raw.sandbox.client.autocomplete(alice.user, raw.music.channel, "play", {"o": "x"}, "o")
    answer = await raw.respond(sent, 5)
    await raw.register(command())
    return answer


async def follows_up_six_times(raw: Raw) -> Answer:
    await raw.register(command())
    lobby = raw.sandbox.channel("lobby", ELSEWHERE)
    reply = await raw.sandbox.member("alice").slash("play", at=lobby, wait=False)
    assert (await raw.respond(reply.interaction, 4, {"content": "first"})).ok
    for _ in range(5):
        assert (await raw.follow_up(reply.interaction, content="more")).ok
    return await raw.follow_up(reply.interaction, content="too much")


def suggests(*choices: dict[str, Any]) -> Request:
    async def request(raw: Raw) -> Answer:
        await raw.register(taking(opt(autocomplete=True)))
        alice = raw.sandbox.member("alice")
        sent = raw.sandbox.client.autocomplete(alice.user, raw.music.channel, "play", {"o": "x"}, "o")
        answer = await raw.respond(sent, 8, {"choices": list(choices)})
        await raw.register(command())
        return answer

    return request


async def repeats_a_nonce(raw: Raw) -> str:
    first = await raw.post(content="once", nonce="job-1", enforce_nonce=True)
    second = await raw.post(content="twice", nonce="job-1", enforce_nonce=True)
    return "accepted" if first.body["id"] != second.body["id"] else "the same message"


async def uploads_too_much(raw: Raw) -> Answer:
    return await raw.post({"a.mp3": bytes(1001)}, content="x")


async def edits_anothers(raw: Raw) -> Answer:
    message = await raw.sandbox.member("alice").send("mine")
    return await raw.edit(message.id, content="yours")


async def deletes_anothers(raw: Raw) -> Answer:
    message = await raw.sandbox.member("alice").send("mine")
    return await raw.call("DELETE", f"/channels/{raw.music.id}/messages/{message.id}")


def promote_bot(sandbox: Sandbox) -> None:
    guild = sandbox.world.guild(sandbox.channel("music").channel.guild_id or 0)
    guild.members[sandbox.application_id].roles = [role for role in guild.roles if role != guild.id]


async def deletes_in_bulk(raw: Raw, count: int, days: float = 0) -> Answer:
    promote_bot(raw.sandbox)
    ids = [str((await raw.sandbox.member("alice").send("x")).id) for _ in range(count)]
    raw.sandbox.clock.advance(days * 86_400)
    return await raw.call("POST", f"/channels/{raw.music.id}/messages/bulk-delete", {"messages": ids})


async def writes_elsewhere(raw: Raw) -> Answer:
    lobby = raw.sandbox.channel("lobby", ELSEWHERE)
    return await raw.call("POST", f"/channels/{lobby.id}/messages", {"content": "hello"})


async def hurries(raw: Raw, limits: Limits) -> Answer:
    raw.sandbox.rest.limits = limits
    first, second = await raw.post(content="1"), await raw.post(content="2")
    raw.sandbox.clock.advance(10)
    assert first.ok
    return second


async def becomes_ordinary(raw: Raw) -> Answer:
    message = await raw.post(flags=V2, components=[text()])
    return await raw.edit(message.body["id"], flags=0, components=[], content="x")


async def uses_a_moderators_command(raw: Raw) -> str:
    await raw.register(command(default_member_permissions=str(1 << 13)))
    await raw.sandbox.member("bob").slash("play", wait=False)
    return "accepted"


async def uses_a_dm_command(raw: Raw) -> str:
    await raw.register(command(contexts=[1]))
    await raw.sandbox.member("bob").slash("play", wait=False)
    return "accepted"


async def clicks_a_disabled_button(raw: Raw) -> str:
    message = await raw.post(content="x", components=[row(button(disabled=True))])
    kept = raw.sandbox.world.messages[int(message.body["id"])]
    await raw.sandbox.member("bob").click(kept, "a", wait=False)
    return "accepted"


HUGE = opt(choices=[choice(f"{n:02}" + "n" * 98, "v" * 100) for n in range(25)])
