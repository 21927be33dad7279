"""The models' own text encoder: a small transformer over the embeddings of a prompt and its clauses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bot.engines.score.clauses import MAX_CLAUSES, Kind
from bot.engines.score.sentences import WIDTH, Vectors
from bot.engines.score.sizes import MAX_LAYERS, size_in

MODEL_TYPE = "antiphon_clauses"
HEADS = 4


class ClauseEncoder(nn.Module):
    """Sentence embeddings with their positions and kinds to text states.

    width: channels of a state.  layers: transformer layers (pre-norm, GELU, 4 heads).
    Without words the states are one learned vector, which stands for "any music".
    """

    def __init__(self, width: int, layers: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.width = width
        self.project = nn.Linear(WIDTH, width)
        self.position = nn.Embedding(1 + MAX_CLAUSES, width)
        self.kind = nn.Embedding(len(Kind), width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, HEADS, 3 * width, dropout, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ClauseEncoder:
        """Return an encoder by its config.json. Raises ValueError for another kind of model."""
        if config.get("model_type") != MODEL_TYPE:
            raise ValueError(f"model_type is {config.get('model_type')}, not {MODEL_TYPE}")
        width = size_in(config, "d_model")
        if width % HEADS:
            raise ValueError(f"d_model {width} isn't a multiple of {HEADS} heads")
        return cls(width, size_in(config, "num_layers", MAX_LAYERS))

    def config(self) -> dict[str, Any]:
        """Return what `from_config` reads."""
        return {"model_type": MODEL_TYPE, "d_model": self.width, "num_layers": len(self.layers)}

    def forward(self, vectors: Tensor, kinds: Tensor, mask: Tensor) -> Tensor:
        """Return states [batch, n, width], 0 where masked.

        vectors: [batch, n, 512].  kinds, mask: [batch, n].
        """
        # Embeddings have length 1: scaled, their components are near 1, as those of the tables.
        x = self.project(vectors * WIDTH**0.5)
        x = x + self.position.weight[: x.shape[1]] + self.kind(kinds)
        # A row without words attends to itself, so that softmax has something to weigh.
        padding = ~mask
        padding = padding & ~(padding.all(1, keepdim=True))
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=padding)
        states: Tensor = self.norm(x) * mask[..., None]
        return states


def batched(rows: list[tuple[Vectors, npt.NDArray[np.int64]]]) -> tuple[Tensor, Tensor, Tensor]:
    """Return vectors [batch, n, 512], kinds [batch, n] and mask [batch, n] of rows, padded to the longest.

    rows: the embeddings [n, 512] and kinds [n] of each prompt. n is at least 1 in the result.
    """
    longest = max(1, *(len(kinds) for _, kinds in rows))
    vectors = torch.zeros(len(rows), longest, WIDTH)
    kinds = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for number, (row, kind) in enumerate(rows):
        vectors[number, : len(kind)], kinds[number, : len(kind)] = (
            torch.from_numpy(row),
            torch.from_numpy(kind),
        )
        mask[number, : len(kind)] = True
    return vectors, kinds, mask
