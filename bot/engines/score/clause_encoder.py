"""The models' own text encoder: a small transformer over the embeddings of a prompt and its clauses."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bot.engines.score.clauses import MAX_CLAUSES, Kind
from bot.engines.score.sentences import WIDTH


class ClauseEncoder(nn.Module):
    """Sentence embeddings with their places and kinds to text states.

    width: channels of a state.  layers: transformer layers (pre-norm, GELU, 4 heads).
    Without words the states are one learned vector, which stands for "any music".
    """

    def __init__(self, width: int, layers: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.project = nn.Linear(WIDTH, width)
        self.place = nn.Embedding(1 + MAX_CLAUSES, width)
        self.kind = nn.Embedding(len(Kind), width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, 4, 3 * width, dropout, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, vectors: Tensor, kinds: Tensor, mask: Tensor) -> Tensor:
        """Return states [batch, n, width], 0 where masked.

        vectors: [batch, n, 512].  kinds, mask: [batch, n].
        """
        # Embeddings have length 1: scaled, their components are near 1, as those of the tables.
        x = self.project(vectors * WIDTH**0.5)
        x = x + self.place.weight[: x.shape[1]] + self.kind(kinds)
        # A row without words attends to itself, so that softmax has something to weigh.
        padding = ~mask
        padding = padding & ~(padding.all(1, keepdim=True))
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=padding)
        states: Tensor = self.norm(x) * mask[..., None]
        return states


def batched(
    rows: list[tuple[Tensor, Tensor]],
) -> tuple[Tensor, Tensor, Tensor]:
    """Return vectors [batch, n, 512], kinds [batch, n] and mask [batch, n] of rows, padded to the longest."""
    longest = max(1, *(len(kinds) for _, kinds in rows))
    vectors = torch.zeros(len(rows), longest, WIDTH)
    kinds = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for number, (row, kind) in enumerate(rows):
        vectors[number, : len(kind)], kinds[number, : len(kind)] = row, kind
        mask[number, : len(kind)] = True
    return vectors, kinds, mask
