from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.presets.names import NAME_CHARACTERS, display_name, name_key
from tests.coach.texts import anything

MARKUP = "*_~|`\\<>[]@#:/-.() \u200d\ufe0f\u202e\u0301abAB1ßİ🧑🎹"
names = st.one_of(anything, st.text(alphabet=MARKUP, max_size=40))


def cleaned(text: str) -> str:
    try:
        return display_name(text)
    except UserError:
        assume(False)
        raise


@given(names)
@settings(max_examples=400, deadline=None)
@example("<<@1>@2>")
@example("@@everyone")
@example("hthttp://tp://x")
def test_a_clean_name_is_one_line_of_visible_text_without_markup(text: str) -> None:
    name = cleaned(text)
    assert 1 <= len(name) <= NAME_CHARACTERS
    assert name == name.strip() == " ".join(name.split()) == unicodedata.normalize("NFC", name)
    assert not set(name) & set("*_~|`\\<>[]@")
    assert "://" not in name
    assert name[0] not in "#-+•>"
    assert all(unicodedata.category(c)[0] != "C" or c in "\u200c\u200d" for c in name)
    name.encode("utf-8")


@given(names)
@settings(max_examples=400, deadline=None)
def test_cleaning_a_clean_name_changes_nothing(text: str) -> None:
    name = cleaned(text)
    assert display_name(name) == name


@given(names)
@settings(deadline=None)
def test_a_key_is_its_own_key(text: str) -> None:
    key = name_key(text)
    assert name_key(key) == key


@given(
    st.text(alphabet=st.characters(categories=["Ll", "Lu", "Nd", "Zs"], exclude_characters="ıſ"), max_size=30)
)
@settings(deadline=None)
def test_case_and_spaces_do_not_make_another_name(text: str) -> None:
    assert name_key(text.casefold()) == name_key(text)
    assert name_key(f"  {text.replace(' ', '   ')} ") == name_key(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  rainy   night ", "rainy night"),
        ("**bold** and __under__", "bold and under"),
        ("[free nitro](https://evil.example)", "(free nitro)(evil.example)"),
        ("hi <@123456> and <@&42> in <#7>", "hi and in"),
        ("@everyone look", "everyone look"),
        ("# heading\n> quote", "heading quote"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("cafe\u0301", "café"),
        ("🧑\u200d🚀 launch", "🧑\u200d🚀 launch"),
        ("a\u200db", "ab"),
        ("lo-fi c#", "lo-fi c#"),
        ("Z" + "\u0301" * 40 + "algo", "Ź\u0301algo"),
        ("雨の夜", "雨の夜"),
        ("ليلة ممطرة", "ليلة ممطرة"),
        ("<:piano:123> keys", "keys"),
        ("||spoiler||", "spoiler"),
    ],
)
def test_examples(text: str, name: str) -> None:
    assert display_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "   ", "\u200b\u202e", "***", "\u3164", "\u2800", "<@1>", "\ud800", "…!?"]
)
def test_a_name_with_nothing_to_read_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="word or two"):
        display_name(text)


def test_a_long_name_is_refused_with_its_length() -> None:
    with pytest.raises(UserError, match="has 61 characters; 60 is the most"):
        display_name("a" * 61)
    assert display_name("a" * 60) == "a" * 60


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rainy Night", "rainy NIGHT"),
        ("Straße", "STRASSE"),
        ("ﬁre", "FIRE"),
        ("Ａｂｃ", "abc"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ],
)
def test_names_that_read_the_same_have_one_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_names_that_differ_have_two_keys() -> None:
    assert len({name_key(name) for name in ("rain", "rain 2", "ra in", "räin", "雨")}) == 5
