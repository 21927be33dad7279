from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.recipe.keys import KEYS, TONICS, normalize_key, tonic_and_scale
from bot.recipe.options import OPTIONS, InvalidField


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("C major", "C major"),
        ("c", "C major"),
        ("F# minor", "F# minor"),
        ("f sharp min", "F# minor"),
        ("Bbm", "Bb minor"),
        ("b flat minor", "Bb minor"),
        ("B-flat major", "Bb major"),
        ("b", "B major"),
        ("bb", "Bb major"),
        ("E♭ major", "Eb major"),
        ("Am", "A minor"),
        ("AM", "A major"),
        ("Cb", "B major"),
        ("e# MINOR", "F minor"),
        ("h moll", "h moll"),
        ("D dorian", "D dorian"),
        ("", ""),
    ],
)
def test_keys_have_one_spelling(typed: str, key: str) -> None:
    assert normalize_key(typed) == key
    if typed.strip() and key not in KEYS:
        with pytest.raises(InvalidField, match="`key` has to be one of C major, "):
            OPTIONS["key"].validate(typed)
    elif typed:
        assert OPTIONS["key"].validate(typed) == key


@given(st.sampled_from(KEYS))
def test_a_key_is_its_own_spelling(key: str) -> None:
    assert normalize_key(key) == key
    assert OPTIONS["key"].validate(key.upper()) == key
    tonic, scale = tonic_and_scale(key)
    assert f"{TONICS[tonic]} {scale}" == key


@given(st.text(max_size=30))
def test_any_text_is_read_without_harm(text: str) -> None:
    assert normalize_key(text) == text or normalize_key(text) in KEYS
