"""One diffusers pipeline as an engine: a clip at a time, cancelled between steps, with its own generator."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bot.engines import accelerator
from bot.engines.base import Capabilities, RenderContext, RenderRequest
from bot.engines.checked import option
from bot.engines.diffusion import oobleck
from bot.engines.diffusion.calls import CALLS
from bot.engines.diffusion.kinds import Pipeline
from bot.engines.diffusion.parts import load_pipeline
from bot.engines.diffusion.placing import Placing, chosen_dtype, placing
from bot.engines.once import Once, keep_cross_attention, one_clip
from bot.engines.serial import SerialEngine, look
from bot.engines.truncation import truncation_warning
from bot.errors import BadAudio
from bot.recipe import Recipe

if TYPE_CHECKING:
    from bot.engines.base import Wave

log = logging.getLogger(__name__)

_PROJECTIONS = ("condition_embedder", "cross_attention_proj")
"""What ACE-Step and Stable Audio call the layer that a prompt's states go through first."""
LYRICS_TOKENS = 2048
"""Of ACE-Step: `max_lyric_length` of AceStepPipeline in diffusers 0.42.1."""
DECODING_STEPS = 1
"""Progress that decoding counts for, beside the denoising steps."""


class _Overflow(BaseException):
    """Leaves a render whose latents are no numbers any more, as float16 makes them where it is too narrow."""


class PipelineEngine(SerialEngine):
    """Renders clips with ACE-Step, Stable Audio or AudioLDM 2, as diffusers runs them."""

    def __init__(self, pipeline: Pipeline, device: str, dtype: str) -> None:
        self.capabilities: Capabilities = pipeline.capabilities
        self.device = device
        self._call = CALLS[pipeline.kind.class_name]
        self.dtype = getattr(
            torch, chosen_dtype(dtype, device, has_bfloat16=accelerator.has_bfloat16(device))
        )
        self._pipe: Any = load_pipeline(pipeline, self.dtype)
        if hasattr(self._pipe.vae.config, "downsampling_ratios"):
            oobleck.fuse_weight_norm(self._pipe.vae)
        denoiser = self._pipe.unet if "unet" in pipeline.parts else self._pipe.transformer
        projections = [name for name in _PROJECTIONS if hasattr(denoiser, name)]
        self._kept: list[Once] = keep_cross_attention(denoiser, *projections)
        self.placing = self._place(pipeline)
        self._heartbeat: Callable[[], None] = lambda: None
        self._report_layers()

    def close(self) -> None:
        """Give the model's memory back; the engine cannot render afterwards."""
        self._pipe = None

    def _place(self, pipeline: Pipeline) -> Placing:
        sizes = [part.parameters for part in pipeline.parts.values()]
        name = str(self.dtype).removeprefix("torch.")
        free = accelerator.free_bytes(self.device)
        place = Placing.RESIDENT if free is None else placing(sum(sizes), max(sizes), name, free)
        if self.device == "cpu":
            return Placing.RESIDENT
        if not self.device.startswith("cuda") or place is Placing.RESIDENT:
            self._pipe.to(self.device)
            return Placing.RESIDENT
        if place is Placing.PARTS:
            self._pipe.enable_model_cpu_offload(device=self.device)
        else:
            self._pipe.enable_sequential_cpu_offload(device=self.device)
        log.warning("%s is larger than the free memory and renders slower for it", self.capabilities.model)
        return place

    def _report_layers(self) -> None:
        """Have every layer of a stack report that it begins: with weights offloaded, a step takes long."""
        for part in self._pipe.components.values():
            for module in part.modules() if isinstance(part, torch.nn.Module) else ():
                if isinstance(module, torch.nn.ModuleList):
                    for layer in module:
                        layer.register_forward_pre_hook(lambda *_: self._heartbeat())

    def render(self, context: RenderContext, job: RenderRequest) -> None:
        """Render a job, once more in float32 where its numbers are too large for float16."""
        for cut in self._truncations(job.recipe):
            context.warn(job, cut)
        try:
            wave = self._attempt(context, job)
        except _Overflow:
            log.warning("job %d overflows float16 and is rendered in float32", job.id)
            # For this clip alone: what another clip did must not change how the next one sounds.
            with self._widened():
                wave = self._attempt(context, job)
        context.done(job, wave)

    def _truncations(self, recipe: Recipe) -> Iterator[str]:
        """Say of each text how much of it the encoder that reads most of it takes."""
        texts = {
            "prompt": (recipe.prompt, self.capabilities.prompt_tokens),
            "negative prompt": (recipe.negative_prompt, self.capabilities.prompt_tokens),
            "lyrics": (recipe.lyrics, LYRICS_TOKENS),
        }
        for what, (text, usual) in texts.items():
            # Of two encoders the second, a T5, carries the words; the first gives one summary vector.
            tokenizer = getattr(self._pipe, "tokenizer_2", None) or self._pipe.tokenizer
            limit = min(usual, tokenizer.model_max_length - 1)
            tokens = len(tokenizer(text or "", add_special_tokens=False, verbose=False).input_ids)
            if cut := truncation_warning(what, tokens, limit):
                yield cut

    def _attempt(self, context: RenderContext, job: RenderRequest) -> Wave:
        total = int(option(job.recipe, self.capabilities, "num_sampling_steps")) + DECODING_STEPS
        narrow = self.dtype is torch.float16

        def step(done: int, latents: torch.Tensor) -> None:
            look(context, job)
            if narrow and not bool(torch.isfinite(latents).all()):
                raise _Overflow
            context.progress(job, done, total)

        def between() -> None:
            look(context, job)
            context.heartbeat()

        self._heartbeat = context.heartbeat
        look(context, job)
        context.progress(job, 0, total)
        # Drawn on the CPU: the same noise on every device, and none of the global generator's.
        generator = torch.Generator().manual_seed(job.recipe.seed)
        try:
            with one_clip(self._kept):
                wave = self._call(
                    self._pipe,
                    job.recipe,
                    lambda recipe, name: option(recipe, self.capabilities, name),
                    generator,
                    step,
                    between,
                )
        finally:
            self._heartbeat = lambda: None
            self._pipe.maybe_free_model_hooks()
        if narrow and not np.isfinite(wave).all():
            raise _Overflow
        context.progress(job, total, total)
        return wave

    @contextlib.contextmanager
    def _widened(self) -> Iterator[None]:
        if self.placing is Placing.LAYERS:
            raise BadAudio("This model overflows in float16. The owner can set DTYPE=bfloat16 or float32.")
        parts = [part for part in self._pipe.components.values() if isinstance(part, torch.nn.Module)]
        tensors = [tensor for part in parts for tensor in (*part.parameters(), *part.buffers())]
        # Some tables are float32 at any precision, and have to stay it.
        narrow = [tensor for tensor in tensors if tensor.dtype is torch.float16]
        self._recast(narrow, torch.float32)
        try:
            yield
        finally:
            self._recast(narrow, torch.float16)

    def _recast(self, tensors: list[torch.Tensor], dtype: torch.dtype) -> None:
        self.dtype = dtype
        for tensor in tensors:
            tensor.data = tensor.data.to(dtype)
