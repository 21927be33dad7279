"""One call for each pipeline: their parameters, callbacks and results differ."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bot.engines.diffusion import oobleck
from bot.recipe import Recipe
from bot.recipe.languages import LANGUAGES

if TYPE_CHECKING:
    from bot.engines.base import Wave

OnStep = Callable[[int, torch.Tensor], None]
"""Called after each denoising step with the number of finished steps and the latents; may raise to abort."""
Option = Callable[[Recipe, str], float]
"""Returns one of a recipe's options, or the model's default."""
Call = Callable[[Any, Recipe, Option, torch.Generator, OnStep, Callable[[], None]], "Wave"]
"""(pipeline, recipe, option, generator, on_step, on_slice) → wave; on_slice precedes each decoded slice."""

INSTRUMENTAL = "[Instrumental]"
"""ACE-Step's lyrics for an instrumental clip (its docs/en/INFERENCE.md)."""
_PEAK = 10 ** (-1 / 20)
"""ACE-Step's pipeline brings every clip to a peak of −1 dBFS."""


def ace_step(
    pipe: Any,
    recipe: Recipe,
    option: Option,
    generator: torch.Generator,
    on_step: OnStep,
    on_slice: Callable[[], None],
) -> Wave:
    """Call AceStepPipeline; turbo models are guidance-distilled: no classifier-free guidance (scale 1)."""

    def after(pipe: Any, number: int, time: float, tensors: dict[str, Any]) -> dict[str, Any]:
        on_step(number + 1, tensors["latents"])
        return {}

    latents = pipe(
        prompt=recipe.prompt,
        lyrics=recipe.text("lyrics") or INSTRUMENTAL,
        vocal_language=LANGUAGES.get(recipe.text("vocal_language") or "", "unknown"),
        bpm=recipe.options.get("bpm"),
        keyscale=recipe.text("key"),
        # As ACE-Step names them: the beats of a bar alone.
        timesignature=(recipe.text("time_signature") or "").partition("/")[0] or None,
        shift=option(recipe, "shift"),
        audio_duration=recipe.seconds,
        num_inference_steps=int(option(recipe, "num_sampling_steps")),
        guidance_scale=1.0 if pipe.is_turbo else option(recipe, "guidance_scale"),
        generator=generator,
        output_type="latent",
        callback_on_step_end=after,
    ).audios
    # The pipeline measures the peak of whole latent frames, some of which are past the clip's end.
    hop = math.prod(pipe.vae.config.downsampling_ratios)
    wave = oobleck.decode(pipe.vae, latents.transpose(1, 2), latents.shape[1] * hop, on_slice)
    wave = wave * (_PEAK / wave.abs().max().clamp(min=1e-6))
    return _array(wave[:, : round(recipe.seconds * pipe.sample_rate)])


def stable_audio(
    pipe: Any,
    recipe: Recipe,
    option: Option,
    generator: torch.Generator,
    on_step: OnStep,
    on_slice: Callable[[], None],
) -> Wave:
    """Call StableAudioPipeline, which always denoises its full length; only the clip's part is decoded."""
    with warnings.catch_warnings():
        # torchsde warns where the first noise level is off its range by a rounding, and takes the nearest.
        warnings.filterwarnings("ignore", "Should have t[ab]", UserWarning)
        latents = pipe(
            prompt=recipe.prompt,
            negative_prompt=recipe.text("negative_prompt"),
            audio_end_in_s=recipe.seconds,
            num_inference_steps=int(option(recipe, "num_sampling_steps")),
            guidance_scale=option(recipe, "guidance_scale"),
            generator=generator,
            output_type="latent",
            callback=lambda number, time, latents: on_step(number + 1, latents),
            callback_steps=1,
        ).audios
    samples = int(recipe.seconds * pipe.vae.config.sampling_rate)
    return _array(oobleck.decode(pipe.vae, latents, samples, on_slice))


def audioldm2(
    pipe: Any,
    recipe: Recipe,
    option: Option,
    generator: torch.Generator,
    on_step: OnStep,
    on_slice: Callable[[], None],
) -> Wave:
    """Call AudioLDM2Pipeline, which decodes its mel spectrogram through the vocoder itself."""

    def after(number: int, time: object, latents: torch.Tensor) -> None:
        on_step(number + 1, latents)

    return np.asarray(
        pipe(
            prompt=recipe.prompt,
            negative_prompt=recipe.text("negative_prompt"),
            audio_length_in_s=recipe.seconds,
            num_inference_steps=int(option(recipe, "num_sampling_steps")),
            guidance_scale=option(recipe, "guidance_scale"),
            generator=generator,
            callback=after,
            callback_steps=1,
        ).audios,
        np.float32,
    )


CALLS: dict[str, Call] = {
    "AceStepPipeline": ace_step,
    "StableAudioPipeline": stable_audio,
    "AudioLDM2Pipeline": audioldm2,
}


def _array(wave: torch.Tensor) -> Wave:
    return wave.numpy().astype(np.float32)
