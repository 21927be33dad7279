"""Sentence embeddings: unknown words are left out and named, emoji and drawn-out words are read."""

import importlib.resources
from pathlib import Path

import numpy as np
import pytest

from bot.engines.score import sentences
from bot.engines.score.clauses import Kind
from bot.engines.score.sentences import WIDTH, SentenceEncoder
from bot.errors import ModelMissing


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder()


@pytest.mark.parametrize("prompt", ["asdfgh qwerty", "qzxvkw", "שלום עולם", "पियानो उदास", "λυπημένο"])
def test_a_prompt_without_a_known_word_steers_nowhere_and_is_named(
    prompt: str, encoder: SentenceEncoder
) -> None:
    vectors, kinds = encoder.conditioning(prompt)
    assert vectors.shape == (0, WIDTH)
    assert not len(kinds)
    assert encoder.unknown(prompt) == [prompt]


@pytest.mark.parametrize(
    "prompt",
    [
        "lofi",
        "dnb",
        "groovy",
        "1720",
        "🎸🔥",
        "安静的钢琴",
        "静かなピアノ",
        "잔잔한 피아노",
        "موسيقى حزينة",
        "เปียโน",
        "грустная скрипка",
    ],
)
def test_words_of_sixteen_languages_abbreviations_and_emoji_are_known(
    prompt: str, encoder: SentenceEncoder
) -> None:
    assert encoder.unknown(prompt) == []
    assert len(encoder.conditioning(prompt)[0]) == 2


def test_only_the_clause_without_a_known_word_is_left_out(encoder: SentenceEncoder) -> None:
    _, kinds = encoder.conditioning("slow jazz, asdfgh qwerty")
    assert kinds.tolist() == [Kind.WHOLE, Kind.PLAIN]
    assert encoder.unknown("slow jazz, asdfgh qwerty") == ["asdfgh qwerty"]


@pytest.mark.parametrize(("drawn", "plain"), [("jaaazz", "jazz"), ("metallll", "metal"), ("🎷", "saxophone")])
def test_a_word_is_read_as_its_plain_spelling(drawn: str, plain: str, encoder: SentenceEncoder) -> None:
    np.testing.assert_array_equal(encoder.conditioning(drawn)[0], encoder.conditioning(plain)[0])


def test_likeness_crosses_languages(encoder: SentenceEncoder) -> None:
    english, chinese, other = encoder.encode(["sad quiet piano", "安静悲伤的钢琴", "fast techno rave"])
    assert english @ chinese > english @ other + 0.2


def test_other_weights_than_the_ones_of_the_training_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "resources").mkdir()
    for name in sentences.CHECKSUMS:
        (tmp_path / "resources" / name).write_bytes(b"other weights")
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path)
    sentences._check.cache_clear()
    with pytest.raises(ModelMissing, match=r"not the one that the models were trained with"):
        SentenceEncoder()
    sentences._check.cache_clear()
