"""MusicGen's codec: EnCodec through transformers, decoded in sections that join without a seam."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations
from transformers import EncodecConfig, EncodecModel
from transformers.initialization import no_init_weights

from bot.engines.checkpoints.weights import Tensors, load_strict, with_prefix
from bot.engines.musicgen.checkpoint import CONFIG, Checkpoint
from bot.engines.musicgen.codec_cpu import CPUNetwork, is_supported
from bot.errors import ModelMissing

SECTION_SECONDS = 2.0
"""Audio decoded at a time: the work left after a clip's last token, and its memory."""
_CODEBOOK = ".codebook.embed"
"""End of the name of a codebook's vectors."""
RECURRENT = 2
"""The decoder's first layers, a convolution and the LSTM: the LSTM's state goes from section to section."""


def encodec(checkpoint: Checkpoint, tensors: Tensors, device: str) -> Any:
    """Return transformers' EncodecModel with a checkpoint's weights, in fp32 and without weight norm.

    Raises ModelMissing where the weights or the config are no EnCodec's that fits the language model.
    """
    try:
        config = EncodecConfig.from_dict(checkpoint.config["audio_encoder"])
        with no_init_weights():
            model: Any = EncodecModel(config)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelMissing(f"{checkpoint.folder / CONFIG} describes no EnCodec: {error}.") from error
    own = {_current(name): value for name, value in with_prefix(tensors, "audio_encoder.").items()}
    load_strict(model, _with_statistics(own), checkpoint.folder, "codec")
    books = len(model.quantizer.layers)
    if books * checkpoint.channels != checkpoint.sizes.codebooks:
        raise ModelMissing(
            f"{checkpoint.folder / CONFIG} has a codec of {books} codebooks for {checkpoint.channels} "
            f"channels beside a language model of {checkpoint.sizes.codebooks}."
        )
    # In fp32 whatever the language model runs in: half precision is audible, and saves little here.
    model.to(device).float().eval()
    for module in list(model.modules()):
        if is_parametrized(module):
            # Weight norm would be worked out again for every section.
            remove_parametrizations(module, "weight")
    return model


class RunningNetwork(Protocol):
    """A decoder network in the middle of a clip."""

    def push(self, latents: torch.Tensor, *, last: bool) -> torch.Tensor:
        """Take the next latents float32 [channels, width, frames] and return audio [channels, samples].

        last: no latents follow, and the audio is complete.
        """


class Network(Protocol):
    """The layers of EnCodec's decoder."""

    frames_behind: int
    """How many frames the audio is behind the latents until the last ones come, rounded up."""

    def start(self, channels: int) -> RunningNetwork:
        """Return the network at the beginning of a clip."""


class Codec:
    """Decodes tokens to audio. Stereo checkpoints carry left and right in turn, codebook by codebook."""

    def __init__(self, checkpoint: Checkpoint, tensors: Tensors, device: str) -> None:
        self.device, self.channels, self.hop = device, checkpoint.channels, checkpoint.hop
        self.section = max(1, round(SECTION_SECONDS * checkpoint.frame_rate))
        model = encodec(checkpoint, tensors, device)
        self._encoder, self._quantizer = model.encoder, model.quantizer
        self.network: Network = (
            CPUNetwork(model.decoder.layers)
            if device == "cpu" and is_supported(model.config)
            else OverlappingNetwork(model.decoder.layers, self.hop)
        )

    @torch.inference_mode()
    def latents(self, codes: torch.Tensor) -> torch.Tensor:
        """Return codes int64 [codebooks, frames] as the codec's latents [channels, width, frames]."""
        sides = torch.stack([codes[side :: self.channels] for side in range(self.channels)], 1)
        latents: torch.Tensor = self._quantizer.decode(sides.to(self.device))
        return latents

    @torch.inference_mode()
    def encode(self, wave: torch.Tensor) -> torch.Tensor:
        """Return audio float32 [channels, frames · hop] as codes int64 [codebooks, frames] on the host.

        In one piece, so memory grows with its length: for the seconds that a continuation listens to.
        """
        embeddings = self._encoder(wave[:, None].to(self.device))
        frames = wave.shape[1] // self.hop
        sides = self._quantizer.encode(embeddings)[..., :frames]
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

    The convolutions are not causal: a section is decodable once the frames that it depends on beyond its end
    are known. The sections joined are the clip decoded in one piece, up to rounding, and the same bits
    whatever pieces the tokens come in.
    decoded_frames: the frames whose audio was returned so far.
    """

    def __init__(self, codec: Codec) -> None:
        self.decoded_frames = 0
        self._codec = codec
        self._network = codec.network.start(codec.channels)
        # Latents that the network has not got yet, and audio beyond the last section.
        self._latents, self._audio = _Frames(), _Frames()
        self._given = 0
        self._is_complete = False

    @torch.inference_mode()
    def feed(self, codes: torch.Tensor, *, last: bool) -> Iterator[torch.Tensor]:
        """Take the next codes int64 [codebooks, frames] and yield the audio that is decodable, by sections.

        last: no codes follow.  Yields float32 [channels, samples] on the codec's device.
        """
        codec = self._codec
        self._latents.add(codec.latents(codes))
        while self.decoded_frames < self._latents.end:
            first, needed = self.decoded_frames, codec.section + codec.network.frames_behind
            if not last and self._latents.end < first + needed:
                return
            # The network gets the same pieces however the codes came.
            end = min(first + needed, self._latents.end)
            if not self._is_complete:
                self._is_complete = last and end == self._latents.end
                latents = self._latents.between(self._given, end)
                self._audio.add(self._network.push(latents, last=self._is_complete))
                self._latents.drop(end)
                self._given = end
            self.decoded_frames = min(first + codec.section, self._latents.end)
            part = self._audio.between(first * codec.hop, self.decoded_frames * codec.hop)
            self._audio.drop(self.decoded_frames * codec.hop)
            yield part


class OverlappingNetwork:
    """transformers' own layers, by which each piece is decoded with its receptive field on both sides."""

    def __init__(self, layers: Any, hop: int) -> None:
        """Take the modules of transformers' decoder; hop: samples a frame."""
        self.layers, self.hop = layers, hop
        self.entry_margin = _receptive_field(layers[:1])
        self.margin = _receptive_field(layers[RECURRENT:])
        self.frames_behind = self.entry_margin + self.margin

    def start(self, channels: int) -> _RunningOverlapping:
        """Return the network at the beginning of a clip."""
        return _RunningOverlapping(self)


class _RunningOverlapping:
    def __init__(self, network: OverlappingNetwork) -> None:
        self._network = network
        self._decoded = 0
        # Latents as they come, and behind the LSTM; of both, only what a later piece still depends on.
        self._latents, self._features = _Frames(), _Frames()
        self._state: tuple[torch.Tensor, torch.Tensor] | None = None

    def push(self, latents: torch.Tensor, *, last: bool) -> torch.Tensor:
        network = self._network
        self._latents.add(latents)
        self._extend_features(last=last)
        first, ready = self._decoded, self._features.end - (0 if last else network.margin)
        if ready <= first:
            return latents.new_empty(len(latents), 0)
        # Its audio that belongs to the receptive field is cut off again.
        before = max(0, first - network.margin)
        part = self._features.between(before, ready + network.margin)
        for layer in network.layers[RECURRENT:]:
            part = layer(part)
        self._decoded = ready
        self._features.drop(ready - network.margin)
        return part[:, 0, (first - before) * network.hop : (ready - before) * network.hop]

    def _extend_features(self, *, last: bool) -> None:
        """Run the first convolution and the LSTM over the frames whose receptive field is known."""
        margin, first = self._network.entry_margin, self._features.end
        end = self._latents.end - (0 if last else margin)
        if end <= first:
            return
        first_convolution, recurrent = self._network.layers[:RECURRENT]
        before = max(0, first - margin)
        x = first_convolution(self._latents.between(before, end + margin))[..., first - before : end - before]
        steps = x.permute(2, 0, 1)
        remembered, self._state = recurrent.lstm(steps, self._state)
        self._features.add((remembered + steps).permute(1, 2, 0))
        self._latents.drop(end - margin)


class _Frames:
    """Frames or samples [channels, …, frames], counted from the clip's first; early ones are dropped."""

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
