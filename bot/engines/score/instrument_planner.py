"""The diffusion model's choice of instruments, drawn from the words before anything is denoised."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bot.engines.score.format import CHORD, COUNTER, LEAD, PROGRAM_SIZES

HIDDEN = 192
TEMPERATURE, TOP = 0.7, 6
"""How freely instruments are drawn: divisor of the logits, and how many of them are left."""


class InstrumentPlanner(nn.Module):
    """Text states to one program for each role, each drawn in view of those before it.

    width: channels of a text state.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.roles = nn.ModuleList(
            nn.Sequential(
                nn.Linear(2 * width + sum(PROGRAM_SIZES[:role]), HIDDEN), nn.GELU(), nn.Linear(HIDDEN, size)
            )
            for role, size in enumerate(PROGRAM_SIZES)
        )

    def forward(self, pooled: Tensor, programs: Tensor) -> list[Tensor]:
        """Return role → logits [batch, programs].

        pooled: text states [batch, 2 · width].  programs: those of the roles before each, [batch, 5].
        """
        chosen = [
            nn.functional.one_hot(programs[:, role], size).to(pooled)
            for role, size in enumerate(PROGRAM_SIZES)
        ]
        return [part(torch.cat([pooled, *chosen[:role]], 1)) for role, part in enumerate(self.roles)]

    @torch.inference_mode()
    def draw(
        self,
        pooled: Tensor,
        seed: int,
        unwanted: frozenset[tuple[int, int]] = frozenset(),
        before: npt.NDArray[np.integer] | None = None,
    ) -> npt.NDArray[np.int64]:
        """Return the programs [5] of one prompt, pooled [2 · width]; 0 for a silent role.

        One of chord, lead and counter plays always.  unwanted: pairs of role and program that are not drawn.
        before: programs [5] that play already, 0 for none; each goes on where it is among those that could be
        drawn for the prompt.
        """
        rng = np.random.default_rng([seed, 2])
        chosen: list[Tensor] = []
        out = np.zeros(len(PROGRAM_SIZES), np.int64)
        for role, part in enumerate(self.roles):
            logits = part(torch.cat([pooled, *chosen])).double().cpu().numpy() / TEMPERATURE
            logits[[program for at, program in unwanted if at == role]] = -np.inf
            if role == COUNTER and not out[[CHORD, LEAD]].any():
                logits[0] = -np.inf
            logits = np.where(logits < np.sort(logits)[-min(TOP, len(logits))], -np.inf, logits)
            edges = np.cumsum(np.exp(logits - logits.max()))
            drawn = int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))
            out[role] = min(drawn, len(edges) - 1)
            if before is not None and before[role] > 0 and np.isfinite(logits[before[role]]):
                out[role] = before[role]
            chosen.append(nn.functional.one_hot(torch.tensor(out[role]), PROGRAM_SIZES[role]).to(pooled))
        return out


def pool(states: Tensor, mask: Tensor) -> Tensor:
    """Return mean and maximum [batch, 2 · width] of text states [batch, n, width], 0 where masked."""
    count = mask.sum(1, keepdim=True).clamp(min=1)
    return torch.cat([states.sum(1) / count, states.amax(1)], -1)
