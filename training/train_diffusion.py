"""Train the diffusion model.

`python -m training.train_diffusion DATA LATENT_RUN RUN --minutes 60`.

Stable Audio's transformer over the score latent, with a v-objective; and a planner, which draws tempo and
metre from
the words alone, because they decide how many latent frames a clip has. Run again, it goes on where it
stopped.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bot.engines.score.bits import to_bits
from bot.engines.score.clause_encoder import ClauseEncoder
from bot.engines.score.format import HEADER_SIZES, METRES
from bot.engines.score.latent import (
    CHANNELS,
    GLOBALS,
    POSITIONS,
    ScoreAutoencoder,
    conditions,
    header_latents,
    positions,
    program_rows,
)
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
from training.train_latent import by_beats

with warnings.catch_warnings():
    # diffusers 0.42 warns of a deprecated name in its own imports.
    warnings.simplefilter("ignore", FutureWarning)
    from diffusers.models.embeddings import get_1d_rotary_pos_embed
    from diffusers.models.transformers.stable_audio_transformer import StableAudioDiTModel

HEADER_WEIGHT = 4.0
PLANNER_WEIGHT = 0.15
PROGRAM_WEIGHT = 0.5
"""Weight of the error where it falls on the instruments' bits: the words are about these."""
HEAD_WIDTH = 32


class Model(nn.Module):
    """Text encoder, planner and denoiser."""

    def __init__(self, encoder: ClauseEncoder) -> None:
        super().__init__()
        self.text_encoder = encoder
        width = TEXT_WIDTH
        self.planner = nn.Sequential(nn.Linear(2 * width, 192), nn.GELU(), nn.Linear(192, HEADER_SIZES[0]))
        self.scene_head = SceneHead(width)
        self.transformer = StableAudioDiTModel(
            sample_size=256,
            in_channels=CHANNELS + POSITIONS,
            out_channels=CHANNELS,
            num_layers=6,
            attention_head_dim=HEAD_WIDTH,
            num_attention_heads=5,
            num_key_value_attention_heads=5,
            cross_attention_dim=160,
            cross_attention_input_dim=width,
            time_proj_dim=128,
            global_states_input_dim=GLOBALS,
        )

    def hear(self, captions: Captions) -> tuple[Tensor, Tensor, Tensor]:
        """Return text states [batch, n, 128], the same, 0 where masked, and planner logits [batch, 96]."""
        states = self.text_encoder(captions.vectors, captions.kinds, captions.present)
        attended = states * captions.attention_mask[..., None]
        count = captions.attention_mask.sum(1, keepdim=True).clamp(min=1)
        pooled = torch.cat([attended.sum(1) / count, attended.amax(1)], -1)
        return states, attended, self.planner(pooled)


def main() -> None:
    """Train as the command line asks."""
    parser = argparse.ArgumentParser(description="Train the diffusion model.")
    parser.add_argument("data", type=Path)
    parser.add_argument("latent", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--frames", type=int, default=700, help="latent frames a batch")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--warm", type=Path, help="folder of a shipped model to start the transformer from")
    parser.add_argument("--bf16", action="store_true", help="where the processor has it")
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps, for measuring")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(2)
    coder = ScoreAutoencoder()
    coder.load_state_dict(torch.load(args.latent / "last.pt", weights_only=True)["average"])
    coder.eval().requires_grad_(False)
    model = Model(text_encoder())
    if args.warm:
        warm(model, args.warm / "transformer" / "diffusion_pytorch_model.safetensors", "transformer.")
    run = Run(args.run, model, args.minutes, args.rate)
    print(sum(p.numel() for p in model.parameters()), "parameters", flush=True)
    shard = load(args.data)
    data = by_beats(shard, args.data / "beats.npz")
    lengths = np.diff(data["starts"])
    batches = Batches(shard, lengths, args.frames, run.step)
    model.train()
    first = run.step
    for indices in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            loss, figures = loss_of(model, coder, shard, data, batches, indices)
        run.update(loss, figures)
        if run.finished or (args.steps and run.step - first >= args.steps):
            break
    run.save()


def stacked(
    coder: ScoreAutoencoder, data: dict[str, np.ndarray], indices: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Return latents [batch, 128, 1 + beats] and the mask of beats [batch, beats] of pieces.

    Padded to the longest.
    """
    starts = data["starts"]
    lengths = starts[indices + 1] - starts[indices]
    longest = int(lengths.max())
    latents = torch.zeros(len(indices), 1 + longest, CHANNELS)
    latents[:, 0] = header_latents(data["header"][indices])
    for row, index in enumerate(indices):
        part = slice(starts[index], starts[index + 1])
        bits = torch.from_numpy(to_bits(data["steps"][part], data["programs"][part], data["scales"][part]))
        latents[row, 1 : 1 + lengths[row]] = coder.encode(bits)
    return latents.transpose(1, 2), torch.from_numpy(np.arange(longest) < lengths[:, None])


def loss_of(
    model: Model,
    coder: ScoreAutoencoder,
    shard: Shard,
    data: dict[str, np.ndarray],
    batches: Batches,
    indices: np.ndarray,
) -> tuple[Tensor, dict[str, float]]:
    """Return the loss of one batch, the squared error of v and the planner's cross-entropy.

    With figures for the log.
    """
    clean, mask = stacked(coder, data, indices)
    count, beats = len(indices), mask.sum(1).numpy()
    present = torch.cat([torch.ones(count, 1, dtype=torch.bool), mask], 1)
    where = torch.zeros(count, POSITIONS, clean.shape[2])
    for row in range(count):
        where[row, :, : beats[row] + 1] = positions(int(beats[row]), int(data["metre"][indices[row]]))
    # Half of the times are drawn evenly, half near the middle, where most is decided.
    time = torch.where(torch.rand(count) < 0.5, torch.rand(count), torch.sigmoid(torch.randn(count)))
    alpha, sigma = torch.cos(time * torch.pi / 2), torch.sin(time * torch.pi / 2)
    noise = torch.randn_like(clean)
    noised = alpha[:, None, None] * clean + sigma[:, None, None] * noise
    target = alpha[:, None, None] * noise - sigma[:, None, None] * clean
    captions = batches.captions(indices)
    states, attended, plan = model.hear(captions)
    out = model.transformer(
        torch.cat([noised * present[:, None], where], 1),
        time,
        encoder_hidden_states=attended,
        global_hidden_states=conditions(data["tempo"][indices], data["metre"][indices], beats),
        rotary_embedding=get_1d_rotary_pos_embed(
            HEAD_WIDTH // 2, clean.shape[2] + 1, use_real=True, repeat_interleave_real=False
        ),
        attention_mask=present if not bool(present.all()) else None,
        return_dict=False,
    )[0]
    weight = present.float()
    weight[:, 0] = HEADER_WEIGHT
    out = out.float()
    error = (((out - target) ** 2).mean(1) * weight).sum() / weight.sum()
    metres = [METRES.index(int(m)) for m in data["metre"][indices]]
    planned = torch.from_numpy(data["tempo"][indices] * len(METRES)) + torch.tensor(metres)
    planning = nn.functional.cross_entropy(plan, planned)
    naming = model.scene_head(states, captions.present, shard.scenes[indices]) + model.scene_head(
        *read_alone(model.text_encoder, batches)
    )
    off = (out - target).transpose(1, 2)[:, 1:][mask] @ program_rows(coder.basis)
    instruments = off.square().mean()
    loss = error + PROGRAM_WEIGHT * instruments + PLANNER_WEIGHT * planning + SCENE_WEIGHT * naming
    figures = {"v": error, "programs": instruments, "planner": planning, "scene": naming}
    return loss, {name: float(value.detach()) for name, value in figures.items()}


if __name__ == "__main__":
    main()
