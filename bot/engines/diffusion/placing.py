"""In which precision and where a pipeline's weights lie: decided from sizes, before anything is loaded."""

from __future__ import annotations

from enum import StrEnum

ROOM = 0.6
"""Share of the free memory that weights may take; the rest is for activations and the decoder."""
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


class Placing(StrEnum):
    """RESIDENT: all on the device. PARTS: one part at a time. LAYERS: one layer at a time, slow but small."""

    RESIDENT = "resident"
    PARTS = "parts"
    LAYERS = "layers"


def placing(parameters: int, largest_part: int, dtype: str, free_bytes: int) -> Placing:
    """Return where weights go on a device with so many free bytes.

    parameters, largest_part: numbers of them in all parts and in the largest.
    """
    room = ROOM * free_bytes
    if parameters * BYTES[dtype] <= room:
        return Placing.RESIDENT
    return Placing.PARTS if largest_part * BYTES[dtype] <= room else Placing.LAYERS


def chosen_dtype(asked: str, device: str, *, has_bfloat16: bool) -> str:
    """Return the precision for what is asked; "auto" is float32 on a CPU, bfloat16 on a GPU that has it.

    int8 is for language models; here it is "auto".
    """
    if asked not in ("auto", "int8"):
        return asked
    if not device.startswith("cuda"):
        return "float32"
    return "bfloat16" if has_bfloat16 else "float16"
