"""A sequence in the diffusion model: which text each frame is denoised with, and where instruments enter."""

from __future__ import annotations

import numpy as np
import torch

from bot.engines.score.clauses import stages
from bot.engines.score.steer import stage_starts


def staged(prompts: list[str], beats: int, metre: int) -> tuple[list[str], list[list[slice]]]:
    """Return the texts to denoise with, and for each prompt the latent frames of each of its texts.

    A sequence has the text of the whole prompt for the header and one for each of its stages.
    """
    texts: list[str] = []
    parts: list[list[slice]] = []
    bars = -(-beats // metre)
    for prompt in prompts:
        found = stages(prompt)
        if len(found) == 1:
            texts.append(prompt)
            parts.append([slice(0, 1 + beats)])
            continue
        texts += [prompt, *found]
        edges = [1 + metre * start for start in stage_starts(len(found), bars)] + [1 + beats]
        parts.append([slice(0, 1), *map(slice, edges[:-1], edges[1:])])
    return texts, parts


def joined(out: torch.Tensor, parts: list[list[slice]]) -> torch.Tensor:
    """Return each clip [clips, 128, frames] put together from its texts' outputs [texts, 128, frames]."""
    clips, first = [], 0
    for part in parts:
        clips.append(torch.cat([out[first + n, :, frames] for n, frames in enumerate(part)], -1))
        first += len(part)
    return torch.stack(clips)


def entrances(programs: np.ndarray) -> list[tuple[int, int]]:
    """Return the bars and roles in which an instrument of programs [bars, 5] begins."""
    before = np.concatenate([np.zeros_like(programs[:1]), programs[:-1]])
    return [(int(bar), int(role)) for bar, role in np.argwhere((programs > 0) & (programs != before))]
