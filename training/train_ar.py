"""Train the autoregressive model: `python -m training.train_ar DATA RUN --minutes 60`.

MusicGen's architecture over the six streams of the score format; run again, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import MusicgenForCausalLM
from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig

from bot.engines.score.clause_encoder import ClauseEncoder
from bot.engines.score.format import CLOCK_STEP, STREAMS, VOCABULARY
from training.dataset import Shard, load
from training.loop import (
    SCENE_WEIGHT,
    TEXT_WIDTH,
    Batches,
    Captions,
    Run,
    SceneHead,
    read_alone,
    text_encoder,
    warm,
)

PAD = VOCABULARY
HEADER_WEIGHT, ENTRY_WEIGHT, BAR_WEIGHT = 4.0, 8.0, 1.5


class Model(nn.Module):
    """Text encoder, projection and decoder, named as in MusicGen's checkpoints."""

    def __init__(self, encoder: ClauseEncoder) -> None:
        super().__init__()
        self.text_encoder = encoder
        config = MusicgenDecoderConfig(
            vocab_size=VOCABULARY,
            max_position_embeddings=2048,
            num_hidden_layers=5,
            ffn_dim=512,
            num_attention_heads=5,
            hidden_size=160,
            num_codebooks=STREAMS,
            dropout=0.0,
            activation_dropout=0.0,
            attention_dropout=0.0,
            layerdrop=0.0,
            pad_token_id=PAD,
            bos_token_id=PAD,
            eos_token_id=None,
            use_cache=True,
        )
        self.decoder = MusicgenForCausalLM(config)
        self.enc_to_dec_proj = nn.Linear(TEXT_WIDTH, config.hidden_size)
        self.scene_head = SceneHead(TEXT_WIDTH)

    def forward(self, columns: Tensor, captions: Captions) -> tuple[Tensor, Tensor]:
        """Return the decoder's hidden states [batch, columns, width] and the text states [batch, n, 128].

        columns: delayed tokens [batch, 6, columns].
        """
        states = self.text_encoder(captions.vectors, captions.kinds, captions.present)
        attended = captions.attention_mask.clone()
        attended[:, 0] = True
        hidden = self.decoder.model(
            input_ids=columns.flatten(0, 1),
            encoder_hidden_states=self.enc_to_dec_proj(states) * captions.attention_mask[..., None],
            encoder_attention_mask=attended.long(),
            use_cache=False,
        ).last_hidden_state
        return hidden, states


def delayed(frames: list[np.ndarray]) -> Tensor:
    """Return pieces as columns of delayed tokens, [batch, 6, columns].

    Stream k holds frame f in column 1 + k + f.
    """
    longest = max(f.shape[1] for f in frames)
    out = np.full((len(frames), STREAMS, longest + STREAMS), PAD, np.int64)
    for row, piece in enumerate(frames):
        for stream in range(STREAMS):
            out[row, stream, 1 + stream : 1 + stream + piece.shape[1]] = piece[stream]
    return torch.from_numpy(out)


def weights_of(frames: list[np.ndarray]) -> Tensor:
    """Return the weight of every prediction, [batch, 6, columns].

    More where the header is chosen and where an instrument enters or leaves: the words are about these.
    """
    marked = []
    for piece in frames:
        weight = np.broadcast_to(np.where(piece[0] >= CLOCK_STEP, 1.0, BAR_WEIGHT), piece.shape).copy()
        bars = np.flatnonzero(piece[0, 2:] < CLOCK_STEP) + 2
        programs = piece[:, bars]
        changed = np.ones(programs.shape, bool)
        changed[:, 1:] = programs[:, 1:] != programs[:, :-1]
        weight[:, bars] = np.where(changed, ENTRY_WEIGHT, BAR_WEIGHT)
        weight[:, :2] = HEADER_WEIGHT, 0.0
        marked.append(weight)
    longest = max(f.shape[1] for f in frames)
    out = np.zeros((len(frames), STREAMS, longest + STREAMS), np.float32)
    for row, piece in enumerate(marked):
        for stream in range(1, STREAMS):
            out[row, stream, 1 + stream : 1 + stream + piece.shape[1]] = piece[stream]
    return torch.from_numpy(out)


def loss_of(
    model: Model, shard: Shard, batches: Batches, indices: np.ndarray, bf16: bool
) -> tuple[Tensor, dict[str, float]]:
    """Return the weighted cross-entropy of one batch in nats a prediction, and figures for the log."""
    frames = [shard.piece(int(i)) for i in indices]
    columns, weights = delayed(frames), weights_of(frames)
    captions = batches.captions(indices)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        hidden, states = model(columns[:, :, :-1], captions)
        naming = model.scene_head(states, captions.present, shard.scenes[indices]) + model.scene_head(
            *read_alone(model.text_encoder, batches)
        )
        losses = []
        for stream in range(1, STREAMS):
            wanted = weights[:, stream, 1:] > 0
            logits = model.decoder.lm_heads[stream](hidden[wanted])
            target = columns[:, stream, 1:][wanted]
            losses.append(nn.functional.cross_entropy(logits.float(), target, reduction="none"))
    each = torch.cat(losses)
    weight = torch.cat([weights[:, s, 1:][weights[:, s, 1:] > 0] for s in range(1, STREAMS)])
    loss = (each * weight).sum() / weight.sum()
    header = each[weight == HEADER_WEIGHT].mean()
    return loss + SCENE_WEIGHT * naming, {
        "loss": float(loss.detach()),
        "scene": float(naming.detach()),
        "header": float(header.detach()),
        "entries": float(each[weight == ENTRY_WEIGHT].mean().detach()),
    }


def main() -> None:
    """Train as the command line asks."""
    parser = argparse.ArgumentParser(description="Train the autoregressive model.")
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--tokens", type=int, default=1800, help="columns a batch")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--bf16", action="store_true", help="where the processor has it: emulated, it is 50 times slower"
    )
    parser.add_argument("--warm", type=Path, help="folder of a shipped model to start the decoder from")
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps, for measuring")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    model = Model(text_encoder())
    if args.warm:
        warm(model, args.warm / "model.safetensors")
    run = Run(args.run, model, args.minutes, args.rate)
    print(sum(p.numel() for p in model.parameters()), "parameters", flush=True)
    shard = load(args.data)
    batches = Batches(shard, np.diff(shard.starts), args.tokens, run.step)
    model.train()
    first = run.step
    for indices in batches:
        run.update(*loss_of(model, shard, batches, indices, args.bf16))
        if run.finished or (args.steps and run.step - first >= args.steps):
            break
    run.save()


if __name__ == "__main__":
    main()
