"""The CPU's decode step: packed weights, KV cache and threads around the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch.nn.functional import linear

from bot.engines.musicgen.cpu import columns
from bot.engines.musicgen.cpu.arithmetic import Array
from bot.engines.musicgen.cpu.buffers import (
    BLOCK,
    Activations,
    KVCache,
    Matrix,
    SharedBuffers,
    ThreadScratch,
    ThreadShare,
    WeightArrays,
    zeros,
)
from bot.engines.musicgen.cpu.byte_product import LANES, STEP
from bot.engines.musicgen.cpu.cache_product import OPERAND, ZERO_POINT
from bot.engines.musicgen.cpu.columns import ColumnArrays
from bot.engines.musicgen.cpu.dot_product import CHUNK, INTERLEAVED
from bot.engines.musicgen.cpu.integer_product import ACTIVATIONS
from bot.engines.musicgen.cpu.packing import ByteForm, FloatForm, Form, NibbleForm
from bot.engines.musicgen.cpu.quantized_attention import GROUP, HEADS
from bot.engines.musicgen.linear import DTYPES, Precision, is_quantized
from bot.engines.musicgen.model_config import ModelConfig
from bot.engines.musicgen.weights import Norm, Rows, pieces

ROW_PADDING = 2 * CHUNK
"""Values between two activation rows: rows a power of two apart would compete for the same cache sets."""
SINGLE_THREAD_WEIGHTS = 10_000_000
"""Weights up to which one thread is faster than several with barriers between them."""


class PackedLinear:
    """A layer's matrix [out, in] inside PackedWeights, for products of many rows at once (prefill)."""

    def __init__(self, form: Form, values: torch.Tensor, scales: torch.Tensor, out: int) -> None:
        self._form, self._values, self._scales, self._out = form, values, scales, out

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply x [rows, in], in fp32."""
        matrix = self._form.unpack(self._values, self._scales)
        return linear(x, matrix[: self._out, : x.shape[1]])


class PackedWeights:
    """The matrices of all layers in contiguous arrays of one precision, filled one by one."""

    def __init__(self, config: ModelConfig, precision: Precision) -> None:
        if config.head_width % INTERLEAVED:
            raise ValueError(
                f"heads are {config.head_width} wide; on a CPU it has to be a multiple of {INTERLEAVED}"
            )
        hidden, feed_forward, layers = config.hidden, config.feed_forward, config.layers
        cross = 0 if config.prefix else layers
        self.precision = precision
        self.count = 0
        self._forms: dict[str, Form] = {}
        self._values: dict[str, torch.Tensor] = {}
        self._scales: dict[str, torch.Tensor] = {}
        for name, count, out, width in (
            ("qkv", layers, 3 * hidden, hidden),
            ("self_out", layers, hidden, hidden),
            ("cross_query", cross, hidden, hidden),
            ("cross_key_value", cross, 2 * hidden, hidden),
            ("cross_out", cross, hidden, hidden),
            ("feed_in", layers, feed_forward, hidden),
            ("feed_out", layers, hidden, feed_forward),
            ("heads", 1, config.codebooks * config.vocabulary, hidden),
        ):
            form = _form(precision, name)
            self._forms[name] = form
            self._values[name], self._scales[name] = form.allocate(count, out, width)
            self.count += count * out * width
        self._norms = torch.zeros(layers, 3, 2, hidden)
        self._last_norm = torch.zeros(2, hidden)

    def put(self, name: str, layer: int, weight: Rows, width: int) -> PackedLinear:
        """Pack a weight [out, width]. Raises ValueError if a value exceeds the range of fp16."""
        form, values, scales = self._forms[name], self._values[name][layer], self._scales[name][layer]
        padding = values.shape[1] * CHUNK - width
        for first, rows in pieces(weight, width, form.tile):
            begin, tiles = first // form.tile, -(-len(rows) // form.tile)
            whole = torch.nn.functional.pad(rows, (0, padding, 0, tiles * form.tile - len(rows)))
            form.pack(whole, values[begin : begin + tiles], scales[begin : begin + tiles])
        return PackedLinear(form, values, scales, len(weight))

    def put_norms(self, layer: int, norms: Sequence[Norm]) -> None:
        """Pack a layer's norms: before self-attention, cross-attention (unused by a prefix model), FFN."""
        self._norms[layer] = torch.stack([torch.stack([norm.weight, norm.bias]) for norm in norms])

    def put_last_norm(self, norm: Norm) -> None:
        """Pack the norm before the heads."""
        self._last_norm.copy_(torch.stack([norm.weight, norm.bias]))

    @property
    def size(self) -> int:
        """Bytes of all weights and their scales."""
        arrays = [*self._values.values(), *self._scales.values(), self._norms, self._last_norm]
        return sum(array.numel() * array.element_size() for array in arrays)

    def arrays(self) -> WeightArrays:
        """Return the same memory as arrays for the kernels."""
        matrices = {
            name: Matrix(bits(values), bits(self._scales[name]))
            for name, values in self._values.items()
            if name in WeightArrays._fields
        }
        return WeightArrays(norms=self._norms.numpy(), last_norm=self._last_norm.numpy(), **matrices)


class CPUBackend:
    """KV cache of all slots, and a decode step over the active ones.

    A slot attends to exactly its own context: nothing is computed for padding or idle slots, and no bit of a
    result depends on the other slots.
    length, max_text: most positions and most text states of a slot.
    """

    def __init__(
        self, config: ModelConfig, packed: PackedWeights, slots: int, length: int, max_text: int
    ) -> None:
        self._is_quantized = is_quantized(packed.precision)
        self._weights = packed.arrays()
        self._config = config
        dtype: type = np.float32 if packed.precision == "fp32" else np.uint16
        if self._is_quantized:
            dtype = np.uint8
        heads, cross_layers = config.heads, 0 if config.prefix else config.layers
        self._self_kv = self._allocate(config.layers, slots, 2 * heads, length, dtype)
        self._cross_kv = self._allocate(cross_layers, slots, heads, max_text, dtype)
        self._text_lengths = np.zeros(slots, np.int64)
        self.threads = torch.get_num_threads() if packed.count > SINGLE_THREAD_WEIGHTS else 1
        self._pool = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None
        rows, hidden, feed_forward = 2 * slots, padded(config.hidden), padded(config.feed_forward)

        def floats(*shape: int) -> Array:
            return zeros(np.float32, *shape)

        def activations(width: int) -> Activations:
            dtype = ACTIVATIONS if self._is_quantized else np.float32
            return Activations(
                values=zeros(dtype, rows, width + ROW_PADDING),
                factors=floats(rows, width // CHUNK),
                corrections=zeros(np.int32, rows, width // CHUNK),
            )

        self._shared = SharedBuffers(
            qkv=floats(rows, padded(3 * config.hidden)),
            attended=floats(rows, hidden),
            projected=floats(rows, hidden),
            feed_forward=activations(feed_forward),
            logits=floats(rows, self._weights.heads.scales[0].size),
            barrier_state=np.zeros(2, np.int64),
        )
        context = _padded_to(GROUP, max(length, max_text, config.head_width))
        # Operands of a quantized cache have two halves, high parts and low parts.
        heads = HEADS if self._is_quantized else 1
        operand: Array = np.zeros((heads, 2 * context), OPERAND if self._is_quantized else np.float32)
        self._scratch = [
            ThreadScratch(
                x=floats(rows, config.hidden),
                normalized=floats(rows, hidden),
                feed_forward=floats(rows, feed_forward),
                activations=activations(hidden),
                scores=floats(heads, context),
                operand=operand.copy(),
                operand_scales=floats(heads),
                operand_begins=np.zeros((heads, -(-context // BLOCK)), np.int32),
                weighted=floats(_padded_to(LANES, config.head_width)),
            )
            for _ in range(self.threads)
        ]

    def set_cross_kv(self, slot: int, layers: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Set the keys and values [heads, text states, head width] of a slot's text, one pair a layer."""
        for layer, (key, value) in enumerate(layers):
            self._text_lengths[slot] = key.shape[1]
            self._store(self._cross_kv, layer, slot, key, value)

    def store_prefix_kv(self, layer: int, slot: int, key: torch.Tensor, value: torch.Tensor) -> None:
        """Store keys and values [2, heads, length, head width] of a slot's first positions."""
        self._store(self._self_kv, layer, slot, key.flatten(0, 1), value.flatten(0, 1))

    def decode(self, arrays: ColumnArrays, slots: Array, count: int) -> int:
        """Decode `count` columns of slots int64 [active], or fewer, by columns.decode; return how many."""
        last_texts, positions = self._text_lengths[slots] - 1, arrays.counters[3, slots]

        def run(index: int) -> int:
            share = ThreadShare(index, self.threads, 2 * len(slots), self._config.head_width)
            done: int = columns.decode(
                share, arrays, count, self._weights, self._self_kv, self._cross_kv, slots, positions.copy(),
                last_texts, self._shared, self._scratch[index],
            )  # fmt: skip
            return done

        others = [self._pool.submit(run, index) for index in range(1, self.threads)] if self._pool else []
        done = run(0)
        for other in others:
            other.result()
        return done

    def _allocate(self, layers: int, slots: int, row_heads: int, length: int, dtype: type) -> KVCache:
        # Pages are mapped when they are written: memory grows with the clips' lengths.
        width, lead = self._config.head_width, (layers, slots, row_heads)
        keys: tuple[int, ...] = padded(length), padded(width)
        values: tuple[int, ...] = -(-length // BLOCK), width, BLOCK
        scales: tuple[int, ...] = 1, 1, 1, 1
        if self._is_quantized:
            positions, width = _padded_to(GROUP, length), _padded_to(LANES, width)
            keys = positions // LANES, width // STEP, LANES, STEP
            values = positions // STEP, width // LANES, LANES, STEP
            scales = (*lead, positions)
        return KVCache(
            keys=zeros(dtype, *lead, *keys),
            values=zeros(dtype, *lead, *values),
            key_scales=zeros(np.float32, *scales),
            value_scales=zeros(np.float32, *scales),
        )

    def _store(self, cache: KVCache, layer: int, slot: int, key: torch.Tensor, value: torch.Tensor) -> None:
        """Store keys and values [row_heads, length, head width] of a slot's first positions."""
        store = self._store_quantized if self._is_quantized else self._store_floats
        store(cache, layer, slot, key, value)

    def _store_floats(
        self, cache: KVCache, layer: int, slot: int, key: torch.Tensor, value: torch.Tensor
    ) -> None:
        length, width = key.shape[1:]
        blocks = -(-length // BLOCK)
        dtype = torch.float32 if cache.keys.dtype == np.float32 else torch.float16
        padded_values = np.zeros((len(key), blocks * BLOCK, width), cache.values.dtype)
        padded_values[:, :length] = bits(value.to(dtype).contiguous())
        cache.keys[layer, slot, :, :length, :width] = bits(key.to(dtype).contiguous())
        transposed = padded_values.reshape(-1, blocks, BLOCK, width).swapaxes(2, 3)
        cache.values[layer, slot, :, :blocks] = transposed

    def _store_quantized(
        self, cache: KVCache, layer: int, slot: int, key: torch.Tensor, value: torch.Tensor
    ) -> None:
        length, width = key.shape[1:]
        cache_width = cache.values.shape[4] * LANES
        keys, values = (
            np.full((len(key), _padded_to(LANES, length), cache_width), ZERO_POINT, np.uint8)
            for _ in range(2)
        )
        keys[:, :length, :width], cache.key_scales[layer, slot, :, :length] = _quantize(key)
        values[:, :length, :width], cache.value_scales[layer, slot, :, :length] = _quantize(value)
        tiles = keys.reshape(len(key), -1, LANES, cache_width // STEP, STEP).swapaxes(2, 3)
        steps = values.reshape(len(key), -1, STEP, cache_width // LANES, LANES).transpose(0, 1, 3, 4, 2)
        cache.keys[layer, slot, :, : tiles.shape[1]] = tiles
        cache.values[layer, slot, :, : steps.shape[1]] = steps


def _quantize(values: torch.Tensor) -> tuple[Array, Array]:
    """Return values [row_heads, length, width] as a quantized cache's bytes, and scales [row_heads, length].

    A NaN or infinity gets a scale of its own kind, which reaches the logits.
    """
    scales = values.abs().amax(-1).clamp_min(1e-12) / 127
    integers = (values / scales[..., None]).round().nan_to_num() + ZERO_POINT
    return integers.to(torch.uint8).numpy(), scales.numpy()


def _form(precision: Precision, name: str) -> Form:
    """Return the packed form of a matrix.

    In int4 the heads, whose errors reach the logits as they are, and what is read once for a clip stay int8.
    """
    if precision == "int4" and name not in ("heads", "cross_key_value"):
        return NibbleForm()
    return ByteForm() if is_quantized(precision) else FloatForm(DTYPES[precision])


def padded(length: int) -> int:
    """Return a length rounded up to a multiple of CHUNK."""
    return _padded_to(CHUNK, length)


def _padded_to(unit: int, length: int) -> int:
    return -(-length // unit) * unit


def bits(tensor: torch.Tensor) -> Array:
    """Return a tensor's memory in the storage dtype of dot_product.py."""
    if tensor.dtype is torch.float16:
        return tensor.view(torch.int16).numpy().view(np.uint16)
    return (tensor.view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor).numpy()
