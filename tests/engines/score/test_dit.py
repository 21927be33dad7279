"""Our denoiser says what diffusers' says on the same weights; and the comparison can fail."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from bot.engines.score import BUILT_IN
from bot.engines.score.dit import DiT
from tests.engines.score.diffusers_dit import rotary, stable_audio

TOLERANCE = 1e-5
"""Largest difference between two outputs, as a share of their standard deviation."""
FOLDER = BUILT_IN["antiphon-tiny-diffusion"] / "transformer"
SHAPES: dict[str, dict[str, int]] = {
    "one head": {"num_attention_heads": 1, "num_key_value_attention_heads": 1},
    "a key head for two": {"num_attention_heads": 6, "num_key_value_attention_heads": 3},
    "one key head for all": {"num_attention_heads": 3, "num_key_value_attention_heads": 1},
    "narrow heads": {"attention_head_dim": 4},
    "heads of 12": {"attention_head_dim": 12, "num_layers": 3},
    "other widths outside": {"in_channels": 11, "out_channels": 5, "time_proj_dim": 6},
    "other widths of words": {"cross_attention_dim": 20, "cross_attention_input_dim": 9},
}


@dataclass(frozen=True)
class Inputs:
    """What one denoising step takes."""

    latents: Tensor
    times: Tensor
    states: Tensor
    conditions: Tensor


def shape(**changes: int) -> dict[str, int]:
    return {
        "sample_size": 16,
        "in_channels": 10,
        "out_channels": 6,
        "num_layers": 2,
        "attention_head_dim": 8,
        "num_attention_heads": 4,
        "num_key_value_attention_heads": 4,
        "cross_attention_dim": 24,
        "cross_attention_input_dim": 12,
        "time_proj_dim": 16,
        "global_states_input_dim": 7,
        **changes,
    }


def inputs(config: dict[str, Any], rows: int = 2, frames: int = 9, words: int = 5) -> Inputs:
    draw = torch.Generator().manual_seed(3)
    return Inputs(
        torch.randn(rows, config["in_channels"], frames, generator=draw),
        torch.rand(rows, generator=draw),
        torch.randn(rows, words, config["cross_attention_input_dim"], generator=draw),
        torch.randn(rows, 1, config["global_states_input_dim"], generator=draw),
    )


def both(config: dict[str, Any], weights: dict[str, Tensor] | None = None) -> tuple[DiT, Any]:
    """Our network and diffusers', on these weights, or on random ones that let every part be heard."""
    torch.manual_seed(1)
    theirs = stable_audio(config)
    if weights is None:
        with torch.no_grad():
            for parameter in theirs.parameters():
                parameter.copy_(torch.randn(parameter.shape) * (2 / max(1, parameter.shape[-1])) ** 0.5)
        weights = theirs.state_dict()
    theirs.load_state_dict(weights)
    ours = DiT(config)
    ours.load_state_dict(weights, strict=True, assign=True)
    return ours.eval(), theirs.eval()


@torch.inference_mode()
def said(ours: DiT, given: Inputs, present: Tensor | None = None) -> Tensor:
    clips = ours.prepared(given.states, given.conditions, given.latents.shape[2])
    out: Tensor = ours(given.latents, given.times, clips, present)
    return out


@torch.inference_mode()
def said_by_diffusers(theirs: Any, given: Inputs, present: Tensor | None = None) -> Tensor:
    out: Tensor = theirs(
        given.latents,
        given.times,
        encoder_hidden_states=given.states,
        global_hidden_states=given.conditions,
        rotary_embedding=rotary(theirs, given.latents.shape[2]),
        attention_mask=present,
        return_dict=False,
    )[0]
    return out


def apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max() / other.std())


@pytest.mark.parametrize("changes", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("rows", "frames", "words"), [(1, 1, 1), (3, 40, 7)])
def test_any_shape_says_what_diffusers_says(
    changes: dict[str, int], rows: int, frames: int, words: int
) -> None:
    config = shape(**changes)
    ours, theirs = both(config)
    given = inputs(config, rows, frames, words)
    assert apart(said(ours, given), said_by_diffusers(theirs, given)) < TOLERANCE


@pytest.mark.parametrize("frames", [12, 41, 230])
def test_the_shipped_weights_say_what_diffusers_says(frames: int) -> None:
    config = json.loads((FOLDER / "config.json").read_text())
    weights = {n: w.float() for n, w in load_file(FOLDER / "diffusion_pytorch_model.safetensors").items()}
    ours, theirs = both(config, weights)
    given = inputs(config, 2, frames, 9)
    assert apart(said(ours, given), said_by_diffusers(theirs, given)) < TOLERANCE


def test_frames_that_pad_are_masked_as_diffusers_masks_them() -> None:
    ours, theirs = both(shape())
    given = inputs(shape(), rows=2, frames=9)
    present = torch.arange(9) < torch.tensor([[9], [6]])
    out = said(ours, given, present)
    assert apart(out, said_by_diffusers(theirs, given, present)) < TOLERANCE
    other = replace(given, latents=given.latents.masked_fill(~present[:, None], 5.0))
    assert apart(said(ours, other, present)[1, :, :6], out[1, :, :6]) < TOLERANCE
    assert apart(said(ours, other)[1, :, :6], said(ours, given)[1, :, :6]) > 1e-2


def test_rows_of_a_batch_do_not_hear_each_other() -> None:
    ours, _ = both(shape())
    given = inputs(shape(), rows=3)
    together = said(ours, given)
    for row in range(3):
        alone = Inputs(*(part[row : row + 1] for part in vars(given).values()))
        assert apart(together[row : row + 1], said(ours, alone)) < TOLERANCE


@pytest.mark.parametrize("changed", ["latents", "times", "states", "conditions"])
def test_nothing_that_is_given_is_ignored(changed: str) -> None:
    ours, theirs = both(shape())
    given = inputs(shape())
    other = replace(given, **{changed: getattr(given, changed).flip(0)})
    assert apart(said(ours, other), said_by_diffusers(theirs, given)) > 100 * TOLERANCE
    assert apart(said(ours, other), said_by_diffusers(theirs, other)) < TOLERANCE


def test_frames_and_their_order_are_heard_and_the_order_of_words_is_not() -> None:
    ours, _ = both(shape())
    given = inputs(shape())
    moved = replace(given, latents=given.latents.roll(1, 2))
    assert apart(said(ours, moved), said(ours, given).roll(1, 2)) > 100 * TOLERANCE
    reordered = replace(given, states=given.states.flip(1))
    assert apart(said(ours, reordered), said(ours, given)) < TOLERANCE


def test_half_precision_says_about_the_same() -> None:
    ours, theirs = both(shape())
    given = inputs(shape())
    expected = said_by_diffusers(theirs, given)
    half = Inputs(*(part.bfloat16() for part in vars(given).values()))
    out = said(ours.bfloat16(), replace(half, times=given.times))
    assert out.dtype is torch.bfloat16
    assert 0 < apart(out.float(), expected) < 0.1


@pytest.mark.parametrize(
    "changes",
    [
        {"num_layers": 10**9},
        {"num_layers": 0},
        {"in_channels": -1},
        {"out_channels": 10**12},
        {"time_proj_dim": 7},
        {"attention_head_dim": 6},
        {"num_attention_heads": 6, "num_key_value_attention_heads": 4},
        {"num_attention_heads": 65_536, "attention_head_dim": 65_536, "num_key_value_attention_heads": 1},
        {"cross_attention_dim": "24"},
        {"cross_attention_dim": True},
        {"global_states_input_dim": 7.0},
        {"cross_attention_input_dim": None},
    ],
    ids=str,
)
def test_sizes_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not a whole number from 1|too many or do not divide"):
        DiT(shape() | changes)


@pytest.mark.parametrize("name", sorted(shape().keys() - {"sample_size"}))
def test_every_size_has_to_be_given(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        DiT({key: size for key, size in shape().items() if key != name})
