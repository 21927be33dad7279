"""Strict loading of a pipeline's components: no weight may be missing, extra or of another shape."""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import torch
import transformers

from bot.engines.diffusion.files import Component, refused
from bot.engines.diffusion.packed_linear import pack_linears
from bot.engines.diffusion.pipelines import Pipeline
from bot.engines.failures import is_out_of_memory

with warnings.catch_warnings():
    # diffusers 0.42 warns of a deprecated name in its own imports.
    warnings.simplefilter("ignore", FutureWarning)
    import diffusers

MAX_NAMED = 3
"""Weights that an error names; the rest are counted."""
PACKED = ("transformer", "unet", "condition_encoder", "text_encoder", "text_encoder_2")
"""Components whose linear layers a CPU packs; an autoencoder's and a vocoder's work is in convolutions."""
_ENCODERS = {"tokenizer": "text_encoder", "tokenizer_2": "text_encoder_2"}
"""Tokenizer → the text encoder that reads its tokens, by component name."""
_NO_LIMIT = 1_000_000
"""transformers says 1e30 where a tokenizer's files name no maximum, which the pipelines cannot pad to."""
_HARMLESS = re.compile(r"(^|\.)(position_ids|relative_position_index|attn\.bias|attn\.masked_bias)$")
"""Tables that older versions of transformers saved beside the weights and newer ones compute."""


def load_pipeline(pipeline: Pipeline, dtype: torch.dtype, products: torch.dtype | None = None) -> Any:
    """Return the diffusers pipeline with every weight of its folder, on the CPU. Raises ModelMissing.

    products: the precision in which packed linear layers multiply; None packs none.
    """
    with _quiet():
        components = {
            name: _packed(component, dtype, products)
            if products is not None and name in PACKED
            else _load(component, dtype)
            for name, component in pipeline.components.items()
        }
        for name, encoder in _ENCODERS.items():
            if name in components:
                _set_max_length(
                    components[name], pipeline.components[encoder], pipeline.capabilities.prompt_tokens + 1
                )
        pipeline_class: Any = getattr(diffusers, pipeline.spec.class_name)
        loaded = pipeline_class(**components)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def _packed(component: Component, dtype: torch.dtype, products: torch.dtype) -> Any:
    """Return a component with its linear layers packed, one component after the other for the memory's sake.

    Weights that are stored in the precision of the products are never converted to another.
    """
    stored = component.bfloat16 and products is torch.bfloat16
    model = _load(component, products if stored else dtype)
    pack_linears(model, products)
    return model.to(dtype)


def _load(component: Component, dtype: torch.dtype) -> Any:
    class_name = "GPT2LMHeadModel" if component.class_name == "GPT2Model" else component.class_name
    cls: Any = getattr(diffusers, class_name, None) or getattr(transformers, class_name)
    fixed: dict[str, Any] = {"local_files_only": True}
    try:
        if not component.weights:
            return cls.from_pretrained(component.folder, **fixed)
        if issubclass(cls, transformers.PreTrainedModel):
            # Other shapes are reported with their names then, and refused below.
            fixed |= {"dtype": dtype, "ignore_mismatched_sizes": True}
        else:
            fixed |= {"torch_dtype": dtype}
        model, found = cls.from_pretrained(
            component.folder, use_safetensors=True, output_loading_info=True, **fixed
        )
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Whatever a wrong file makes the libraries raise, it is that file.
        raise refused(component.folder, f"it does not load as {class_name} ({_short(error)})") from error
    _check(component, found)
    return model.eval()


def _set_max_length(tokenizer: Any, encoder: Component, usual: int) -> None:
    """Set `model_max_length` where it is unset: to `usual`, or the encoder's positions if these are fewer."""
    positions = encoder.config.get("text_config", encoder.config).get("max_position_embeddings")
    longest = usual
    if isinstance(positions, int):
        # RoBERTa, CLAP's encoder, counts positions from behind the padding token's number.
        longest = min(usual, positions - 2)
    if tokenizer.model_max_length > _NO_LIMIT:
        tokenizer.model_max_length = longest


def _check(component: Component, found: dict[str, Any]) -> None:
    """Raise ModelMissing unless the weights match the component exactly.

    The libraries initialise missing weights at random, log a warning and go on: the clip would be noise.
    """
    where = component.weights[0]
    wrong = sorted(str(entry[0] if isinstance(entry, tuple) else entry) for entry in found["mismatched_keys"])
    if wrong:
        raise refused(where, f"weights have another shape than config.json says: {_listed(wrong)}")
    if absent := sorted(found["missing_keys"]):
        raise refused(where, f"weights are missing: {_listed(absent)}")
    extra = sorted(name for name in found["unexpected_keys"] if not _HARMLESS.search(name))
    if extra:
        raise refused(where, f"it holds weights that {component.class_name} does not have: {_listed(extra)}")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


def _short(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return first[:200]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the libraries' warnings about missing weights, which `_check` turns into errors."""
    settings: Any = transformers.utils.logging
    logger = logging.getLogger("diffusers")
    before = logger.level
    verbosity = settings.get_verbosity()
    logger.setLevel(logging.ERROR)
    settings.set_verbosity_error()
    settings.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # Both libraries warn of their own deprecated names while they load.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(before)
        settings.set_verbosity(verbosity)
