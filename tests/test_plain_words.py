from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.plain_words import prompt_in
from bot.recipe import PROMPT_CHARACTERS, validate_prompt


@pytest.mark.parametrize(
    ("message", "prompt"),
    [
        ("play me some slow piano", "some slow piano"),
        ("<@123> slow piano please", "slow piano"),
        ("<@!123>, could you make me a sad cello tune, please?", "a sad cello tune"),
        ("hey Antiphon, can you please compose something happy!", "something happy"),
        ("make me something happy", "something happy"),
        ("I'd like to hear rain on a tin roof", "rain on a tin roof"),
        ("give us a clip of calm jazz", "calm jazz"),
        ("playful marimba", "playful marimba"),
        ("makeshift drums, 90 bpm", "makeshift drums, 90 bpm"),
        ("singing bowls", "singing bowls"),
        ("静かな悲しいピアノ", "静かな悲しいピアノ"),
        ("a song with <:wave:123456> and <@&77> drums", "a song with wave and drums"),
        ("Hi-hat and snare", "Hi-hat and snare"),
    ],
)
def test_the_words_of_a_request_are_its_prompt(message: str, prompt: str) -> None:
    assert prompt_in(message) == prompt


@pytest.mark.parametrize(
    "message", ["", "<@123>", "hi", "hello!", "help", "please", "play", "<@1> <@2> ?", "\u200b", "thank you!"]
)
def test_a_message_without_music_has_no_prompt(message: str) -> None:
    assert prompt_in(message) is None


@given(st.text(max_size=5_000))
def test_whatever_is_written_a_prompt_is_one_that_music_takes(message: str) -> None:
    prompt = prompt_in(message)
    assert prompt is None or validate_prompt(prompt) == prompt


def test_a_long_message_is_cut_after_a_word() -> None:
    prompt = prompt_in("waves " * 400)
    assert prompt is not None
    assert PROMPT_CHARACTERS - 6 <= len(prompt) <= PROMPT_CHARACTERS
    assert set(prompt.split()) == {"waves"}
