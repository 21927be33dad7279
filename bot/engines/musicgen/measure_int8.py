"""Measure on a checkpoint what int8 would do to it: `antiphon doctor --check-int8`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from bot.engines.checkpoints.weights import read_tensors
from bot.engines.musicgen.card import read_card
from bot.engines.musicgen.decoder import Conditions
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
"""Both public implementations' default."""


def check_int8(folder: Path, model: str, on_progress: Callable[[int, int], None]) -> QuantizationReport:
    """Compare int8 with fp32 on the checkpoint in a folder, remember what comes out, and return it.

    on_progress(done, total) is called as it goes. Raises ModelMissing.
    """
    card = read_card(folder, model)
    tensors = read_tensors(folder)
    words = TextEncoder(card, tensors, "cpu", torch.float32)
    melody = MelodyEncoder(card, tensors, "cpu", torch.float32) if card.chroma_length else None
    prompts = []
    for prompt in PROMPTS:
        states = words.states(prompt)
        if melody is None:
            prompts.append(Conditions(states))
        else:
            silence = melody.states(None)
            nothing = torch.cat([silence, torch.zeros_like(states)])
            prompts.append(Conditions(torch.cat([silence, states]), nothing))
    exact = LanguageModel.from_weights(card.sizes, tensors)
    other = LanguageModel.from_weights(card.sizes, tensors, precision="int8")
    del tensors
    report = measure(exact, other, prompts, card.frames(SECONDS), GUIDANCE_SCALE, on_progress)
    store(folder, report)
    return report
