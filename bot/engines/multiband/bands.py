"""The frequency bands of MultiBandDiffusion: a diffusion U-Net each, conditioned on the codec's latents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bot.engines.checkpoints.weights import load_strict, read_tensors, refuse_unexpected, with_prefix
from bot.engines.multiband import read_bands
from bot.engines.reference.stubs import import_audiocraft, stubbed_modules
from bot.errors import ModelMissing

EQUALISER_BANDS = 32
"""Mel bands in which the loudness is matched to the codec's audio; audiocraft's default."""


class Band:
    """One U-Net, its noise schedule, and the processor that rescales its output."""

    def __init__(
        self, settings: dict[str, Any], tensors: dict[str, torch.Tensor], folder: Path, rate: int
    ) -> None:
        from audiocraft.models.unet import DiffusionUnet
        from audiocraft.modules.diffusion_schedule import MultiBandProcessor, NoiseSchedule, SampleProcessor

        try:
            schedule, processing = dict(settings["schedule"]), dict(settings["processor"])
            self.num_steps = int(schedule["num_steps"])
            self.model: Any = DiffusionUnet(
                chin=int(settings["channels"]), num_steps=self.num_steps, **settings["diffusion_unet"]
            )
            used = processing.pop("use") and processing.pop("name") == "multi_band_processor"
            self.processor: Any = SampleProcessor()
            if used:
                self.processor = MultiBandProcessor(sample_rate=rate, **processing)
            self.betas: torch.Tensor = NoiseSchedule(**schedule, device="cpu").betas
            self.clip, self.noise_scale = float(schedule["clip"]), float(schedule["noise_scale"])
        except (KeyError, TypeError, ValueError, AssertionError, RuntimeError) as error:
            raise ModelMissing(f"{folder / 'config.json'} describes no band: {error}.") from error
        load_strict(self.model, with_prefix(tensors, "model."), folder, "band")
        load_strict(self.processor, with_prefix(tensors, "processor."), folder, "band's processor")

    def to(self, device: str) -> None:
        """Put the band on a device, in fp32."""
        for module in (self.model, self.processor):
            module.to(device).float().eval()

    def denoise(
        self,
        latents: torch.Tensor,
        samples: int,
        steps: int,
        generator: torch.Generator,
        on_progress: Callable[[], None],
    ) -> torch.Tensor:
        """Return this band's part of the sound [batch, 1, samples] for latents [batch, width, frames].

        The ancestral sampler of audiocraft's NoiseSchedule.generate_subsampled (DDPM, arXiv:2006.11239, over
        some of the steps), with a generator of its own. on_progress() is called after every step.
        """
        device = latents.device

        def noise() -> torch.Tensor:
            # Drawn on the host, so that a seed means the same on every device.
            return torch.randn(len(latents), 1, samples, generator=generator).to(device)

        timesteps = subsampled_timesteps(self.num_steps, steps)
        alpha_bars = (1 - self.betas).cumprod(0)
        x = noise() * self.noise_scale
        alpha_bar = alpha_bars[-1]
        for number, timestep in enumerate(timesteps):
            after = timesteps[number + 1] if number + 1 < len(timesteps) else 0
            alpha = alpha_bars[timestep] / alpha_bars[after]
            estimate = self.model(x, timestep, condition=latents).sample * self.noise_scale
            x = (x - (1 - alpha) / (1 - alpha_bar).sqrt() * estimate) / alpha.sqrt()
            if number + 1 < len(timesteps):
                sigma = ((1 - alpha_bars[after]) / (1 - alpha_bar) * (1 - alpha)).sqrt()
                x = x + sigma * noise() * self.noise_scale
            if self.clip:
                x = x.clamp(-self.clip, self.clip)
            alpha_bar = alpha_bars[after]
            on_progress()
        sound: torch.Tensor = self.processor.return_sample(x)
        return sound


class Bands:
    """All bands of a converted checkpoint."""

    def __init__(self, folder: Path, device: str) -> None:
        config = read_bands(folder)
        import_audiocraft()
        tensors = read_tensors(folder)
        self.rate: int = config["sample_rate"]
        refuse_unexpected(tensors, tuple(f"bands.{n}." for n in range(len(config["bands"]))), folder)
        with stubbed_modules():
            self.bands = [
                Band(settings, with_prefix(tensors, f"bands.{number}."), folder, self.rate)
                for number, settings in enumerate(config["bands"])
            ]
        for band in self.bands:
            band.to(device)

    @torch.inference_mode()
    def sound(
        self,
        latents: torch.Tensor,
        reference: torch.Tensor,
        steps: int,
        seed: int,
        on_progress: Callable[[int, int], None],
    ) -> torch.Tensor:
        """Return the diffused sound [batch, 1, samples].

        latents: the codec's, [batch, width, frames].  reference: what the codec makes of them,
        [batch, 1, samples]; the loudness of each of 32 bands is matched to it.  on_progress(done, total) is
        called after every step of every band; what it raises ends the rendering.
        """
        generator = torch.Generator().manual_seed(seed)
        total, done = steps * len(self.bands), 0

        def step() -> None:
            nonlocal done
            done += 1
            on_progress(done, total)

        with stubbed_modules():
            out = torch.zeros_like(reference)
            for band in self.bands:
                out += band.denoise(latents, reference.shape[-1], steps, generator, step)
        return match_loudness(out, reference, self.rate)


def subsampled_timesteps(num_steps: int, steps: int) -> list[int]:
    """Return the timesteps of a schedule of num_steps that a shorter sampling visits, noisiest first.

    Evenly spaced from the last one down, as audiocraft's every 50th of 1,000.
    """
    return [round(num_steps - 1 - number * num_steps / steps) for number in range(steps)]


def match_loudness(wave: torch.Tensor, reference: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Return a wave [batch, 1, samples] with the loudness of a reference in each of 32 mel bands."""
    from julius.bands import SplitBands

    split: Any = SplitBands(sample_rate=sample_rate, n_bands=EQUALISER_BANDS).to(wave.device)
    out = torch.zeros_like(wave)
    for band, wanted in zip(split(wave), split(reference), strict=True):
        # A silent band stays silent.
        out += band * (wanted.std() / band.std().clamp_min(1e-8))
    return out
