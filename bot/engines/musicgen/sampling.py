"""Drawing tokens from logits, every row by its own rules, without a look at the host."""

from __future__ import annotations

import torch


def guided(logits: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return logits [slots, codebooks, vocabulary] moved away from those without words.

    logits: [slots, 2, codebooks, vocabulary], with words and without.  scale: [slots]; 1 is no guidance.
    Classifier-free guidance as in arXiv:2207.12598 and both public implementations.
    """
    worded, plain = logits[:, 0].float(), logits[:, 1].float()
    scale = scale[:, None, None]
    return torch.where(scale == 1, worded, plain + scale * (worded - plain))


def draw(
    logits: torch.Tensor,
    uniforms: torch.Tensor,
    temperature: torch.Tensor,
    top_k: torch.Tensor,
    top_p: torch.Tensor,
    most: int | None = None,
) -> torch.Tensor:
    """Return tokens int64 [slots, codebooks] by inverting the cumulative distribution at `uniforms`.

    logits: [slots, codebooks, vocabulary].  uniforms: [slots, codebooks], 0 ≤ u < 1.  The rest [slots]:
    temperature > 0; top_k keeps the likeliest tokens, 0 keeps all; top_p keeps the likeliest that together
    reach this share, after top_k (arXiv:1904.09751), 0 or 1 keeps all. A top_k of 1 is greedy.
    most: how many of the likeliest are looked at, no less than any top_k; all if None.
    """
    ordered, tokens = logits.topk(most or logits.shape[-1])
    # Not divided by their sum: what lies beyond `most` changes nothing.
    chances = ((ordered - ordered[..., :1]) / temperature[:, None, None]).exp()
    ranks = torch.arange(ordered.shape[-1], device=logits.device)
    kept = torch.where(top_k > 0, top_k, logits.shape[-1])[:, None, None]
    chances = chances.masked_fill(ranks >= kept, 0)
    before = chances.cumsum(-1) - chances
    share = torch.where((top_p > 0) & (top_p < 1), top_p, 2)[:, None, None] * chances.sum(-1, keepdim=True)
    chances = chances.masked_fill(before >= share, 0)
    edges = chances.cumsum(-1)
    aim = uniforms[..., None] * edges[..., -1:]
    # Rounding may put the aim on the last edge; a token of no chance is never drawn. NaN draws the first.
    last = (chances > 0).sum(-1, keepdim=True) - 1
    place = torch.minimum((edges <= aim).sum(-1, keepdim=True), last).clamp_min(0)
    return tokens.gather(-1, place)[..., 0]
