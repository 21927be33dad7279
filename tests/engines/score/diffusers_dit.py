"""diffusers' Stable Audio transformer, for ours to be held to."""

from __future__ import annotations

import warnings
from typing import Any

from torch import Tensor

with warnings.catch_warnings():
    # diffusers 0.42 warns of a deprecated name in its own imports.
    warnings.simplefilter("ignore", FutureWarning)
    from diffusers.models.embeddings import get_1d_rotary_pos_embed
    from diffusers.models.transformers.stable_audio_transformer import StableAudioDiTModel


def stable_audio(config: dict[str, Any]) -> Any:
    """Return their model of a config.json, with random weights."""
    return StableAudioDiTModel.from_config(config)


def rotary(model: Any, frames: int) -> tuple[Tensor, Tensor]:
    """Return what their model takes of positions, as training makes it."""
    made: tuple[Tensor, Tensor] = get_1d_rotary_pos_embed(
        model.config.attention_head_dim // 2, frames + 1, use_real=True, repeat_interleave_real=False
    )
    return made
