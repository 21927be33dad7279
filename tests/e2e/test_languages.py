"""A German member in an English server, a German server, and a locale that nobody has translated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.translations import FOLDER
from sandbox.actors import Actor, text_of
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import ask, labels, made, private, rendering, text_in
from tests.e2e.conftest import running
from tests.e2e.test_plain_words import answer_to, mention
from tests.e2e.test_settings import choose
from tests.program import CATALOGUES

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(description: Spec, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    async with running(description, Path(tmp_path_factory.mktemp("languages")), DEFAULT_SECONDS="2") as bot:
        yield bot


@pytest.fixture
def mina(bot: BotProcess) -> Actor:
    return bot.sandbox.member("mina")


def in_english(bot: BotProcess) -> None:
    """Have everybody and the server speak English again."""
    for name in ("alice", "bob", "mina"):
        bot.sandbox.member(name).speak("en-US")
    bot.sandbox.guild().speak("en-US")


async def test_a_german_member_is_answered_in_german_and_everybody_in_english(
    bot: BotProcess, alice: Actor
) -> None:
    in_english(bot)
    alice.speak("de")
    assert (
        text_of(await private(await alice.slash("queue")))
        == "Nichts wartet, dein nächster Clip beginnt sofort."
    )
    refused = text_of(await private(await alice.slash("cancel")))
    assert refused == "Von dir wartet oder rendert kein Clip."
    card = await made(alice, "a tune", seed=7)
    assert "seed 7" in text_of(card)
    assert "Again" in labels(card)
    more = await (await alice.click(card, "More")).followup()
    assert "Löschen" in labels(more)
    question = await (await alice.click(more, "Löschen")).followup()
    assert text_of(question).startswith("Diesen Clip löschen? ")
    assert labels(question) == ["Löschen", "Behalten"]


async def test_a_german_server_gets_german_cards_also_after_a_restart(
    bot: BotProcess, mina: Actor, bob: Actor
) -> None:
    in_english(bot)
    panel = await choose(mina, "language", "de")
    assert "**Language:** Deutsch" in text_of(panel)
    waiting = await rendering(bob, "slow piano")
    await text_in(waiting, r"▱ \d+ %, noch (ein paar Sekunden|etwa \d+ s|\d+–\d+ s)\.", bot.sandbox)
    assert labels(waiting) == ["Abbrechen"]
    bot.let_through()
    card = await made(bob, "once more", seed=8)
    assert "Seed 8" in text_of(card)
    assert "Nochmal" in labels(card)
    # What the member alone sees is in their own language.
    assert "Nothing is waiting" in text_of(await private(await bob.slash("queue")))
    await bot.kill()
    await bot.start()
    await bot.sandbox.ready()
    card = await made(bob, "after the restart", seed=9)
    assert "Seed 9" in text_of(card)
    await choose(mina, "language")
    assert "seed 10" in text_of(await made(bob, "in English again", seed=10))


async def test_by_default_a_server_speaks_as_in_discord(bot: BotProcess, bob: Actor, mina: Actor) -> None:
    in_english(bot)
    bot.sandbox.guild().speak("de")
    assert "Seed 11" in text_of(await made(bob, "by itself", seed=11))
    await choose(mina, "language", "en")
    assert "seed 12" in text_of(await made(bob, "by the setting", seed=12))
    await choose(mina, "language")


async def test_a_locale_without_a_translation_is_english(bot: BotProcess, alice: Actor) -> None:
    in_english(bot)
    alice.speak("fi")
    bot.sandbox.guild().speak("ja")
    assert "Nothing is waiting" in text_of(await private(await alice.slash("queue")))
    assert "seed 13" in text_of(await made(alice, "in any case", seed=13))


async def test_commands_are_described_in_german(bot: BotProcess) -> None:
    in_english(bot)
    commands = {one.name: one for one in bot.sandbox.world.commands.values()}
    music = commands["music"].body
    assert music["description_localizations"]["de"] == "Einen Clip Musik aus ein paar Worten machen"
    assert not music["name_localizations"]
    options = {one["name"]: one for one in music["options"]}
    assert options["prompt"]["description_localizations"]["de"].startswith("Was du hören willst")
    assert options["mode"]["choices"][0]["name_localizations"]["de"] == "ar: Note für Note, beständiger"
    assert commands["Report clip"].body["name_localizations"]["de"] == "Clip melden"


async def test_a_held_clip_is_cancelled_in_the_servers_language(bot: BotProcess, bob: Actor) -> None:
    in_english(bot)
    bot.sandbox.guild().speak("de")
    reply = await ask(bob, "held for ever")
    message = await reply.finished()
    await text_in(message, r"▱ \d+ %", bot.sandbox)
    await bob.click(message, "Abbrechen")
    await text_in(message, r"Abgebrochen\.", bot.sandbox)


async def test_clips_in_direct_messages_are_in_the_members_language_also_after_a_restart(
    bot: BotProcess, alice: Actor
) -> None:
    in_english(bot)
    alice.speak("de")
    room = bot.sandbox.dm("alice")
    reply = await ask(alice, "held in private", at=room)
    message = await reply.finished()
    await text_in(message, r"▱ \d+ %, noch (ein paar Sekunden|etwa \d+ s|\d+–\d+ s)\.", bot.sandbox)
    await bot.kill()
    bot.let_through()
    await bot.start()
    await bot.sandbox.ready()
    await text_in(message, r"Seed \d+", bot.sandbox)
    assert "Nochmal" in labels(message)
    alice.speak("en-US")
    english = await made(alice, "in private", at=room, seed=14)
    assert "seed 14" in text_of(english)


async def test_mentions_presets_and_moderation_are_answered_in_german(
    bot: BotProcess, alice: Actor, bob: Actor, mina: Actor
) -> None:
    in_english(bot)
    bot.sandbox.guild().speak("de")
    offer = await answer_to(bot, await bob.send(f"{mention(bot)} slow piano"))
    assert offer.content.startswith("Einen Clip aus „slow piano“ machen?")
    bot.sandbox.guild().speak("en-US")
    english = await answer_to(bot, await bob.send(f"{mention(bot)} a march"))
    assert english.content.startswith("Make a clip of “a march”?")
    for person in (alice, mina):
        person.speak("de")
    room = bot.sandbox.dm("alice")
    await made(alice, "in private", at=room, seed=15)
    # A message says no language: that of the member's last request is taken.
    direct = await answer_to(bot, await alice.send("make me something happy", at=room))
    assert direct.content.startswith("Einen Clip aus")
    card = text_of(await private(await alice.slash("preset show", preset="#1")))
    assert "Zu sehen für" in card
    listed = text_of(await private(await mina.slash("moderate clips")))
    assert listed == "Es gibt keine gemeldeten Clips. `/reports` zeigt gemeldete Presets."
    await private(await mina.slash("moderate ban", member=bob))
    banned = text_of(await private(await mina.slash("moderate unban", member=bob)))
    assert banned == f"<@{bob.id}> kann den Bot wieder benutzen."
    waiting = text_of(await private(await mina.slash("moderate queue")))
    assert waiting == "Auf diesem Server wartet niemand auf einen Clip."
    assert "Nichts wurde gemeldet" in text_of(await private(await mina.slash("reports")))


async def test_a_broken_translation_ends_the_start_with_file_and_line(
    description: Spec, bot: BotProcess, tmp_path: Path
) -> None:
    in_english(bot)
    text = (
        (FOLDER / "de.po")
        .read_text(encoding="utf-8")
        .replace('msgstr "Seed {seed}"', 'msgstr "Seed {sead}"', 1)
    )
    (tmp_path / "de.po").write_text(text, encoding="utf-8")
    other = BotProcess(bot.sandbox, tmp_path, **{CATALOGUES: str(tmp_path)})
    await other.start()
    assert await other.ended() == 2
    line = text[: text.index("{sead}")].count("\n")
    await other.printed(
        rf"The translation {tmp_path}/de\.po, line {line}, is broken: 'Seed {{sead}}' has other"
    )
    assert not any("Traceback" in one for one in other.lines)
