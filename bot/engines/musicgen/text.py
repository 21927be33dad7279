"""MusicGen's ear for words: the tokenizer, T5's encoder through transformers, and the projection."""

from __future__ import annotations

from typing import Any

import torch
from transformers import T5Config, T5EncoderModel, T5Tokenizer
from transformers.initialization import no_init_weights

from bot.engines.checkpoints.weights import Tensors, fill, under
from bot.engines.musicgen.card import CONFIG, PROMPT_TOKENS, MusicgenCard
from bot.errors import ModelMissing
from bot.hub.pointers import refuse_pointers

TOKENIZERS = ("tokenizer.json", "spiece.model")


class TextEncoder:
    """Turns a prompt into states [words, hidden], projected to the language model's width."""

    def __init__(self, card: MusicgenCard, tensors: Tensors, device: str, dtype: torch.dtype) -> None:
        self.device = device
        self._tokenizer = _tokenizer(card)
        try:
            config = T5Config.from_dict(card.config["text_encoder"])
            if config.model_type != "t5":
                raise ValueError(f"the text encoder is a {config.model_type}, not a T5")
            with no_init_weights():
                self.encoder: Any = T5EncoderModel(config)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelMissing(f"{card.folder / CONFIG} describes no text encoder: {error}.") from error
        own = under(tensors, "text_encoder.")
        if "shared.weight" in own:
            own.setdefault("encoder.embed_tokens.weight", own["shared.weight"])
        fill(self.encoder, own, card.folder, "text encoder")
        self._project: Any = torch.nn.Identity()
        if config.d_model != card.sizes.hidden:
            self._project = torch.nn.Linear(config.d_model, card.sizes.hidden)
            fill(self._project, under(tensors, "enc_to_dec_proj."), card.folder, "text projection")
        modules: list[Any] = [self.encoder, self._project]
        for module in modules:
            module.to(device=device, dtype=dtype).eval()

    def ids(self, prompt: str) -> list[int]:
        """Return the prompt's tokens with T5's end mark, at most PROMPT_TOKENS."""
        tokens: list[int] = self._tokenizer(prompt, truncation=True, max_length=PROMPT_TOKENS).input_ids
        return tokens

    def count(self, prompt: str) -> int:
        """Return how many tokens a whole prompt has with its end mark, of which PROMPT_TOKENS are read."""
        return len(self._tokenizer(prompt, truncation=False, verbose=False).input_ids)

    @torch.inference_mode()
    def states(self, prompt: str) -> torch.Tensor:
        """Return the projected states [words, hidden] of a prompt, alone, so that no padding touches it."""
        ids = torch.tensor([self.ids(prompt)], device=self.device)
        heard = self.encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        states: torch.Tensor = self._project(heard)[0]
        return states


def _tokenizer(card: MusicgenCard) -> Any:
    if not any((card.folder / name).is_file() for name in TOKENIZERS):
        raise ModelMissing(
            f"The tokenizer is missing in {card.folder}: {' or '.join(TOKENIZERS)}. Fetch the model again."
        )
    refuse_pointers(card.folder, *TOKENIZERS, "tokenizer_config.json", "special_tokens_map.json")
    try:
        return T5Tokenizer.from_pretrained(card.folder, local_files_only=True)
    except Exception as error:  # the tokenizers library raises Exception itself for what it cannot parse
        raise ModelMissing(f"The tokenizer in {card.folder} cannot be read: {error}.") from error
