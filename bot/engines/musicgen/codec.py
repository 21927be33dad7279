"""MusicGen's codec: EnCodec through transformers, decoded in sections that join without a seam."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations
from transformers import EncodecConfig, EncodecModel
from transformers.initialization import no_init_weights

from bot.engines.checkpoints.weights import Tensors, load_strict, with_prefix
from bot.engines.musicgen.checkpoint import CONFIG, Checkpoint
from bot.errors import ModelMissing

SECTION_SECONDS = 2.0
"""Audio decoded at a time: the work left after a clip's last token, and its memory."""
_CODEBOOK = ".codebook.embed"
"""End of the name of a codebook's vectors."""
RECURRENT = 2
"""The decoder's first layers, a convolution and the LSTM: the LSTM's state goes from section to section."""


class Codec:
    """Decodes tokens to audio. Stereo checkpoints carry left and right in turn, codebook by codebook."""

    def __init__(self, checkpoint: Checkpoint, tensors: Tensors, device: str) -> None:
        self.device, self.channels, self.hop = device, checkpoint.channels, checkpoint.hop
        self.section = max(1, round(SECTION_SECONDS * checkpoint.frame_rate))
        self.model: Any
        try:
            config = EncodecConfig.from_dict(checkpoint.config["audio_encoder"])
            with no_init_weights():
                self.model = EncodecModel(config)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelMissing(f"{checkpoint.folder / CONFIG} describes no EnCodec: {error}.") from error
        own = {_current(name): value for name, value in with_prefix(tensors, "audio_encoder.").items()}
        load_strict(self.model, _with_statistics(own), checkpoint.folder, "codec")
        books = len(self.model.quantizer.layers)
        if books * checkpoint.channels != checkpoint.sizes.codebooks:
            raise ModelMissing(
                f"{checkpoint.folder / CONFIG} has a codec of {books} codebooks for {checkpoint.channels} "
                f"channels beside a language model of {checkpoint.sizes.codebooks}."
            )
        # In fp32 whatever the language model runs in: half precision is audible, and saves little here.
        placed: Any = self.model
        placed.to(device).float().eval()
        for module in list(self.model.modules()):
            if is_parametrized(module):
                # Weight norm would be worked out again for every section.
                remove_parametrizations(module, "weight")
        self.entry_margin = _receptive_field(self.model.decoder.layers[:1])
        self.margin = _receptive_field(self.model.decoder.layers[RECURRENT:])

    @torch.inference_mode()
    def latents(self, codes: torch.Tensor) -> torch.Tensor:
        """Return codes int64 [codebooks, frames] as the codec's latents [channels, width, frames]."""
        sides = torch.stack([codes[side :: self.channels] for side in range(self.channels)], 1)
        latents: torch.Tensor = self.model.quantizer.decode(sides.to(self.device))
        return latents

    @torch.inference_mode()
    def encode(self, wave: torch.Tensor) -> torch.Tensor:
        """Return audio float32 [channels, frames · hop] as codes int64 [codebooks, frames] on the host.

        In one piece, so memory grows with its length: for the seconds that a continuation listens to.
        """
        embeddings = self.model.encoder(wave[:, None].to(self.device))
        frames = wave.shape[1] // self.hop
        sides = self.model.quantizer.encode(embeddings)[..., :frames]
        # [codebooks a side, channels, frames]: left and right in turn.
        codes: torch.Tensor = sides.flatten(0, 1).cpu()
        return codes

    def decode(self, codes: torch.Tensor, section: Callable[[int, int], None]) -> torch.Tensor:
        """Return codes int64 [codebooks, frames] as audio float32 [channels, frames · hop] on the device.

        section(done, total) is called after each section; what it raises ends the decoding.
        """
        stream, parts = StreamingDecoder(self), []
        for part in stream.feed(codes, last=True):
            parts.append(part)
            section(stream.decoded_frames, codes.shape[1])
        return torch.cat(parts, -1)


class StreamingDecoder:
    """Decodes one clip's tokens in sections, while its later tokens are still being sampled.

    The convolutions are not causal: a section is decodable once the frames of their receptive field beyond
    its end are known. The sections joined are the clip decoded in one piece, up to rounding.
    decoded_frames: the frames whose audio was returned so far.
    """

    def __init__(self, codec: Codec) -> None:
        self.decoded_frames = 0
        self._codec = codec
        # Latents as they come, and behind the LSTM; of both, only what a later section still depends on.
        self._latents, self._features = _Frames(), _Frames()
        self._state: tuple[torch.Tensor, torch.Tensor] | None = None

    @torch.inference_mode()
    def feed(self, codes: torch.Tensor, *, last: bool) -> Iterator[torch.Tensor]:
        """Take the next codes int64 [codebooks, frames] and yield the audio that is decodable, by sections.

        last: no codes follow.  Yields float32 [channels, samples] on the codec's device.
        """
        codec = self._codec
        self._latents.add(codec.latents(codes))
        self._extend_features(last=last)
        ready = self._features.end - (0 if last else codec.margin)
        while self.decoded_frames < ready and (last or ready - self.decoded_frames >= codec.section):
            first, self.decoded_frames = self.decoded_frames, min(self.decoded_frames + codec.section, ready)
            # A section is decoded with the receptive field on both sides, whose audio is cut off again.
            before = max(0, first - codec.margin)
            part = self._features.between(before, self.decoded_frames + codec.margin)
            for layer in codec.model.decoder.layers[RECURRENT:]:
                part = layer(part)
            yield part[:, 0, (first - before) * codec.hop : (self.decoded_frames - before) * codec.hop]
        self._features.drop(self.decoded_frames - codec.margin)

    def _extend_features(self, *, last: bool) -> None:
        """Run the first convolution and the LSTM over the frames whose receptive field is known."""
        codec, first = self._codec, self._features.end
        end = self._latents.end - (0 if last else codec.entry_margin)
        if end <= first:
            return
        first_convolution, recurrent = codec.model.decoder.layers[:RECURRENT]
        before = max(0, first - codec.entry_margin)
        x = first_convolution(self._latents.between(before, end + codec.entry_margin))[
            ..., first - before : end - before
        ]
        steps = x.permute(2, 0, 1)
        remembered, self._state = recurrent.lstm(steps, self._state)
        self._features.add((remembered + steps).permute(1, 2, 0))
        self._latents.drop(end - codec.entry_margin)


class _Frames:
    """Frames [channels, width, frames], counted from the clip's first; early ones are dropped."""

    def __init__(self) -> None:
        self.end = self._first = 0
        self._kept: torch.Tensor | None = None

    def add(self, frames: torch.Tensor) -> None:
        self._kept = frames if self._kept is None else torch.cat([self._kept, frames], -1)
        self.end += frames.shape[-1]

    def between(self, first: int, end: int) -> torch.Tensor:
        assert self._kept is not None
        return self._kept[..., first - self._first : end - self._first]

    def drop(self, before: int) -> None:
        if self._kept is not None and before > self._first:
            self._kept = self._kept[..., before - self._first :].clone()
            self._first = before


def _receptive_field(layers: Any) -> int:
    """Return how many frames to each side a sample of the output depends on at most, with one to spare."""
    frames, scale = 0.0, 1
    for module in (m for layer in layers for m in layer.modules()):
        if isinstance(module, torch.nn.ConvTranspose1d):
            scale *= module.stride[0]
            frames += module.kernel_size[0] / scale
        elif isinstance(module, torch.nn.Conv1d):
            frames += module.dilation[0] * (module.kernel_size[0] - 1) / scale
    return int(frames) + 2


def _with_statistics(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the codec's tensors with the codebooks' training statistics, which some uploads left out.

    EnCodec updates a codebook in training by moving averages; encoding and decoding read `embed` alone.
    """
    own = dict(tensors)
    for name, embed in tensors.items():
        if name.endswith(_CODEBOOK):
            base = name.removesuffix("embed")
            own.setdefault(f"{base}embed_avg", embed)
            own.setdefault(f"{base}cluster_size", torch.ones(len(embed)))
            own.setdefault(f"{base}inited", torch.ones(1))
    return own


def _current(name: str) -> str:
    """Return a parameter's name of today; published files keep those of torch's older weight norm."""
    norm = ".parametrizations.weight.original"
    for old, new in ((".weight_g", f"{norm}0"), (".weight_v", f"{norm}1")):
        name = name.removesuffix(old) + new if name.endswith(old) else name
    return name
