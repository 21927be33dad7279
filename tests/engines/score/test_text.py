from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engines.score import MODELS
from bot.engines.score.text import END, FIRST_BUCKET, FIRST_NUMBER, FIRST_WORD, MAX_TOKENS, Words, asked_tempo
from bot.errors import ModelMissing

WORDS = Words(MODELS / "text")


@given(st.text(max_size=4_000))
def test_any_text_is_a_few_known_ids(text: str) -> None:
    ids = WORDS.ids(text)
    assert 1 <= len(ids) <= MAX_TOKENS
    assert ids[-1] == END
    assert all(0 < i < WORDS.size for i in ids)
    assert ids == WORDS.ids(text)


@pytest.mark.parametrize(
    "text",
    ["", "🎻🎹", "موسيقى هادئة للنوم", "ピアノ", "…!?", "a" * 4_000, "lofi " * 800, "<@123> **bold**", "٣ ٤"],
)
def test_odd_prompts_are_read(text: str) -> None:
    assert WORDS.ids(text)[-1] == END


def test_numbers_have_ids_of_their_own() -> None:
    assert WORDS.ids("120 bpm")[0] == FIRST_NUMBER + 120
    assert WORDS.ids("120bpm") == WORDS.ids("120 bpm")
    assert WORDS.ids("99999999999")[0] != FIRST_NUMBER


@pytest.mark.parametrize(
    ("prompt", "bpm"),
    [
        ("techno at 130 bpm", 130),
        ("techno 130BPM", 130),
        ("90 beats per minute", 90),
        ("tempo 120, house", 120),
        ("a tempo of 72", 72),
        ("808 bpm", None),
        ("house from 1999", None),
        ("12 bpm then 100 bpm", 100),
        ("piano", None),
    ],
)
def test_a_tempo_in_figures_is_read(prompt: str, bpm: float | None) -> None:
    assert asked_tempo(prompt) == bpm


def test_spellings_meet() -> None:
    assert WORDS.ids("lo-fi") == WORDS.ids("lofi")
    assert WORDS.ids("Hip-Hop") == WORDS.ids("hip hop")
    assert WORDS.ids("VIOLINS") in (WORDS.ids("violins"), WORDS.ids("violin"))
    assert WORDS.ids("8-bit") == WORDS.ids("chiptune")


def test_the_words_of_music_are_words() -> None:
    for word in [
        "lofi",
        "techno",
        "violin",
        "cello",
        "harp",
        "chiptune",
        "baroque",
        "kalimba",
        "marimba",
        "reggae",
        "cyberpunk",
        "glitch",
    ]:
        assert WORDS.ids(word)[0] >= FIRST_WORD, word


def test_an_unknown_word_falls_into_its_bucket_not_away() -> None:
    ids = WORDS.ids("qzxvkw")
    assert FIRST_BUCKET <= ids[0] < FIRST_WORD
    assert WORDS.ids("moonviolin") == [*WORDS.ids("moon")[:-1], *WORDS.ids("violin")]


def test_a_missing_vocabulary_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="fetch"):
        Words(tmp_path)


@given(st.text(max_size=300))
def test_the_count_is_of_all_tokens_and_the_ids_are_its_first(prompt: str) -> None:
    counted, ids = WORDS.count(prompt), WORDS.ids(prompt)
    assert len(ids) == min(counted, MAX_TOKENS)
