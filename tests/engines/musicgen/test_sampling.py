"""Tokens are drawn from the distribution that the options describe."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from bot.engines.musicgen.sampling import apply_guidance, sample_tokens

LOGITS = torch.randn(30, generator=torch.Generator().manual_seed(0)) * 1.5


def draws(count: int, temperature: float, top_k: int, top_p: float) -> torch.Tensor:
    uniforms = torch.rand(count, 1, generator=torch.Generator().manual_seed(1))
    temperatures, limits, shares = (
        torch.full((count,), float(value)) for value in (temperature, top_k, top_p)
    )
    return sample_tokens(LOGITS.expand(count, 1, -1), uniforms, temperatures, limits, shares)[:, 0]


def expected(temperature: float, top_k: int, top_p: float) -> torch.Tensor:
    """The distribution by its definition, one token after another."""
    chances = (LOGITS.double() / temperature).softmax(0)
    order = chances.argsort(descending=True).tolist()
    kept, share = [], 0.0
    within = order[:top_k] if top_k else order
    whole = float(chances[within].sum())
    for token in within:
        if top_p in (0, 1) or share < top_p * whole:
            kept.append(token)
        share += float(chances[token])
    out = torch.zeros_like(chances)
    out[kept] = chances[kept]
    return out / out.sum()


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(1.0, 0, 0.0), (0.6, 0, 1.0), (1.0, 7, 0.0), (1.3, 0, 0.8), (1.0, 12, 0.7)],
)
def test_draws_follow_the_distribution(temperature: float, top_k: int, top_p: float) -> None:
    chances = expected(temperature, top_k, top_p).numpy()
    counts = np.bincount(draws(20_000, temperature, top_k, top_p).numpy(), minlength=30)
    assert counts[chances == 0].sum() == 0
    kept = chances > 0
    assert chisquare(counts[kept], chances[kept] / chances[kept].sum() * 20_000).pvalue > 1e-3
    flatter = expected(temperature * 1.2, top_k, top_p).numpy()[kept]
    assert chisquare(counts[kept], flatter / flatter.sum() * 20_000).pvalue < 1e-6


def test_a_top_k_of_one_is_greedy_at_any_temperature() -> None:
    assert set(draws(500, 2.0, 1, 0.0).tolist()) == {int(LOGITS.argmax())}


@settings(max_examples=60, deadline=None)
@given(
    uniform=st.floats(0, 1, exclude_max=True, width=32),
    top_k=st.integers(0, 40),
    top_p=st.floats(0, 1, width=32),
    temperature=st.floats(0.0625, 4, width=32),
)
def test_no_draw_leaves_what_is_allowed(uniform: float, top_k: int, top_p: float, temperature: float) -> None:
    heat, limit, share = (torch.tensor([value]) for value in (temperature, float(top_k), top_p))
    token = int(sample_tokens(LOGITS[None, None], torch.tensor([[uniform]]), heat, limit, share))
    rank = int((LOGITS[token] < LOGITS).sum())
    assert rank < (top_k or 30)


def test_each_row_is_drawn_by_its_own_rules() -> None:
    logits = LOGITS.expand(3, 2, -1)
    uniforms = torch.tensor([[0.1, 0.9]] * 3)
    rules = torch.tensor([[1.0, 0.5, 2.0], [0.0, 1.0, 3.0], [0.0, 0.9, 0.0]])
    together = sample_tokens(logits, uniforms, *rules)
    for row in range(3):
        own = slice(row, row + 1)
        assert torch.equal(together[own], sample_tokens(logits[own], uniforms[own], *rules[:, own]))


def test_guidance_moves_away_from_the_logits_without_words() -> None:
    logits = torch.tensor([[[[1.0, 2.0]], [[0.0, 4.0]]]] * 3)
    out = apply_guidance(logits, torch.tensor([1.0, 3.0, 0.0]))
    assert out[:, 0].tolist() == [[1.0, 2.0], [3.0, -2.0], [0.0, 4.0]]
