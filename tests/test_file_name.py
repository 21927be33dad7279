from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.file_name import MAX_CHARACTERS, file_stem


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("Slow piano, in the rain!", "slow-piano-in-the-rain"),
        ("guitarra española triste y lenta", "guitarra-espanola-triste-y-lenta"),
        ("Straße, Łódź, Øresund", "strasse-lodz-oresund"),
        ("don't stop", "dont-stop"),
        ("ﬁne ２ tunes", "fine-2-tunes"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\Windows\\a.exe", "c-windows-a-exe"),
        ("雨の東京 lofi", "lofi"),
        ("下雨天的钢琴曲", "antiphon-7"),
        ("🎹🌧️🔥", "antiphon-7"),
        ("x", "antiphon-7"),
        ("con", "con-clip"),
        ("LPT1", "lpt1-clip"),
        ("word " * 40, "-".join(["word"] * 12)),
        ("y" * 200, "y" * MAX_CHARACTERS),
    ],
)
def test_a_file_is_named_by_the_words_that_made_it(text: str, stem: str) -> None:
    assert file_stem(text, "antiphon-7") == stem


@given(st.text(max_size=300))
def test_any_text_gives_a_name_that_every_system_takes(text: str) -> None:
    stem = file_stem(text, "antiphon-7")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", stem)
    assert len(stem) <= MAX_CHARACTERS + len("-clip")
