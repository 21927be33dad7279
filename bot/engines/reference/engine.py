"""The engine of `AR_ENGINE=audiocraft`: one clip at a time through audiocraft's own generate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from bot.engines.base import RenderContext, RenderRequest
from bot.engines.checkpoints.weights import read_tensors
from bot.engines.musicgen.checkpoint import read_checkpoint
from bot.engines.musicgen.melody import read_melody
from bot.engines.musicgen.model_config import STRIDE_SECONDS
from bot.engines.musicgen.text import TextEncoder
from bot.engines.reference.build import musicgen
from bot.engines.reference.stubs import stubbed_modules
from bot.engines.serial import SerialEngine, raise_if_cancelled
from bot.errors import BadAudio
from bot.recipe import Role
from bot.recipe.capabilities import Capabilities, option


class AudiocraftEngine(SerialEngine):
    """Renders one recipe at a time with audiocraft."""

    def __init__(self, folder: Path, capabilities: Capabilities, device: str) -> None:
        self.device, self.capabilities = device, capabilities
        # audiocraft's own choice: half precision by autocast on a GPU.
        self.precision = "float16" if device.startswith("cuda") else "float32"
        self.checkpoint = checkpoint = read_checkpoint(folder, capabilities.model)
        tensors = read_tensors(folder)
        text = TextEncoder(checkpoint, tensors, device, torch.float32)
        self.model: Any = musicgen(checkpoint, tensors, text, device)

    def close(self) -> None:
        """Give the model's memory back; the engine cannot render afterwards."""
        self.model = None

    def _generate(self, job: RenderRequest) -> torch.Tensor:
        """Return audiocraft's audio [channels, samples] for a job."""
        recipe, rate = job.recipe, self.checkpoint.sample_rate
        if recipe.melody is None:
            return self.model.generate([recipe.prompt], progress=True)[0]  # type: ignore[no-any-return]
        melody = read_melody(job.sources.get(Role.MELODY), recipe.melody, rate)[None]
        return self.model.generate_with_chroma(  # type: ignore[no-any-return]
            [recipe.prompt], [melody.expand(self.checkpoint.channels, -1)], rate, progress=True
        )[0]

    def render(self, context: RenderContext, job: RenderRequest) -> None:
        """Render a job by audiocraft's generate, whose callback reports every step."""
        recipe, c = job.recipe, self.capabilities
        frames = self.checkpoint.frames(recipe.seconds)
        total = frames + max(1, frames // 10)

        def on_progress(done: int, _of: int) -> None:
            raise_if_cancelled(context, job)
            context.progress(job, min(done, frames), total)

        self.model.set_generation_params(
            # audiocraft rounds down to whole frames.
            duration=(frames + 0.5) / self.model.frame_rate,
            temperature=option(recipe, c, "temperature"),
            top_k=int(option(recipe, c, "top_k")),
            top_p=option(recipe, c, "top_p"),
            cfg_coef=option(recipe, c, "guidance_scale"),
            extend_stride=STRIDE_SECONDS,
        )
        self.model.set_custom_progress_callback(on_progress)
        # audiocraft samples from torch's global generators: seeded for this clip, and restored afterwards.
        devices = [self.device] if self.device.startswith("cuda") else []
        with stubbed_modules(), torch.random.fork_rng(devices), torch.inference_mode():
            torch.manual_seed(recipe.seed)
            wave = self._generate(job).float().cpu()
        raise_if_cancelled(context, job)
        wave = wave[:, : self.checkpoint.samples(recipe.seconds)]
        if not wave.isfinite().all():
            raise BadAudio("The model's numbers got out of range. Try another seed.")
        context.progress(job, total, total)
        context.done(job, wave.numpy())
