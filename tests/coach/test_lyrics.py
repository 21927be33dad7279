"""Advice on lyrics."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.coach.lyrics import advise_lyrics, count_words

SONG = """[verse 1]
Soft notes in the morning light
I walk along the river side

[chorus]
Music fills the air tonight
And all the city lights are bright
"""


def test_a_song_as_it_should_be_gets_no_advice() -> None:
    assert advise_lyrics(SONG, 30, "English") == []
    assert advise_lyrics(SONG, 30) == []
    assert advise_lyrics("[Chorus - anthemic]\nla la la la la\n[Guitar Solo]\n", 10) == []


@pytest.mark.parametrize(
    ("lyrics", "seconds", "language", "says"),
    [
        (SONG, 6, None, "about 24 words for 6 seconds, more than anybody sings.*at least 8 seconds"),
        (SONG, 300, None, "about 24 words for 300 seconds. Add lines"),
        ("[verse]\n[chorus]", 30, None, "tags alone"),
        ("[verse] Soft notes in the light", 10, None, r"Line 1 has words beside the tag \[verse\]"),
        ("la la la\nla la [chorus]", 10, None, r"Line 2 has words beside the tag \[chorus\]"),
        ("(Chorus)\nla la la la la", 10, None, r"“\(Chorus\)” is sung as a word. Write \[chorus\]"),
        ("[vrese]\nla la la la la", 10, None, r"\[vrese\] isn't a usual section"),
        ("[verse\nla la la la la", 10, None, "bracket of a section tag is missing"),
        ("[verse]\n你好世界你好世界", 10, "English", "look Chinese, and the language is set to English"),
        ("さくら さくら 弥生の空は", 10, "Chinese", "look Japanese"),
        ("привет как дела мой друг", 10, "German", "look Russian"),
    ],
)
def test_what_goes_wrong_is_said(lyrics: str, seconds: float, language: str | None, says: str) -> None:
    [advice] = advise_lyrics(lyrics, seconds, language)
    assert re.search(says, advice), advice


@pytest.mark.parametrize(
    ("lyrics", "language"),
    [("你好世界你好世界", "Cantonese"), ("你好世界你好世界", None), ("привіт як справи друже", "Ukrainian")],
)
def test_a_script_that_fits_is_not_mentioned(lyrics: str, language: str | None) -> None:
    assert advise_lyrics(lyrics, 6, language) == []


def test_words_are_counted_without_tags() -> None:
    assert count_words("[verse 1]\nDon't stop-and-go now") == 3
    assert count_words("春眠不覺曉") == pytest.approx(5 / 1.5)
    assert count_words("") == 0


@given(st.text(max_size=400), st.floats(0.1, 600), st.sampled_from([None, "English", "Thai"]))
def test_any_text_is_advised_in_short_sentences(lyrics: str, seconds: float, language: str | None) -> None:
    for advice in advise_lyrics(lyrics, seconds, language):
        assert 10 < len(advice) < 200
