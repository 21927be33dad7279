"""Read the style of a prompt from its sentence embeddings, and tell it to the models as one clause more.

Members describe a situation ("waiting for the night bus") more often than they name a style. The models know
styles and situations from their captions; this reader has read many more, in more languages, and adds the
name of the style that it is sure of to what a model hears. The words of the prompt stay.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bot.engines.score.clauses import MAX_CLAUSES, Kind
from bot.engines.score.sentences import WIDTH, Vectors

HIDDEN = 128
STYLES = 28
SURE = 0.4
"""Chance from which on a style is added."""


class StyleReader(nn.Module):
    """Sentence embeddings to the chances of the styles, the last for none of them.

    names: embeddings [28, 512] of the styles' names.
    """

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Sequential(
            nn.Linear(WIDTH, HIDDEN), nn.GELU(), nn.Dropout(0.3), nn.Linear(HIDDEN, STYLES + 1)
        )
        self.names = nn.Parameter(torch.zeros(STYLES, WIDTH), requires_grad=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return logits [..., 29] of embeddings [..., 512]."""
        # Embeddings have length 1: scaled, their components are near 1.
        logits: Tensor = self.read(vectors * WIDTH**0.5)
        return logits

    @torch.inference_mode()
    def chances(self, vectors: Vectors) -> npt.NDArray[np.float64]:
        """Return the chances [29] of a prompt by its embeddings [n, 512], the whole prompt's first.

        The whole weighs as much as all clauses together.
        """
        logits = self(torch.from_numpy(vectors)).double()
        both = (logits[0] + logits[1:].mean(0)) / 2 if len(logits) > 1 else logits[0]
        return np.asarray(torch.softmax(both, -1).numpy())

    def with_style(
        self, vectors: Vectors, kinds: npt.NDArray[np.int64]
    ) -> tuple[Vectors, npt.NDArray[np.int64]]:
        """Return a prompt's embeddings [n, 512] and kinds [n] with the name of its style as one clause more.

        They stay as they are without words, with MAX_CLAUSES clauses, and where no style is SURE.
        """
        if not len(kinds) or len(kinds) > MAX_CLAUSES:
            return vectors, kinds
        chances = self.chances(vectors)
        style = int(chances.argmax())
        if style == STYLES or chances[style] < SURE:
            return vectors, kinds
        name = self.names[style].detach().cpu().numpy()
        return np.concatenate([vectors, name[None]]), np.append(kinds, np.int64(Kind.PLAIN))
