"""Train the score autoencoder: `python -m training.train_latent DATA RUN --minutes 4`.

The encoder is found at once, as principal components; what is trained is the decoder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bot.engines.score.bits import to_bits
from bot.engines.score.format import STEPS_PER_BEAT, from_frames
from bot.engines.score.latent import CHANNELS, ScoreAutoencoder
from training.dataset import Shard, load
from training.loop import Run

NOISE = 0.35
"""Noise up to this deviation is added to the latents, so that the decoder bears what a denoiser leaves."""
SAMPLE = 120_000
WHITENING = 0.25
"""Components are scaled by their variance to the power −0.25: half way to white."""


def by_beats(shard: Shard, cache: Path) -> dict[str, np.ndarray]:
    """Return all pieces by beats, computed once.

    Steps [total, 4, 5], programs [total, 5], scales [total], header, tempo, metre, starts.
    """
    if not cache.exists():
        steps, programs, scales, header, tempo, metre = [], [], [], [], [], []
        for index in range(len(shard)):
            score = from_frames(shard.piece(index))
            beats = len(score.grid) // STEPS_PER_BEAT
            steps.append(score.grid.reshape(beats, STEPS_PER_BEAT, 5))
            programs.append(score.programs[np.arange(beats) // score.metre])
            scales.append(np.full(beats, score.scale))
            header.append([score.key, score.scale, score.swing, score.mix])
            tempo.append(score.tempo_class)
            metre.append(score.metre)
        np.savez(
            cache,
            steps=np.concatenate(steps),
            programs=np.concatenate(programs),
            scales=np.concatenate(scales),
            header=np.array(header),
            tempo=np.array(tempo),
            metre=np.array(metre),
            starts=np.concatenate([[0], np.cumsum([len(s) for s in steps])]),
        )
    with np.load(cache) as data:
        return {name: data[name] for name in data.files}


def principal(model: ScoreAutoencoder, bits: np.ndarray) -> None:
    """Set the encoder to the principal components of bits [n, BEAT_BITS], the decoder to their inverse."""
    mean = bits.mean(0)
    variance, vectors = np.linalg.eigh(np.cov((bits - mean).T))
    variance, vectors = variance[::-1][:CHANNELS], vectors[:, ::-1][:, :CHANNELS]
    scale = variance**-WHITENING
    scale = scale / np.sqrt(np.mean(variance * scale**2))
    with torch.no_grad():
        model.mean.copy_(torch.from_numpy(mean))
        model.basis.copy_(torch.from_numpy(vectors * scale))
        # The gain of three turns reconstructed bits of about ±1 into logits.
        model.straight.weight.copy_(torch.from_numpy(3 * vectors / scale))
        model.straight.bias.copy_(torch.from_numpy(3 * mean))
        for parameter in model.bent[-1].parameters():
            parameter.zero_()


def main() -> None:
    """Train as the command line asks."""
    parser = argparse.ArgumentParser(description="Train the score autoencoder.")
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    data = by_beats(load(args.data), args.data / "beats.npz")
    rng = np.random.default_rng(4)
    model = ScoreAutoencoder()
    chosen = rng.choice(len(data["steps"]), SAMPLE, replace=False)
    principal(model, to_bits(data["steps"][chosen], data["programs"][chosen], data["scales"][chosen]))
    run = Run(args.run, model, args.minutes, 1.5e-3, ema=0.99)
    while not run.finished:
        chosen = rng.integers(len(data["steps"]), size=512)
        bits = torch.from_numpy(
            to_bits(data["steps"][chosen], data["programs"][chosen], data["scales"][chosen])
        )
        run.update(*loss_of(model, bits))
    run.save()


def loss_of(model: ScoreAutoencoder, bits: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Return the cross-entropy of the bits that say something, in nats a bit, and figures for the log."""
    latents = model.encode(bits)
    noise = torch.randn_like(latents) * torch.rand(len(latents), 1) * NOISE
    logits = model.decode(latents + noise)
    loss = nn.functional.binary_cross_entropy_with_logits(logits, (bits > 0).float(), (bits != 0).float())
    wrong = ((logits > 0) != (bits > 0)) & (bits != 0)
    return loss, {"loss": float(loss.detach()), "beats right": float((~wrong.any(-1)).float().mean())}


if __name__ == "__main__":
    main()
