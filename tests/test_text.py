from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text import is_blank, sanitize, visible
from tests.coach.texts import anything

SIGNS = "<>@#!&:/t1aid_R- \n\r\u2028\u0000\u200b\u200c\u200d\ufe0f\u202e\u2066\u3164\u0301🎹🏽ابกक्é"
typed = st.one_of(anything, st.text(alphabet=SIGNS, max_size=60))

BLANK = {
    "space": " ",
    "tab and line breaks": "\t\n\r\n\u2028",
    "no-break space": "\u00a0",
    "ideographic space": "\u3000",
    "zero-width space": "\u200b",
    "braille blank": "\u2800",
    "hangul filler": "\u3164",
    "hangul choseong filler": "\u115f",
    "hangul jungseong filler": "\u1160",
    "halfwidth hangul filler": "\uffa0",
    "emoji selector": "\ufe0f",
    "text selector": "\ufe0e",
    "joiner": "\u200d",
    "non-joiner": "\u200c",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "grapheme joiner": "\u034f",
    "khmer inherent vowel": "\u17b4",
    "mongolian selector": "\u180b",
    "variation selector 17": "\U000e0100",
    "tag characters": "\U000e0041\U000e0042\U000e007f",
    "override": "\u202e\u202c",
    "isolate": "\u2066\u2069",
    "interlinear annotation": "\ufff9\ufffb",
    "NUL": "\x00",
    "escape": "\x1b",
    "next line": "\x85",
    "lone surrogate": "\ud800",
    "private use": "\ue000",
    "noncharacter": "\uffff",
    "marks without a letter": "\u0301\u20dd",
    "several of them": " \u200b\u2800\u3164\u202e ",
}


@pytest.mark.parametrize("text", BLANK.values(), ids=BLANK)
def test_what_shows_nothing_is_blank(text: str) -> None:
    assert is_blank(text)
    assert is_blank(sanitize(text * 3))
    assert is_blank(sanitize(f"<@123>{text}"))


@pytest.mark.parametrize("text", ["a", "…", "🎹", "雨", "\U0001fae9", "é", "1️⃣", "<", "\u200bx"])
def test_what_shows_something_is_not(text: str) -> None:
    assert not is_blank(text)
    assert not is_blank(sanitize(text))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<:pepe:123> groove", "pepe groove"),
        ("slow<a:x:1>", "slowx"),
        ("for <@123> and <@!123>, <@&5> in <#7>", "for and, in"),
        ("a <:b:1> c", "a b c"),
        ("at <t:1780000000:R> <id:guide> sharp", "at sharp"),
        ("</play now:12> it", "play now it"),
        ("<<@1>@2> nested", "nested"),
        ("i <3 you, 4 > 3 @everyone <b>", "i <3 you, 4 > 3 @everyone <b>"),
        ("one\r\ntwo\rthree\u2028four\x85five\n\nsix", "one\ntwo\nthree\nfour\nfive\n\nsix"),
        ("a\x00b\x1b[0m\ud800c", "ab[0mc"),
        ("\u202ereversed\u202c text", "reversed text"),
        ("zero\u200bwidth\u2060\ufeff", "zerowidth"),
        ("🧑🏽\u200d🚀 1️⃣ ❤️\u200d🔥 🇩🇪", "🧑🏽\u200d🚀 1️⃣ ❤️\u200d🔥 🇩🇪"),
        (
            "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
            "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        ),
        ("می\u200cخواهم क्\u200dष", "می\u200cخواهم क्\u200dष"),
        ("a\u200db\u200cc", "abc"),
        ("\U0001fae9 new emoji", "\U0001fae9 new emoji"),
        ("שָׁלוֹם ་ བརྒྱ", "שָׁלוֹם ་ བརྒྱ"),
    ],
)
def test_what_a_model_reads(text: str, read: str) -> None:
    assert sanitize(text) == read


@given(typed)
@settings(max_examples=500, deadline=None)
def test_sanitizing_leaves_what_can_be_stored_and_shown(text: str) -> None:
    clean = sanitize(text)
    clean.encode()
    assert len(clean) <= len(text)
    assert clean == clean.strip()
    categories = {
        unicodedata.category(c)
        for c in clean
        if c not in "\n\u200c\u200d" and not "\U000e0020" <= c <= "\U000e007f"
    }
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@given(typed)
@settings(max_examples=500, deadline=None)
def test_sanitizing_twice_changes_nothing(text: str) -> None:
    assert sanitize(sanitize(text)) == sanitize(text)


@given(typed)
@settings(deadline=None)
def test_blank_text_has_no_letter_digit_or_sign(text: str) -> None:
    if is_blank(text):
        assert not any(unicodedata.category(c)[0] in "LNPS" and c in visible(text) for c in text)


def test_marks_on_one_letter_are_bounded() -> None:
    assert visible("Z" + "\u0301" * 40 + "algo") == "Z" + "\u0301" * 4 + "algo"
    assert visible("Z" + "\u0301" * 40, max_marks=None) == "Z" + "\u0301" * 40


def test_deeply_nested_markup_is_read_in_time() -> None:
    assert sanitize("<@" * 300 + "1" + ">1" * 300) == "1"
