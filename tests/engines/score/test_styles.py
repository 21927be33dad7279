"""The reader of styles adds the name of a style that it is sure of, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bot.engines.score import BUILT_IN, load
from bot.engines.score.clauses import MAX_CLAUSES, Kind
from bot.engines.score.engine import ScoreEngine
from bot.engines.score.sentences import WIDTH, SentenceEncoder
from bot.engines.score.styles import STYLES, SURE, StyleReader
from bot.recipe import Mode
from training.scenes import SCENES


def reader(style: int, logit: float) -> StyleReader:
    """A reader that hears one style in everything."""
    torch.manual_seed(0)
    made = StyleReader().eval()
    last = made.read[-1]
    assert isinstance(last, torch.nn.Linear)
    last.weight.data[:] = 0
    last.bias.data[:] = 0
    last.bias.data[style] = logit
    made.names.data[:] = torch.nn.functional.normalize(torch.rand(STYLES, WIDTH), dim=-1)
    return made


def prompt(clauses: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(clauses)
    vectors = rng.standard_normal((1 + clauses, WIDTH)).astype(np.float32)
    return vectors, np.array([Kind.WHOLE, *[Kind.PLAIN] * clauses])


def test_a_style_that_is_sure_is_told_after_the_words() -> None:
    made, (vectors, kinds) = reader(7, 10.0), prompt(2)
    told, told_kinds = made.with_style(vectors, kinds)
    np.testing.assert_array_equal(told[:-1], vectors)
    np.testing.assert_array_equal(told[-1], made.names[7].numpy())
    assert told_kinds.tolist() == [*kinds.tolist(), Kind.PLAIN]


@pytest.mark.parametrize(
    ("style", "logit", "clauses"),
    [(7, 0.0, 2), (STYLES, 10.0, 2), (7, 10.0, MAX_CLAUSES)],
    ids=["not sure", "none", "no place left"],
)
def test_a_prompt_stays_as_it_is_where_no_style_is_sure(style: int, logit: float, clauses: int) -> None:
    made, (vectors, kinds) = reader(style, logit), prompt(clauses)
    told, told_kinds = made.with_style(vectors, kinds)
    np.testing.assert_array_equal(told, vectors)
    np.testing.assert_array_equal(told_kinds, kinds)


def test_a_prompt_without_words_names_no_style() -> None:
    told, kinds = reader(7, 10.0).with_style(np.zeros((0, WIDTH), np.float32), np.zeros(0, np.int64))
    assert not len(told)
    assert not len(kinds)


@pytest.mark.parametrize("mode", list(Mode))
def test_the_shipped_reader_knows_situations_and_leaves_instruments_alone(mode: Mode) -> None:
    engine = load(mode.value, BUILT_IN[f"antiphon-tiny-{mode.value}"])
    assert isinstance(engine, ScoreEngine)
    names = [scene.name for scene in SCENES]
    sentences = SentenceEncoder()
    for text, style in (
        ("my baby won't sleep, please help", "lullaby"),
        ("schlaflied für ein baby", "lullaby"),
        ("pounding warehouse rave", "techno"),
        ("mellow beats for an all nighter before finals", "lofi"),
        ("flute and drums", None),
    ):
        chances = engine.styles.chances(sentences.conditioning(text)[0])
        sure = chances.argmax() < STYLES and chances.max() >= SURE
        if style is None:
            assert not sure, text
        else:
            assert sure, text
            assert names[int(chances.argmax())] == style, text
