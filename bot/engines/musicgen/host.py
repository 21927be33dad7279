"""A language model's weights and its cache as the CPU's kernels want them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch.nn.functional import linear

from bot.engines.musicgen import kernels
from bot.engines.musicgen.arithmetic import Array
from bot.engines.musicgen.dots import CHUNK
from bot.engines.musicgen.kernels import BLOCK, Matrix, Own, Part, Past, Shared, Stack
from bot.engines.musicgen.linear import DTYPES, Precision
from bot.engines.musicgen.sizes import Sizes
from bot.engines.musicgen.weights import Norm

APART = 2 * CHUNK
"""Numbers between two rows of activations: rows that are a power of two apart share a cache's few places."""
ALONE = 10_000_000
"""Weights up to which one thread is faster than several that wait for each other."""


class Stored:
    """A layer's weight where the kernels have it, for what comes in many rows at once."""

    def __init__(self, numbers: torch.Tensor, scales: torch.Tensor) -> None:
        self._numbers, self._scales = numbers, scales

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply x [rows, in], in fp32."""
        return linear(x, self._numbers.float()) * self._scales


class Stacks:
    """Every layer's matrices side by side, in one precision, filled one after another."""

    def __init__(self, sizes: Sizes, precision: Precision) -> None:
        wide, middle, layers = sizes.hidden, sizes.feed_forward, sizes.layers
        cross = 0 if sizes.prefix else layers
        self._dtype = DTYPES[precision]
        self.precision = precision
        self._numbers: dict[str, torch.Tensor] = {}
        self._scales: dict[str, torch.Tensor] = {}
        for name, count, out, width in (
            ("qkv", layers, 3 * wide, wide),
            ("self_out", layers, wide, wide),
            ("cross_query", cross, wide, wide),
            ("cross_key_value", cross, 2 * wide, wide),
            ("cross_out", cross, wide, wide),
            ("feed_in", layers, middle, wide),
            ("feed_out", layers, wide, middle),
            ("heads", 1, sizes.codebooks * sizes.vocabulary, wide),
        ):
            self._numbers[name] = _zeros(self._dtype, count, out, padded(width))
            self._scales[name] = torch.ones(count, out)
        self._norms = torch.zeros(layers, 3, 2, wide)
        self._last_norm = torch.zeros(2, wide)

    def put(self, name: str, layer: int, weight: torch.Tensor) -> Stored:
        """Put a weight [out, in] into its place. Raises ValueError for one that is beyond fp16's range."""
        numbers, scales = self._numbers[name][layer, :, : weight.shape[1]], self._scales[name][layer]
        if self._dtype is torch.int8:
            scales.copy_((weight.abs().amax(1).float() / 127).clamp_min(1e-12))
            weight = (weight / scales[:, None]).round_()
        numbers.copy_(weight)
        if self._dtype is torch.float16 and not numbers.isfinite().all():
            raise ValueError("a weight is beyond fp16's range of ±65,504")
        return Stored(numbers, scales)

    def put_norms(self, layer: int, norms: Sequence[Norm]) -> None:
        """Put in a layer's norms: before attention, words and feed-forward; without words any is right."""
        self._norms[layer] = torch.stack([torch.stack([norm.weight, norm.bias]) for norm in norms])

    def put_last_norm(self, norm: Norm) -> None:
        """Put in the norm before the heads."""
        self._last_norm.copy_(torch.stack([norm.weight, norm.bias]))

    @property
    def numbers(self) -> int:
        """How many weights there are."""
        return sum(numbers.numel() for numbers in self._numbers.values())

    def arrays(self) -> Stack:
        """Return the same memory as the kernels take it."""
        matrices = {
            name: Matrix(bits(numbers), self._scales[name].numpy())
            for name, numbers in self._numbers.items()
            if name in Stack._fields
        }
        return Stack(norms=self._norms.numpy(), last_norm=self._last_norm.numpy(), **matrices)


class HostSlots:
    """The cache of all slots on a CPU, and a step of the network over those that are taken.

    Every slot has exactly its own context: nothing is computed for padding or for a slot that nobody has,
    and no number depends on what else is there.
    length, words: most positions and most words of a slot.
    """

    def __init__(self, sizes: Sizes, stacks: Stacks, slots: int, length: int, words: int) -> None:
        self._whole = stacks.precision == "int8"
        self._stack = stacks.arrays()
        self._sizes = sizes
        kind = np.int8 if self._whole else np.float32 if stacks.precision == "fp32" else np.uint16
        heads, count = sizes.heads, 0 if sizes.prefix else sizes.layers
        self._past = self._room(sizes.layers, slots, 2 * heads, length, kind)
        self._words = self._room(count, slots, heads, words, kind)
        self._heard = np.zeros(slots, np.int64)
        self._taken = np.zeros(0, np.int64)
        self._places = np.zeros(0, np.int64)
        self._slots = slots
        self._threads = torch.get_num_threads() if stacks.numbers > ALONE else 1
        self._team = ThreadPoolExecutor(self._threads - 1) if self._threads > 1 else None
        rows, wide, middle = 2 * slots, padded(sizes.hidden), padded(sizes.feed_forward)

        def floats(*shape: int) -> Array:
            return np.zeros(shape, np.float32)

        self._shared = Shared(
            qkv=floats(rows, 3 * sizes.hidden),
            mixed=floats(rows, wide),
            added=floats(rows, wide),
            middle=floats(rows, middle),
            logits=floats(rows, self._stack.heads.numbers.shape[1]),
            gate=np.zeros(2, np.int64),
        )
        beside, most = np.int16 if self._whole else np.float32, padded(max(length, words))
        self._own = [
            Own(
                x=floats(rows, sizes.hidden),
                normed=floats(rows, wide),
                narrow=np.zeros((rows, max(wide, middle) + APART), beside),
                sizes=floats(rows),
                query=np.zeros(padded(sizes.head_width), beside),
                weights=np.zeros(most, beside),
                scores=floats(most),
            )
            for _ in range(self._threads)
        ]

    def hold(self, slot: int, words: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Give a slot the keys and values [heads, words, head width] of its words, one pair a layer."""
        for layer, (key, value) in enumerate(words):
            self._heard[slot] = key.shape[1]
            self._keep(self._words, layer, slot, key, value)

    def stand(self, places: list[int | None]) -> None:
        """Set each slot's position in its cache for the next step; None is an idle slot."""
        self._taken = np.array([slot for slot, place in enumerate(places) if place is not None], np.int64)
        self._places = np.array([place for place in places if place is not None], np.int64)

    def fill(self, layer: int, slot: int, key: torch.Tensor, value: torch.Tensor) -> None:
        """Store the keys and values [2, heads, length, head width] of a slot's first positions."""
        self._keep(self._past, layer, slot, key.flatten(0, 1), value.flatten(0, 1))

    def step(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits [slots, 2, codebooks, vocabulary] for embedded x [slots, hidden]; zero where idle."""
        rows = np.repeat(x.numpy()[self._taken], 2, axis=0)
        for own in self._own:
            own.x[: len(rows)] = rows
        heard = self._heard[self._taken]

        def work(number: int) -> None:
            kernels.step(
                Part(number, self._threads, len(rows), self._whole), self._stack, self._past, self._words,
                self._taken, self._places, heard, self._shared, self._own[number],
            )  # fmt: skip

        others = [self._team.submit(work, number) for number in range(1, self._threads)] if self._team else []
        work(0)
        for other in others:
            other.result()
        shape = 2, self._sizes.codebooks, self._sizes.vocabulary
        logits = np.zeros((self._slots, *shape), np.float32)
        logits[self._taken] = self._shared.logits[: len(rows)].reshape(-1, *shape)
        return torch.from_numpy(logits)

    def _room(self, layers: int, slots: int, pairs: int, length: int, kind: type) -> Past:
        # numpy's zeros take up memory only as far as clips get.
        width, own = self._sizes.head_width, (layers, slots, pairs)
        sizes = (*own, length) if self._whole else (1, 1, 1, 1)
        return Past(
            np.zeros((*own, length, padded(width)), kind),
            np.zeros((*own, -(-length // BLOCK), width, BLOCK), kind),
            np.zeros(sizes, np.float32),
            np.zeros(sizes, np.float32),
        )

    def _keep(self, past: Past, layer: int, slot: int, key: torch.Tensor, value: torch.Tensor) -> None:
        """Store keys and values [pairs, length, head width] of a slot's first positions."""
        length, width = key.shape[1:]
        count = -(-length // BLOCK)
        blocks = np.zeros((len(key), count * BLOCK, width), past.values.dtype)
        keys, key_sizes = self._narrow(key)
        blocks[:, :length], value_sizes = self._narrow(value)
        past.keys[layer, slot, :, :length, :width] = keys
        past.values[layer, slot, :, :count] = blocks.reshape(-1, count, BLOCK, width).swapaxes(2, 3)
        if self._whole:
            past.key_sizes[layer, slot, :, :length] = key_sizes
            past.value_sizes[layer, slot, :, :length] = value_sizes

    def _narrow(self, numbers: torch.Tensor) -> tuple[Array, Array]:
        """Return numbers [pairs, length, width] as the cache has them, and their worth [pairs, length]."""
        if not self._whole:
            kind = torch.float32 if self._past.keys.dtype == np.float32 else torch.float16
            return bits(numbers.to(kind).contiguous()), np.ones(numbers.shape[:2], np.float32)
        sizes = numbers.abs().amax(-1).clamp_min(1e-12) / 127
        return (numbers / sizes[..., None]).round().nan_to_num().to(torch.int8).numpy(), sizes.numpy()


def _zeros(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    """Return zeros in numpy's memory: numpy asks the system for large pages, which are read faster."""
    if not all(shape):
        return torch.zeros(shape, dtype=dtype)
    numbers = np.zeros(math.prod(shape) * dtype.itemsize, np.uint8)
    return torch.from_numpy(numbers).view(dtype).view(shape)


def padded(length: int) -> int:
    """Return a length, on to a multiple of CHUNK."""
    return -(-length // CHUNK) * CHUNK


def bits(tensor: torch.Tensor) -> Array:
    """Return a tensor's memory as the kind of array that dots.py knows it by."""
    if tensor.dtype is torch.float16:
        return tensor.view(torch.int16).numpy().view(np.uint16)
    return (tensor.view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor).numpy()
