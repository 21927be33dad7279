"""EnCodec's decoder on a CPU: the layers of transformers' model, computed frame after frame as they come.

transformers' layers keep time innermost; here it is outermost, so that every convolution is a matrix product
without a transposition, which oneDNN computes at the processor's peak. Each layer keeps the few frames that
its next output depends on: nothing is computed twice, and a clip that comes in pieces sounds as in one piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn.functional import conv2d

from bot.engines.musicgen import codec_kernels as kernels
from bot.engines.musicgen.cpu.arithmetic import Array
from bot.engines.musicgen.cpu.dot_product import CHUNK

PIECE_BYTES = 1_000_000
"""Input of a layer that is computed at once: as much as is worth a call, and little enough to stay cached."""
HEAVY_WEIGHTS = 4_000_000
"""Weights from which on a product's own order of them is made once: making it takes as long as a product."""


class Running(Protocol):
    """A layer in the middle of a clip."""

    def push(self, x: torch.Tensor, *, last: bool) -> torch.Tensor:
        """Take the next frames float32 [rows, frames, width] and return those that are known by now."""


class Layer(Protocol):
    """A layer's weights."""

    width: int
    """Of its input."""

    def start(self, rows: int) -> Running:
        """Return it at a clip's beginning."""

    def behind(self, frames: int) -> int:
        """Return how many frames its output is behind, where its input is so many behind."""


class Convolution:
    """An `EncodecConv1d` of stride 1 that is not causal, with the ELU before it.

    Its input is padded by reflection on both sides.
    """

    def __init__(self, layer: Any, *, elu: bool) -> None:
        conv = layer.conv
        self.width, self.elu = conv.in_channels, elu
        self.dilation = conv.dilation[0]
        self.reach = self.dilation * (conv.kernel_size[0] - 1)
        self.right = self.reach // 2
        self.left = self.reach - self.right
        self.product = _Product(conv.weight.detach(), conv.bias.detach(), self.dilation)

    def start(self, rows: int) -> _RunningConvolution:
        """Return it at a clip's beginning."""
        return _RunningConvolution(self)

    def behind(self, frames: int) -> int:
        """Return how many frames its output is behind."""
        return frames + int(self.right)


class _RunningConvolution:
    def __init__(self, layer: Convolution) -> None:
        self._layer = layer
        self._kept: torch.Tensor | None = None
        self._started = layer.left == 0

    def push(self, x: torch.Tensor, *, last: bool) -> torch.Tensor:
        layer = self._layer
        known = 0 if self._kept is None else self._kept.shape[1]
        frames = known + x.shape[1]
        if not self._started and not last and frames <= layer.left:
            # Too few to reflect.
            self._kept = _joined(self._kept, x, 0, 0, elu=layer.elu)
            return x.new_empty(len(x), 0, layer.product.width)
        before = 0 if self._started else layer.left
        after = layer.right if last else 0
        # A clip too short to be reflected is lengthened by silence for it, as transformers does.
        missing = 0 if self._started else max(0, layer.left + 1 - frames)
        padded = _joined(self._kept, x, before, missing + after, elu=layer.elu)
        if missing:
            padded[:, before + frames : before + frames + missing] = 0
        _reflect(padded, before, after)
        padded = padded[:, : padded.shape[1] - missing]
        self._started = True
        out = padded.shape[1] - layer.reach
        if out <= 0:
            self._kept = padded
            return x.new_empty(len(x), 0, layer.product.width)
        self._kept = padded[:, out:].clone()
        return layer.product(padded)


class Upsampling:
    """An `EncodecConvTranspose1d` that is not causal, with the ELU before it.

    Its kernel is two strides long. Output `stride · t + j` is input t by the kernel's value at j, and input
    t - 1 by that at j + stride: a convolution of kernel 2 over the input, of `stride` frames at a time.
    """

    def __init__(self, layer: Any) -> None:
        conv = layer.conv
        self.width, self.stride, self.out = conv.in_channels, conv.stride[0], conv.out_channels
        self.right = self.stride // 2
        self.left = self.stride - self.right
        # [in, out, 2 · stride] to [stride · out, in, 2], the earlier input first.
        halves = conv.weight.detach().view(self.width, self.out, 2, self.stride).flip(2)
        weight = halves.permute(3, 1, 0, 2).reshape(self.stride * self.out, self.width, 2)
        self.product = _Product(weight, conv.bias.detach().repeat(self.stride), 1)

    def start(self, rows: int) -> _RunningUpsampling:
        """Return it at a clip's beginning."""
        return _RunningUpsampling(self)

    def behind(self, frames: int) -> int:
        """Return how many frames its output is behind."""
        return int(frames * self.stride + self.left)


class _RunningUpsampling:
    def __init__(self, layer: Upsampling) -> None:
        self._layer = layer
        self._kept: torch.Tensor | None = None
        self._beyond = layer.left

    def push(self, x: torch.Tensor, *, last: bool) -> torch.Tensor:
        layer, begins = self._layer, self._kept is None
        padded = _joined(self._kept, x, 1 if begins else 0, 1 if last else 0, elu=True)
        if begins:
            padded[:, 0] = 0
        if last:
            padded[:, -1] = 0
        self._kept = padded[:, -1:].clone()
        if padded.shape[1] < 2:
            return x.new_empty(len(x), 0, layer.out)
        out = layer.product(padded).reshape(len(x), -1, layer.out)
        beyond, self._beyond = self._beyond, 0
        return out[:, beyond : out.shape[1] - (layer.right if last else 0)]


class Residual:
    """An `EncodecResnetBlock`: convolutions whose result is added to the input, or to a convolution of it."""

    def __init__(self, block: Any) -> None:
        inner = [layer for layer in block.block if not isinstance(layer, nn.ELU)]
        self.inner = [Convolution(layer, elu=True) for layer in inner]
        self.shortcut = None
        if not isinstance(block.shortcut, nn.Identity):
            self.shortcut = Convolution(block.shortcut, elu=False)
        self.width = self.inner[0].width

    def start(self, rows: int) -> _RunningResidual:
        """Return it at a clip's beginning."""
        return _RunningResidual(self)

    def behind(self, frames: int) -> int:
        """Return how many frames its output is behind."""
        for layer in self.inner:
            frames = layer.behind(frames)
        return frames


class _RunningResidual:
    def __init__(self, layer: Residual) -> None:
        self._inner = [inner.start(1) for inner in layer.inner]
        self._shortcut = None if layer.shortcut is None else layer.shortcut.start(1)
        self._kept: torch.Tensor | None = None

    def push(self, x: torch.Tensor, *, last: bool) -> torch.Tensor:
        beside = x if self._shortcut is None else self._shortcut.push(x, last=last)
        for inner in self._inner:
            x = inner.push(x, last=last)
        kept = beside[:, :0] if self._kept is None else self._kept
        # Not joined before they are added: that would write a whole piece again.
        early, late = x[:, : kept.shape[1]], x[:, kept.shape[1] :]
        early.add_(kept[:, : early.shape[1]])
        late.add_(beside[:, : late.shape[1]])
        self._kept = torch.cat([kept[:, early.shape[1] :], beside[:, late.shape[1] :]], 1)
        return x


class Recurrent:
    """An `EncodecLSTM`: an LSTM whose output is added to its input."""

    def __init__(self, layer: Any) -> None:
        lstm = layer.lstm
        self.width, self.layers = lstm.hidden_size, []
        for number in range(lstm.num_layers):
            weights = [getattr(lstm, f"{name}_l{number}").detach() for name in ("weight_ih", "weight_hh")]
            biases = [getattr(lstm, f"{name}_l{number}").detach() for name in ("bias_ih", "bias_hh")]
            self.layers.append((_Product(weights[0][..., None], sum(biases), 1), kernels.pack(weights[1])))

    def start(self, rows: int) -> _RunningRecurrent:
        """Return it at a clip's beginning."""
        return _RunningRecurrent(self, rows)

    def behind(self, frames: int) -> int:
        """Return how many frames its output is behind."""
        return frames


class _RunningRecurrent:
    def __init__(self, layer: Recurrent, rows: int) -> None:
        self._layer = layer
        self._form = kernels.ONE if rows == 1 else kernels.TWO
        self._states = [np.zeros((2, rows, layer.width), np.float32) for _ in layer.layers]

    def push(self, x: torch.Tensor, *, last: bool) -> torch.Tensor:
        given = x
        for (product, (values, scales)), state in zip(self._layer.layers, self._states, strict=True):
            if not x.shape[1]:
                break
            gates = product(x)
            x = torch.empty(given.shape)
            kernels.recur(gates.numpy(), values, scales, state[0], state[1], x.numpy(), self._form)
        return x + given


def is_supported(config: Any) -> bool:
    """Tell whether the layers of an EnCodec with this EncodecConfig have a form here."""
    return not config.use_causal_conv and config.norm_type == "weight_norm" and config.pad_mode == "reflect"


class CPUNetwork:
    """The decoder's layers, ready to run."""

    def __init__(self, layers: Sequence[Any]) -> None:
        """Take the modules of transformers' decoder, without weight norm; of a config that `is_supported`."""
        self.layers: list[Layer] = []
        elu = False
        for layer in layers:
            match type(layer).__name__:
                case "EncodecConv1d":
                    self.layers.append(Convolution(layer, elu=elu))
                case "EncodecConvTranspose1d":
                    self.layers.append(Upsampling(layer))
                case "EncodecResnetBlock":
                    self.layers.append(Residual(layer))
                case "EncodecLSTM":
                    self.layers.append(Recurrent(layer))
            elu = isinstance(layer, nn.ELU)
        samples, hop = 0, 1
        for own in self.layers:
            samples = own.behind(samples)
            hop *= own.stride if isinstance(own, Upsampling) else 1
        self.frames_behind = -(-samples // hop)

    def start(self, channels: int) -> _RunningNetwork:
        """Return the network at the beginning of a clip."""
        return _RunningNetwork(self, channels)


class _RunningNetwork:
    def __init__(self, network: CPUNetwork, rows: int) -> None:
        self._layers = network.layers
        self._running = [layer.start(rows) for layer in network.layers]

    def push(self, latents: torch.Tensor, *, last: bool) -> torch.Tensor:
        parts = list(self._through(0, latents.transpose(1, 2).contiguous(), last=last))
        return torch.cat(parts, 1)[..., 0]

    def _through(self, index: int, x: torch.Tensor, *, last: bool) -> Iterator[torch.Tensor]:
        if index == len(self._layers):
            yield x
            return
        layer, running = self._layers[index], self._running[index]
        most = max(1, PIECE_BYTES // (4 * len(x) * layer.width))
        if isinstance(layer, Recurrent):
            most = max(1, x.shape[1])
        for first in range(0, max(1, x.shape[1]), most):
            piece = x[:, first : first + most]
            ends = last and first + most >= x.shape[1]
            yield from self._through(index + 1, running.push(piece, last=ends), last=ends)


class _Product:
    """A convolution of stride 1 without padding over float32 [rows, frames, in], by oneDNN where it is."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, dilation: int) -> None:
        """weight: [out, in, kernel].  bias: [out]."""
        self.width, given, self._kernel = weight.shape
        self._bias, self._dilation = bias.clone(), dilation
        self._packed: torch.Tensor | None = None
        self._weight = weight
        # To one channel, oneDNN computes 16 and drops 15 of them.
        self._to_one: Array | None = None
        if self.width == 1 and dilation == 1 and weight.numel() % CHUNK == 0:
            self._to_one = weight[0].T.flatten().contiguous().numpy()
        onednn: Any = torch.backends.mkldnn
        has_onednn: bool = onednn.is_available()
        if has_onednn and weight.numel() >= HEAVY_WEIGHTS and dilation == 1:
            matrix = weight.transpose(1, 2).reshape(self.width, self._kernel * given)
            self._weight = weight.new_empty(0)
            self._packed = torch.ops.mkldnn._reorder_linear_weight(matrix)
        else:
            self._weight = weight[:, :, None].contiguous(memory_format=torch.channels_last)
        # conv2d itself would take another way for kernels of 1 on one thread.
        self._convolve = torch.mkldnn_convolution if has_onednn else _convolution

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        rows, frames, width = x.shape
        x = x.contiguous()
        if self._to_one is not None:
            only = x.new_empty(rows, frames - self._kernel + 1, 1)
            for source, target in zip(x.numpy(), only.numpy(), strict=True):
                kernels.convolve_to_one(source, self._to_one, self._bias.numpy(), target[:, 0])
            return only
        if self._packed is not None:
            shape = rows, frames - self._kernel + 1, self._kernel * width
            inputs = x.as_strided(shape, (frames * width, width, 1)).reshape(-1, shape[-1])
            out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
                inputs, self._packed, self._bias, "none", [], ""
            )
            return out.view(*shape[:2], self.width)
        image = x[:, None].permute(0, 3, 1, 2)
        made = self._convolve(image, self._weight, self._bias, [0, 0], [1, 1], [1, self._dilation], 1)
        return made.permute(0, 2, 3, 1)[:, 0].contiguous()


def _convolution(
    image: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, padding: list[int], stride: list[int],
    dilation: list[int], groups: int,
) -> torch.Tensor:  # fmt: skip
    """Return what torch.mkldnn_convolution does, by torch itself."""
    return conv2d(image, weight, bias, stride, padding, dilation, groups)


def _joined(
    kept: torch.Tensor | None, x: torch.Tensor, before: int, after: int, *, elu: bool
) -> torch.Tensor:
    """Return kept frames and new ones in one tensor, with room on both sides; elu: of the new ones."""
    known = 0 if kept is None else kept.shape[1]
    whole = x.new_empty(len(x), before + known + x.shape[1] + after, x.shape[2])
    if kept is not None:
        whole[:, before : before + known] = kept
    new = whole[:, before + known : before + known + x.shape[1]]
    if elu:
        for source, target in zip(x.numpy(), new.numpy(), strict=True):
            kernels.elu(source, target)
    else:
        new.copy_(x)
    return whole


def _reflect(padded: torch.Tensor, before: int, after: int) -> None:
    """Fill the room on both sides with the frames beside it, mirrored at the first and the last one."""
    end = padded.shape[1] - after
    if before:
        padded[:, :before] = padded[:, before + 1 : 2 * before + 1].flip(1)
    if after:
        padded[:, end:] = padded[:, end - 1 - after : end - 1].flip(1)
