"""The built-in autoregressive engine: MusicGen's architecture over score tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch

from bot.engines.checkpoints.weights import load_strict, with_prefix
from bot.engines.musicgen.decoder import SLOT_COUNTS, Conditions, Decoder
from bot.engines.musicgen.decoder import Row as Slot
from bot.engines.musicgen.linear import DTYPES, Precision, precisions_on
from bot.engines.musicgen.model_config import ModelConfig
from bot.engines.musicgen.network import LanguageModel
from bot.engines.score.clause_encoder import ClauseEncoder, batched
from bot.engines.score.clauses import stages
from bot.engines.score.config import ADVICE, ScoreConfig
from bot.engines.score.decode import Row
from bot.engines.score.engine import ScoreEngine, load_weights, torch_dtype
from bot.engines.score.format import (
    MAX_SECONDS,
    METRES,
    STEPS_PER_BEAT,
    STREAMS,
    TEMPO_CLASSES,
    VOCABULARY,
    Score,
    beats_in,
    clock_of,
    from_frames,
    tempo_of,
)
from bot.engines.score.format_version import VERSION
from bot.engines.score.header_request import requested_header
from bot.engines.score.known import Known, resampled
from bot.engines.score.sections import Opening, Section
from bot.engines.score.steer import requested_instruments
from bot.errors import ModelMissing
from bot.recipe import Recipe

CODEC = "antiphon_score"
MAX_FRAMES = max(
    len(clock_of(MAX_SECONDS, metre, beats_in(MAX_SECONDS, tempo_of(TEMPO_CLASSES - 1)) * STEPS_PER_BEAT))
    for metre in METRES
)
"""Frames of the longest, fastest score."""


class ArEngine(ScoreEngine):
    """Writes a score token by token.

    The checkpoint is in MusicGen's layout; its config declares the score codec.
    """

    def __init__(self, score_config: ScoreConfig, device: str, dtype: torch.dtype | str | None) -> None:
        super().__init__(score_config, device)
        path = score_config.folder / "model.safetensors"
        try:
            config = json.loads((score_config.folder / "config.json").read_text(encoding="utf-8"))
            codec = config["audio_encoder"]
            if codec["model_type"] != CODEC or codec["version"] != VERSION:
                raise ModelMissing(
                    f"The model in {score_config.folder} does not write this program's scores: {ADVICE}."
                )
            sizes = ModelConfig.from_transformers(config)
            encoder = ClauseEncoder.from_config(config["text_encoder"])
        except (OSError, ValueError, KeyError) as error:
            raise ModelMissing(f"{score_config.folder / 'config.json'} cannot be read: {ADVICE}.") from error
        if sizes.codebooks != STREAMS or sizes.vocabulary != VOCABULARY:
            raise ModelMissing(
                f"The model in {score_config.folder} has other token streams than the score format: {ADVICE}."
            )
        weights = load_weights(path)
        self._text: ClauseEncoder | None = encoder
        load_strict(encoder, with_prefix(weights, "text_encoder."), score_config.folder, "text encoder")
        self._project: Any = torch.nn.Linear(encoder.width, sizes.hidden)
        load_strict(
            self._project, with_prefix(weights, "enc_to_dec_proj."), score_config.folder, "text projection"
        )
        for module in (self._text, self._project):
            module.to(device=device).eval()
        precision = _precision(dtype, device)
        self.precision = str(DTYPES[precision]).removeprefix("torch.")
        try:
            self.model: LanguageModel | None = LanguageModel.from_weights(
                sizes, weights, device=device, precision=precision
            )
        except ModelMissing as error:
            raise ModelMissing(f"The weights {path} do not fit their configuration: {error}") from error

    def close(self) -> None:
        """Give the model's memory back; the engine cannot write afterwards."""
        self._text = self._project = None
        self.model = None

    def known_of_variation(self, recipe: Recipe, source: Score) -> Known:
        """Return the source with a share of its phrases free, chosen with the recipe's seed."""
        return resampled(source, self.option(recipe, "strength"), recipe.seed)

    def write_section(
        self,
        recipe: Recipe,
        section: Section,
        step: Callable[[int, int], None],
        opening: Opening | None = None,
    ) -> Score:
        """Return a section's score, decoded in columns; calls step(done, total) for each."""
        prompt = stages(recipe.prompt)[-1] if section.later else recipe.prompt
        row = self.row(recipe, section)

        def on_column(done: int, total: int) -> None:
            step(done, total)
            if opening is None or opening.over:
                return
            if (first_bars := row.beginning(opening.seconds)) is not None:
                opening.offer(from_frames(first_bars))

        self.decode([prompt], [row], self.option(recipe, "guidance_scale"), on_column)
        return from_frames(row.result())

    def row(self, recipe: Recipe, section: Section) -> Row:
        """Return the row that writes a section of a recipe; rows of takes can be decoded together."""
        asked = requested_instruments(recipe)
        return Row(
            section.seconds,
            section.seed,
            self.option(recipe, "temperature"),
            int(self.option(recipe, "top_k")),
            requested_header(recipe),
            asked.settled if section.later else asked,
            section.known,
            section.keep,
        )

    def decode(
        self, prompts: list[str], rows: list[Row], guidance_scale: float, step: Callable[[int, int], None]
    ) -> None:
        """Decode one row a prompt, beside each other; step(done, total) is called for every column.

        What it raises ends the decoding.
        """
        assert self.model is not None, "the engine is closed"
        slots = next(count for count in SLOT_COUNTS if count >= len(rows))
        decoder = Decoder(self.model, slots, window=MAX_FRAMES, stride=1, longest=MAX_FRAMES)
        sequences: list[_Sequence] = []
        for prompt, row in zip(prompts, rows, strict=True):
            slot = Slot(
                conditions=Conditions(self.text_states(prompt)),
                frames=MAX_FRAMES,
                seed=0,
                guidance_scale=guidance_scale,
                sampler=row,
            )
            decoder.admit(slot)
            if len(parts := stages(prompt)) > 1:
                sequences.append(_Sequence(slot, row, [Conditions(self.text_states(part)) for part in parts]))
        done = 0
        while decoder.rows:
            for sequence in sequences:
                sequence.advance(decoder)
            for ended in decoder.step():
                if ended.error is not None:
                    raise ended.error
            done += 1
            longest = max(row.total or MAX_FRAMES for row in rows) + STREAMS
            step(min(done, longest), longest)

    @torch.inference_mode()
    def text_states(self, prompt: str) -> torch.Tensor:
        """Return a prompt's states [n, width], as the language model takes them."""
        assert self._text is not None, "the engine is closed"
        vectors, kinds, mask = batched([self.conditioning(prompt)])
        states = self._text(vectors.to(self.device), kinds.to(self.device), mask.to(self.device))
        projected: torch.Tensor = self._project(states[0]) * mask[0, :, None].to(self.device)
        return projected


class _Sequence:
    """A row whose text changes with the stages of its prompt."""

    def __init__(self, slot: Slot, row: Row, conditions: list[Conditions]) -> None:
        self._slot, self._row, self._conditions = slot, row, conditions
        self._stage: int | None = None

    def advance(self, decoder: Decoder) -> None:
        """Give the decoder the text of the next column's stage where it changes there."""
        stage = self._row.stage(len(self._conditions))
        if stage is not None and stage != self._stage and self._slot in decoder.rows:
            decoder.condition(self._slot, self._conditions[stage])
            self._stage = stage


def _precision(dtype: torch.dtype | str | None, device: str) -> Precision:
    """Return the precision to compute in: fp32 where the device lacks the one asked for."""
    names: dict[torch.dtype, Precision] = {torch.bfloat16: "bf16", torch.float16: "fp16"}
    asked = names.get(torch_dtype(dtype), "fp32")
    return asked if asked in precisions_on(device) else "fp32"
