"""The configuration and capabilities of a MusicGen checkpoint, from its `config.json` alone: no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

from bot.engines.musicgen.model_config import ModelConfig
from bot.errors import ModelMissing
from bot.hub.catalogue import licence_of
from bot.hub.hub_cache import title_of
from bot.hub.pointers import refuse_pointer
from bot.recipe import Mode, Role, Task
from bot.recipe.capabilities import Bounds, Capabilities

CONFIG = "config.json"
TYPES = ("musicgen", "musicgen_melody")
TENSOR_PREFIXES = (
    "text_encoder.",
    "audio_encoder.",
    "decoder.",
    "enc_to_dec_proj.",
    "audio_enc_to_dec_proj.",
)
"""Prefixes of the tensor names in a checkpoint, one a component."""
MAX_SECONDS = 300.0
MIN_SECONDS = 1.0
PROMPT_TOKENS = 512
"""T5's own limit: `n_positions` of t5-base."""
BYTES_PER_SECOND = 40e9
"""Memory bandwidth of a desktop processor. Decoding is bound by it, so it predicts the first clip's speed."""

CODEC_PARAMETERS = 59_000_000
"""Parameters of encodec_32khz, the codec of every published MusicGen."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint's folder, its config.json, and the values derived from it.

    hop: samples per codec frame.  chroma_length: chroma frames that are prepended, 0 for a model without
    melody conditioning.
    """

    folder: Path
    config: dict[str, Any]
    sizes: ModelConfig
    sample_rate: int
    channels: int
    hop: int
    chroma_length: int
    capabilities: Capabilities

    @property
    def frame_rate(self) -> float:
        """Codec frames a second, each of which is one column of tokens."""
        return self.sample_rate / self.hop

    def frames(self, seconds: float) -> int:
        """Return the number of frames that cover a duration; the last one may exceed it."""
        return max(1, -(-self.samples(seconds) // self.hop))

    def samples(self, seconds: float) -> int:
        """Return the number of samples a channel of a duration."""
        return round(seconds * self.sample_rate)


def is_musicgen(folder: Path) -> bool:
    """Tell whether a folder's config.json is a MusicGen's in transformers' layout."""
    try:
        return json.loads((folder / CONFIG).read_text(encoding="utf-8-sig"))["model_type"] in TYPES
    except (OSError, ValueError, KeyError, TypeError):
        return False


def read_checkpoint(folder: Path, model: str) -> Checkpoint:
    """Return a checkpoint in transformers' layout; `model` is its name in recipes.

    Raises ModelMissing for an invalid config.json, with the reason.
    """
    file = folder / CONFIG
    refuse_pointer(file)
    try:
        config = json.loads(file.read_text(encoding="utf-8-sig"))
        if config["model_type"] not in TYPES:
            raise ModelMissing(f"{file} is of a {config['model_type']} model, not of a MusicGen.")
        sizes = ModelConfig.from_transformers(config)
        codec = config["audio_encoder"]
        rate, ratios = int(codec["sampling_rate"]), [int(ratio) for ratio in codec["upsampling_ratios"]]
        channels = int(config["decoder"].get("audio_channels", 1))
        if codec["model_type"] != "encodec" or int(codec.get("audio_channels", 1)) != 1:
            raise ValueError("the codec is not a mono EnCodec")
        if int(codec["codebook_size"]) != sizes.vocabulary:
            raise ValueError("the codec and the language model have vocabularies of different sizes")
        if min(rate, *ratios) < 1:
            raise ValueError("the codec's rates have to be positive")
        chroma_length = int(config.get("chroma_length", 235)) if sizes.prefix else 0
    except OSError as error:
        raise ModelMissing(f"{file} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelMissing(f"{file} is not the config of a MusicGen: {error}.") from error
    capabilities = Capabilities(
        mode=Mode.AR,
        model=model,
        title=title_of(model),
        licence=licence_of(folder, model),
        sample_rate=rate,
        channels=channels,
        min_seconds=MIN_SECONDS,
        max_seconds=MAX_SECONDS,
        prompt_tokens=PROMPT_TOKENS,
        options={
            # The defaults of audiocraft's MusicGen.set_generation_params.
            "temperature": Bounds(0.1, 3.0, 1.0),
            "top_k": Bounds(0, sizes.vocabulary, min(250, sizes.vocabulary)),
            "top_p": Bounds(0.0, 1.0, 0.0),
            "guidance_scale": Bounds(1.0, 10.0, 3.0),
        },
        tasks={Task.TEXT: frozenset({Role.MELODY} if sizes.prefix else ())},
        real_time_factor=max(0.05, 4 * _matrices(sizes) / BYTES_PER_SECOND * rate / prod(ratios)),
    )
    return Checkpoint(folder, config, sizes, rate, channels, prod(ratios), chroma_length, capabilities)


def with_continuation(capabilities: Capabilities) -> Capabilities:
    """Return the capabilities of our own decode loop, which goes on from audio."""
    # The description of a melody model's sources stays: a continuation follows a melody as well.
    others = capabilities.tasks[Task.TEXT]
    return replace(
        capabilities,
        tasks={
            **capabilities.tasks,
            Task.CONTINUE: others | {Role.START},
            Task.REPAINT: others | {Role.INITIAL},
        },
        options={
            **capabilities.options,
            "repaint_start": Bounds(0, MAX_SECONDS),
            "repaint_end": Bounds(0, MAX_SECONDS),
        },
    )


def parameters(model: str, folder: Path) -> int:
    """Return the number of parameters of all components. Raises ModelMissing."""
    checkpoint = read_checkpoint(folder, model)
    text = checkpoint.config["text_encoder"]
    try:
        wide, deep = int(text["d_model"]), int(text["num_layers"])
        attention = 4 * wide * int(text["num_heads"]) * int(text["d_kv"])
        encoder = int(text["vocab_size"]) * wide + deep * (attention + 2 * wide * int(text["d_ff"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelMissing(f"{folder / CONFIG} describes no text encoder: {error}.") from error
    embeddings = checkpoint.sizes.codebooks * checkpoint.sizes.vocabulary * checkpoint.sizes.hidden
    return _matrices(checkpoint.sizes) + embeddings + encoder + CODEC_PARAMETERS


def _matrices(sizes: ModelConfig) -> int:
    """Return the parameters that a decoding step reads: every matrix of the language model once."""
    attention = 4 if sizes.prefix else 8
    layer = attention * sizes.hidden**2 + 2 * sizes.hidden * sizes.feed_forward
    return sizes.layers * layer + sizes.codebooks * sizes.vocabulary * sizes.hidden
