"""The text encoder says what transformers' T5EncoderModel says, whatever its shape."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import T5Config, T5EncoderModel

from bot.engines.score.t5 import T5Encoder

SHAPES: dict[str, dict[str, Any]] = {
    "small": {},
    "one layer, one head": {"num_layers": 1, "num_heads": 1},
    "inner width of its own": {"d_kv": 3, "d_ff": 7},
    "few buckets": {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 20},
    "another epsilon": {"layer_norm_epsilon": 0.05},
}


def shape(**changes: Any) -> dict[str, Any]:
    return {
        "vocab_size": 50,
        "d_model": 16,
        "d_kv": 8,
        "d_ff": 24,
        "num_layers": 2,
        "num_heads": 3,
        "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128,
        "layer_norm_epsilon": 1e-6,
        "feed_forward_proj": "gated-gelu",
        **changes,
    }


@pytest.mark.parametrize("changes", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("words", [1, 12, 150])
@torch.inference_mode()
def test_any_shape_says_what_transformers_says(changes: dict[str, Any], words: int) -> None:
    torch.manual_seed(2)
    config = shape(**changes)
    theirs = T5EncoderModel(T5Config.from_dict(config)).eval()
    for parameter in theirs.parameters():
        parameter.copy_(torch.randn(parameter.shape) * (2 / parameter.shape[-1]) ** 0.5)
    weights = theirs.state_dict()
    del weights["encoder.embed_tokens.weight"]
    ours = T5Encoder(config)
    ours.load_state_dict(weights, strict=True, assign=True)
    ids = torch.randint(1, 50, (words,))
    expected = theirs(input_ids=ids[None]).last_hidden_state[0]
    torch.testing.assert_close(ours.eval()(ids), expected, rtol=1e-4, atol=1e-4)
    if words > 1:
        assert (ours(ids.roll(1)) - expected).abs().max() > 0.1


@pytest.mark.parametrize(
    "changes",
    [
        {"feed_forward_proj": "relu"},
        {"feed_forward_proj": None},
        {"vocab_size": 10**12},
        {"num_layers": 10**9},
        {"d_kv": "8"},
        {"d_ff": []},
        {"num_heads": 0},
        {"layer_norm_epsilon": "1e-6"},
        {"layer_norm_epsilon": float("nan")},
        {"relative_attention_num_buckets": 2},
        {"relative_attention_max_distance": 8},
    ],
    ids=str,
)
def test_what_is_no_such_encoder_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes)).split("_")[-1]):
        T5Encoder(shape(**changes))
