"""What members type, everywhere the bot shows it: as typed, and nothing of it live."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.audio.tags import read_recipe
from sandbox.actors import Actor, Reply, text_of
from sandbox.defaults import GUILD
from sandbox.model import Message
from sandbox.options import Path as CommandPath
from tests.discord_markdown import live, shown
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, ask, button_ids, made, mp3_of, pressed, private, text_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = (
    "[verse] x [Free Nitro](https://evil.example) <https://evil.example> discord.gg/x @everyone **b** `c`"
)
BLANK = ["\u200b", "\u2800", "\u3164\ufe0f", "\u202e\u2060", "\u00a0\u3000"]
OWN_MARKUP = {"bold", "code", "timestamp", "quote", "list", "subtext"}


def texts(message: Message) -> Iterator[str]:
    """Yield every text of a message that Discord reads as markdown, line by line."""
    yield from message.content.split("\n")
    for embed in message.embeds:
        fields = [text for field in embed.get("fields", ()) for text in (field["name"], field["value"])]
        for text in (embed.get("title", ""), embed.get("description", ""), *fields):
            yield from text.split("\n")


def check(message: Message, typed: str = HOSTILE) -> None:
    """Check that a message shows the text as typed and that nothing typed is live in it."""
    assert any(typed[:60] in shown(line) for line in texts(message)), text_of(message)
    for line in texts(message):
        for found in live(line):
            assert found.kind in OWN_MARKUP or "discord.com/channels/" in line, (found, line)
            assert "evil" not in found.text
            assert "Nitro" not in found.text


async def answer(reply: Reply) -> Message:
    return await private(reply)


async def test_a_clip_from_progress_to_history(bot: BotProcess, alice: Actor) -> None:
    progress = await (await ask(alice, f"{HOSTILE} held")).finished()
    await text_in(progress, r"▱ \d+ %", bot.sandbox)
    check(progress)
    waiting = await (await ask(alice, HOSTILE)).finished()
    await text_in(waiting, "Next in line|Place", bot.sandbox)
    check(waiting)
    check(await answer(await alice.slash("queue")))
    [choice, *_] = await alice.autocomplete("cancel", "clip", "")
    check(await answer(await alice.slash("cancel", clip=choice["value"])))
    await text_in(waiting, "Cancelled", bot.sandbox)
    check(waiting)
    bot.let_through()
    await bot.sandbox.until(lambda: bool(progress.attachments) or None, WAIT, "the clip")
    check(progress)
    check(await answer(await pressed(alice, progress, "Details")))
    check(await answer(await alice.slash("history")))


async def test_a_failure_and_a_refusal(bot: BotProcess, alice: Actor) -> None:
    failed = await (await ask(alice, f"{HOSTILE} broken")).finished()
    await text_in(failed, "That did not work", bot.sandbox)
    check(failed)
    form = await alice.slash("preset save", start="scratch")
    typed = {"name": "***", "template": HOSTILE, "settings": f"{HOSTILE}: 5"}
    check(await answer(await alice.submit(form, typed)))
    typed = {"name": "links", "template": "rain", "settings": f"{HOSTILE}: 5"}
    check(await answer(await alice.submit(await alice.slash("preset save", start="scratch"), typed)))


async def test_the_coach_and_presets(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    check(await answer(await alice.slash("coach", prompt=HOSTILE)))
    form = await alice.slash("preset save", start="scratch")
    typed = {"name": "evil.example", "template": HOSTILE, "description": HOSTILE, "settings": "mode: ar"}
    check(await answer(await alice.submit(form, typed)))
    await answer(await alice.slash("preset share", {"preset": "evil.example", "with": "everyone"}))
    check(await answer(await bob.slash("preset show", preset="evil.example")))
    check(await answer(await bob.slash("preset browse", text="evil.example")))
    await answer(await bob.slash("preset report", preset="evil.example", reason=HOSTILE))
    reports = await answer(await bot.sandbox.member("mina").slash("reports"))
    check(await answer(await bot.sandbox.member("mina").click(reports, "Look at 1")))


async def test_a_duel(bot: BotProcess, alice: Actor) -> None:
    started = await (await alice.slash("duel start", prompt=HOSTILE, seconds=2)).finished(WAIT)
    check(started)
    await text_in(started, "is open", bot.sandbox)
    room = bot.sandbox.channel("music")
    duel = next(one for one in room.messages if "duel:a:1" in button_ids(one))
    check(duel)
    check(await answer(await alice.slash("duel list")))
    await answer(await alice.click(duel, "Close"))
    await text_in(duel, "nobody voted", bot.sandbox)
    check(duel)


async def test_four_long_reports_can_be_decided(bot: BotProcess, alice: Actor) -> None:
    form = await alice.slash("preset save", start="scratch")
    await answer(await alice.submit(form, {"name": "Loud", "template": "noise", "settings": "mode: ar"}))
    await answer(await alice.slash("preset share", {"preset": "Loud", "with": "everyone"}))
    for name in ("bob", "carol", "host", "mina"):
        member = bot.sandbox.member(name)
        text = text_of(await answer(await member.slash("preset report", preset="Loud", reason=name[0] * 299)))
        assert "Thank you" in text
    mina = bot.sandbox.member("mina")
    queue = await answer(await mina.slash("reports"))
    number = next(line.split(".")[0].strip("*") for line in text_of(queue).split("\n") if "Loud" in line)
    case = await answer(await mina.click(queue, f"Look at {number}"))
    assert "b" * 299 in text_of(case)
    assert "… and 1 more" in text_of(case)
    hidden = await mina.click(case, "Hide")
    await bot.sandbox.until(lambda: "Hidden" in text_of(case) or None, WAIT, "the decision")
    assert hidden.message is None or "Hidden" in text_of(hidden.message)


async def test_a_servers_name_on_its_leaderboard(bot: BotProcess, alice: Actor) -> None:
    name = "[free](https://evil.example) @everyone **b**"
    music = bot.sandbox.channel("music")
    guild = next(one for one in bot.sandbox.world.guilds.values() if one.name == GUILD)
    guild.name = name
    await bot.kill()
    await bot.restart()
    board = await (await alice.slash("leaderboard", at=music)).finished(WAIT)
    guild.name = GUILD
    # The picture has it as pixels, and its description for screen readers as plain text.
    assert (board.attachments[0].description or "").startswith(f"{name}, built-in models")
    assert name not in text_of(board)
    assert not board.mention_everyone


@pytest.mark.parametrize("blank", BLANK)
async def test_what_shows_nothing_is_refused_everywhere(alice: Actor, bob: Actor, blank: str) -> None:
    async def saved(**typed: str) -> Reply:
        form = await alice.slash("preset save", start="scratch")
        return await alice.submit(form, {"name": "x", "template": "x", "settings": "mode: ar"} | typed)

    for reply, said in (
        (await ask(alice, blank), "`prompt` is empty"),
        (await ask(alice, "<@123>" + blank), "`prompt` is empty"),
        (await ask(alice, "rain", mode="diffusion", negative=blank), "`negative` is empty"),
        (await alice.slash("duel start", prompt=blank), "`prompt` is empty"),
        (await alice.slash("coach", prompt=blank), "`prompt` is empty"),
        (await saved(name=blank), "word or two"),
        (await saved(template=blank), "is empty"),
        (await bob.slash("preset report", preset="#1", reason=blank), "The report is empty"),
    ):
        message = await private(reply)
        assert said in text_of(message)


async def test_a_model_reads_words(bot: BotProcess, alice: Actor, tmp_path: Path) -> None:
    clip = await made(alice, "<:pepe:123> and <a:x:1> 🎹 for <@123>, in <#456>\nslow\x00\u202e \u200bnow")
    prompt = "pepe and x 🎹 for, in\nslow now"
    assert read_recipe(mp3_of(clip, bot.sandbox, tmp_path)).prompt == prompt
    assert prompt.replace("\n", " ") in text_of(clip)


async def test_what_no_database_can_store_is_looked_for_all_the_same(alice: Actor) -> None:
    surrogate = "\ud800"
    assert await alice.autocomplete("music", "prompt", f"{surrogate}nothing like it") == []
    assert await alice.autocomplete("duel rematch", "duel", f"{surrogate}nothing like it") == []
    assert await alice.autocomplete("preset use", "preset", f"{surrogate}Meditation") != []
    message = await private(await alice.slash("preset show", preset=f"{surrogate}nothing like it"))
    assert "reference" not in text_of(message)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"prompt": "rain", "mode": "both"}, "mode has to be ar or diffusion"),
        ({"prompt": "rain", "seed": 1.5}, "`seed` has to be a whole number|doesn't work for that option"),
        ({"prompt": 7}, "has to be a text|doesn't work for that option"),
        ({"prompt": "x" * 50_000}, "50,000 characters"),
        ({"prompt": "\x00\ud800"}, "`prompt` is empty"),
        ({}, "no value|changed"),
    ],
)
async def test_values_that_no_client_sends_are_answered(
    bot: BotProcess, alice: Actor, monkeypatch: pytest.MonkeyPatch, values: dict[str, object], said: str
) -> None:
    def as_given(path: CommandPath, *_: object) -> list[dict[str, object]]:
        kinds = {option["name"]: option["type"] for option in path.options}
        return [{"name": name, "type": kinds[name], "value": value} for name, value in values.items()]

    monkeypatch.setattr("sandbox.client.fill_options", as_given)
    text = text_of(await private(await alice.slash("music")))
    assert re.search(said, text), text
    assert "reference" not in text
