"""The measurement of int8 or int4 against fp32 on a checkpoint: `antiphon doctor --check-int8`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from bot.engines.checkpoints.weights import open_tensors
from bot.engines.musicgen.checkpoint import read_checkpoint
from bot.engines.musicgen.decoder import Conditions
from bot.engines.musicgen.linear import Precision
from bot.engines.musicgen.melody import MelodyEncoder
from bot.engines.musicgen.network import LanguageModel
from bot.engines.musicgen.quantization_check import QuantizationReport, measure, store
from bot.engines.musicgen.text import TextEncoder

PROMPTS = (
    "slow piano in the rain, close and warm",
    "fast techno with a rolling bass line, 140 bpm",
    "string quartet playing a sad waltz",
    "80s pop with bright synths and big drums",
)
SECONDS = 2.0
GUIDANCE_SCALE = 3.0
"""The default of both public implementations."""


def measure_quantization(
    folder: Path, model: str, precision: Precision, on_progress: Callable[[int, int], None]
) -> QuantizationReport:
    """Compare a precision with fp32 on the checkpoint in a folder; store and return the report.

    on_progress(done, total) is called as it goes. Raises ModelMissing.
    """
    checkpoint = read_checkpoint(folder, model)
    tensors = open_tensors(folder)
    words = TextEncoder(checkpoint, tensors, "cpu", torch.float32)
    melody = MelodyEncoder(checkpoint, tensors, "cpu", torch.float32) if checkpoint.chroma_length else None
    prompts = []
    for prompt in PROMPTS:
        states = words.states(prompt)
        if melody is None:
            prompts.append(Conditions(states))
        else:
            silence = melody.states(None)
            nothing = torch.cat([silence, torch.zeros_like(states)])
            prompts.append(Conditions(torch.cat([silence, states]), nothing))
    exact = LanguageModel.from_weights(checkpoint.sizes, tensors)
    other = LanguageModel.from_weights(checkpoint.sizes, tensors, precision=precision)
    del tensors
    report = measure(exact, other, prompts, checkpoint.frames(SECONDS), GUIDANCE_SCALE, on_progress)
    store(folder, precision, report)
    return report
