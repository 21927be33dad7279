"""Blocked words are found in disguise, and innocent words that contain them are not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.policy.words import find_link, find_word

WORDS = (
    "slur",
    "ass",
    "nitro*",
    "god",
    "cum",
    "cunt",
    "free coins",
    "сука",
    "バカ",
    "笨蛋",
    "操",
    "씨발",
    "pot",
)


@pytest.mark.parametrize(
    "text",
    [
        "SLUR",
        "a slur, in a sentence",
        "s l u r",
        "s.l-u_r",
        "s\u200bl\u00adu\u2060r",
        "ｓｌｕｒ",
        "𝓼𝓵𝓾𝓻",
        "ⓢⓛⓤⓡ",
        "🇸🇱🇺🇷",
        "s̷l̸ŭr̈",
        "ѕlur",
        "sluuuuuur",
        "5lur",
        "$1ur",
        "@$$",
        "nitrogen",
        "FREE  COINS",
        "free.coins",
        "сука блять",
        "cука",  # the first letter is Latin
        "С У К А",
        "おバカさん",
        "ばか",
        "ﾊﾞｶ",
        "你这个笨 蛋",
        "操!",
        "씨발아",
    ],
)
def test_a_disguised_word_is_found(text: str) -> None:
    assert find_word(text, WORDS)


@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe brass band, cocktail classics",
        "document the passage of a bass line",
        "good old gospel",
        "the pen is as soft as slu r",
        "808 drums, 505 on the clock, 4/4 at 120",
        "bonitron",
        "circumference",
        "рот поёт песню",  # a mouth sings; it only looks like a pot
        "バカンス",  # holidays
        "操作",  # to operate
        "a55e55ment 2",
    ],
)
def test_an_innocent_text_passes(text: str) -> None:
    assert not find_word(text, WORDS)


LETTERS = st.text(st.sampled_from("bdefhjkmnpqrtuvwxy"), min_size=3, max_size=8)
HIDDEN = st.sampled_from(["", "\u200b", "\u200d", "\u2060", "\u00ad", "\ufeff", "\u202e", "\u034f"])
JOINT = st.sampled_from(["", "", "", ".", "-", "_", "*", "·"])


def styled(letter: str, style: int) -> str:
    forms = [
        letter,
        letter.upper(),
        chr(0xFF41 + ord(letter) - ord("a")),
        chr(0x1D41A + ord(letter) - ord("a")),
        chr(0x24D0 + ord(letter) - ord("a")),
        unicodedata.normalize("NFC", letter + "\u0301"),
        letter + "\u0336",
    ]
    return forms[style % len(forms)]


@given(LETTERS, st.data())
def test_any_mixture_of_disguises_is_seen_through(word: str, data: st.DataObject) -> None:
    parts = []
    for index, letter in enumerate(word):
        parts.append(styled(letter, data.draw(st.integers(0, 6))) + data.draw(HIDDEN))
        parts.append(data.draw(JOINT) if index < len(word) - 1 else "")
    before, after = data.draw(st.sampled_from([("", ""), ("a ", " z"), ("(", ")"), ("«", "!")]))
    assert find_word(before + "".join(parts) + after, (word,))


@given(LETTERS, st.sampled_from("aclgz"), st.sampled_from("aclgz"), st.booleans())
def test_a_word_inside_another_word_is_none(word: str, before: str, after: str, both: bool) -> None:
    longer = before + word + (after if both else "")
    assert not find_word(f"a song of {longer}s", (word,))


@given(st.text(max_size=200), st.lists(st.text(min_size=1, max_size=20), max_size=5))
def test_no_text_and_no_word_breaks_the_filter(text: str, words: list[str]) -> None:
    find_word(text, tuple(words))
    find_link(text)


def test_long_hostile_texts_take_no_time() -> None:
    words = tuple(f"{'ab' * 5}{chr(97 + n % 26)}{n}" for n in range(500))
    assert not find_word("ab" * 2000 + "-" * 500 + "a." * 1000, words)


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example",
        "hxxps://x",
        "www.evil",
        "discord.gg/abc",
        "discord . gg / abc",
        "go to example.com",
        "ｗｗｗ.x",
    ],
)
def test_an_address_is_found(text: str) -> None:
    assert find_link(text)


@pytest.mark.parametrize(
    "text",
    [
        "feat. somebody",
        "vol.2, no.5",
        "3.5 minutes",
        "Mr.Smith",
        "C major...and then silence",
        "sci.fi ambience",
    ],
)
def test_a_dot_alone_makes_no_address(text: str) -> None:
    assert not find_link(text)
