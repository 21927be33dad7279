"""The small T5 encoder that reads prompts, in T5's own parameter names, without importing transformers.

Importing transformers takes seconds, which the first clip of every start would wait for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from bot.engines.score.sizes import MAX_LAYERS, positive_in, size_in


class T5Encoder(nn.Module):
    """T5's encoder with gated GELU (arXiv:1910.10683, arXiv:2002.05202), for one prompt at a time.

    config: T5's config.json. The parameters take no memory until weights are assigned to them
    (`load_state_dict(…, assign=True)`). Raises ValueError for what is no such T5.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        if config.get("feed_forward_proj") != "gated-gelu":
            raise ValueError(f"feed_forward_proj is {config.get('feed_forward_proj')}, not gated-gelu")
        self._buckets = size_in(config, "relative_attention_num_buckets")
        self._far = size_in(config, "relative_attention_max_distance")
        if self._buckets < 4 or self._far <= self._buckets // 4:
            raise ValueError(f"{self._buckets} buckets of distances do not reach {self._far} words")
        layers = size_in(config, "num_layers", MAX_LAYERS)
        with torch.device("meta"):
            self.shared = _table(size_in(config, "vocab_size"), size_in(config, "d_model"))
            self.encoder = nn.Module()
            self.encoder.block = nn.ModuleList(
                _Block(config, with_bias=number == 0) for number in range(layers)
            )
            self.encoder.final_layer_norm = _RmsNorm(config)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the states [words, d_model] of token ids int64 [words]."""
        x = self.shared(ids)
        first: Any = self.encoder.block[0]  # type: ignore[index]
        bias = first.layer[0].SelfAttention.relative_attention_bias(self._distances(len(ids)).to(ids.device))
        for block in self.encoder.block:  # type: ignore[union-attr]
            x = block(x, bias.permute(2, 0, 1))
        out: torch.Tensor = self.encoder.final_layer_norm(x)  # type: ignore[operator]
        return out

    def _distances(self, words: int) -> torch.Tensor:
        """Return the bucket of each distance, [words, words]: exact up close, logarithmic farther off."""
        places = torch.arange(words)
        distance = places[None, :] - places[:, None]
        half = self._buckets // 2
        exact = half // 2
        near = distance.abs()
        growth = torch.log(near.clamp_min(1).float() / exact) / math.log(self._far / exact)
        far = (exact + (growth * (half - exact)).long()).clamp_max(half - 1)
        return (distance > 0) * half + torch.where(near < exact, near, far)


def _table(rows: int, width: int) -> nn.Embedding:
    # Given its weights: drawing them, where they take no memory, has torch import its compiler for seconds.
    table: nn.Embedding = nn.Embedding.from_pretrained(torch.empty(rows, width))  # type: ignore[no-untyped-call]
    return table


class _Block(nn.Module):
    def __init__(self, config: Mapping[str, Any], *, with_bias: bool) -> None:
        super().__init__()
        attention, feed = nn.Module(), nn.Module()
        attention.SelfAttention = _Attention(config, with_bias=with_bias)
        attention.layer_norm = _RmsNorm(config)
        feed.DenseReluDense = _Gated(config)
        feed.layer_norm = _RmsNorm(config)
        self.layer = nn.ModuleList([attention, feed])

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        attention, feed = self.layer
        x = x + attention.SelfAttention(attention.layer_norm(x), bias)  # type: ignore[operator]
        out: torch.Tensor = x + feed.DenseReluDense(feed.layer_norm(x))  # type: ignore[operator]
        return out


class _Attention(nn.Module):
    def __init__(self, config: Mapping[str, Any], *, with_bias: bool) -> None:
        super().__init__()
        self._heads = size_in(config, "num_heads")
        width, inner = size_in(config, "d_model"), self._heads * size_in(config, "d_kv")
        self.q, self.k, self.v = (nn.Linear(width, inner, bias=False) for _ in range(3))
        self.o = nn.Linear(inner, width, bias=False)
        if with_bias:
            buckets = size_in(config, "relative_attention_num_buckets")
            self.relative_attention_bias = _table(buckets, self._heads)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            part(x).view(len(x), self._heads, -1).transpose(0, 1) for part in (self.q, self.k, self.v)
        )
        # T5 does not scale by the square root of the width: its initialisation did.
        weights = (query @ key.transpose(1, 2) + bias).softmax(-1)
        out: torch.Tensor = self.o((weights @ value).transpose(0, 1).reshape(len(x), -1))
        return out


class _Gated(nn.Module):
    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width, inner = size_in(config, "d_model"), size_in(config, "d_ff")
        self.wi_0, self.wi_1 = (nn.Linear(width, inner, bias=False) for _ in range(2))
        self.wo = nn.Linear(inner, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = nn.functional.gelu(self.wi_0(x), approximate="tanh")
        out: torch.Tensor = self.wo(gate * self.wi_1(x))
        return out


class _RmsNorm(nn.Module):
    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size_in(config, "d_model")))
        self._epsilon = positive_in(config, "layer_norm_epsilon")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self._epsilon)
