from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import example, given, settings

from bot.coach.advice import coach
from bot.coach.lexicon import key_of, lexicon, phrase_key
from bot.coach.rules import Example, Rule, rules
from bot.coach.tables import packaged
from bot.engines.score.config import ENCODER_LANGUAGES
from bot.recipe import Mode
from bot.recipe.capabilities import ENGLISH
from tests.coach.texts import limits, modes, texts

CASES = [
    pytest.param(rule, shown, fires, id=f"{rule.id}-{'fires' if fires else 'rests'}-{shown.mode}-{number}")
    for rule in rules()
    for fires, examples in ((True, rule.positive), (False, rule.negative))
    for number, shown in enumerate(examples)
]


@pytest.mark.parametrize(("rule", "shown", "fires"), CASES)
def test_each_rule_does_on_its_examples_what_its_data_say(rule: Rule, shown: Example, fires: bool) -> None:
    advice = coach(shown.text, shown.mode, prompt_tokens=shown.tokens, instrumental=shown.instrumental)
    assert (rule.id in {finding.rule for finding in advice.findings}) == fires


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
def test_advice_reads_as_a_sentence(rule: Rule) -> None:
    shown = rule.positive[0]
    advice = coach(shown.text, shown.mode, prompt_tokens=shown.tokens, instrumental=shown.instrumental)
    for finding in advice.findings:
        for sentence in (finding.title, finding.reason, finding.suggestion):
            assert sentence.strip()
            assert not re.search(r"[{}]|  ", sentence)


@given(texts, modes, limits)
@settings(max_examples=400, deadline=None)
@example("\ud800", Mode.AR, 1)
@example("a" * 4_000, Mode.DIFFUSION, 1)
@example("9" * 4_000 + " bpm", Mode.AR, 64)
@example("bpm 0", Mode.AR, None)
@example("٣٠٠ bpm", Mode.AR, None)
@example("best " * 800, Mode.AR, 64)
@example("a-" * 2_000, Mode.AR, 64)
def test_any_text_gets_advice_whose_spans_lie_in_it(text: str, mode: Mode, limit: int | None) -> None:
    advice = coach(text, mode, prompt_tokens=limit)
    assert (advice.prompt, advice.mode) == (text, mode)
    assert len({finding.rule for finding in advice.findings}) == len(advice.findings)
    for finding in advice.findings:
        assert finding.spans
        assert list(finding.spans) == sorted(finding.spans)
        assert all(0 <= span.start < span.end <= len(text) for span in finding.spans)
        assert all(
            span.of(text).strip() in finding.seen for span in finding.spans if finding.rule != "too-long"
        )


@given(texts, modes, limits)
@settings(max_examples=400, deadline=None)
@example("fast sad " * 40, Mode.AR, 64)
@example("calm aggressive, quiet loud, happy sad, minimal dense calm angry " * 9, Mode.DIFFUSION, 64)
def test_rewriting_twice_is_rewriting_once(text: str, mode: Mode, limit: int | None) -> None:
    once = coach(text, mode, prompt_tokens=limit).rewritten
    assert coach(once, mode, prompt_tokens=limit).rewritten == once


@pytest.mark.parametrize(
    "text", ["ein leises Klavier mit Regen", "静かなピアノと雨の音", "тихое пианино", "🎹🌧️"]
)
def test_a_language_is_mentioned_only_to_a_model_that_was_not_trained_on_it(text: str) -> None:
    def found(languages: frozenset[str]) -> set[str]:
        advice = coach(text, Mode.AR, prompt_tokens=64, languages=languages)
        return {finding.rule for finding in advice.findings}

    assert "language" in found(ENGLISH)
    assert "language" not in found(ENCODER_LANGUAGES)


def test_a_language_that_the_encoder_does_not_know_is_still_mentioned() -> None:
    swedish = "en lugn melodi med piano och regn på taket"
    advice = coach(swedish, Mode.AR, prompt_tokens=64, languages=ENCODER_LANGUAGES)
    assert "language" in {finding.rule for finding in advice.findings}


def _letters(text: str) -> Counter[str]:
    return Counter(key_of(match.group()) for match in re.finditer(r"[^\W_]+", text))


def _removable() -> frozenset[str]:
    """Every word that some rule's data let the rewriting take out: superlatives, opposites, and filler."""
    words = {"and", "but", "or", "yet", "also", "very", "too", "really", "a", "an"}
    for entry in packaged("rules.toml").tables("rule"):
        fields = {name: entry.mapping(name) for name in ("groups",) if entry.text("check") == "opposites"}
        for group in fields.get("groups", {}).values():
            words.update(phrase_key(group.get("words", "")).split())
    absolutes = next(r for r in packaged("rules.toml").tables("rule") if r.text("id") == "absolutes")
    for group in absolutes.tables("groups"):
        words.update(phrase_key(" ".join(group.texts("terms"))).split())
    words.update(absolutes.texts("tidy"), absolutes.texts("companions"))
    length = next(r for r in packaged("rules.toml").tables("rule") if r.text("id") == "too-long")
    words.update(phrase_key(" ".join(length.texts("filler"))).split())
    return frozenset(words)


REMOVABLE = _removable()


def test_no_instrument_can_be_removed() -> None:
    players = {
        key for key, classes in lexicon().classes.items() if "instrument" in classes and " " not in key
    }
    assert not players & REMOVABLE


@given(texts, modes, limits)
@settings(max_examples=400, deadline=None)
def test_rewriting_keeps_every_word_but_the_empty_ones(text: str, mode: Mode, limit: int | None) -> None:
    rewritten = coach(text, mode, prompt_tokens=limit).rewritten
    # Hyphens in genre names go, and some names grow together (lo-fi): compare what is left without them too.
    kept = _letters(rewritten)
    solid = re.sub(r"[\W_]+", "", rewritten).casefold()
    for word, count in (_letters(text) - kept).items():
        assert word in REMOVABLE or key_of(word) in key_of(solid), (word, count, rewritten)


@given(texts, modes)
@settings(max_examples=300, deadline=None)
def test_rewriting_keeps_every_number_instrument_and_tempo(text: str, mode: Mode) -> None:
    rewritten = coach(text, mode, prompt_tokens=64).rewritten
    numbers = Counter(re.findall(r"\d+", text))
    if (
        not {"100", "4", "8", "1", "10", "11"} & numbers.keys()
    ):  # “4k”, “100% perfect” and “10/10” are superlatives
        assert not numbers - Counter(re.findall(r"\d+", rewritten))
    before = Counter(t.key for t in lexicon().read(text).of_class("instrument"))
    after = Counter(t.key for t in lexicon().read(rewritten).of_class("instrument"))
    words = Counter(" ".join(after.elements()).split())
    for key in before:
        assert all(words[word] or word in rewritten.casefold() for word in key.split())


@pytest.mark.parametrize(
    ("text", "mode", "rewritten"),
    [
        ("lofi-hip-hop with  piano that loops", Mode.AR, "lofi hip hop with piano that loops"),
        ("a perfect evening, oud plays", Mode.AR, "an evening, oud plays"),
        ("drums and perfect piano, rain", Mode.DIFFUSION, "drums and piano, rain"),
        ("the best, flawless piano loop rolls", Mode.AR, "the piano loop rolls"),
        ("fast and sad violin plays", Mode.AR, "slow, introspective violin plays with subtle swing"),
        ("violin, viola, cello, harp", Mode.AR, "start with violin, then add viola, cello, finish with harp"),
        ("piano, bass and drums", Mode.AR, "start with piano, then add bass, finish with drums"),
        ("make the most beautiful and slow harp run", Mode.AR, "make the slow harp run"),
        ("play the best guitar solo ever", Mode.AR, "play the guitar solo"),
        ("perfect", Mode.AR, "perfect"),
        ("soft piano in the rain", Mode.DIFFUSION, "soft piano in the rain"),
    ],
)
def test_rewriting(text: str, mode: Mode, rewritten: str) -> None:
    assert coach(text, mode, prompt_tokens=64).rewritten == rewritten


def test_the_reworded_prompt_of_a_bare_list_satisfies_its_rule() -> None:
    for text, mode in (("violin, viola, cello, harp", Mode.AR), ("kick, snare, bass, synth", Mode.DIFFUSION)):
        better = coach(text, mode, prompt_tokens=64).rewritten
        assert not coach(better, mode, prompt_tokens=64).findings


def test_a_known_name_comes_with_a_description_of_its_sound() -> None:
    (finding,) = coach("in the style of Brian Eno, mist", Mode.DIFFUSION, prompt_tokens=64).findings
    assert finding.rule == "style-of"
    assert "Brian Eno" in finding.suggestion
    assert "piano" in finding.suggestion


def test_a_prompt_in_german_is_told_the_english_words() -> None:
    (finding,) = coach("sanfter Regen und ein Klavier", Mode.DIFFUSION, prompt_tokens=64).findings
    assert finding.rule == "language"
    assert "German" in finding.suggestion
    assert "Regen = rain" in finding.suggestion


def test_voices_are_fine_where_the_model_has_them() -> None:
    text = "a woman sings while a guitar strums"
    assert [f.rule for f in coach(text, Mode.AR, prompt_tokens=64).findings] == ["vocals"]
    assert not coach(text, Mode.AR, prompt_tokens=64, instrumental=False).findings


def test_the_unread_part_of_a_long_prompt_is_the_span() -> None:
    text = "start with a cello that plays, " * 6 + "then a celesta"
    (finding,) = coach(text, Mode.AR, prompt_tokens=20).findings
    assert finding.rule == "too-long"
    assert finding.spans[0].end == len(text)
    assert finding.spans[0].start > 40
    assert not coach(text, Mode.AR, prompt_tokens=None).findings
