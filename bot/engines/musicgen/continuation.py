"""Continuation of audio by MusicGen: its end as the model's own tokens, and the seam with what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from bot.engines.base import RenderRequest
from bot.engines.musicgen.checkpoint import Checkpoint
from bot.engines.musicgen.codec import Codec
from bot.engines.musicgen.model_config import STRIDE_SECONDS, WINDOW_SECONDS
from bot.engines.sources import continued, fitted, read_source, splice
from bot.errors import InvalidRecipe
from bot.recipe import Role, Task

if TYPE_CHECKING:
    from bot.engines.base import Wave

CONTEXT_SECONDS = WINDOW_SECONDS - STRIDE_SECONDS
"""How much of a source's end is listened to: what the sliding window of a long clip overlaps by.

So the memory of a continuation does not grow with its source.
"""
DEAF_TO_THE_END = (
    "MusicGen hears only what comes before the new part, so the end of it may not fit what follows."
)


@dataclass(frozen=True, slots=True)
class Continuation:
    """A source that a clip goes on from.

    source: float32 [channels, samples], of a repaint as long as the clip.  known: its samples before the new
    part.  until: samples of the clip where the new part ends.  codes: int64 [codebooks, frames], the source's
    last frames before the new part; None where there are none.  frames: of the row, the known ones included.
    """

    source: Wave
    known: int
    until: int
    codes: torch.Tensor | None
    frames: int

    def joined(self, decoded: Wave, checkpoint: Checkpoint) -> Wave:
        """Return the clip, given the row's audio [channels, samples]."""
        context = 0 if self.codes is None else self.codes.shape[1] * checkpoint.hop
        begin = self.known - context
        made = np.concatenate([self.source[:, :begin], decoded], 1)[:, : self.until]
        rate = checkpoint.sample_rate
        if self.until == self.source.shape[1] or self.known < self.source.shape[1]:
            whole = fitted(made, self.source.shape[1])
            return splice(self.source, whole, self.known, self.until, rate)
        return continued(self.source, fitted(made, self.until), rate)


def read_continuation(job: RenderRequest, checkpoint: Checkpoint, codec: Codec) -> Continuation | None:
    """Return the source of a job that continues or repaints one, None for any other. Raises InvalidRecipe."""
    recipe, rate, hop = job.recipe, checkpoint.sample_rate, checkpoint.hop
    if recipe.task not in (Task.CONTINUE, Task.REPAINT):
        return None
    role = Role.START if recipe.task is Task.CONTINUE else Role.INITIAL
    source = read_source(job.sources, recipe, role, rate)
    if checkpoint.channels == 1:
        source = source.mean(0, keepdims=True)
    known, until = source.shape[1], checkpoint.samples(recipe.seconds)
    if recipe.task is Task.REPAINT:
        if source.shape[1] < until - rate:
            raise InvalidRecipe(
                f"The clip to repaint is {source.shape[1] / rate:.1f} s long, not {recipe.seconds:g} s. "
                "Set its own length."
            )
        source = fitted(source, until)
        known = round(float(recipe.options["repaint_start"]) * rate)
        until = round(float(recipe.options["repaint_end"]) * rate)
    context = min(known // hop, round(CONTEXT_SECONDS * checkpoint.frame_rate))
    codes = None
    if context:
        codes = codec.encode(torch.from_numpy(source[:, known - context * hop : known]))
    return Continuation(source, known, until, codes, context - (known - until) // hop)
