"""Every card with the longest and most hostile texts that members can give it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.recipe import LYRICS_CHARACTERS, PROMPT_CHARACTERS, Mode
from bot.store.clips import Clip
from bot.store.duels.model import Duel, DuelSide, DuelState, Side
from bot.store.duels.votes import Tally
from bot.store.job_model import State
from bot.store.presets.model import Preset, Scope
from bot.store.presets.reports import Case
from cogs.clips.card import clip_card, clip_embed, details
from cogs.duels.card import closed_card, moment, open_card
from cogs.presets.browse import PAGE
from cogs.presets.card import brief_card, preset_card
from cogs.presets.moderation import case_card
from cogs.ui.embeds import MAX_TOTAL
from sandbox.rules.messages import embed_size
from tests.builders import FACTS, recipe
from tests.cogs.test_embeds import accepted
from tests.discord_markdown import live
from tests.store.preset_builders import ALICE, BOB, body

LINK = "[verse] [free](https://evil.example) "
WORST = {
    "signs": "*" * PROMPT_CHARACTERS,
    "links": (LINK * 40)[:PROMPT_CHARACTERS],
    "emoji": "🧑🏽‍🚀" * (PROMPT_CHARACTERS // 4),
    "addresses": ("https://evil.example/a_b " * 50)[:PROMPT_CHARACTERS],
    "right to left": "مطر (x) " * 120,
}


@pytest.fixture(params=list(WORST.values()), ids=list(WORST))
def words(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def clip(words: str, **changes: Any) -> Clip:
    lyrics = (words * 4)[:LYRICS_CHARACTERS]
    made = recipe(prompt=words, negative_prompt=words, lyrics=lyrics, sources={"melody": "a" * 64}, **changes)
    return Clip(
        id=5,
        job_id=5,
        recipe=made,
        user_id=ALICE,
        guild_id=10,
        channel_id=20,
        message_id=None,
        file="5.mp3",
        picture="5.png",
        facts=FACTS,
        created_at=0,
        preset_version=None,
    )


def preset(words: str, name: str = ":" * 60) -> Preset:
    return Preset(
        id=1,
        owner_id=ALICE,
        name=name,
        body=body(words, negative_prompt=words, description=words[:300], tags=tuple("abcde")),
        version=5,
        version_id=5,
        newest=5,
        scope=Scope.PUBLIC,
        guild_id=None,
        code="ABCDEF",
        uses=10**6,
        ups=10**6,
        downs=10**6,
        forks=10**6,
        origin="🎹" * 60,
        example_clip=None,
        created_at=0,
        deleted=False,
    )


def texts(embed: discord.Embed) -> list[str]:
    found = [
        embed.title,
        embed.description,
        *(f.name for f in embed.fields),
        *(f.value for f in embed.fields),
    ]
    return [text for text in found if text]


def harmless(embed: discord.Embed) -> None:
    """Check that Discord takes an embed, and that nothing but the bot's own markup is live in it."""
    accepted(embed)
    for text in texts(embed):
        for line in text.split("\n"):
            own = {"bold", "code", "timestamp", "quote", "list", "subtext"}
            assert {one.kind for one in live(line)} <= own, line
            assert "evil.example" not in line
            assert "<@" not in line


def test_a_clips_card(tmp_path: Path, words: str) -> None:
    for name in ("5.mp3", "5.png"):
        (tmp_path / name).touch()
    harmless(clip_card(clip(words), tmp_path, line=words).embed)
    harmless(details(clip(words)))


def test_a_presets_card(words: str) -> None:
    versions = [preset(words)] * 5
    harmless(preset_card(preset(words), versions, BOB))
    page = [brief_card(preset(words, "🎹" * 60), number, BOB, MAX_TOTAL // PAGE) for number in range(PAGE)]
    for card in page:
        harmless(card)
    assert sum(embed_size(dict(card.to_dict())) for card in page) <= MAX_TOTAL


def test_a_reported_preset(words: str) -> None:
    reasons = [(words * 2)[:299]] * 9
    embed = case_card(Case(preset(words), reasons, hidden=False, banned=False), BOB)
    harmless(embed)
    [reports] = [field for field in embed.fields if "open report" in (field.name or "")]
    assert (reports.value or "").endswith(" more")


def test_a_duel(tmp_path: Path, words: str) -> None:
    for name in ("a.mp3", "b.mp3", "d.png", "5.mp3"):
        (tmp_path / name).touch()
    duel = Duel(
        id=3,
        state=DuelState.OPEN,
        prompt=words,
        seconds=10,
        tags=(),
        built_in=True,
        user_id=ALICE,
        guild_id=10,
        channel_id=20,
        application_id=30,
        interaction_token=None,
        interaction_id=None,
        answer_id=None,
        answer_ephemeral=False,
        answer_shown="open",
        max_bytes=10**7,
        created_at=0,
        file_a="a.mp3",
        file_b="b.mp3",
        picture="d.png",
        message_id=None,
        posted_at=None,
        closes_at=None,
        error=None,
    )
    harmless(open_card(duel, tmp_path, moment(0)).embed)
    modes: dict[Side, Mode] = {"a": Mode.AR, "b": Mode.DIFFUSION}
    sides = {
        side: DuelSide(
            side=side,
            mode=mode,
            recipe=clip(words, mode=mode).recipe,
            job_id=5,
            job_state=State.RENDERED,
            job_error=None,
            tries=1,
        )
        for side, mode in modes.items()
    }
    clips: dict[Side, Clip] = {side: clip(words) for side in modes}
    harmless(closed_card(duel, sides, clips, Tally({"a": 10**6}, 10**6), tmp_path).embed)


def test_the_owners_folders_are_shown_to_nobody() -> None:
    shown = " ".join(texts(details(clip("rain", model="/home/owner/models/mine"))))
    assert "mine" in shown
    assert "owner" not in shown


def test_an_authors_id_is_shown_to_nobody() -> None:
    for reader in (ALICE, BOB):
        shown = " ".join(texts(preset_card(preset("rain"), [], reader)))
        assert str(ALICE) not in shown
        assert ("you" if reader == ALICE else "another member") in shown


def test_details_name_the_precision_where_the_clip_has_one() -> None:
    old = clip("rain")
    new = replace(old, facts={**old.facts, "precision": "bfloat16"})
    assert [
        {field.name: field.value for field in details(one).fields}.get("Precision") for one in (old, new)
    ] == [None, "bfloat16"]


def test_a_loop_says_how_long_its_bars_are_and_an_opened_one_what_was_asked_for() -> None:
    made = clip("rain", seconds=8.0, loop="true")
    made = replace(made, facts={**made.facts, "seconds": 8.9143})
    assert "8.9 s" in str(clip_embed(made).footer.text)
    assert "8.914 s" in " ".join(texts(details(made)))
    opened = replace(made, facts={"title": "a model", "licence": "MIT"})
    assert "8 s" in str(clip_embed(opened).footer.text)
    assert "8 s" in " ".join(texts(details(opened)))
