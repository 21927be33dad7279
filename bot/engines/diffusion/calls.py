"""One call for each pipeline: their parameters, callbacks and results differ."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bot.engines.base import RenderRequest
from bot.engines.diffusion import oobleck, same
from bot.engines.diffusion.ace_step import render as render_ace_step
from bot.engines.diffusion.callbacks import OnStep, Option

if TYPE_CHECKING:
    from bot.engines.base import Wave

Call = Callable[[Any, RenderRequest, Option, torch.Generator, OnStep, Callable[[], None]], "Wave"]
"""(pipeline, job, option, generator, on_step, on_slice) → wave; on_slice precedes each decoded slice."""


def ace_step(
    pipe: Any,
    job: RenderRequest,
    option: Option,
    generator: torch.Generator,
    on_step: OnStep,
    on_slice: Callable[[], None],
) -> Wave:
    """Call AceStepPipeline, with the sources of the recipe's task."""
    return render_ace_step(pipe, job, option, generator, on_step, on_slice)


def stable_audio(
    pipe: Any,
    job: RenderRequest,
    option: Option,
    generator: torch.Generator,
    on_step: OnStep,
    on_slice: Callable[[], None],
) -> Wave:
    """Call StableAudioPipeline, which always denoises its full length; only the clip's part is decoded."""
    recipe = job.recipe
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


def stable_audio_3(
    pipe: Any,
    job: RenderRequest,
    option: Option,
    generator: torch.Generator,
    on_step: OnStep,
    on_slice: Callable[[], None],
) -> Wave:
    """Call StableAudio3Pipeline; its distilled models draw noise at every step, and have guidance inside."""
    recipe = job.recipe
    distilled = bool(pipe.scheduler.config.stochastic_sampling)

    def after(pipe: Any, number: int, time: object, tensors: dict[str, Any]) -> dict[str, Any]:
        on_step(number + 1, tensors["latents"])
        return {}

    latents = pipe(
        prompt=recipe.prompt,
        negative_prompt=recipe.text("negative_prompt"),
        duration=recipe.seconds,
        num_inference_steps=int(option(recipe, "num_sampling_steps")),
        guidance_scale=1.0 if distilled else option(recipe, "guidance_scale"),
        generator=generator,
        output_type="latent",
        callback_on_step_end=after,
    ).audios
    samples = int(recipe.seconds * pipe.vae.config.sampling_rate)
    return _array(same.decode(pipe.vae, latents, samples, on_slice).clamp(-1, 1))


def audioldm2(
    pipe: Any,
    job: RenderRequest,
    option: Option,
    generator: torch.Generator,
    on_step: OnStep,
    on_slice: Callable[[], None],
) -> Wave:
    """Call AudioLDM2Pipeline, which decodes its mel spectrogram through the vocoder itself."""
    recipe = job.recipe

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
    "StableAudio3Pipeline": stable_audio_3,
    "AudioLDM2Pipeline": audioldm2,
}


def _array(wave: torch.Tensor) -> Wave:
    return wave.numpy().astype(np.float32)
