"""MusicGen's codec: EnCodec through transformers, decoded in sections that join without a seam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations
from transformers import EncodecConfig, EncodecModel
from transformers.initialization import no_init_weights

from bot.engines.checkpoints.weights import Tensors, fill, under
from bot.engines.musicgen.card import CONFIG, MusicgenCard
from bot.errors import ModelMissing

SECTION_SECONDS = 10.0
"""How much is decoded at a time; what that takes in memory does not grow with the clip."""
RECURRENT = 2
"""The decoder's first layers, a convolution and the LSTM: they run once over the whole clip."""


class Codec:
    """Decodes tokens to audio. Stereo checkpoints carry left and right in turn, codebook by codebook."""

    def __init__(self, card: MusicgenCard, tensors: Tensors, device: str) -> None:
        self.device, self.channels, self.hop = device, card.channels, card.hop
        self.section = max(1, round(SECTION_SECONDS * card.frame_rate))
        self.model: Any
        try:
            config = EncodecConfig.from_dict(card.config["audio_encoder"])
            with no_init_weights():
                self.model = EncodecModel(config)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelMissing(f"{card.folder / CONFIG} describes no EnCodec: {error}.") from error
        own = {_current(name): value for name, value in under(tensors, "audio_encoder.").items()}
        fill(self.model, own, card.folder, "codec")
        books = len(self.model.quantizer.layers)
        if books * card.channels != card.sizes.codebooks:
            raise ModelMissing(
                f"{card.folder / CONFIG} has a codec of {books} codebooks for {card.channels} channels "
                f"beside a language model of {card.sizes.codebooks}."
            )
        # In fp32 whatever the language model runs in: half precision is audible, and saves little here.
        placed: Any = self.model
        placed.to(device).float().eval()
        for module in list(self.model.modules()):
            if is_parametrized(module):
                # Weight norm would be worked out again for every section.
                remove_parametrizations(module, "weight")
        self.margin = _reach(self.model.decoder.layers[RECURRENT:])

    @torch.inference_mode()
    def latents(self, codes: torch.Tensor) -> torch.Tensor:
        """Return codes int64 [codebooks, frames] as the codec's latents [channels, width, frames]."""
        sides = torch.stack([codes[side :: self.channels] for side in range(self.channels)], 1)
        latents: torch.Tensor = self.model.quantizer.decode(sides.to(self.device))
        return latents

    @torch.inference_mode()
    def decode(self, codes: torch.Tensor, section: Callable[[int, int], None]) -> torch.Tensor:
        """Return codes int64 [codebooks, frames] as audio float32 [channels, frames · hop] on the device.

        section(done, total) is called after each section; what it raises ends the decoding.
        """
        x = self.latents(codes)
        for layer in self.model.decoder.layers[:RECURRENT]:
            x = layer(x)
        frames = x.shape[-1]
        parts = []
        for first in range(0, frames, self.section):
            last = min(first + self.section, frames)
            # Each section is decoded with what its convolutions reach on both sides, which is cut off again.
            before, after = max(0, first - self.margin), min(frames, last + self.margin)
            part = x[..., before:after]
            for layer in self.model.decoder.layers[RECURRENT:]:
                part = layer(part)
            parts.append(part[:, 0, (first - before) * self.hop : (last - before) * self.hop])
            section(last, frames)
        return torch.cat(parts, -1)


def _reach(layers: Any) -> int:
    """Return how many frames to each side a sample of the output depends on at most, with one to spare."""
    reach, scale = 0.0, 1
    for module in (m for layer in layers for m in layer.modules()):
        if isinstance(module, torch.nn.ConvTranspose1d):
            scale *= module.stride[0]
            reach += module.kernel_size[0] / scale
        elif isinstance(module, torch.nn.Conv1d):
            reach += module.dilation[0] * (module.kernel_size[0] - 1) / scale
    return int(reach) + 2


def _current(name: str) -> str:
    """Return a parameter's name of today; published files keep those of torch's older weight norm."""
    norm = ".parametrizations.weight.original"
    for old, new in ((".weight_g", f"{norm}0"), (".weight_v", f"{norm}1")):
        name = name.removesuffix(old) + new if name.endswith(old) else name
    return name
