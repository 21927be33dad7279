"""Precision and CPU offload of a pipeline, chosen from parameter counts before anything is loaded."""

from __future__ import annotations

from enum import StrEnum

WEIGHTS_SHARE = 0.6
"""Share of the free memory that weights may take; the rest is for activations and the decoder."""
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


class Offload(StrEnum):
    """How weights share the device, in diffusers' terms.

    NONE: all stay on the device.  MODEL: one component at a time (`enable_model_cpu_offload`).  SEQUENTIAL:
    one layer at a time (`enable_sequential_cpu_offload`), slowest and smallest.
    """

    NONE = "none"
    MODEL = "model"
    SEQUENTIAL = "sequential"


def choose_offload(parameters: int, largest_component: int, dtype: str, free_bytes: int) -> Offload:
    """Return the offload mode for a device with so many free bytes.

    parameters, largest_component: number of parameters of all components and of the largest.
    """
    budget = WEIGHTS_SHARE * free_bytes
    if parameters * BYTES[dtype] <= budget:
        return Offload.NONE
    return Offload.MODEL if largest_component * BYTES[dtype] <= budget else Offload.SEQUENTIAL


def chosen_dtype(
    asked: str, device: str, *, has_bfloat16: bool, usual: str = "", narrow_on_cpu: bool = False
) -> str:
    """Return the dtype for a setting; "auto" is float32 off CUDA, else `usual`, or bfloat16 or float16.

    usual: the precision that a pipeline is published for.  narrow_on_cpu: "auto" is bfloat16 on a CPU that
    has it.  int8 and int4 quantize language models alone; here they mean "auto".
    """
    if asked not in ("auto", "int8", "int4"):
        return asked
    if device == "cpu" and narrow_on_cpu and has_bfloat16:
        return "bfloat16"
    if not device.startswith("cuda"):
        return "float32"
    if usual:
        return usual
    return "bfloat16" if has_bfloat16 else "float16"
