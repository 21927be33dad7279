"""MusicGen's text conditioning: the tokenizer, T5's encoder through transformers, and the projection."""

from __future__ import annotations

from typing import Any

import torch
from transformers import T5Config, T5EncoderModel, T5Tokenizer
from transformers.initialization import no_init_weights

from bot.engines.checkpoints.weights import Tensors, load_strict, with_prefix
from bot.engines.musicgen.checkpoint import CONFIG, PROMPT_TOKENS, Checkpoint
from bot.errors import ModelMissing
from bot.hub.pointers import refuse_pointers

TOKENIZERS = ("tokenizer.json", "spiece.model")


class TextEncoder:
    """Turns a prompt into text states [tokens, hidden], projected to the language model's width."""

    def __init__(self, checkpoint: Checkpoint, tensors: Tensors, device: str, dtype: torch.dtype) -> None:
        self.device = device
        self._tokenizer = _tokenizer(checkpoint)
        try:
            config = T5Config.from_dict(checkpoint.config["text_encoder"])
            if config.model_type != "t5":
                raise ValueError(f"the text encoder is a {config.model_type}, not a T5")
            with no_init_weights():
                self.encoder: Any = T5EncoderModel(config)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelMissing(f"{checkpoint.folder / CONFIG} describes no text encoder: {error}.") from error
        own = tied_embeddings(with_prefix(tensors, "text_encoder."))
        if "shared.weight" not in own:
            raise ModelMissing(
                f"{checkpoint.folder} has no embedding of its text encoder, which early uploads of the "
                "melody models lacked. `antiphon models fetch NAME --audiocraft` makes the model from "
                "audiocraft's own files, with the text encoder that belongs to it."
            )
        load_strict(self.encoder, own, checkpoint.folder, "text encoder")
        self._project: Any = torch.nn.Identity()
        if config.d_model != checkpoint.sizes.hidden:
            self._project = torch.nn.Linear(config.d_model, checkpoint.sizes.hidden)
            load_strict(
                self._project, with_prefix(tensors, "enc_to_dec_proj."), checkpoint.folder, "text projection"
            )
        modules: list[Any] = [self.encoder, self._project]
        for module in modules:
            module.to(device=device, dtype=dtype).eval()

    def ids(self, prompt: str) -> list[int]:
        """Return the token ids of a prompt with the end-of-sequence token, truncated to PROMPT_TOKENS."""
        tokens: list[int] = self._tokenizer(prompt, truncation=True, max_length=PROMPT_TOKENS).input_ids
        return tokens

    def count(self, prompt: str) -> int:
        """Return the number of tokens of a prompt without truncation, the end-of-sequence token included."""
        return len(self._tokenizer(prompt, truncation=False, verbose=False).input_ids)

    @torch.inference_mode()
    def states(self, prompt: str) -> torch.Tensor:
        """Return the projected states [tokens, hidden] of one prompt.

        Prompts are encoded one by one: padding in a batch would change the states in the last bits, and a
        clip has to be the same whatever is rendered beside it.
        """
        ids = torch.tensor([self.ids(prompt)], device=self.device)
        hidden = self.encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        states: torch.Tensor = self._project(hidden)[0]
        return states


def tied_embeddings(tensors: Tensors) -> dict[str, torch.Tensor]:
    """Return T5's tensors with its one embedding under both of its names.

    The names are tied, and safetensors stores a tied tensor once: some published files have it as `shared`,
    some as `encoder.embed_tokens`.
    """
    own = dict(tensors)
    names = ("shared.weight", "encoder.embed_tokens.weight")
    for name, other in zip(names, reversed(names), strict=True):
        if other in own:
            own.setdefault(name, own[other])
    return own


def _tokenizer(checkpoint: Checkpoint) -> Any:
    if not any((checkpoint.folder / name).is_file() for name in TOKENIZERS):
        raise ModelMissing(
            f"The tokenizer is missing in {checkpoint.folder}: {' or '.join(TOKENIZERS)}. Fetch the model "
            "again."
        )
    refuse_pointers(checkpoint.folder, *TOKENIZERS, "tokenizer_config.json", "special_tokens_map.json")
    try:
        return T5Tokenizer.from_pretrained(checkpoint.folder, local_files_only=True)
    except Exception as error:  # the tokenizers library raises Exception itself for what it cannot parse
        raise ModelMissing(f"The tokenizer in {checkpoint.folder} cannot be read: {error}.") from error
