"""Register file of the processor that the kernels are compiled for, which sets the tiles of a product.

The kernels are written as LLVM vectors of 64 bytes. LLVM splits them into what a processor has: one AVX-512
register, two of AVX2, four of NEON or SSE. With AVX-512 VNNI or AVX-VNNI, LLVM turns the integer products
into `vpdpwssd`, without them into `vpmaddwd` and an addition. What has to be chosen here is how many sums
are kept at once: more hide the latency of the multiplications, too many are spilled to the stack.
"""

from __future__ import annotations

from llvmlite import binding
from numba.core import config

VECTOR_BYTES = 64
"""Width of the kernels' vectors: 16 sums of int32 or float32, one cache line."""


def target_features() -> str:
    """Return LLVM's features of the processor that numba compiles for, comma-separated: "+avx2,-sse4a,…".

    NUMBA_CPU_NAME and NUMBA_CPU_FEATURES, numba's own settings, override the processor at hand.
    """
    if config.CPU_FEATURES is not None:
        return str(config.CPU_FEATURES)
    if config.CPU_NAME == "generic":
        return ""
    return str(binding.get_host_cpu_features().flatten())


def accumulators(features: str) -> int:
    """Return how many 64-byte vectors of sums fit into half of the register file; a power of two.

    The other half holds what is multiplied. AVX-512 has 32 registers of 64 bytes, AVX2 16 of 32, AVX and SSE2
    16 of 16 for integers, NEON 32 of 16.
    """
    present = set(features.split(","))
    if "+avx512bw" in present:
        registers, width = 32, 64
    elif "+avx2" in present:
        registers, width = 16, 32
    elif "+neon" in present:
        registers, width = 32, 16
    else:
        registers, width = 16, 16
    return registers * width // (2 * VECTOR_BYTES)


def byte_product(features: str) -> int:
    """Return the bytes that a `vpdpbusd` multiplies: 64 with AVX-512 VNNI, 32 with AVX-VNNI, else 0."""
    present = set(features.split(","))
    if "+avx512vnni" in present:
        return 64
    return 32 if "+avxvnni" in present else 0


def tile_shape(rows: int, features: str, vectors: int) -> tuple[int, int]:
    """Return how many vectors of weights and rows of activations are multiplied at once in int8 and int4.

    rows, vectors: the most of each.  Every pair has two sums, of integers and of floats. With VNNI the
    integers alone fill half of the register file, and the floats, of which each is needed once in a chunk,
    are left to the cache: 348 instead of 236 billion products a second with 16 rows on a Zen 5. Without VNNI
    a product has intermediate results, and both are kept.
    """
    pairs = max(1, accumulators(features) // (1 if byte_product(features) else 2))
    rows = min(rows, pairs)
    return min(vectors, pairs // rows), rows


def stored_rows(rows: int, features: str, most: int) -> int:
    """Return how many stored rows are multiplied at once with so many activation rows, at most `most`."""
    return max(1, min(most, accumulators(features) // rows))
