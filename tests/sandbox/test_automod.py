"""AutoMod: what it judges, and whose words are exempt."""

from __future__ import annotations

import pytest

from sandbox.resolve import ActionError
from sandbox.server import Sandbox
from tests.sandbox.raw import Raw

HAS_WORD = [
    {"content": "get Free  Nitro, free nitro!"},
    {"embeds": [{"title": "FREE NITRO"}]},
    {"embeds": [{"description": "a (free nitro)"}]},
    {"embeds": [{"fields": [{"name": "free nitro", "value": "x"}]}]},
    {"embeds": [{"fields": [{"name": "x", "value": "free nitro"}]}]},
    {"embeds": [{"title": "t", "footer": {"text": "free nitro"}}]},
    {"embeds": [{"title": "t", "author": {"name": "free nitro"}}]},
    {"content": "x", "components": [{"type": 1, "components": [
        {"type": 2, "style": 2, "label": "free nitro", "custom_id": "a"}]}]},
    {"flags": 1 << 15, "components": [{"type": 10, "content": "free nitro"}]},
]  # fmt: skip


@pytest.mark.parametrize("body", HAS_WORD)
async def test_an_answer_with_a_blocked_keyword_is_refused(body: dict[str, object], raw: Raw) -> None:
    raw.music.block_words("free nitro")
    interaction = await raw.slash()
    refused = await raw.respond(interaction, 4, body)
    assert (refused.status, refused.code) == (400, 200000)
    assert raw.music.messages == []
    # The interaction is not acknowledged by what was refused.
    assert (await raw.respond(interaction, 4, {"content": "fine"})).ok


async def test_a_deferred_answer_stays_thinking_until_its_words_are_changed(raw: Raw) -> None:
    raw.music.block_words("nitro", code=200001)
    interaction = await raw.slash()
    assert (await raw.respond(interaction, 5)).ok
    original = raw.webhook(interaction, "@original")
    refused = await raw.call("PATCH", original, {"content": "nitro"}, token="")
    assert (refused.status, refused.code) == (400, 200001)
    (message,) = raw.music.messages
    assert (message.loading, message.content) == (True, "")
    assert (await raw.call("PATCH", original, {"content": "other words"}, token="")).ok
    follow_up = await raw.follow_up(interaction, content="nitro again")
    assert (follow_up.status, follow_up.code) == (400, 200001)


async def test_the_bots_own_token_is_exempt(raw: Raw) -> None:
    raw.music.block_words("nitro")
    made = await raw.post(content="nitro")
    assert made.ok
    assert (await raw.edit(made.body["id"], content="more nitro")).ok
    interaction = await raw.slash()
    assert (await raw.respond(interaction, 4, {"content": "fine"})).ok
    # Also for the message that answered an interaction: the token counts, not the message.
    assert (await raw.edit(str(interaction.response_message_id), content="nitro")).ok


async def test_members_are_judged_and_moderators_are_not(discord: Sandbox) -> None:
    discord.guild().block_words("nitro")
    alice, general = discord.member("alice"), discord.channel("general")
    with pytest.raises(ActionError, match="200000"):
        await alice.send("nitro", at=general)
    message = await alice.send("fine", at=general)
    with pytest.raises(ActionError, match="200000"):
        await alice.edit(message, "nitro")
    assert (await discord.member("mina").send("nitro", at=general)).content == "nitro"
    discord.guild().block_words()
    assert (await alice.send("nitro", at=general)).content == "nitro"


@pytest.mark.parametrize(
    ("keyword", "said", "refused"),
    [
        ("cat", "a Cat.", True),
        ("cat", "concatenate", False),
        ("cat*", "cats", True),
        ("cat*", "concat", False),
        ("*cat", "concat", True),
        ("*cat*", "concatenate", True),
        ("a.b", "acb", False),
    ],
)
async def test_keywords_match_whole_words_unless_they_have_an_asterisk(
    keyword: str, said: str, refused: bool, raw: Raw
) -> None:
    raw.music.block_words(keyword)
    assert (await raw.respond(await raw.slash(), 4, {"content": said})).ok is not refused


async def test_a_keyword_of_one_channel_is_allowed_in_another(discord: Sandbox) -> None:
    discord.channel("music").block_words("nitro")
    assert (await discord.member("alice").send("nitro", at=discord.channel("general"))).content == "nitro"
