"""One diffusers pipeline as an engine: a clip at a time, cancelled between steps, with its own generator."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bot.engines import accelerator
from bot.engines.base import RenderContext, RenderRequest
from bot.engines.cached_layer import CachedLayer, cache_cross_attention, fresh_caches
from bot.engines.diffusion import oobleck
from bot.engines.diffusion.calls import CALLS
from bot.engines.diffusion.components import load_pipeline
from bot.engines.diffusion.lora import applied, read_lora
from bot.engines.diffusion.offload import Offload, choose_offload, chosen_dtype
from bot.engines.diffusion.packed_linear import can_pack
from bot.engines.diffusion.pipelines import Pipeline
from bot.engines.lyrics import lyrics_advice
from bot.engines.serial import SerialEngine, raise_if_cancelled
from bot.engines.truncation import truncation_warning
from bot.errors import BadAudio
from bot.recipe import Recipe, Task
from bot.recipe.capabilities import Capabilities, option

if TYPE_CHECKING:
    from bot.engines.base import Wave

log = logging.getLogger(__name__)

_PROJECTIONS = ("condition_embedder", "cross_attention_proj")
"""Names of the layer that projects text states before cross-attention, in ACE-Step and Stable Audio."""
MAX_LYRICS_TOKENS = 2048
"""Tokens of lyrics that ACE-Step reads: `max_lyric_length` of AceStepPipeline in diffusers 0.42.1."""
DECODING_STEPS = 1
"""Steps of progress that decoding the latents counts for, after the denoising steps."""


class _Overflow(BaseException):
    """Leaves a render whose latents hold NaN or infinity, because a value exceeded the range of float16.

    A BaseException, so that no `except Exception` in a library swallows it.
    """


class PipelineEngine(SerialEngine):
    """Renders clips with ACE-Step, Stable Audio or AudioLDM 2, as diffusers runs them."""

    def __init__(self, pipeline: Pipeline, device: str, dtype: str) -> None:
        self.capabilities: Capabilities = pipeline.capabilities
        self.device = device
        self._call = CALLS[pipeline.spec.class_name]
        spec = pipeline.spec
        self.precision = name = chosen_dtype(
            dtype,
            device,
            has_bfloat16=accelerator.has_bfloat16(device),
            usual=spec.cuda_dtype,
            narrow_on_cpu=spec.narrow_on_cpu and can_pack(),
        )
        self.dtype, products = getattr(torch, name), None
        if device == "cpu" and can_pack():
            if spec.narrow_on_cpu and name == "bfloat16":
                self.dtype, products = torch.float32, torch.bfloat16
            elif name == "float32":
                products = torch.float32
        self._pipe: Any = load_pipeline(pipeline, self.dtype, products)
        if hasattr(self._pipe.vae.config, "downsampling_ratios"):
            oobleck.fuse_weight_norm(self._pipe.vae)
        denoiser = self._pipe.unet if "unet" in pipeline.components else self._pipe.transformer
        projections = [name for name in _PROJECTIONS if hasattr(denoiser, name)]
        self._cached_layers: list[CachedLayer] = cache_cross_attention(denoiser, *projections)
        self.offload = self._move_to_device(pipeline)
        self._heartbeat: Callable[[], None] = lambda: None
        self._install_heartbeat_hooks()

    def close(self) -> None:
        """Give the model's memory back; the engine cannot render afterwards."""
        self._pipe = None

    def _move_to_device(self, pipeline: Pipeline) -> Offload:
        sizes = [component.parameters for component in pipeline.components.values()]
        free = accelerator.free_bytes(self.device)
        offload = (
            Offload.NONE if free is None else choose_offload(sum(sizes), max(sizes), self.precision, free)
        )
        if self.device == "cpu":
            return Offload.NONE
        if not self.device.startswith("cuda") or offload is Offload.NONE:
            self._pipe.to(self.device)
            return Offload.NONE
        if offload is Offload.MODEL:
            self._pipe.enable_model_cpu_offload(device=self.device)
        else:
            self._pipe.enable_sequential_cpu_offload(device=self.device)
        log.warning("%s is larger than the free memory and renders slower for it", self.capabilities.model)
        return offload

    def _install_heartbeat_hooks(self) -> None:
        """Send a heartbeat before every layer: with sequential offload one step can outlast the watchdog."""
        for component in self._pipe.components.values():
            for module in component.modules() if isinstance(component, torch.nn.Module) else ():
                if isinstance(module, torch.nn.ModuleList):
                    for layer in module:
                        layer.register_forward_pre_hook(lambda *_: self._heartbeat())

    def render(self, context: RenderContext, job: RenderRequest) -> None:
        """Render a job; where it overflows float16, render it again in float32."""
        for sentence in (*self._truncations(job.recipe), *lyrics_advice(job.recipe)):
            context.warn(job, sentence)
        try:
            context.done(job, self._attempt(context, job))
        except _Overflow:
            log.warning("job %d overflows float16 and is rendered in float32", job.id)
            # For this clip alone: the same recipe has to sound the same whatever was rendered before.
            with self._in_float32():
                context.done(job, self._attempt(context, job))

    def _truncations(self, recipe: Recipe) -> Iterator[str]:
        """Yield a warning for each text that exceeds the token limit of its encoder."""
        texts = {
            "prompt": (recipe.prompt, self.capabilities.prompt_tokens),
            "negative prompt": (recipe.text("negative_prompt"), self.capabilities.prompt_tokens),
            "lyrics": (recipe.text("lyrics"), MAX_LYRICS_TOKENS),
        }
        for what, (text, usual) in texts.items():
            # Of AudioLDM 2's two encoders T5 carries the sequence; CLAP gives one vector for the whole text.
            tokenizer = getattr(self._pipe, "tokenizer_2", None) or self._pipe.tokenizer
            limit = min(usual, tokenizer.model_max_length - 1)
            tokens = len(tokenizer(text or "", add_special_tokens=False, verbose=False).input_ids)
            if cut := truncation_warning(what, tokens, limit):
                yield cut

    def _attempt(self, context: RenderContext, job: RenderRequest) -> Wave:
        total = int(option(job.recipe, self.capabilities, "num_sampling_steps")) + DECODING_STEPS
        narrow = self.dtype is torch.float16

        def on_step(done: int, latents: torch.Tensor) -> None:
            raise_if_cancelled(context, job)
            if narrow and not bool(torch.isfinite(latents).all()):
                raise _Overflow
            context.progress(job, done, total)

        def on_slice() -> None:
            raise_if_cancelled(context, job)
            context.heartbeat()

        self._heartbeat = context.heartbeat
        raise_if_cancelled(context, job)
        context.progress(job, 0, total)
        # On the CPU, so that a seed gives the same noise on every device; never the global generator.
        generator = torch.Generator().manual_seed(job.recipe.seed)
        try:
            # A cover's steps blend two prompts, its own and the plain text's.
            blends = job.recipe.task in (Task.COVER, Task.HYBRID)
            with self._with_lora(job.recipe), fresh_caches(self._cached_layers, bypassed=blends):
                wave = self._call(
                    self._pipe,
                    job,
                    lambda recipe, name: option(recipe, self.capabilities, name),
                    generator,
                    on_step,
                    on_slice,
                )
        finally:
            self._heartbeat = lambda: None
            self._pipe.maybe_free_model_hooks()
        if narrow and not np.isfinite(wave).all():
            raise _Overflow
        context.progress(job, total, total)
        return wave

    def _with_lora(self, recipe: Recipe) -> contextlib.AbstractContextManager[None]:
        """Return a context with the recipe's LoRA in the denoiser, an empty one without it."""
        value = recipe.text("lora")
        if value is None:
            return contextlib.nullcontext()
        scale = recipe.options.get("lora_scale", 1.0)
        assert isinstance(scale, int | float)
        return applied(self._pipe.transformer, read_lora(value, self._pipe.transformer), float(scale))

    @contextlib.contextmanager
    def _in_float32(self) -> Iterator[None]:
        if self.offload is Offload.SEQUENTIAL:
            raise BadAudio("This model overflows in float16. The owner can set DTYPE=bfloat16 or float32.")
        components = [
            component
            for component in self._pipe.components.values()
            if isinstance(component, torch.nn.Module)
        ]
        tensors = [
            tensor for component in components for tensor in (*component.parameters(), *component.buffers())
        ]
        # Some tables are float32 at any precision, and have to stay it.
        narrow = [tensor for tensor in tensors if tensor.dtype is torch.float16]
        self._recast(narrow, torch.float32)
        try:
            yield
        finally:
            self._recast(narrow, torch.float16)

    def _recast(self, tensors: list[torch.Tensor], dtype: torch.dtype) -> None:
        self.dtype, self.precision = dtype, str(dtype).removeprefix("torch.")
        for tensor in tensors:
            tensor.data = tensor.data.to(dtype)
