from __future__ import annotations

import pytest
from hypothesis import given, settings

from bot.coach.recommend import recommend_mode
from bot.presets.scenarios import starters
from bot.recipe import Mode
from tests.coach.texts import modes, texts


@given(texts, modes)
@settings(deadline=None)
def test_any_text_gets_a_recommendation_with_one_sentence(text: str, default: Mode) -> None:
    recommendation = recommend_mode(text, default=default)
    assert 0 <= recommendation.confidence <= 1
    assert recommendation.reason.endswith(".")


@pytest.mark.parametrize("mode", list(Mode))
def test_each_starter_is_recommended_its_own_mode(mode: Mode) -> None:
    for scenario in starters():
        for prompt in scenario.prompts[mode]:
            assert recommend_mode(prompt).mode is mode, prompt


def test_the_reason_names_the_words_that_decided() -> None:
    reason = recommend_mode("start with a cello, then add a harp").reason
    assert "“start with”" in reason
    assert "autoregressive" in reason


@pytest.mark.parametrize("default", list(Mode))
def test_a_prompt_that_says_nothing_gets_the_default(default: Mode) -> None:
    recommendation = recommend_mode("xyzzy", default=default)
    assert recommendation.mode is default
    assert recommendation.confidence == 0
