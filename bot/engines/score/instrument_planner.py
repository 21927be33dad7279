"""The diffusion model's choice of instruments, drawn from the words before anything is denoised."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bot.engines.score.format import CHORD, COUNTER, LEAD, PROGRAM_SIZES
from bot.engines.score.sentences import WIDTH

TRUNK, HIDDEN = 256, 192
TEMPERATURE, TOP = 0.7, 6
"""How freely instruments are drawn: divisor of the logits, and how many of them are left."""


class InstrumentPlanner(nn.Module):
    """Words to one program for each role, each drawn in view of those before it.

    It reads the text states, and the sentence embeddings themselves: the states were learned for scenes, and
    hold less of the instruments. In a sequence it sees what played in the stage before.

    width: channels of a text state.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hide = nn.Dropout(0.3)
        self.trunk = nn.Sequential(
            nn.Linear(2 * width + 2 * WIDTH + sum(PROGRAM_SIZES), TRUNK), nn.GELU(), nn.Dropout(0.2)
        )
        self.roles = nn.ModuleList(
            nn.Sequential(
                nn.Linear(TRUNK + sum(PROGRAM_SIZES[:role]), HIDDEN), nn.GELU(), nn.Linear(HIDDEN, size)
            )
            for role, size in enumerate(PROGRAM_SIZES)
        )

    def forward(self, words: Tensor, playing: Tensor, programs: Tensor) -> list[Tensor]:
        """Return role → logits [batch, programs].

        words: as `read` gives them.  playing: programs [batch, 5] of the stage before, 0 for none.
        programs: those of the roles before each, [batch, 5].
        """
        trunk = self.trunk(torch.cat([self.hide(words), *_one_hot(playing, words)], 1))
        chosen = _one_hot(programs, words)
        return [part(torch.cat([trunk, *chosen[:role]], 1)) for role, part in enumerate(self.roles)]

    @torch.inference_mode()
    def draw(
        self,
        words: Tensor,
        seed: int,
        unwanted: frozenset[tuple[int, int]] = frozenset(),
        before: npt.NDArray[np.integer] | None = None,
        playing: npt.NDArray[np.integer] | None = None,
    ) -> npt.NDArray[np.int64]:
        """Return the programs [5] of one prompt, words as `read` gives them; 0 for a silent role.

        One of chord, lead and counter plays always.  unwanted: pairs of role and program that are not drawn.
        before: programs [5] of a clip that is gone on with, 0 for none; each goes on where it is among those
        that could be drawn for the prompt.  playing: programs [5] of the stage before in a sequence.
        """
        rng = np.random.default_rng([seed, 2])
        stage = torch.from_numpy(np.zeros(5, np.int64) if playing is None else playing.astype(np.int64))
        trunk = self.trunk(torch.cat([words[None], *_one_hot(stage[None].to(words.device), words)], 1))[0]
        chosen: list[Tensor] = []
        out = np.zeros(len(PROGRAM_SIZES), np.int64)
        for role, part in enumerate(self.roles):
            logits = part(torch.cat([trunk, *chosen])).double().cpu().numpy() / TEMPERATURE
            logits[[program for at, program in unwanted if at == role]] = -np.inf
            if role == COUNTER and not out[[CHORD, LEAD]].any():
                logits[0] = -np.inf
            logits = np.where(logits < np.sort(logits)[-min(TOP, len(logits))], -np.inf, logits)
            edges = np.cumsum(np.exp(logits - logits.max()))
            drawn = int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))
            out[role] = min(drawn, len(edges) - 1)
            if before is not None and before[role] > 0 and np.isfinite(logits[before[role]]):
                out[role] = before[role]
            chosen.append(nn.functional.one_hot(torch.tensor(out[role]), PROGRAM_SIZES[role]).to(words))
        return out


def read(states: Tensor, mask: Tensor, vectors: Tensor) -> Tensor:
    """Return what the planner reads of prompts, [batch, 2 · width + 1024].

    states: text states [batch, n, width], 0 where masked.  mask: [batch, n].  vectors: sentence embeddings
    [batch, n, 512], the whole prompt's first, 0 where masked.
    """
    count = mask.sum(1, keepdim=True).clamp(min=1)
    # Embeddings have length 1: scaled, their components are near 1.
    scaled = vectors.to(states) * WIDTH**0.5
    return torch.cat([pool(states, mask), scaled[:, 0], scaled.sum(1) / count], -1)


def pool(states: Tensor, mask: Tensor) -> Tensor:
    """Return mean and maximum [batch, 2 · width] of text states [batch, n, width], 0 where masked."""
    count = mask.sum(1, keepdim=True).clamp(min=1)
    return torch.cat([states.sum(1) / count, states.amax(1)], -1)


def _one_hot(programs: Tensor, like: Tensor) -> list[Tensor]:
    """Return role → programs [batch, 5] as ones among zeros [batch, size]; no instrument is none."""
    return [
        nn.functional.one_hot(programs[:, role], size).to(like) for role, size in enumerate(PROGRAM_SIZES)
    ]
