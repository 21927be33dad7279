"""Engines for a device with memory for a single model: loading a second one beside it fails."""

from __future__ import annotations

from bot.errors import ModelMissing
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities
from tests import tone
from tests.tone import is_device_fault, is_out_of_memory, mode_of, parameters, release

__all__ = [
    "describe",
    "fits",
    "is_device_fault",
    "is_out_of_memory",
    "load",
    "mode_of",
    "parameters",
    "release",
]

loaded: list[Engine] = []


class Engine(tone.ToneEngine):
    def close(self) -> None:
        loaded.remove(self)


def describe(mode: Mode, model: str) -> Capabilities:
    return tone.describe(mode, model)


def fits(mode: Mode, model: str, device: str, dtype: str, **_: object) -> bool:
    return not loaded


def load(mode: Mode, model: str, device: str, dtype: str) -> Engine:
    if loaded:
        raise ModelMissing("the device is full")
    engine = Engine(describe(mode, model))
    loaded.append(engine)
    return engine
