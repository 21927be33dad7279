"""The call of ACE-Step's pipeline: text, and the tasks with sources."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

from bot.engines.base import RenderRequest
from bot.engines.diffusion import oobleck
from bot.engines.diffusion.callbacks import OnStep, Option
from bot.engines.sources import continued, fitted, read_source, splice
from bot.recipe import Role, Task
from bot.recipe.languages import LANGUAGES

if TYPE_CHECKING:
    from bot.engines.base import Wave

INSTRUMENTAL = "[Instrumental]"
"""ACE-Step's lyrics for an instrumental clip (its docs/en/INFERENCE.md)."""
_PEAK = 10 ** (-1 / 20)
"""ACE-Step's pipeline brings every clip to a peak of −1 dBFS."""


def render(
    pipe: Any,
    job: RenderRequest,
    option: Option,
    generator: torch.Generator,
    on_step: OnStep,
    on_slice: Callable[[], None],
) -> Wave:
    """Return a clip of AceStepPipeline as float32 [channels, samples] on the CPU.

    Turbo models are guidance-distilled: no classifier-free guidance (scale 1). Raises InvalidRecipe for a
    source that does not fit the recipe.
    """
    recipe = job.recipe

    def after(pipe: Any, number: int, time: float, tensors: dict[str, Any]) -> dict[str, Any]:
        on_step(number + 1, tensors["latents"])
        return {}

    rate, hop = pipe.sample_rate, math.prod(pipe.vae.config.downsampling_ratios)
    samples = round(recipe.seconds * rate)
    source, arguments = _task(job, option, rate, samples, hop)
    if Role.REFERENCE in recipe.sources:
        reference = read_source(job.sources, recipe, Role.REFERENCE, rate)
        arguments["reference_audio"] = torch.from_numpy(reference)
    with _encoded_by_slices(pipe.vae, on_slice):
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
            **arguments,
        ).audios
    # The pipeline measures the peak of whole latent frames, some of which are past the clip's end.
    wave = oobleck.decode(pipe.vae, latents.transpose(1, 2), latents.shape[1] * hop, on_slice)
    if source is None or recipe.task not in (Task.CONTINUE, Task.REPAINT):
        return (wave * (_PEAK / wave.abs().max().clamp(min=1e-6)))[:, :samples].numpy()
    # The source goes through the autoencoder as well: outside of the window it is put back as it was.
    made = fitted(wave.numpy(), samples)
    if recipe.task is Task.CONTINUE:
        return continued(source, made, rate)
    start, end = (round(arguments[f"repainting_{edge}"] * rate) for edge in ("start", "end"))
    return splice(fitted(source, samples), made, start, end, rate)


def _task(
    job: RenderRequest, option: Option, rate: int, samples: int, hop: int
) -> tuple[Wave | None, dict[str, Any]]:
    """Return the source of a recipe's task, [2, samples], and the pipeline's arguments for it."""
    recipe = job.recipe

    # Whole latent frames, so that the source is as long as the pipeline counts it.
    def whole(source: Wave) -> torch.Tensor:
        return torch.from_numpy(fitted(source, -(-samples // hop) * hop))

    match recipe.task:
        case Task.CONTINUE:
            source = read_source(job.sources, recipe, Role.START, rate)
            end = source.shape[1] / rate
            window: dict[str, Any] = {"repainting_start": end, "repainting_end": None}
            return source, {
                "task_type": "repaint",
                "src_audio": whole(source),
                **window,
            }
        case Task.REPAINT:
            source = read_source(job.sources, recipe, Role.INITIAL, rate)
            window = {
                "repainting_start": option(recipe, "repaint_start"),
                "repainting_end": option(recipe, "repaint_end"),
            }
            return source, {
                "task_type": "repaint",
                "src_audio": whole(source),
                **window,
            }
        case Task.COVER | Task.HYBRID:
            role = Role.MELODY if recipe.task is Task.COVER else Role.INITIAL
            source = read_source(job.sources, recipe, role, rate)
            return source, {
                "task_type": "cover",
                "src_audio": whole(source),
                "audio_cover_strength": option(recipe, "structure"),
            }
        case _:
            return None, {}


@contextlib.contextmanager
def _encoded_by_slices(vae: Any, on_slice: Callable[[], None]) -> Iterator[None]:
    """Have the pipeline encode audio slice by slice, to the mean of the latents' distribution.

    The pipeline encodes a source whole, and draws its latents from torch's global generator: the same recipe
    would give another clip each time.
    """

    def encode(wave: torch.Tensor) -> SimpleNamespace:
        latents = oobleck.encode(vae, wave, on_slice)
        return SimpleNamespace(latent_dist=SimpleNamespace(sample=lambda: latents))

    vae.encode = encode
    try:
        yield
    finally:
        del vae.encode
