"""Instruments are drawn from the words: never none, never an unwanted one, the same for a seed."""

import numpy as np
import pytest
import torch

from bot.engines.score.format import CHORD, COUNTER, DRUMS, LEAD, PROGRAM_SIZES
from bot.engines.score.instrument_planner import InstrumentPlanner, read
from bot.engines.score.sentences import WIDTH as VECTOR

WIDTH = 8
WORDS = 2 * WIDTH + 2 * VECTOR


def planner(silent: bool) -> InstrumentPlanner:
    torch.manual_seed(0)
    made = InstrumentPlanner(WIDTH).eval()
    if silent:
        for part in made.roles:
            part[-1].bias.data[0] = 100.0  # type: ignore[index]
    return made


@pytest.mark.parametrize("seed", range(20))
def test_one_pitched_role_plays_even_where_silence_is_likeliest(seed: int) -> None:
    programs = planner(silent=True).draw(torch.zeros(WORDS), seed)
    assert programs[[CHORD, LEAD]].tolist() == [0, 0]
    assert programs[COUNTER] > 0


def test_a_seed_draws_the_same_and_another_draws_otherwise() -> None:
    made, pooled = planner(silent=False), torch.ones(WORDS)
    drawn = {tuple(made.draw(pooled, seed).tolist()) for seed in range(10)}
    assert len(drawn) > 5
    assert made.draw(pooled, 3).tolist() == made.draw(pooled, 3).tolist()


def test_what_is_unwanted_is_not_drawn() -> None:
    made, pooled = planner(silent=False), torch.ones(WORDS)
    kits = frozenset((DRUMS, kit) for kit in range(1, PROGRAM_SIZES[DRUMS]))
    assert any(made.draw(pooled, seed)[DRUMS] for seed in range(10))
    assert not any(made.draw(pooled, seed, kits)[DRUMS] for seed in range(10))


def test_what_plays_already_plays_on_where_it_could_be_drawn() -> None:
    made, pooled = planner(silent=False), torch.ones(WORDS)
    before = made.draw(pooled, 1)
    assert before.all(), "every role plays"
    assert all(np.array_equal(made.draw(pooled, seed, before=before), before) for seed in range(2, 12))
    unwanted = frozenset({(LEAD, int(before[LEAD]))})
    assert made.draw(pooled, 2, unwanted, before)[LEAD] != before[LEAD]
    with torch.no_grad():
        made.roles[LEAD][-1].bias[before[LEAD]] = -100  # type: ignore[index]
    assert made.draw(pooled, 2, before=before)[LEAD] != before[LEAD], "not for this prompt"


def test_a_role_that_is_silent_before_is_drawn_as_ever() -> None:
    made, pooled = planner(silent=False), torch.ones(WORDS)
    assert np.array_equal(made.draw(pooled, 3, before=np.zeros(5, int)), made.draw(pooled, 3))


def test_the_stage_before_is_seen_in_a_sequence() -> None:
    made, words = planner(silent=False), torch.ones(WORDS)
    stages = [np.zeros(5, int), np.array([1, 2, 3, 4, 5]), np.array([7, 2, 30, 4, 0])]
    # So that it tells at all before any training.
    made.trunk[0].weight.data[:, WORDS:] *= 30  # type: ignore[index, operator]
    drawn = {tuple(made.draw(words, 3, playing=stage).tolist()) for stage in stages}
    assert len(drawn) == 3
    assert np.array_equal(made.draw(words, 3, playing=stages[0]), made.draw(words, 3))


def test_what_is_masked_is_not_read() -> None:
    torch.manual_seed(1)
    states, vectors = torch.rand(2, 3, WIDTH), torch.rand(2, 3, VECTOR)
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    states, vectors = states * mask[..., None], vectors * mask[..., None]
    words = read(states, mask, vectors)
    assert words.shape == (2, WORDS)
    alone = read(states[1:, :2], mask[1:, :2], vectors[1:, :2])
    assert torch.allclose(words[1], alone[0])
