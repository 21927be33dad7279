"""Packed forms of a weight matrix: the order and precision in which the CPU kernels read it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from bot.engines.musicgen.cpu import buffers
from bot.engines.musicgen.cpu.byte_product import LANES, LINE, STEP
from bot.engines.musicgen.cpu.dot_product import CHUNK, INTERLEAVED
from bot.engines.musicgen.cpu.integer_product import STEPS, TILE, VECTORS, ZERO_POINT

SMALLEST = 1e-12
"""Scale of a row of zeros."""
SHRINKS = (1.0, 0.9, 0.8)
"""Shares of a group's largest weight that may become int4's largest: the one with the least error does."""


class Form(Protocol):
    """One packed form."""

    @property
    def tile(self) -> int:
        """How many outputs are stored together."""

    def allocate(self, count: int, out: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return zeros for `count` matrices [out, width]: values, and scales."""

    def pack(self, weight: torch.Tensor, values: torch.Tensor, scales: torch.Tensor) -> None:
        """Pack whole tiles [out, in], zero-padded to whole chunks. Raises ValueError out of fp16's range."""

    def unpack(self, values: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """Return a matrix in fp32 [out, in], padding included."""


@dataclass(frozen=True, slots=True)
class FloatForm:
    """values [tiles, chunks, INTERLEAVED, CHUNK] of a float dtype; scales are ones."""

    dtype: torch.dtype
    tile: int = INTERLEAVED

    def allocate(self, count: int, out: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return zeros, and ones as scales."""
        tiles = -(-out // INTERLEAVED)
        values = zeros(self.dtype, count, tiles, -(-width // CHUNK), INTERLEAVED, CHUNK)
        return values, torch.ones(count, tiles, INTERLEAVED)

    def pack(self, weight: torch.Tensor, values: torch.Tensor, scales: torch.Tensor) -> None:
        """Pack whole tiles."""
        weight = weight.to(self.dtype)
        if self.dtype is torch.float16 and not weight.isfinite().all():
            raise ValueError("a weight is beyond fp16's range of ±65,504")
        tiles, chunks, interleaved, _ = values.shape
        values[:] = weight.view(tiles, interleaved, chunks, CHUNK).transpose(1, 2)

    def unpack(self, values: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """Return the matrix."""
        return values.transpose(1, 2).flatten(2).flatten(0, 1).float()


@dataclass(frozen=True, slots=True)
class ByteForm:
    """values uint8 [tiles, chunks, STEPS, VECTORS, LINE], scales fp32 [tiles, TILE], one for each output."""

    tile: int = TILE

    def allocate(self, count: int, out: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return zeros, and ones as scales."""
        tiles = -(-out // TILE)
        values = zeros(torch.uint8, count, tiles, -(-width // CHUNK), STEPS, VECTORS, LINE)
        return values, torch.ones(count, tiles, TILE)

    def pack(self, weight: torch.Tensor, values: torch.Tensor, scales: torch.Tensor) -> None:
        """Pack whole tiles."""
        scale = (weight.abs().amax(1).float() / 127).clamp_min(SMALLEST)
        scales[:] = scale.view_as(scales)
        _store((weight / scale[:, None]).round_(), ZERO_POINT[8], values)

    def unpack(self, values: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """Return the matrix."""
        return _by_outputs(values, ZERO_POINT[8]) * scales.view(-1, 1)


@dataclass(frozen=True, slots=True)
class NibbleForm:
    """values uint8 [tiles, chunks, STEPS / 2, VECTORS, LINE], scales fp16 [tiles, chunks, TILE].

    A byte holds the weights of two steps, the first one in its low half.
    """

    tile: int = TILE

    def allocate(self, count: int, out: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return zeros."""
        tiles, chunks = -(-out // TILE), -(-width // CHUNK)
        values = zeros(torch.uint8, count, tiles, chunks, STEPS // 2, VECTORS, LINE)
        return values, zeros(torch.float16, count, tiles, chunks, TILE)

    def pack(self, weight: torch.Tensor, values: torch.Tensor, scales: torch.Tensor) -> None:
        """Pack whole tiles."""
        groups = weight.float().view(len(weight), -1, CHUNK)
        largest = groups.gather(-1, groups.abs().argmax(-1, keepdim=True))
        integers, scale, least = torch.empty_like(groups), torch.empty_like(largest), None
        rounded, error = torch.empty_like(groups), torch.empty_like(groups)
        for shrink in SHRINKS:
            # The largest weight of a group becomes -8, the one integer without a counterpart above 0.
            own = (largest * (shrink / -ZERO_POINT[4])).half().float()
            if not own.isfinite().all():
                raise ValueError("a weight is beyond fp16's range of ±65,504")
            torch.div(groups, own.where(own != 0, 1.0), out=rounded).round_().clamp_(-8, 7)
            total = torch.mul(rounded, own, out=error).sub_(groups).square_().sum(-1, keepdim=True)
            if least is None:
                integers, rounded, scale, least = rounded, integers, own, total
                continue
            better = total < least
            torch.where(better, rounded, integers, out=integers)
            scale, least = torch.where(better, own, scale), torch.minimum(least, total)
        scales[:] = scale.view(-1, TILE, groups.shape[1]).transpose(1, 2)
        lines = values.new_empty(*values.shape[:2], STEPS, VECTORS, LINE)
        _store(integers.flatten(1), ZERO_POINT[4], lines)
        torch.bitwise_or(lines[:, :, ::2], lines[:, :, 1::2] << 4, out=values)

    def unpack(self, values: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """Return the matrix."""
        lines = torch.stack([values & 15, values >> 4], 3).flatten(2, 3)
        by_output = scales.transpose(1, 2).flatten(0, 1).float()
        return _by_outputs(lines, ZERO_POINT[4]) * by_output.repeat_interleave(CHUNK, 1)


def _store(integers: torch.Tensor, zero_point: int, lines: torch.Tensor) -> None:
    """Write integers [out, in], changed in place, as bytes [tiles, chunks, STEPS, VECTORS, LINE]."""
    split = integers.add_(zero_point).view(-1, VECTORS, LANES, lines.shape[1], STEPS, STEP)
    lines.view(*lines.shape[:4], LANES, STEP).copy_(split.permute(0, 3, 4, 1, 2, 5))


def _by_outputs(lines: torch.Tensor, zero_point: int) -> torch.Tensor:
    """Return bytes [tiles, chunks, STEPS, VECTORS, LINE] as numbers [out, in] in fp32."""
    split = lines.reshape(*lines.shape[:4], LANES, STEP).permute(0, 3, 4, 1, 2, 5)
    return split.flatten(3).flatten(0, 2).float() - zero_point


def zeros(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    """Return zeros in huge pages and whole cache lines: they are read faster than torch's."""
    if not all(shape):
        return torch.zeros(shape, dtype=dtype)
    memory = buffers.zeros(np.uint8, math.prod(shape) * dtype.itemsize)
    return torch.from_numpy(memory).view(dtype).view(shape)
