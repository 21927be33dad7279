"""The supported pipelines: their components, and their capabilities computed from configs alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot import loras
from bot.engines.diffusion.files import INDEX, Component, read_component, read_index, read_json, refused
from bot.hub.catalogue import licence_of
from bot.hub.hub_cache import title_of
from bot.recipe import Mode, Role, Task
from bot.recipe.capabilities import Bounds, Capabilities, texts

_SCHEDULERS = (
    "CosineDPMSolverMultistepScheduler",
    "DDIMScheduler",
    "DPMSolverMultistepScheduler",
    "EDMDPMSolverMultistepScheduler",
    "EulerDiscreteScheduler",
    "FlowMatchEulerDiscreteScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
)
_T5_TOKENIZERS = ("T5Tokenizer", "T5TokenizerFast")


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """A class of pipelines. components: name → allowed classes, the usual one first.

    takes: computes the fields of Capabilities from the components' configs.  weightless: components without
    weights.  optional: components that not every checkpoint has; where one is there, it is loaded.
    """

    class_name: str
    components: Mapping[str, tuple[str, ...]]
    takes: Callable[[Mapping[str, Component]], dict[str, Any]]
    weightless: frozenset[str] = frozenset({"tokenizer", "tokenizer_2", "scheduler", "feature_extractor"})
    optional: frozenset[str] = frozenset()
    cuda_dtype: str = ""
    """The precision on a GPU where the owner sets none; "" leaves it to the GPU."""
    narrow_on_cpu: bool = False
    """Whether a CPU with instructions for bfloat16 multiplies in it where the owner sets nothing.

    Where it was measured to be faster: ACE-Step and Stable Audio, whose denoisers are linear layers. There
    bfloat16 is the linear layers' alone on a CPU (packed_linear.py); elsewhere it is the whole model's.
    """


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A validated pipeline folder."""

    spec: PipelineSpec
    folder: Path
    components: Mapping[str, Component]
    capabilities: Capabilities

    @property
    def parameters(self) -> int:
        """The number of parameters of all components."""
        return sum(component.parameters for component in self.components.values())


def read_pipeline(model: str, folder: Path) -> Pipeline:
    """Return the pipeline in a folder. Raises ModelMissing, with the file's name and the reason."""
    class_name, classes = read_index(folder)
    spec = PIPELINES.get(class_name)
    if spec is None:
        raise refused(folder / INDEX, f"{class_name[:60]!r} is not one of {', '.join(PIPELINES)}")
    for name in classes.keys() - spec.components.keys():
        raise refused(folder / INDEX, f"{class_name} has no component {name!r}")
    components: dict[str, Component] = {}
    for name, allowed in spec.components.items():
        if name not in classes:
            if name in spec.optional:
                continue
            raise refused(folder / INDEX, f"the component {name!r} is missing")
        if classes[name] not in allowed:
            raise refused(
                folder / INDEX, f"{name!r} is of class {classes[name][:60]!r}, not {' or '.join(allowed)}"
            )
        components[name] = read_component(
            folder, name, classes[name], with_weights=name not in spec.weightless
        )
    try:
        takes = spec.takes(components)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise refused(folder, f"a config.json in it does not describe a {class_name} ({error!r})") from error
    capabilities = Capabilities(
        mode=Mode.DIFFUSION, model=model, title=title_of(model), licence=licence_of(folder, model), **takes
    )
    return Pipeline(spec, folder, components, capabilities)


def is_turbo(components: Mapping[str, Component]) -> bool:
    """Tell whether an ACE-Step checkpoint is guidance-distilled (turbo), by the same fields as diffusers."""
    config = components["transformer"].config
    return bool(config.get("is_turbo")) or config.get("model_version") == "turbo"


def _ace_step(components: Mapping[str, Component]) -> dict[str, Any]:
    # Bounds and defaults: ACE-Step's docs/en/INFERENCE.md; 50 steps for base: its model card.
    vae = components["vae"].config
    covers = {"audio_tokenizer", "audio_token_detokenizer"} <= components.keys()
    there = loras.hashes()
    options = {"num_sampling_steps": Bounds(1, 20, 8), "shift": Bounds(1, 5, 3)}
    if not is_turbo(components):
        options = {
            "num_sampling_steps": Bounds(1, 200, 50),
            "guidance_scale": Bounds(1, 15, 7),
            # diffusers' default of 3 is the turbo models'.
            "shift": Bounds(1, 5, 1),
        }
    return {
        "sample_rate": int(vae["sampling_rate"]),
        "channels": int(vae["audio_channels"]),
        "min_seconds": 10.0,
        "max_seconds": 600.0,
        # The pipeline reads 256 tokens, of which its template takes about 60.
        "prompt_tokens": 196,
        "tasks": _ace_step_tasks(covers=covers),
        "loras": there,
        "options": options
        | ({"structure": Bounds(0, 1, 1)} if covers else {})
        | ({"lora_scale": Bounds(0, 2), **texts("lora")} if there else {})
        | {"bpm": Bounds(30, 300), "repaint_start": Bounds(0, 600), "repaint_end": Bounds(0, 600)}
        | texts("key", "time_signature", "lyrics", "vocal_language"),
    }


def _ace_step_tasks(*, covers: bool) -> dict[Task, frozenset[Role]]:
    """Return ACE-Step's tasks with the roles of their sources; covers: whether it has an audio tokenizer."""
    own = {Task.TEXT: (), Task.CONTINUE: (Role.START,), Task.REPAINT: (Role.INITIAL,)}
    if covers:
        own |= {Task.COVER: (Role.MELODY,), Task.HYBRID: (Role.INITIAL,)}
    return {task: frozenset({*roles, Role.REFERENCE}) for task, roles in own.items()}


def _stable_audio(components: Mapping[str, Component]) -> dict[str, Any]:
    # Defaults: StableAudioPipeline.__call__ of diffusers 0.42.1.
    vae = components["vae"].config
    rate = int(vae["sampling_rate"])
    hop = math.prod(int(ratio) for ratio in vae["downsampling_ratios"])
    return {
        "sample_rate": rate,
        "channels": int(vae["audio_channels"]),
        "min_seconds": 1.0,
        "max_seconds": _tenths(int(components["transformer"].config["sample_size"]) * hop / rate),
        # T5's tokenizer is cut at 128 tokens for Stable Audio Open.
        "prompt_tokens": 127,
        "options": {
            "num_sampling_steps": Bounds(1, 250, 100),
            "guidance_scale": Bounds(1, 15, 7),
            **texts("negative_prompt"),
        },
    }


def _stable_audio_3(components: Mapping[str, Component]) -> dict[str, Any]:
    # Defaults: StableAudio3Pipeline.__call__ of diffusers 0.42.1, by the same field of the scheduler.
    vae = components["vae"].config
    scheduler = read_json(components["scheduler"].folder / "scheduler_config.json")
    options = {"num_sampling_steps": Bounds(1, 100, 8)}
    if not scheduler.get("stochastic_sampling"):
        options = {
            "num_sampling_steps": Bounds(1, 250, 100),
            "guidance_scale": Bounds(1, 15, 1),
            **texts("negative_prompt"),
        }
    return {
        "sample_rate": int(vae["sampling_rate"]),
        "channels": int(vae["audio_channels"]),
        "min_seconds": 1.0,
        # 380 s is the medium model's limit; its embedding of the duration ends at 384.
        "max_seconds": _tenths(min(380.0, float(components["duration_embedder"].config["max_val"]))),
        # The pipeline reads 256 tokens with the one that ends them.
        "prompt_tokens": 255,
        "options": options,
    }


def _audioldm2(components: Mapping[str, Component]) -> dict[str, Any]:
    # Defaults: AudioLDM2Pipeline.__call__ of diffusers 0.42.1, where the length follows from these as well.
    vocoder, vae = components["vocoder"].config, components["vae"].config
    rate = int(vocoder["sampling_rate"])
    frame_seconds = math.prod(int(factor) for factor in vocoder["upsample_rates"]) / rate
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    return {
        "sample_rate": rate,
        "channels": 1,
        "min_seconds": 1.0,
        "max_seconds": _tenths(int(components["unet"].config["sample_size"]) * scale * frame_seconds),
        # CLAP's tokenizer reads 512 tokens, T5's as many.
        "prompt_tokens": 511,
        "options": {
            "num_sampling_steps": Bounds(1, 400, 200),
            "guidance_scale": Bounds(1, 15, 3.5),
            **texts("negative_prompt"),
        },
    }


def _tenths(seconds: float) -> float:
    """Round down to a tenth of a second, at least 1."""
    return max(1.0, math.floor(10 * seconds) / 10)


PIPELINES = {
    spec.class_name: spec
    for spec in (
        PipelineSpec(
            "AceStepPipeline",
            {
                "vae": ("AutoencoderOobleck",),
                "text_encoder": ("Qwen3Model",),
                "tokenizer": ("Qwen2Tokenizer", "Qwen2TokenizerFast"),
                "transformer": ("AceStepTransformer1DModel",),
                "condition_encoder": ("AceStepConditionEncoder",),
                "scheduler": ("FlowMatchEulerDiscreteScheduler",),
                "audio_tokenizer": ("AceStepAudioTokenizer",),
                "audio_token_detokenizer": ("AceStepAudioTokenDetokenizer",),
            },
            _ace_step,
            narrow_on_cpu=True,
            optional=frozenset({"audio_tokenizer", "audio_token_detokenizer"}),
        ),
        PipelineSpec(
            "StableAudioPipeline",
            {
                "vae": ("AutoencoderOobleck",),
                "text_encoder": ("T5EncoderModel",),
                "projection_model": ("StableAudioProjectionModel",),
                "tokenizer": _T5_TOKENIZERS,
                "transformer": ("StableAudioDiTModel",),
                "scheduler": _SCHEDULERS,
            },
            _stable_audio,
            # Its publisher and diffusers' documentation run it in float16; the solver's noise and the latents
            # stay in that precision, and bfloat16 keeps three digits less of them.
            cuda_dtype="float16",
            narrow_on_cpu=True,
        ),
        PipelineSpec(
            "StableAudio3Pipeline",
            {
                "vae": ("AutoencoderSAME",),
                "text_encoder": ("T5GemmaEncoderModel",),
                "tokenizer": ("GemmaTokenizer", "GemmaTokenizerFast"),
                "duration_embedder": ("StableAudio3DurationEmbedder",),
                "transformer": ("StableAudio3DiTModel",),
                "scheduler": ("FlowMatchEulerDiscreteScheduler",),
            },
            _stable_audio_3,
        ),
        PipelineSpec(
            "AudioLDM2Pipeline",
            {
                "vae": ("AutoencoderKL",),
                "text_encoder": ("ClapModel",),
                "text_encoder_2": ("T5EncoderModel",),
                "projection_model": ("AudioLDM2ProjectionModel",),
                # Published as GPT2Model; diffusers needs the class around it (huggingface/diffusers#12630).
                "language_model": ("GPT2LMHeadModel", "GPT2Model"),
                "tokenizer": ("RobertaTokenizer", "RobertaTokenizerFast"),
                "tokenizer_2": _T5_TOKENIZERS,
                "feature_extractor": ("ClapFeatureExtractor",),
                "unet": ("AudioLDM2UNet2DConditionModel",),
                "scheduler": _SCHEDULERS,
                "vocoder": ("SpeechT5HifiGan",),
            },
            _audioldm2,
        ),
    )
}
"""Pipeline specifications by class name."""
