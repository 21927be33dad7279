"""The built-in autoregressive engine: MusicGen's architecture over score tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch
from transformers import MusicgenForCausalLM, T5Config, T5EncoderModel
from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig

from bot.engines.score.card import ADVICE, ModelCard
from bot.engines.score.decode import Row, decode
from bot.engines.score.engine import ScoreEngine, fill, load_weights, torch_dtype
from bot.engines.score.format import STREAMS, VERSION, VOCABULARY, Score, from_frames
from bot.engines.score.steer import asked_instruments
from bot.engines.score.text import asked_tempo
from bot.errors import ModelMissing
from bot.recipe import Recipe

CODEC = "antiphon_score"


class ArEngine(ScoreEngine):
    """Writes a score token by token.

    The checkpoint is in MusicGen's layout; its config declares the score codec.
    """

    def __init__(self, card: ModelCard, device: str, dtype: torch.dtype | str | None) -> None:
        super().__init__(card, device)
        path = card.folder / "model.safetensors"
        try:
            config = json.loads((card.folder / "config.json").read_text(encoding="utf-8"))
            codec = config["audio_encoder"]
            if codec["model_type"] != CODEC or codec["version"] != VERSION:
                raise ModelMissing(
                    f"The model in {card.folder} does not write this program's scores: {ADVICE}."
                )
            text = T5Config.from_dict(config["text_encoder"])
            language = MusicgenDecoderConfig.from_dict(config["decoder"])
        except (OSError, ValueError, KeyError) as error:
            raise ModelMissing(f"{card.folder / 'config.json'} cannot be read: {ADVICE}.") from error
        if language.num_codebooks != STREAMS or language.vocab_size != VOCABULARY:
            raise ModelMissing(
                f"The model in {card.folder} has other token streams than the score format: {ADVICE}."
            )
        weights = load_weights(path)
        self._dtype = torch_dtype(dtype)
        self._text: Any = _built(T5EncoderModel(text), weights, "text_encoder.", card)
        self._decoder: Any = _built(MusicgenForCausalLM(language), weights, "decoder.", card)
        self._project: Any = torch.nn.Linear(text.d_model, language.hidden_size)
        fill(self._project, _under(weights, "enc_to_dec_proj."), path)
        for module in (self._text, self._decoder, self._project):
            module.to(device=device, dtype=self._dtype).eval()

    def close(self) -> None:
        """Give the model's memory back; the engine cannot write afterwards."""
        self._text = self._decoder = self._project = torch.nn.Identity()

    def write(self, recipe: Recipe, step: Callable[[int, int], None]) -> Score:
        """Return the score of a recipe, decoded in columns; calls step(done, total) for each."""
        temperature, top_k = self.option(recipe, "temperature"), int(self.option(recipe, "top_k"))
        tempo, asked = asked_tempo(recipe.prompt), asked_instruments(recipe.prompt)
        row = Row(recipe.seconds, recipe.seed, temperature, top_k, tempo, asked)
        self.decode([recipe.prompt], [row], self.option(recipe, "guidance_scale"), step)
        return from_frames(row.result())

    def decode(
        self, prompts: list[str], rows: list[Row], guidance_scale: float, step: Callable[[int, int], None]
    ) -> None:
        """Decode one row a prompt, beside each other."""
        ids = [self.words.ids(prompt) for prompt in prompts]
        longest = max(map(len, ids))
        words = torch.tensor([i + [0] * (longest - len(i)) for i in ids], device=self.device)
        mask = (words > 0).long()
        with torch.inference_mode():
            heard = self._text(input_ids=words, attention_mask=mask).last_hidden_state
            states = self._project(heard) * mask[..., None]
        decode(self._decoder, states, mask, rows, guidance_scale, step)


def _under(weights: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _built(
    module: torch.nn.Module, weights: dict[str, torch.Tensor], prefix: str, card: ModelCard
) -> torch.nn.Module:
    own = _under(weights, prefix)
    if "shared.weight" in own:
        own.setdefault("encoder.embed_tokens.weight", own["shared.weight"])
    fill(module, own, card.folder / "model.safetensors")
    return module
