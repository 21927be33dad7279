"""Make the tables of the model cards from judged clips: `python -m training.report FOLDER DATA`.

FOLDER holds one file of `training.evaluate` a row, named by it; DATA is the folder of `training.dataset`.
Intervals are 95 % and come from drawing prompts, not clips, again: clips of one prompt are not independent.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bot.comparison.features import same_tempo
from bot.engines.score.format import from_frames
from training.dataset import load

Clip = dict[str, Any]
ROWS = (
    "composer",
    "round-trip",
    "ar",
    "diffusion",
    "ar-free",
    "diffusion-free",
    "ar-deaf",
    "diffusion-deaf",
    "shuffled ar",
    "shuffled diffusion",
    "mean-score",
    "noise",
)
DRAWS = 2_000
SECONDS = 10.0
COMPARED_STEPS = 64
TRAINING_SCORES = 4_000


def interval(clips: list[Clip], value: Callable[[Clip], float | bool | None]) -> str:
    """Return the mean of a value over clips with its 95 % interval over prompts, as text."""
    by_prompt: dict[str, list[float]] = {}
    for clip in clips:
        measured = value(clip)
        if measured is not None:
            by_prompt.setdefault(clip["prompt"], []).append(float(measured))
    if not by_prompt:
        return "–"
    sums = np.array([(sum(v), len(v)) for v in by_prompt.values()])
    rng = np.random.default_rng(0)
    drawn = sums[rng.integers(len(sums), size=(DRAWS, len(sums)))].sum(1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (0.025, 0.975))
    return f"{sums[:, 0].sum() / sums[:, 1].sum():.3g} ({low:.3g} to {high:.3g})"


def in_order(clip: Clip) -> bool:
    """Tell whether the families asked for all enter, each no earlier than the one before."""
    first: dict[str, int] = {}
    for bar, family in clip["entries"]:
        first.setdefault(family, bar)
    entries = [first.get(family) for family in clip["asked"]]
    if any(bar is None for bar in entries):
        return False
    bars = [p for p in entries if p is not None]
    return bars == sorted(bars) and bars[0] < bars[-1]


def columns(clips: list[Clip]) -> dict[str, str]:
    """Return one row of the table."""
    near, far = ([c for c in clips if c["group"] == g] for g in ("near", "far"))
    of = {g: [c for c in clips if c["group"] == g] for g in ("sequence", "instrument", "tempo")}
    written = [c for c in clips if "last_note" in c]
    return {
        "clips": str(len(clips)),
        "scene": interval(near, lambda c: c["detected_scene"] == c["scene"]),
        "scene, wordings kept apart": interval(far, lambda c: c["detected_scene"] == c["scene"]),
        "tempo heard within 4 %": interval(
            of["tempo"], lambda c: same_tempo(c["detected_tempo"], c["asked"])
        ),
        "tempo written within 4 %": interval(
            [c for c in of["tempo"] if "tempo" in c], lambda c: same_tempo(c["tempo"], c["asked"])
        ),
        "instrument heard": interval(of["instrument"], lambda c: c["asked"] in c["detected_instruments"]),
        "instrument written": interval(
            [c for c in of["instrument"] if "instruments" in c], lambda c: c["asked"] in c["instruments"]
        ),
        "sequence in order": interval([c for c in of["sequence"] if "entries" in c], in_order),
        "notes in key": interval(written, lambda c: c["in_key"]),
        "last note after 90 %": interval(written, lambda c: c["last_note"] >= 0.9 * SECONDS),
        "longest silence, s": interval(near, lambda c: c["silence"]),
        "onset peak": interval(near, lambda c: c["onset_peak"]),
    }


def shuffled(clips: list[Clip]) -> list[Clip]:
    """Return the clips judged by what another prompt of their group asks for: chance."""
    out: list[Clip] = []
    for group in ("near", "sequence", "instrument"):
        part = [c for c in clips if c["group"] == group]
        order = np.random.default_rng(1).permutation(len(part))
        out += [
            c | {k: part[int(o)][k] for k in ("scene", "asked")} for c, o in zip(part, order, strict=True)
        ]
    return out


def spread(clips: list[Clip]) -> float:
    """Return how far the seeds of one prompt are apart: the mean share of different tokens."""
    by_prompt: dict[str, list[list[int]]] = {}
    for clip in clips:
        if clip["group"] == "near" and "grid" in clip:
            by_prompt.setdefault(clip["prompt"], []).append(clip["grid"])
    shares = []
    for grids in by_prompt.values():
        for number, one in enumerate(grids):
            for other in grids[:number]:
                n = min(len(one), len(other))
                shares.append(float(np.mean(np.array(one[:n]) != np.array(other[:n]))))
    return float(np.mean(shares)) if shares else 0.0


def grid_of(clip: Clip) -> np.ndarray:
    """Return the first 64 sixteenths of a judged clip, [64, 5], rests after its end."""
    bars = -(-round((SECONDS - 0.25) * clip["tempo"] / 60) // clip["metre"])
    return padded(np.array(clip["grid"][5 * bars :]).reshape(-1, 5))


def padded(grid: np.ndarray) -> np.ndarray:
    """Return a grid cut or lengthened with rests to 64 sixteenths."""
    out = np.zeros((COMPARED_STEPS, 5), np.int16)
    out[: min(COMPARED_STEPS, len(grid))] = grid[:COMPARED_STEPS]
    return out


def nearest(grids: list[np.ndarray], training: np.ndarray) -> list[float]:
    """Return how far each grid is from the nearest training score, in sounding places that differ."""
    out = []
    for grid in grids:
        sounding = (grid != 0)[None] | (training != 0)
        different = (training != grid[None]) & sounding
        out.append(float((different.sum((1, 2)) / np.maximum(1, sounding.sum((1, 2)))).min()))
    return out


def main() -> None:
    """Print the tables as the command line asks."""
    parser = argparse.ArgumentParser(description="Make the tables of the model cards from judged clips.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("data", type=Path)
    args = parser.parse_args()
    clips: dict[str, list[Clip]] = {}
    for path in sorted(args.folder.glob("*.jsonl")):
        clips[path.stem] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for mode in ("ar", "diffusion"):
        if mode in clips:
            clips[f"shuffled {mode}"] = shuffled(clips[mode])
    rows = [name for name in ROWS if name in clips]
    table = {name: columns(clips[name]) for name in rows}
    print("| | " + " | ".join(rows) + " |\n|---|" + "---|" * len(rows))
    for column in table[rows[0]]:
        print(f"| {column} | " + " | ".join(table[name][column] for name in rows) + " |")
    shard, apart = load(args.data), load(args.data, held_out=True)
    training = np.stack([padded(from_frames(shard.piece(i)).grid) for i in range(TRAINING_SCORES)])
    held_out = [padded(from_frames(apart.piece(i)).grid) for i in range(200)]
    apart_by = np.median(nearest(held_out, training))
    print(f"\nheld-out scores: nearest of {TRAINING_SCORES:,} training scores {apart_by:.3f}")
    for mode in ("ar", "diffusion"):
        if mode not in clips:
            continue
        near = [c for c in clips[mode] if c["group"] == "near"]
        grids = [grid_of(c) for c in near[:: max(1, len(near) // 200)]]
        print(
            f"{mode}: nearest {np.median(nearest(grids, training)):.3f}, spread over seeds {spread(near):.3f}"
        )
        for scene in dict.fromkeys(c["scene"] for c in near):
            part = [c for c in near if c["scene"] == scene]
            detected = [c["detected_scene"] for c in part]
            most = max(set(detected) - {scene}, key=detected.count, default="–")
            print(f"  {scene}: {np.mean([h == scene for h in detected]):.2f}, else most often {most}")


if __name__ == "__main__":
    main()
