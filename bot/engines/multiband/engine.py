"""The engine of the models `multiband:NAME`: MusicGen's tokens, decoded by MultiBandDiffusion."""

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
    """The autoregressive engine with MultiBandDiffusion in place of the codec's decoder."""

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
        """Return the steps of progress of a row: its frames, and every band's denoising steps."""
        assert self.bands is not None
        return row.frames + self._steps(row) * len(self.bands.bands)

    def stream_codec(self, row: Row) -> None:
        """Do nothing: each band's U-Net takes the whole clip at once."""

    def decode_audio(self, context: RenderContext, row: Row) -> Wave:
        """Return the audio [channels, samples] of a finished row, with progress after every step."""
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
