"""The built-in model says, through our own network, what transformers makes of its checkpoint."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import MusicgenForCausalLM
from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig

from bot.engines.musicgen.decoder import Conditions, Decoder
from bot.engines.score import BUILT_IN
from bot.engines.score.ar import ArEngine
from bot.engines.score.config import read_config
from bot.engines.score.decode import Row
from bot.engines.score.format import STREAMS, VOCABULARY
from bot.recipe import Mode
from tests.engines.musicgen.reference import forced_logits

FOLDER = BUILT_IN["antiphon-tiny-ar"]
PROMPTS = ["slow piano in the rain", "🎻", "fast techno with a rolling bass, 140 bpm " * 4]


@pytest.fixture(scope="module")
def engine() -> ArEngine:
    return ArEngine(read_config(Mode.AR, FOLDER), "cpu", None)


def part(prefix: str) -> dict[str, torch.Tensor]:
    weights = load_file(FOLDER / "model.safetensors")
    return {n.removeprefix(prefix): w.float() for n, w in weights.items() if n.startswith(prefix)}


@torch.inference_mode()
def test_a_scores_logits_are_transformers(engine: ArEngine) -> None:
    row = Row(8.0, 3, 0.95, 40)
    engine.decode([PROMPTS[0]], [row], 2.5, lambda done, total: None)
    frames = torch.from_numpy(row.result().astype(np.int64))
    columns = torch.full((frames.shape[1] + STREAMS, STREAMS), VOCABULARY)
    for stream in range(STREAMS):
        columns[1 + stream : 1 + stream + frames.shape[1], stream] = frames[stream]

    config = json.loads((FOLDER / "config.json").read_text())
    model = MusicgenForCausalLM(MusicgenDecoderConfig.from_dict(config["decoder"])).eval()
    model.load_state_dict(part("decoder."))
    states = engine.text_states(PROMPTS[0])
    worded, plain = (
        model(input_ids=columns.T, encoder_hidden_states=heard[None], use_cache=False).logits.permute(1, 0, 2)
        for heard in (states, torch.zeros_like(states))
    )
    expected = (plain + 2.5 * (worded - plain))[:-1]
    assert engine.model is not None
    decoder = Decoder(engine.model, window=len(columns), stride=1)
    got = forced_logits(decoder, Conditions(states), columns, 2.5)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)
