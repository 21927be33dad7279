"""Train the choice of instruments of a finished diffusion run.

`python -m training.train_planner RUN DATA OUT`.

The text encoder stays as it is. The target of a role is the program that it has in most bars of its piece.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bot.engines.score.format import CLOCK_BAR, CLOCK_STEP, PROGRAM_BASE, PROGRAM_SIZES
from bot.engines.score.instrument_planner import InstrumentPlanner, pool
from training.dataset import Shard, load
from training.loop import text_encoder
from training.train_text import captions_of, noisy, weights_under

RATE = 2e-3


def programs_of(shard: Shard) -> np.ndarray:
    """Return the programs [pieces, 5] that the roles have in most of the bars in which they play."""
    out = np.zeros((len(shard), len(PROGRAM_SIZES)), np.int64)
    for number in range(len(shard)):
        piece = shard.piece(number)
        bars = (piece[0] >= CLOCK_BAR) & (piece[0] < CLOCK_STEP)
        for role in range(len(PROGRAM_SIZES)):
            counts = np.bincount(piece[1 + role, bars] - PROGRAM_BASE, minlength=PROGRAM_SIZES[role])[1:]
            if counts.any():
                out[number, role] = 1 + int(counts.argmax())
    return out


def main() -> None:
    """Train as the command line asks."""
    parser = argparse.ArgumentParser(description="Train the choice of instruments of a diffusion run.")
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=1_500)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(4)
    rng, generator = np.random.default_rng(4), torch.Generator().manual_seed(4)
    average = torch.load(args.run / "last.pt", weights_only=True)["average"]
    encoder = text_encoder()
    encoder.load_state_dict(weights_under(average, "text_encoder."))
    encoder.eval().requires_grad_(False)
    planner = InstrumentPlanner(encoder.width)
    shard = load(args.data)
    programs = torch.from_numpy(programs_of(shard))
    optimiser = torch.optim.AdamW(planner.parameters(), RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, args.steps)
    for number in range(1, args.steps + 1):
        captions, indices = captions_of(shard, rng)
        states = encoder(noisy(captions.vectors, generator), captions.kinds, captions.present)
        wanted = programs[indices]
        logits = planner(pool(states, captions.present.long()), wanted)
        loss = torch.stack(
            [nn.functional.cross_entropy(part, wanted[:, role]) for role, part in enumerate(logits)]
        ).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if number % 100 == 0:
            print(number, round(float(loss.detach()), 4), flush=True)
    average |= {f"instruments.{name}": value for name, value in planner.state_dict().items()}
    args.out.mkdir(parents=True, exist_ok=True)
    torch.save({"average": average}, args.out / "last.pt")


if __name__ == "__main__":
    main()
