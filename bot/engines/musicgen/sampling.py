"""Sampling of tokens from logits on the device, with parameters of its own for each slot.

No value is read by the host: a synchronisation in each column would cost more than the sampling, and a
captured CUDA graph allows none.
"""

from __future__ import annotations

import torch


def apply_guidance(logits: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Apply classifier-free guidance: uncond + scale · (cond − uncond).

    logits: [slots, 2, codebooks, vocabulary], conditional and unconditional.  scale: [slots]; 1 is no
    guidance. Returns [slots, codebooks, vocabulary]. Source: arXiv:2207.12598 and both public
    implementations.
    """
    cond, uncond = logits[:, 0].float(), logits[:, 1].float()
    scale = scale[:, None, None]
    return torch.where(scale == 1, cond, uncond + scale * (cond - uncond))


def sample_tokens(
    logits: torch.Tensor,
    uniforms: torch.Tensor,
    temperature: torch.Tensor,
    top_k: torch.Tensor,
    top_p: torch.Tensor,
    limit: int | None = None,
) -> torch.Tensor:
    """Return tokens int64 [slots, codebooks] by inverting the cumulative distribution at `uniforms`.

    logits: [slots, codebooks, vocabulary].  uniforms: [slots, codebooks], 0 ≤ u < 1.  The rest [slots]:
    temperature > 0; top_k keeps the likeliest tokens, 0 keeps all; top_p keeps the likeliest that together
    reach this share, after top_k (arXiv:1904.09751), 0 or 1 keeps all. A top_k of 1 is greedy.
    limit: number of likeliest tokens that are considered, at least every top_k; all if None.

    The uniforms come from outside, drawn before the loop: a seed gives the same tokens on every device, and
    in whichever slot and company the row is decoded.
    """
    ordered, tokens = logits.topk(limit or logits.shape[-1])
    # Unnormalised probabilities: the sum over tokens beyond `limit` is never needed.
    chances = ((ordered - ordered[..., :1]) / temperature[:, None, None]).exp()
    ranks = torch.arange(ordered.shape[-1], device=logits.device)
    kept = torch.where(top_k > 0, top_k, logits.shape[-1])[:, None, None]
    chances = chances.masked_fill(ranks >= kept, 0)
    before = chances.cumsum(-1) - chances
    share = torch.where((top_p > 0) & (top_p < 1), top_p, 2)[:, None, None] * chances.sum(-1, keepdim=True)
    chances = chances.masked_fill(before >= share, 0)
    edges = chances.cumsum(-1)
    target = uniforms[..., None] * edges[..., -1:]
    # Rounding can put the target on the last edge: the clamp keeps tokens of probability 0 out. NaN gives
    # index 0.
    last = (chances > 0).sum(-1, keepdim=True) - 1
    index = torch.minimum((edges <= target).sum(-1, keepdim=True), last).clamp_min(0)
    return tokens.gather(-1, index)[..., 0]
