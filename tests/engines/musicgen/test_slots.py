"""How many clips a MusicGen decodes beside each other, by the memory that is left."""

from __future__ import annotations

import pytest

from bot.engines.musicgen import slots
from bot.engines.musicgen.cpu.backend import CPUBackend
from bot.engines.musicgen.decoder import Decoder
from bot.engines.musicgen.linear import Precision, precisions_on
from bot.engines.musicgen.slots import cache_bytes, slots_for
from tests.engines.musicgen.reference import reference

SMALL = 295_000_000
"""Bytes of a clip of MusicGen-small in float16."""


@pytest.mark.parametrize(
    ("available", "count"), [(64.0, 8), (4.8, 8), (4.6, 4), (2.4, 4), (2.3, 1), (0.0, 1), (None, 8)]
)
def test_caches_take_half_of_what_is_left(
    available: float | None, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "available_gb", lambda: available)
    assert slots_for("cpu", SMALL) == count
    assert slots_for("cuda:0", SMALL) == 8, "main memory says nothing of a GPU's"


@pytest.mark.parametrize("precision", precisions_on("cpu"))
def test_a_slots_cache_is_as_large_as_is_reckoned(precision: Precision) -> None:
    wide = reference(hidden_size=1024, num_attention_heads=16, num_hidden_layers=2)
    decoder = Decoder(wide.ours(precision), 4, window=480, stride=200)
    backend = decoder._backend
    assert isinstance(backend, CPUBackend)
    allocated = sum(array.nbytes for array in backend._self_kv) / 4
    # Scales, and padding to whole groups of positions, come to a tenth.
    assert 1 <= allocated / cache_bytes(wide.sizes, 480, precision) < 1.15
