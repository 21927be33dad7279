"""The kernels for other processors: the same bits where they run here, the right instructions elsewhere."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from llvmlite import binding
from numba import from_dtype, int64, njit, types

from bot.engines.musicgen.cpu import byte_product as byte_products
from bot.engines.musicgen.cpu.cache_product import key_products
from bot.engines.musicgen.cpu.integer_product import STEPS, VECTORS, tile_products
from bot.engines.musicgen.cpu.processor import (
    accumulators,
    byte_product,
    stored_rows,
    target_features,
    tile_shape,
)
from bot.engines.musicgen.decoder import Decoder
from bot.engines.musicgen.linear import Precision
from tests.engines.musicgen.reference import TINY, Forced, decoded, reference
from tests.engines.musicgen.test_decoder import row

LINUX = "x86_64-unknown-linux-gnu"
HERE = set(target_features().split(","))


def digest(precision: Precision) -> str:
    """Return the SHA-256 of the logits of two clips that are decoded together."""
    tiny = reference(**TINY)
    decoder, forced = Decoder(tiny.ours(precision), 4, window=40, stride=20), Forced(tiny.columns(6))
    decoder.admit(row(tiny, 1))
    decoded(decoder, row(tiny, 2, sampler=forced))
    return hashlib.sha256(np.stack(forced.logits).tobytes()).hexdigest()


@pytest.mark.parametrize(
    ("precision", "processor", "features"),
    [
        pytest.param("int8", "haswell", "+avx2,+fma,+f16c", id="int8 AVX2"),
        pytest.param("int8", "x86-64-v2", "+sse4.2", id="int8 SSE"),
        pytest.param("int4", "haswell", "+avx2,+fma,+f16c", id="int4 AVX2"),
        pytest.param("int4", "skylake-avx512", "+avx2,+fma,+f16c,+avx512f,+avx512bw", id="int4 AVX-512"),
        pytest.param("fp16", "haswell", "+avx2,+fma,+f16c", id="fp16 AVX2"),
    ],
)
def test_a_clip_has_the_same_bits_on_a_processor_with_fewer_instructions(
    precision: Precision, processor: str, features: str
) -> None:
    if not set(features.split(",")) <= HERE:
        pytest.skip(f"this processor has not {features}")
    program = f"from {__name__} import digest; print(digest({precision!r}))"
    setting = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features}
    elsewhere = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True, text=True, env=os.environ | setting, check=True,
    )  # fmt: skip
    assert elsewhere.stdout.strip() == digest(precision)


FEATURES = {
    "icelake-server": "+avx512bw,+avx512vnni",
    "znver4": "+avx512bw,+avx512vnni",
    "skylake-avx512": "+avx512bw",
    "alderlake": "+avx2,+avxvnni",
    "haswell": "+avx2",
    "neoverse-n1": "+neon",
}
"""What decides on the kernels' form; LLVM does not list the features of a processor by its name."""


def assembled(function: Any, arguments: tuple[Any, ...], processor: str, triple: str) -> str:
    """Return the assembly of a compiled function for another processor."""
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    function.compile(arguments)
    code = function.inspect_llvm(function.signatures[0])
    code = re.sub(r"target (triple|datalayout) = .*\n", "", code)
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=processor, opt=3)
    module = binding.parse_assembly(code)
    module.triple, module.data_layout = triple, str(machine.target_data)
    return str(machine.emit_assembly(module))


WIDEST = [
    ("icelake-server", LINUX, r"vpdpbusd\s.*%zmm"),
    ("znver4", LINUX, r"vpdpbusd\s.*%zmm"),
    ("skylake-avx512", LINUX, r"vpmaddwd\s.*%zmm"),
    ("alderlake", LINUX, r"\{vex\}\s+vpdpbusd\s.*%ymm"),
    ("haswell", LINUX, r"vpmaddwd\s.*%ymm"),
    ("neoverse-n1", "aarch64-unknown-linux-gnu", r"s(mull|mlal)2?\s"),
]
"""Processor, triple, and the instruction that multiplies the most integers there."""
SPILL = r"vmov\w+\s+%[yz]mm\d+, -?\d*\(%rsp\)"
"""A vector written to the stack."""


@pytest.mark.parametrize(("processor", "triple", "instruction"), WIDEST)
def test_products_with_the_cache_use_the_widest_instruction_of_each_processor(
    processor: str, triple: str, instruction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = FEATURES[processor]
    monkeypatch.setattr(byte_products, "target_features", lambda: features)
    split = byte_product(features) > 0
    vectors = (0,) * min(4, max(1, accumulators(features) // 2))

    @njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
    def product(cache: Any, operand: Any, scores: Any, steps: int) -> None:
        begin, factor = np.int32(0), np.float32(1)
        key_products(
            cache, 0, 64, 1024, steps, operand, 0, 512, begin, cache, 0, scores, 0, factor, scores, 0, vectors
        )

    kinds = np.uint8, np.int8 if split else np.int16, np.float32
    arrays = (types.Array(from_dtype(np.dtype(kind)), 1, "C") for kind in kinds)
    code = assembled(product, (*arrays, int64), processor, triple)
    assert len(re.findall(instruction, code)) >= 2 * len(vectors)
    # Registers for all sums.
    assert not re.findall(SPILL, code)


@pytest.mark.parametrize("weight_bits", [8, 4])
@pytest.mark.parametrize("rows", [1, 2, 4, 8])
@pytest.mark.parametrize(("processor", "triple", "instruction"), WIDEST)
def test_quantized_products_use_the_widest_instruction_of_each_processor(
    processor: str,
    triple: str,
    instruction: str,
    rows: int,
    weight_bits: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features = FEATURES[processor]
    monkeypatch.setattr(byte_products, "target_features", lambda: features)
    vectors, own_rows = ((0,) * count for count in tile_shape(rows, features, VECTORS))
    kinds = (
        np.uint8, np.float32 if weight_bits == 8 else np.uint16,
        np.int8 if byte_product(features) else np.int16, np.float32, np.int32, np.float32,
    )  # fmt: skip

    @njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
    def product(
        values: Any, scales: Any, x: Any, factors: Any, corrections: Any, out: Any, chunks: int
    ) -> None:
        tile_products(
            values, scales, 0, 0, chunks, x, 0, 4096, factors, corrections, 0, 128, out, 0, 64, 0, 4, vectors,
            own_rows,
        )  # fmt: skip

    arrays = (types.Array(from_dtype(np.dtype(kind)), 1, "C") for kind in kinds)
    code = assembled(product, (*arrays, int64), processor, triple)
    per_step = len(vectors) * len(own_rows)
    assert len(re.findall(instruction, code)) >= STEPS * per_step
    if byte_product(features):
        # Registers for all sums of integers: what is written to the stack in the loop is the totals, once a
        # chunk. Without VNNI, LLVM orders some activations too early to keep them.
        assert len(re.findall(SPILL, code)) <= 2 * per_step * 64 // byte_product(features)


def test_tiles_fill_half_of_the_register_file() -> None:
    assert accumulators("+sse4.2,+avx,+avx2,+avx512f,+avx512bw") == 16
    assert accumulators("+avx,+avx2,-avx512bw") == 4
    assert accumulators("+neon") == 4
    assert accumulators("+sse4.2") == accumulators("") == 2
    assert [stored_rows(rows, "+avx512bw", 8) for rows in (1, 2, 4)] == [8, 8, 4]
    assert [stored_rows(rows, "", 8) for rows in (1, 2, 4)] == [2, 1, 1]
    assert [tile_shape(rows, "+avx512bw", 2) for rows in (1, 2, 4, 8)] == [(2, 1), (2, 2), (2, 4), (1, 8)]
    assert [tile_shape(rows, "+avx512bw,+avx512vnni", 2) for rows in (4, 8)] == [(2, 4), (2, 8)]
    assert [tile_shape(rows, "+avx2,+avxvnni", 2) for rows in (1, 2, 4, 8)] == [
        (2, 1),
        (2, 2),
        (1, 4),
        (1, 4),
    ]
    assert [tile_shape(rows, "+avx2", 2) for rows in (1, 2, 4)] == [(2, 1), (1, 2), (1, 2)]
    assert [tile_shape(rows, "", 2) for rows in (1, 2, 4)] == [(1, 1)] * 3
