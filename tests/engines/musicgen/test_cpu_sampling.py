"""The compiled draw is sample_tokens' own, or undecided."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numba import njit

from bot.engines.musicgen.cpu import sampling
from bot.engines.musicgen.cpu.sampling import UNDECIDED, DrawScratch
from bot.engines.musicgen.sampling import sample_tokens

RULES = [
    (1.0, 250, 0.0),
    (0.7, 0, 0.9),
    (1.3, 40, 0.5),
    (0.05, 250, 0.0),
    (4.0, 0, 0.0),
    (1.0, 1, 0.0),
    (1.0, 5_000, 1.0),
    (1.0, 250, 1e-30),
]


@njit(error_model="numpy")
def draws(scores: Any, bits: Any, uniforms: Any, rules: Any, keys: Any, weights: Any, out: Any) -> None:
    temperature, top_k, top_p = rules[0], rules[1], rules[2]
    scratch = DrawScratch(keys, weights)
    for i in range(len(scores)):
        out[i] = sampling.sampled_token(scores[i], bits[i], uniforms[i], temperature, top_k, top_p, scratch)


def both(scores: torch.Tensor, uniforms: torch.Tensor, rule: tuple[float, int, float]) -> tuple[Any, Any]:
    """Return the compiled draws from scores [draws, vocabulary], and sample_tokens'."""
    given, own, (_, top_k, _) = np.array(rule, np.float32), scores.numpy(), rule
    drawn = np.zeros(len(own), np.int64)
    scratch = (np.zeros(own.shape[1], kind) for kind in (np.int32, np.int64))
    draws(own, own.view(np.int32), uniforms.numpy(), given, *scratch, drawn)
    limit = min(top_k, own.shape[1]) or own.shape[1]
    temperature, kept, share = (torch.full((len(own),), float(value)) for value in rule)
    expected = sample_tokens(scores[:, None], uniforms[:, None], temperature, kept, share, limit)
    return drawn, expected[:, 0].numpy()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("vocabulary", [24, 2048])
def test_a_draw_is_that_of_the_definition(rule: tuple[float, int, float], vocabulary: int) -> None:
    generator = torch.Generator().manual_seed(vocabulary)
    scores = torch.randn(3_000, vocabulary, generator=generator) * torch.linspace(0.1, 8, 3_000)[:, None]
    drawn, expected = both(scores, torch.rand(3_000, generator=generator), rule)
    decided = drawn != UNDECIDED
    assert (drawn == expected)[decided].all()
    if rule[2] != 1e-30:
        assert decided.mean() > 0.98


@pytest.mark.parametrize("rule", RULES)
def test_where_rounding_or_the_order_of_equal_logits_decides_the_draw_is_left_open(
    rule: tuple[float, int, float],
) -> None:
    generator = torch.Generator().manual_seed(1)
    # A few values, many tokens of each, both zeros among them.
    scores = torch.randint(-3, 4, (500, 60), generator=generator) * torch.tensor([0.5, -0.5]).repeat(30)
    scores[::2] += torch.rand(250, 60, generator=generator)
    drawn, expected = both(scores, torch.rand(500, generator=generator), rule)
    decided = drawn != UNDECIDED
    assert (drawn == expected)[decided].all()
    assert not decided[1::2].all()
    # Two equal logits, of which top-k keeps one.
    order = scores[::2].sort(descending=True).values
    if 0 < rule[1] < 60:
        scores[::2][scores[::2] == order[:, rule[1], None]] = order[:, rule[1] - 1]
        drawn, expected = both(scores[::2].contiguous(), torch.rand(250, generator=generator), rule)
        decided = drawn != UNDECIDED
        assert (drawn == expected)[decided].all()
    # At the edges between tokens, and beside them by a rounding.
    scores = torch.randn(1, 60, generator=generator).repeat(600, 1)
    chances = (scores[0].sort(descending=True).values.double() / rule[0]).softmax(0)
    if 0 < rule[1] < 60:
        chances[rule[1] :] = 0
    edges = (chances.cumsum(0) / chances.sum()).float()
    beside = torch.nextafter(edges, edges.new_tensor(2.0)), torch.nextafter(edges, edges.new_tensor(0.0))
    uniforms = torch.cat([edges, *beside]).clamp(0, 1 - 2**-24).repeat(4)[:600]
    drawn, expected = both(scores, uniforms, rule)
    decided = drawn != UNDECIDED
    assert (drawn == expected)[decided].all()
