import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.arena.export import FORMAT, Pseudonyms, export, record
from bot.arena.votes import Choice, ExcludedReason, Feedback, Vote
from tests.arena.community import vote

KEY = bytes(range(32))
DOCS = Path(__file__).parents[2] / "docs" / "votes.md"
VOTER, DUEL, GUILD = 814_237_651_098_234_881, 77_123_456_789, 992_134_555_123_111_222


PROMPT = "slow piano\nin the rain 🌧 يا ليل"


def entry(of: Vote | None = None, **changes: Any) -> Vote:
    """Return a vote as an export finds it: with consents, unless `changes` say otherwise."""
    of = of or vote(DUEL, VOTER, tags=("mood:calm", "genre:jazz"))
    known: dict[str, Any] = {"guild": GUILD, "prompt": PROMPT, "consented": True}
    return replace(of, **known | changes)


def lines(*votes: Vote, key: bytes = KEY) -> list[dict[str, object]]:
    return [json.loads(line) for line in export(votes, key)]


def test_the_docs_name_every_field_in_order() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert documented == list(lines(entry())[0])
    assert FORMAT in DOCS.read_text(encoding="utf-8")


def test_a_vote_comes_out_as_it_was_cast() -> None:
    feedback = Feedback(reasons=("rhythm", "melody"), line='the drums “sit”, "really"', score_a=8, score_b=3)
    (found,) = lines(entry(feedback=feedback))
    assert found["prompt"] == PROMPT
    assert (found["system_a"], found["mode_a"]) == ("ace-step", "diffusion")
    assert (found["system_b"], found["mode_b"]) == ("musicgen-small", "ar")
    assert found["tags"] == ["genre:jazz", "mood:calm"]
    assert (found["reasons"], found["feedback"]) == (["rhythm", "melody"], feedback.line)
    assert (found["score_a"], found["score_b"]) == (8, 3)


@pytest.mark.parametrize(
    ("choice", "word"),
    [(Choice.A, "A"), (Choice.B, "B"), (Choice.BOTH_GOOD, "TIE"), (Choice.BOTH_BAD, "BOTH_BAD")],
)
def test_the_preference_is_in_music_arenas_words(choice: Choice, word: str) -> None:
    assert lines(entry(vote(1, 2, choice)))[0]["preference"] == word


def test_only_consented_votes_and_prompts_come_out() -> None:
    assert lines(entry(consented=False)) == []
    (found,) = lines(entry(prompt=None))
    assert found["prompt"] is None


def test_votes_that_do_not_count_say_so() -> None:
    (found,) = lines(entry(vote(1, 2, excluded=ExcludedReason.TOO_QUICK)))
    assert found["excluded_reason"] == "too_quick"


def test_no_id_and_no_time_of_day_leaves() -> None:
    cast = 1_700_000_000.0
    (text,) = export([entry(vote(DUEL, VOTER, cast_at=cast))], KEY)
    for secret in (VOTER, DUEL, GUILD, int(cast)):
        assert str(secret) not in text
    assert json.loads(text)["date"] == "2023-11-14"
    assert json.loads(text)["timestamp"] % 86_400 == 0


def test_pseudonyms_join_exports_under_one_key_and_no_other() -> None:
    one, other = (
        lines(entry(vote(DUEL, VOTER)), entry(vote(DUEL + 1, VOTER)), key=key) for key in (KEY, KEY[::-1])
    )
    assert one[0]["user_pseudonym"] == one[1]["user_pseudonym"]
    assert one[0]["duel_pseudonym"] != one[1]["duel_pseudonym"]
    assert one[0]["battle_uuid"] != one[1]["battle_uuid"]
    assert one[0]["user_pseudonym"] != other[0]["user_pseudonym"]
    assert one == lines(entry(vote(DUEL, VOTER)), entry(vote(DUEL + 1, VOTER)))


@given(st.integers(0, 2**63), st.integers(0, 2**63))
@settings(max_examples=50, deadline=None)
def test_a_voter_and_a_duel_of_one_number_share_nothing(a: int, b: int) -> None:
    names = Pseudonyms(KEY)
    found = {names.of("voter", a), names.of("duel", a), names.of("vote", a, b), names.of("guild", a)}
    assert len(found) == 4
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in found)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes; it needs 32"):
        list(export([entry()], KEY[:31]))


@given(st.text(), st.text())
@settings(max_examples=50, deadline=None)
def test_a_vote_is_one_line_whatever_was_written(prompt: str, line: str) -> None:
    one = entry(prompt=prompt, feedback=Feedback(line=line))
    (text,) = export([one], KEY)
    assert "\n" not in text
    assert "\r" not in text
    assert json.loads(text) == record(one, Pseudonyms(KEY))
