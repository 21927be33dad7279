"""How many clips a MusicGen decodes beside each other."""

from __future__ import annotations

from bot.engines.musicgen.decoder import SLOT_COUNTS
from bot.engines.musicgen.linear import Precision, is_quantized
from bot.engines.musicgen.model_config import ModelConfig
from bot.memory import available_gb

MOST = 8
"""More give little: sixteen decode a tenth more clips a minute than eight (docs/decode.md), each slower."""
MEMORY_SHARE = 0.5
"""Of the memory that is left once the weights are loaded; the rest is the codec's and other models'."""


def slots_for(device: str, cache_bytes: int) -> int:
    """Return the number of slots: MOST, or fewer where their caches would not fit a CPU's memory.

    cache_bytes: of one slot, as `cache_bytes` returns it.
    """
    available = available_gb() if device == "cpu" else None
    if available is None:
        return MOST
    fitting = MEMORY_SHARE * available * 1e9 // cache_bytes
    return max(count for count in SLOT_COUNTS if count <= max(1, min(MOST, fitting)))


def cache_bytes(sizes: ModelConfig, positions: int, precision: Precision) -> int:
    """Return the bytes of a slot's keys and values at so many positions, with and without its prompt."""
    width = 1 if is_quantized(precision) else 4 if precision == "fp32" else 2
    return 2 * 2 * sizes.layers * sizes.hidden * positions * width
