"""The engine of `DIFFUSION_MODEL=multiband`: MusicGen's decode loop, and the bands in the codec's place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.engines.base import RenderContext
from bot.engines.multiband.bands import Bands
from bot.engines.musicgen.decoder import Row
from bot.engines.musicgen.engine import MusicgenEngine, job_of
from bot.recipe.capabilities import Capabilities, option

if TYPE_CHECKING:
    from bot.engines.base import Wave


class MultibandEngine(MusicgenEngine):
    """Decodes tokens as the autoregressive engine does, and diffuses their sound."""

    def __init__(
        self, folder: Path, capabilities: Capabilities, bands: Path, device: str, dtype: str
    ) -> None:
        super().__init__(folder, capabilities.model.partition(":")[2], device, dtype)
        self.capabilities = replace(capabilities, slots=self.capabilities.slots)
        self.bands: Bands | None = Bands(bands, device)

    def close(self) -> None:
        """Give the memory of the weights and the cache back; the engine cannot render afterwards."""
        super().close()
        self.bands = None

    def total(self, row: Row) -> int:
        """Return how many steps of progress a row has: its frames, and every band's denoising steps."""
        assert self.bands is not None
        return row.frames + self._steps(row) * len(self.bands.bands)

    def follow(self, row: Row) -> None:
        """Wait: each band's network looks at the whole clip at once."""

    def sound(self, context: RenderContext, row: Row) -> Wave:
        """Return a finished row's codes as audio [channels, samples], reporting every step."""
        assert self.codec is not None
        assert self.bands is not None
        assert row.codes is not None
        latents = self.codec.latents(row.codes)
        reference = self.codec.decode(
            row.codes, lambda _done, _total: self.report_codec_progress(context, row, 0)
        )
        wave = self.bands.sound(
            latents,
            reference[:, None],
            self._steps(row),
            row.seed,
            lambda done, _total: self.report_codec_progress(context, row, done),
        )
        return self.cut(wave[:, 0], row)

    def _steps(self, row: Row) -> int:
        return int(option(job_of(row).recipe, self.capabilities, "num_sampling_steps"))
