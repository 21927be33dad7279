from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings

from bot.coach.recommend import Features, recommend_mode
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


def test_votes_overrule_words_where_they_know() -> None:
    asked: list[Features] = []

    def votes(features: Features) -> Mapping[Mode, float] | None:
        asked.append(features)
        return {Mode.AR: 0.25, Mode.DIFFUSION: 0.75} if features.counts.get("instrument") else None

    taught = recommend_mode("start with a cello, then add a harp", votes=votes)
    assert taught.mode is Mode.DIFFUSION
    assert taught.confidence == pytest.approx(0.5)
    assert "75%" in taught.reason
    assert recommend_mode("rain on wet stone", votes=votes) == recommend_mode("rain on wet stone")
    assert asked[0].prompt == "start with a cello, then add a harp"
    assert asked[0].counts["instrument"] == 2
