"""Fit and freeze the judge: `python -m training.fit_judge bot/weights/judge JUDGE.npz`."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bot.comparison.judge import CONVOLUTIONS, STRIDE, rhythm_features
from training.judge_data import FAMILIES
from training.scenes import SCENES

HELD_OUT = 0.125
WIDTHS, KERNELS = (64, 80, 96, 112, 128), (5, 5, 5, 3)


class Net(nn.Module):
    """The judge in torch: mel [batch, 64, frames] and rhythm [batch, 72] to scene and family logits."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv1d(WIDTHS[i], WIDTHS[i + 1], KERNELS[i], STRIDE, KERNELS[i] // 2)
            for i in range(CONVOLUTIONS)
        )
        self.hidden = nn.Linear(3 * WIDTHS[-1] + 72, 160)
        self.scenes = nn.Linear(160, len(SCENES))
        self.families = nn.Linear(3 * WIDTHS[-1], len(FAMILIES))

    def forward(self, mel: Tensor, rhythm: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits [batch, scenes] and [batch, families]."""
        for conv in self.convs:
            mel = torch.relu(conv(mel))
        pooled = torch.cat([mel.mean(2), mel.std(2, unbiased=False), mel.amax(2)], 1)
        pooled = nn.functional.dropout(pooled, 0.2, self.training)
        hidden = torch.relu(self.hidden(torch.cat([pooled, rhythm], 1)))
        return self.scenes(nn.functional.dropout(hidden, 0.3, self.training)), self.families(pooled)


def augmented(mel: Tensor, generator: torch.Generator) -> Tensor:
    """Return mel spectrograms with another equaliser, noise floor, time offset and pitch shift of a band."""
    count = len(mel)
    bands = torch.linspace(-1, 1, mel.shape[1])
    tilt = torch.randn(count, 3, generator=generator) * torch.tensor([0.5, 0.6, 0.4])
    curve = tilt[:, :1] + tilt[:, 1:2] * bands + tilt[:, 2:] * torch.cos(3 * bands)
    out = mel + curve[:, :, None]
    floor = torch.empty(count, 1, 1).uniform_(-13, -6, generator=generator)
    out = torch.logaddexp(out, floor)
    shift = int(torch.randint(0, 100, (1,), generator=generator))
    length = int(torch.randint(420, mel.shape[2] - shift + 1, (1,), generator=generator))
    out = out[:, :, shift : shift + length]
    return torch.roll(out, int(torch.randint(-1, 2, (1,), generator=generator)), 1)


def fit(
    data: dict[str, np.ndarray], train: int, epochs: int, bf16: bool
) -> tuple[Net, dict[str, Tensor], dict[str, float]]:
    """Return the fitted net, its normalisation, and its figures on the pieces kept apart.

    train: number of pieces it is fitted on, the first.  bf16: compute in bfloat16 while fitting.
    """
    torch.manual_seed(11)
    generator = torch.Generator().manual_seed(11)
    mels = torch.from_numpy(data["mels"]).float()
    rhythm = torch.from_numpy(np.stack([rhythm_features(m.astype(np.float32)) for m in data["mels"]]))
    scenes = torch.from_numpy(data["scenes"]).long()
    present = torch.from_numpy(data["present"]).float()
    mean, scale = mels[:train].mean((0, 2)), mels[:train].std((0, 2))
    norm = {"mean": mean, "scale": scale}
    net = Net()
    optimiser = torch.optim.AdamW(net.parameters(), 1.5e-3, weight_decay=0.03)
    batches = train // 48
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, epochs * batches)
    for epoch in range(epochs):
        net.train()
        order = torch.randperm(train, generator=generator)
        total = 0.0
        for batch in order[: batches * 48].reshape(batches, 48):
            mel = (augmented(mels[batch], generator) - mean[:, None]) / scale[:, None]
            noise = 0.05 * torch.randn(48, rhythm.shape[1], generator=generator)
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                scene_logits, family_logits = (o.float() for o in net(mel, rhythm[batch] + noise))
            loss = nn.functional.cross_entropy(scene_logits, scenes[batch], label_smoothing=0.05)
            loss = loss + 4 * nn.functional.binary_cross_entropy_with_logits(family_logits, present[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        print(epoch, round(total / batches, 4), flush=True)
    net.eval()
    with torch.no_grad():
        scene_logits, family_logits = net((mels[train:] - mean[:, None]) / scale[:, None], rhythm[train:])
    right = (scene_logits.argmax(1) == scenes[train:]).float()
    sources = data["source"][train:]
    for index, scene in enumerate(SCENES):
        print(scene.name, round(float(right[scenes[train:] == index].mean()), 2))
    figures = {"scene accuracy": float(right.mean()), "held out": float(len(right))}
    for source in sorted(set(sources.tolist())):
        figures[f"scene accuracy, {source}"] = float(right[torch.from_numpy(sources == source)].mean())
    probabilities = torch.sigmoid(family_logits)
    thresholds = {}
    for index, family in enumerate(FAMILIES):
        truth = present[train:, index] > 0.5
        options = [
            (float(((probabilities[:, index] >= t) == truth).float().mean()), t)
            for t in np.arange(0.1, 0.91, 0.05)
        ]
        both = [
            (
                float(
                    (probabilities[truth, index] >= t).float().mean()
                    + (probabilities[~truth, index] < t).float().mean()
                )
                / 2,
                t,
            )
            for t in np.arange(0.1, 0.91, 0.05)
        ]
        balanced, threshold = max(both)
        thresholds[family] = round(float(threshold), 2)
        print(family, int(truth.sum()), "balanced", round(balanced, 3), "plain", round(max(options)[0], 3))
        figures[f"balanced accuracy {family}"] = balanced
    return net, norm, {**figures, **{f"threshold {k}": v for k, v in thresholds.items()}}


def gathered(paths: list[Path]) -> tuple[dict[str, np.ndarray], int]:
    """Return the pieces of all files, the last HELD_OUT of each file at the end, and the number before them.

    `source` names the bank of each piece: a file's name up to its first figure.
    """
    parts = []
    for path in paths:
        with np.load(path) as file:
            parts.append({name: file[name] for name in file.files})
        bank = path.stem.rstrip("0123456789")
        parts[-1]["source"] = np.full(len(parts[-1]["scenes"]), bank)
    edges = [int(len(part["scenes"]) * (1 - HELD_OUT)) for part in parts]
    data = {
        name: np.concatenate(
            [part[name][:edge] for part, edge in zip(parts, edges, strict=True)]
            + [part[name][edge:] for part, edge in zip(parts, edges, strict=True)]
        )
        for name in parts[0]
    }
    return data, sum(edges)


def main() -> None:
    """Fit as the command line asks; refuses to replace a judge that is already frozen."""
    parser = argparse.ArgumentParser(description="Fit and freeze the judge.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("data", type=Path, nargs="+", help="files of training.judge_data")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--bf16", action="store_true", help="on a processor with bf16 instructions")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if (args.folder / "judge.npz").exists():
        raise SystemExit(
            f"{args.folder} holds a frozen judge already; remove it by hand if you mean to replace it."
        )
    net, norm, figures = fit(*gathered(args.data), args.epochs, args.bf16)
    weights = {name: value.numpy() for name, value in norm.items()}
    for name, value in net.state_dict().items():
        weights[name.replace("convs.", "conv")] = value.numpy()
    args.folder.mkdir(parents=True, exist_ok=True)
    halves: dict[str, Any] = {n: v.astype(np.float16) for n, v in weights.items()}
    np.savez_compressed(args.folder / "judge.npz", **halves)
    digest = hashlib.sha256((args.folder / "judge.npz").read_bytes()).hexdigest()
    card = {
        "sha256": digest,
        "scenes": [scene.name for scene in SCENES],
        "families": list(FAMILIES),
        "thresholds": {f: figures[f"threshold {f}"] for f in FAMILIES},
        "figures": {name: round(value, 4) for name, value in figures.items() if "threshold" not in name},
    }
    (args.folder / "judge.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
