"""Our logits and greedy tokens are transformers', on the same weights; and the comparison can fail."""

from typing import Any

import pytest
import torch

from bot.engines.musicgen.cpu.backend import CPUBackend
from bot.engines.musicgen.decoder import Conditions, Decoder, Row
from tests.engines.musicgen.reference import (
    SMALL,
    TINY,
    Reference,
    codes_of,
    decoded,
    forced_logits,
    reference,
)

TOLERANCE = 1e-4
"""Largest difference of any logit, as a share of the reference logits' standard deviation, in fp32."""
SEEN = 1e-2
"""What a difference has to exceed for a mistake to count as noticed."""

KINDS = [
    pytest.param({"melody": melody, "stereo": stereo}, id=f"{melody=} {stereo=}".lower())
    for melody in (False, True)
    for stereo in (False, True)
]


@pytest.fixture(scope="module", params=KINDS)
def tiny(request: pytest.FixtureRequest) -> Reference:
    return reference(**request.param, **TINY)


def difference(model: Reference, conditions: Conditions, guidance_scale: float, frames: int = 24) -> float:
    columns = model.columns(frames)
    expected = model.logits(columns, guidance_scale)[:-1]
    decoder = Decoder(model.ours(), window=frames, stride=frames - 1, prefix=len(conditions.states))
    got = forced_logits(decoder, conditions, columns, guidance_scale)
    return float((got - expected).abs().max() / expected.std())


@pytest.mark.parametrize("guidance_scale", [1.0, 3.0])
def test_every_steps_logits_are_transformers(tiny: Reference, guidance_scale: float) -> None:
    assert difference(tiny, tiny.conditions, guidance_scale) < TOLERANCE


@pytest.mark.parametrize("guidance_scale", [1.0, 3.0])
def test_greedy_tokens_are_transformers(tiny: Reference, guidance_scale: float) -> None:
    decoder = Decoder(tiny.ours(), window=30, stride=20, prefix=len(tiny.states))
    row = Row(conditions=tiny.conditions, frames=30, seed=0, top_k=1, guidance_scale=guidance_scale)
    decoded(decoder, row)
    assert torch.equal(codes_of(row), tiny.greedy(30, guidance_scale))
    assert len(set(codes_of(row).flatten().tolist())) > 3


@pytest.mark.parametrize("guidance_scale", [1.0, 3.0])
def test_zeroed_words_are_noticed(tiny: Reference, guidance_scale: float) -> None:
    half = len(tiny.states) // 2
    for part in (slice(None, half), slice(half, None)):
        states = tiny.states.clone()
        states[part] = 0
        changed = Conditions(states, tiny.conditions.null_states)
        assert difference(tiny, changed, guidance_scale) > SEEN


def test_a_zeroed_cache_is_noticed(tiny: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = CPUBackend.decode

    def forgetful(self: CPUBackend, *arguments: Any) -> int:
        self._self_kv.keys[:, 0, :, :2] = 0
        return decode(self, *arguments)

    monkeypatch.setattr(CPUBackend, "decode", forgetful)
    assert difference(tiny, tiny.conditions, 3.0) > SEEN


def test_small_at_its_true_shape_is_transformers() -> None:
    small = reference(**SMALL)
    assert (small.sizes.hidden, small.sizes.layers, small.sizes.vocabulary) == (1024, 24, 2048)
    assert difference(small, small.conditions, 3.0, frames=4) < TOLERANCE
