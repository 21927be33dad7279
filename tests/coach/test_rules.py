from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.coach import lexicon as lexicon_module
from bot.coach import rules as rules_module
from bot.coach.images import images
from bot.coach.language import foreign
from bot.coach.length import unread_from
from bot.coach.lexicon import Phrases, Span, build, lexicon, phrase_key
from bot.coach.request import Request
from bot.coach.rules import read_rules, rules
from bot.coach.tables import Table
from bot.errors import SetupError
from bot.recipe import Mode

SHIPPED = tomllib.loads(Path(rules_module.__file__).with_name("rules.toml").read_text(encoding="utf-8"))

NEW = {
    "id": "silence",
    "title": "Asking for nothing",
    "modes": ["ar"],
    "check": "words",
    "reason": "A model has to play something.",
    "suggestion": "“{seen}” is hard to render.",
    "source": "none",
    "positive": ["four minutes of dead air"],
    "negative": ["dead slow air on the lute plays"],
    "groups": [{"terms": "dead air, no sound at all"}],
}


def of(rule_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(r for r in SHIPPED["rule"] if r["id"] == rule_id)
    return copy.deepcopy(found)


def test_a_rule_can_be_added_as_data_alone() -> None:
    (rule,) = read_rules(Table("mine", {"rule": [copy.deepcopy(NEW)]}))

    def found(text: str) -> tuple[Span, ...]:
        request = Request(lexicon().read(text), Mode.AR, None, True, None)
        match = rule.check.find(request)
        return match.spans if match else ()

    assert found("Dead  air, then drums") == (Span(0, 9),)
    assert found(rule.positive[0].text)
    assert not found(rule.negative[0].text)


def test_every_rule_says_why_and_where_from() -> None:
    for rule in rules():
        assert rule.reason
        assert rule.source
        assert rule.positive
        assert rule.negative


@pytest.mark.parametrize(
    ("rule_id", "change", "reason"),
    [
        ("absolutes", {"check": "magic"}, "there is no check “magic”"),
        ("absolutes", {"modes": ["midi"]}, "“midi” isn't a mode"),
        ("absolutes", {"colour": "red"}, "unknown field “colour”"),
        ("absolutes", {"positive": []}, "“positive” needs at least one example"),
        ("absolutes", {"positive": [{"text": "x", "mode": "ar", "speed": 1}]}, "unknown field “speed”"),
        ("absolutes", {"drop": "yes"}, "“drop” has to be of type bool"),
        ("absolutes", {"groups": [{"words": "x"}]}, "unknown field “words”"),
        ("tempo-range", {"low": "slow"}, "“low” has to be of type float"),
        ("contradiction", {"pairs": [{"groups": ["fast", "purple"]}]}, "“groups” has to name two groups"),
        ("noun-list", {"rewriting": "poem"}, "“rewriting” has to be order or images"),
        ("too-long", {"reason": " "}, "“reason” is blank"),
    ],
)
def test_a_wrong_rule_is_named_with_its_field(rule_id: str, change: dict[str, Any], reason: str) -> None:
    rule = of(rule_id)
    rule.update(change)
    with pytest.raises(SetupError, match=reason) as caught:
        read_rules(Table("rules.toml", {"rule": [rule]}))
    assert rule_id in str(caught.value)


def test_what_a_rewriting_adds_pulls_against_nothing() -> None:
    groups = of("contradiction")["groups"].values()
    opposed = {phrase_key(word) for group in groups for word in group.get("words", "").split(",")} - {""}
    pile = of("abstract-adjectives")
    known = images()
    added = [*known.image.values(), *known.sound.values(), *known.default_images, known.default_sound]
    added += [*pile["offers"].values(), pile["offer"], pile["offer_with"]]
    for text in added:
        assert not list(lexicon().read(text).phrases(Phrases.of(opposed))), text


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(SetupError, match="two rules are called “silence”"):
        read_rules(Table("mine", {"rule": [copy.deepcopy(NEW), copy.deepcopy(NEW)]}))


def test_the_longest_term_is_read_first() -> None:
    terms = lexicon().read("Lo-Fi hip-hop, church organs").terms
    assert [term.key for term in terms] == ["lo fi", "hip hop", "church organs"]
    assert "instrument" in terms[2].classes


def test_a_term_does_not_reach_over_a_comma() -> None:
    assert [t.key for t in lexicon().read("steel, guitar").terms] == ["steel", "guitar"]
    assert [t.key for t in lexicon().read("steel guitar").terms] == ["steel guitar"]


def test_a_lexicon_entry_without_a_word_is_refused() -> None:
    with pytest.raises(SetupError, match="instrument"):
        build({"instrument": ["…"]})


def test_the_lexicon_names_only_classes_that_are_used() -> None:
    path = Path(lexicon_module.__file__).with_name("lexicon.toml")
    names = set(tomllib.loads(path.read_text(encoding="utf-8")))
    room = Path(lexicon_module.__file__).parent
    used = "".join(
        p.read_text(encoding="utf-8") for p in room.iterdir() if p.suffix in {".py", ".toml"} and p != path
    )
    assert not [name for name in names if f'"{name}"' not in used and f"\n{name} =" not in used]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ein Klavier und eine Geige im Regen", "German"),
        ("un piano et une guitare sous la pluie", "French"),
        ("una guitarra con lluvia", "Spanish"),
        ("um violão com chuva e uma flauta", "Portuguese"),
        ("un pianoforte con la pioggia", "Italian"),
        ("een piano met regen en een viool", "Dutch"),
        ("静かな夜", "Japanese"),
        ("安静的夜晚", "Chinese"),
        ("조용한 밤", "Korean"),
        ("тихая ночь", "a language in Cyrillic letters"),
        ("🎻", "pictures, which the model cannot see"),
    ],
)
def test_languages_are_told_apart(text: str, language: str) -> None:
    found = foreign(lexicon().read(text))
    assert found is not None
    assert found.language == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "123",
        "!!!",
        "la la la",
        "bossa nova",
        "tango",
        "piano",
        "do re mi",
        "qwrtz",
        "allegro con brio, piano plays",
        "x",
    ],
)
def test_loan_words_and_nonsense_are_no_language(text: str) -> None:
    assert foreign(lexicon().read(text)) is None


def test_the_token_estimate_grows_with_the_text_and_knows_where_reading_ends() -> None:
    text = "start with a soft piano and then add a contrabassoon at 120 bpm"
    assert unread_from(text, 64) is None
    assert unread_from("", 1) is None
    assert unread_from(text, 5) == len("start with a soft ")
    assert unread_from(text, 12) == text.index("contrabassoon")  # a long word is several tokens
    assert unread_from(text, 15) == text.index("120")  # a number of three digits is two
    assert unread_from("静かな夜", 4) == 0
    assert unread_from("静かな夜", 5) is None
