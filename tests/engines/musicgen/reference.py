"""Untrained models of transformers at any size, and what they say, for ours to be held to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import MusicgenForCausalLM, MusicgenMelodyForCausalLM
from transformers.initialization import no_init_weights
from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig
from transformers.models.musicgen_melody.configuration_musicgen_melody import MusicgenMelodyDecoderConfig

from bot.engines.musicgen.decoder import Conditions, Decoder, Row
from bot.engines.musicgen.linear import Precision
from bot.engines.musicgen.model_config import ModelConfig
from bot.engines.musicgen.network import LanguageModel

TINY: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "ffn_dim": 64,
    "vocab_size": 24,
}
SMALL: dict[str, Any] = {}
"""MusicGen-small's shapes are the configuration's own defaults."""
PADDING = 3
"""Words of padding in the reference's input, which ours never sees."""


@dataclass
class Reference:
    """A model of transformers with random weights, and conditions for it."""

    model: Any  # MusicgenForCausalLM or MusicgenMelodyForCausalLM, whose methods have no types
    sizes: ModelConfig
    states: torch.Tensor
    null_states: torch.Tensor

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        return {f"decoder.{name}": value for name, value in self.model.state_dict().items()}

    @property
    def conditions(self) -> Conditions:
        return Conditions(self.states, self.null_states if self.sizes.prefix else None)

    def ours(self, precision: Precision = "fp32") -> LanguageModel:
        return LanguageModel.from_weights(self.sizes, self.tensors, precision=precision)

    @torch.inference_mode()
    def logits(self, columns: torch.Tensor, guidance_scale: float) -> torch.Tensor:
        """Logits [columns, codebooks, vocabulary] of columns [columns, codebooks], all in one pass."""
        worded = self._pass(columns, self.states)
        if guidance_scale == 1:
            return worded
        plain = self._pass(columns, self.null_states)
        return plain + guidance_scale * (worded - plain)

    def _pass(self, columns: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        padded, mask = states[None], None
        if not self.sizes.prefix:
            padded = torch.cat([padded, torch.zeros(1, PADDING, states.shape[1])], 1)
            mask = (torch.arange(padded.shape[1]) < len(states)).long()[None]
        out = self.model(
            input_ids=columns.T, encoder_hidden_states=padded, encoder_attention_mask=mask, use_cache=False
        )
        logits: torch.Tensor = out.logits[:, -len(columns) :].permute(1, 0, 2)
        return logits

    def greedy(self, frames: int, guidance_scale: float, known: torch.Tensor | None = None) -> torch.Tensor:
        """Likeliest tokens [codebooks, frames] after known ones, by transformers' own delay pattern."""
        start = torch.full((self.sizes.codebooks, 1), self.sizes.vocabulary)
        start = start if known is None else torch.cat([start, known], 1)
        length = frames + max(self.sizes.delays) + 1
        ids, pattern = self.model.build_delay_pattern_mask(start, self.sizes.vocabulary, length)
        while ids.shape[1] < length:
            best = self.logits(ids.T, guidance_scale)[-1].argmax(-1)
            ids = self.model.apply_delay_pattern_mask(torch.cat([ids, best[:, None]], 1), pattern)
        greedy: torch.Tensor = ids[ids != self.sizes.vocabulary].reshape(self.sizes.codebooks, -1)
        return greedy

    def columns(self, frames: int, seed: int = 0) -> torch.Tensor:
        """Random tokens in the delay pattern's columns, [columns, codebooks], the start first."""
        generator = torch.Generator().manual_seed(seed)
        tokens = torch.randint(self.sizes.vocabulary, (self.sizes.codebooks, frames), generator=generator)
        start = torch.full((self.sizes.codebooks, 1), self.sizes.vocabulary)
        length = frames + max(self.sizes.delays) + 1
        _, pattern = self.model.build_delay_pattern_mask(start, self.sizes.vocabulary, length)
        pattern[pattern == -1] = tokens.flatten()
        columns: torch.Tensor = pattern.T
        return columns


def reference(*, melody: bool = False, stereo: bool = False, words: int = 9, **sizes: Any) -> Reference:
    torch.manual_seed(0)
    kind = MusicgenMelodyDecoderConfig if melody else MusicgenDecoderConfig
    vocabulary = sizes.get("vocab_size", 2048)
    config = kind(
        num_codebooks=8 if stereo else 4,
        audio_channels=2 if stereo else 1,
        pad_token_id=vocabulary,
        bos_token_id=vocabulary,
        **sizes,
    )
    with no_init_weights():
        kind_of_model: Any = MusicgenMelodyForCausalLM if melody else MusicgenForCausalLM
        model = kind_of_model(config).eval()
    # One long run of noise, read from another place by each tensor: quick at 420 M parameters.
    noise = torch.randn(5_000_011)
    for number, parameter in enumerate(model.parameters()):
        # Wide enough that words and cache matter: at transformers' own 0.02 they hardly do.
        spread = 1.0 if parameter.ndim == 1 else 1.5 / parameter.shape[-1] ** 0.5
        own = noise.roll(7_919 * number)[: parameter.numel()].view(parameter.shape)
        parameter.detach().copy_(own).mul_(spread)
    config_json = {
        "model_type": "musicgen_melody" if melody else "musicgen",
        "decoder": config.to_dict(),
    }
    states = torch.randn(words, config.hidden_size)
    nothing = torch.zeros_like(states)
    if melody:
        nothing[: words // 2] = torch.randn(config.hidden_size)
    return Reference(model, ModelConfig.from_transformers(config_json), states, nothing)


class Forced:
    """A chooser that writes logits down and goes on with given columns."""

    def __init__(self, columns: torch.Tensor) -> None:
        self._columns = columns
        self.logits: list[npt.NDArray[np.float32]] = []

    @property
    def finished(self) -> bool:
        return len(self.logits) == len(self._columns) - 1

    def next_tokens(self, logits: npt.NDArray[np.float32], place: int) -> Sequence[int]:
        assert place == len(self.logits)
        self.logits.append(logits.copy())
        return self._columns[place + 1].tolist()


def forced_logits(
    decoder: Decoder, conditions: Conditions, columns: torch.Tensor, guidance_scale: float
) -> torch.Tensor:
    """Our logits [columns − 1, codebooks, vocabulary] at every step of given columns."""
    sampler = Forced(columns)
    row = Row(conditions=conditions, frames=1, seed=0, guidance_scale=guidance_scale, sampler=sampler)
    decoder.admit(row)
    while row not in decoder.step():
        pass
    if row.error is not None:
        raise row.error
    return torch.from_numpy(np.stack(sampler.logits))


def decoded(decoder: Decoder, *rows: Row) -> None:
    """Decode rows to their end, all at once."""
    for row in rows:
        decoder.admit(row)
    while decoder.rows:
        decoder.step()


def codes_of(row: Row) -> torch.Tensor:
    """The tokens of a row that is finished."""
    assert row.codes is not None
    return row.codes
