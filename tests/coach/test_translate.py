from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings

from bot.coach.images import ATMOSPHERE, images
from bot.coach.lexicon import key_of, lexicon
from bot.coach.translate import translate
from bot.presets.scenarios import starters
from bot.recipe import Mode
from tests.coach.texts import modes, texts

ORDERING = {word for phrase in images().scaffold for word in phrase.split()} | {"and", "or", "but", "a", "an"}


def words(text: str) -> Counter[str]:
    return Counter(key_of(match.group()) for match in re.finditer(r"[^\W_]+", text))


@given(texts, modes)
@settings(max_examples=400, deadline=None)
def test_a_translation_keeps_every_word_but_those_of_time(text: str, to: Mode) -> None:
    lost = words(text) - words(translate(text, to))
    assert not lost.keys() - ORDERING


@given(texts, modes)
@settings(max_examples=300, deadline=None)
def test_there_and_back_keeps_every_word_but_those_of_time(text: str, to: Mode) -> None:
    other = Mode.AR if to is Mode.DIFFUSION else Mode.DIFFUSION
    back = translate(translate(text, to), other)
    assert not (words(text) - words(back)).keys() - ORDERING


@given(texts, modes)
@settings(max_examples=400, deadline=None)
def test_translating_twice_is_translating_once(text: str, to: Mode) -> None:
    once = translate(text, to)
    assert translate(once, to) == once


def test_an_order_becomes_a_picture() -> None:
    painted = translate("Start with a cello, then add harp, build to full strings", Mode.DIFFUSION)
    reading = lexicon().read(painted)
    assert not reading.of_class("order")
    assert len(reading.of_class(*ATMOSPHERE)) >= 3
    assert all(word in painted for word in ("cello", "harp", "full strings"))


def test_a_picture_becomes_an_order() -> None:
    ordered = translate("warm rain on tin, soft piano, distant trumpet, 90 bpm", Mode.AR)
    assert ordered == "start with soft piano, and build to distant trumpet, over warm rain on tin, 90 bpm"


def test_a_picture_without_players_gets_some() -> None:
    ordered = translate("neon on wet asphalt", Mode.AR)
    assert ordered.endswith("then let it grow and fade, over neon on wet asphalt")
    assert lexicon().read(ordered).of_class("instrument")


@pytest.mark.parametrize("to", list(Mode))
@pytest.mark.parametrize("text", ["", "   ", "🎹🎹", "ein leises Klavier mit Regen auf dem Dach"])
def test_what_cannot_be_translated_comes_back(text: str, to: Mode) -> None:
    assert translate(text, to) == text


def test_the_starters_survive_the_way_there() -> None:
    for scenario in starters():
        for mode, prompts in scenario.prompts.items():
            other = Mode.AR if mode is Mode.DIFFUSION else Mode.DIFFUSION
            for prompt in prompts:
                reading = lexicon().read(translate(prompt, other))
                assert (
                    reading.of_class("order") if other is Mode.AR else len(reading.of_class(*ATMOSPHERE)) >= 3
                )
