"""A pipeline's parts, loaded one by one and strictly: every weight that a part has, and no other."""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import torch
import transformers

from bot.engines.diffusion.files import Part, refused
from bot.engines.diffusion.kinds import Pipeline
from bot.engines.failures import is_out_of_memory

with warnings.catch_warnings():
    # diffusers 0.42 warns of a deprecated name in its own imports.
    warnings.simplefilter("ignore", FutureWarning)
    import diffusers

_NAMED = 3
"""So many weights are named in an error; the rest are counted."""
_ENCODERS = {"tokenizer": "text_encoder", "tokenizer_2": "text_encoder_2"}
"""A tokenizer's name → that of the encoder which reads its tokens."""
_NO_LIMIT = 1_000_000
"""transformers says 1e30 where a tokenizer's files name no maximum, which the pipelines cannot pad to."""
_HARMLESS = re.compile(r"(^|\.)(position_ids|relative_position_index|attn\.bias|attn\.masked_bias)$")
"""Tables that older versions of transformers saved beside the weights and newer ones compute."""


def load_pipeline(pipeline: Pipeline, dtype: torch.dtype) -> Any:
    """Return the diffusers pipeline with every weight of its folder, on the CPU. Raises ModelMissing."""
    with _quiet():
        parts = {name: _load(part, dtype) for name, part in pipeline.parts.items()}
        for name, encoder in _ENCODERS.items():
            if name in parts:
                _limit(parts[name], pipeline.parts[encoder], pipeline.capabilities.prompt_tokens + 1)
        kind: Any = getattr(diffusers, pipeline.kind.class_name)
        loaded = kind(**parts)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def _load(part: Part, dtype: torch.dtype) -> Any:
    class_name = "GPT2LMHeadModel" if part.class_name == "GPT2Model" else part.class_name
    kind: Any = getattr(diffusers, class_name, None) or getattr(transformers, class_name)
    fixed: dict[str, Any] = {"local_files_only": True}
    try:
        if not part.weights:
            return kind.from_pretrained(part.folder, **fixed)
        if issubclass(kind, transformers.PreTrainedModel):
            # Other shapes are reported with their names then, and refused below.
            fixed |= {"dtype": dtype, "ignore_mismatched_sizes": True}
        else:
            fixed |= {"torch_dtype": dtype}
        model, found = kind.from_pretrained(
            part.folder, use_safetensors=True, output_loading_info=True, **fixed
        )
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Whatever a wrong file makes the libraries raise, it is that file.
        raise refused(part.folder, f"it does not load as {class_name} ({_short(error)})") from error
    _check(part, found)
    return model.eval()


def _limit(tokenizer: Any, encoder: Part, usual: int) -> None:
    """Give a tokenizer without a maximum its encoder's: `usual` tokens, or as many as have a position."""
    positions = encoder.config.get("text_config", encoder.config).get("max_position_embeddings")
    longest = usual
    if isinstance(positions, int):
        # RoBERTa, CLAP's encoder, counts positions from behind the padding token's number.
        longest = min(usual, positions - 2)
    if tokenizer.model_max_length > _NO_LIMIT:
        tokenizer.model_max_length = longest


def _check(part: Part, found: dict[str, Any]) -> None:
    """Refuse a part whose weights are not exactly its own; the libraries would fill gaps with noise."""
    where = part.weights[0]
    wrong = sorted(str(entry[0] if isinstance(entry, tuple) else entry) for entry in found["mismatched_keys"])
    if wrong:
        raise refused(where, f"weights have another shape than config.json says: {_listed(wrong)}")
    if absent := sorted(found["missing_keys"]):
        raise refused(where, f"weights are missing: {_listed(absent)}")
    extra = sorted(name for name in found["unexpected_keys"] if not _HARMLESS.search(name))
    if extra:
        raise refused(where, f"it holds weights that {part.class_name} does not have: {_listed(extra)}")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _short(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return first[:200]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' own words about missing weights out of the log: they are checked here."""
    words: Any = transformers.utils.logging
    logger = logging.getLogger("diffusers")
    before = logger.level
    verbosity = words.get_verbosity()
    logger.setLevel(logging.ERROR)
    words.set_verbosity_error()
    words.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # Both libraries warn of their own deprecated names while they load.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(before)
        words.set_verbosity(verbosity)
