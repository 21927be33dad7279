"""Make and judge the clips of the evaluation.

`python -m training.evaluate ROW OUT.jsonl [--models bot/weights/tiny]`.

ROW is one of composer, round-trip, ar, diffusion, mean-score, noise. Prompts and seeds are fixed, every clip
counts:
nothing is drawn twice. One line a clip is written; `training.report` makes the tables of them.
"""

from __future__ import annotations

import argparse
import json
import tomllib
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bot.comparison import features
from bot.comparison.judge import Judge
from bot.engines.score import load
from bot.engines.score.ar import ArEngine
from bot.engines.score.bank import SAMPLE_RATE, Bank
from bot.engines.score.decode import Row
from bot.engines.score.diffusion import DiffusionEngine
from bot.engines.score.engine import finished
from bot.engines.score.format import SCALE_NAMES, SCALES, Score, from_frames, to_frames
from bot.engines.score.header_request import header_request
from bot.engines.score.impose import Imposed
from bot.engines.score.latent import ScoreAutoencoder, encoded, header_latents, score_of
from bot.engines.score.notes import notes_of
from bot.engines.score.sampler import Sampler
from bot.engines.score.steer import NOTHING, InstrumentRequest, asked_instruments
from bot.engines.score.tuning import outside
from training.compose import Settings, compose
from training.form import entries_of
from training.judge_data import families_of
from training.scenes import SCENE_BY_NAME

SECONDS = 10.0
PROMPTS = Path(__file__).parent / "prompts.toml"
EVERYDAY = Path(__file__).parent / "everyday.toml"
SEEDS = {"near": 5, "far": 3, "sequence": 4, "instrument": 3, "tempo": 4, "everyday": 3}
FIRST_SEED = 7_000


@dataclass(frozen=True, slots=True)
class Task:
    """One clip to make: group of prompts, prompt, what is asked of it, and its seed."""

    group: str
    prompt: str
    scene: str | None
    asked: Any
    seed: int
    language: str = "en"


def tasks(groups: tuple[str, ...]) -> list[Task]:
    """Return every clip of these groups of prompts."""
    data = tomllib.loads(PROMPTS.read_text(encoding="utf-8"))
    out: list[Task] = []
    for group in groups:
        if group == "everyday":
            out += _everyday()
            continue
        if group in ("near", "far"):
            entries = [(p, scene, None) for scene, prompts in data[group].items() for p in prompts]
        else:
            entries = [
                (e["text"], None, e.get("order") or e.get("family") or e.get("bpm"))
                for e in data[group]["prompts"]
            ]
        for number, (prompt, scene, asked) in enumerate(entries):
            seeds = range(FIRST_SEED + 100 * number, FIRST_SEED + 100 * number + SEEDS[group])
            out.extend(Task(group, prompt, scene, asked, seed) for seed in seeds)
    return out


def _everyday() -> list[Task]:
    """Return the clips of the everyday prompts, which no training has seen, in seven languages."""
    data = tomllib.loads(EVERYDAY.read_text(encoding="utf-8"))
    entries = [
        (language, scene, prompt)
        for language, scenes in data.items()
        for scene, prompts in scenes.items()
        for prompt in prompts
    ]
    return [
        Task("everyday", prompt, scene, None, FIRST_SEED + 100 * number + n, language)
        for number, (language, scene, prompt) in enumerate(entries)
        for n in range(SEEDS["everyday"])
    ]


def measured(task: Task, score: Score | None, wave: np.ndarray, judge: Judge) -> dict[str, Any]:
    """Return everything the report needs of one clip."""
    found = judge.classify(wave, SAMPLE_RATE)
    audio = features.mono(wave, SAMPLE_RATE)
    curve = features.autocorrelation(features.onset_strength(features.log_mel(audio)))
    frames = features.FRAMES_PER_SECOND
    out: dict[str, Any] = asdict(task) | {
        "detected_scene": found.scene,
        "detected_instruments": [f for f in judge.families if judge.has(found, f)],
        "detected_tempo": round(found.tempo, 2),
        "brightness": round(found.brightness),
        "silence": round(features.longest_silence(audio), 2),
        "onset_peak": round(float(curve[round(0.2 * frames) : round(2 * frames)].max()), 3),
    }
    if score is not None:
        notes, hits = notes_of(score, task.seed)
        ends = [n.start + n.length for n in notes] + [h.start + 0.1 for h in hits]
        starts = [n.start for n in notes] + [h.start for h in hits]
        scale = {(score.key + s) % 12 for s in SCALES[SCALE_NAMES[score.scale]]}
        sounding = [n for n in notes if n.program]
        entries = entries_of(score)
        out |= {
            "tempo": round(score.tempo, 2),
            "metre": score.metre,
            "first_note": round(min(starts, default=SECONDS), 3),
            "last_note": round(min(max(ends, default=0.0), SECONDS), 2),
            "in_key": round(float(np.mean([n.pitch % 12 in scale for n in sounding])), 3)
            if sounding
            else None,
            "outside": round(outside(score) / max(1, len(sounding)), 3),
            "entries": [[bar, families_of((name,))[0]] for bar, _, name in entries],
            "instruments": families_of(tuple(name for _, _, name in entries)),
            "grid": np.concatenate([score.programs.ravel(), score.grid[:96].ravel()]).tolist(),
        }
    return out


def composed(work: list[Task], round_trip: ScoreAutoencoder | None) -> Iterator[tuple[Task, Score]]:
    """Yield the composer's own pieces for tasks that name a scene, or the same through tokens and latents."""
    for task in work:
        if task.scene is None:
            continue
        rng = np.random.default_rng([task.seed, zlib.crc32(task.prompt.encode())])
        score = compose(SCENE_BY_NAME[task.scene], SECONDS, rng, Settings(guests=0.0, sequences=0.0)).score
        if round_trip is not None:
            score = from_frames(to_frames(score, SECONDS))
            score = score_of(round_trip, encoded(round_trip, score), score.tempo_class, score.metre)
        yield task, score


def written_ar(
    engine: ArEngine, work: list[Task], batch: int = 12, steered: bool = True, deaf: bool = False
) -> Iterator[tuple[Task, Score]]:
    """Yield the autoregressive model's scores with its default options.

    steered: whether the engine keeps the instruments named.  deaf: the model hears no word, so that what
    is left of the prompt is what the engine keeps.
    """
    defaults = {name: bounds.default or 0.0 for name, bounds in engine.capabilities.options.items()}
    for start in range(0, len(work), batch):
        part = work[start : start + batch]
        temperature, top_k = defaults["temperature"], int(defaults["top_k"])
        rows = [
            Row(SECONDS, t.seed, temperature, top_k, header_request(t.prompt), asked_of(t, steered))
            for t in part
        ]
        engine.decode(
            ["" if deaf else t.prompt for t in part],
            rows,
            defaults["guidance_scale"],
            lambda done, total: None,
        )
        yield from ((t, finished(from_frames(row.result()))) for t, row in zip(part, rows, strict=True))


def asked_of(task: Task, steered: bool) -> InstrumentRequest:
    """Return the instruments that the engine has to keep."""
    return asked_instruments(task.prompt) if steered else NOTHING


def written_diffusion(
    engine: DiffusionEngine, work: list[Task], batch: int = 16, steered: bool = True, deaf: bool = False
) -> Iterator[tuple[Task, Score]]:
    """Yield the diffusion model's scores with its default options, clips of one tempo and metre together.

    steered, deaf: as in `written_ar`.
    """
    defaults = {name: bounds.default or 0.0 for name, bounds in engine.capabilities.options.items()}
    planned: dict[tuple[int, int], list[Task]] = defaultdict(list)
    conditions = ["" if deaf else t.prompt for t in work]
    for task, plan in zip(work, engine.plan(conditions, [t.seed for t in work]), strict=True):
        planned[plan].append(task)
    for (tempo_class, metre), group in planned.items():
        for start in range(0, len(group), batch):
            part = group[start : start + batch]
            latents = engine.denoise(
                ["" if deaf else t.prompt for t in part],
                [t.seed for t in part],
                tempo_class,
                metre,
                SECONDS,
                steps=int(defaults["num_sampling_steps"]),
                guidance_scale=defaults["guidance_scale"],
                asked=[asked_of(t, steered) for t in part],
                headers=[header_request(t.prompt) for t in part],
            )
            for task, latent in zip(part, latents, strict=True):
                yield task, finished(score_of(engine.autoencoder, latent, tempo_class, metre))


def mean_scores(coder: ScoreAutoencoder, data: Path, work: list[Task]) -> Iterator[tuple[Task, Score]]:
    """Yield scores of the mean training latent: what is left when the network says nothing.

    The instruments named are kept in it, as they are in the network's estimates.
    """
    with np.load(data / "beats.npz") as beats:
        header = header_latents(beats["header"]).mean(0)
        tempo = int(np.median(beats["tempo"]))
    score_beats, metre = 20, 4
    latents = torch.zeros(1, coder.basis.shape[1], 1 + score_beats)
    latents[:, :, 0] = header
    for task in work:
        with torch.no_grad():
            kept = Imposed(coder, [asked_instruments(task.prompt)], metre)(latents)
        yield task, score_of(coder, kept[0], tempo, metre)


def coloured_noise(seed: int) -> np.ndarray:
    """Return pink noise, float32 [2, n]."""
    rng = np.random.default_rng(seed)
    n = round(SECONDS * SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.standard_normal((2, n))) / np.sqrt(np.maximum(1, np.arange(n // 2 + 1)))
    wave = np.fft.irfft(spectrum, n)
    return np.asarray(0.3 * wave / np.abs(wave).max(), np.float32)


def main() -> None:
    """Evaluate as the command line asks."""
    parser = argparse.ArgumentParser(description="Make and judge the clips of the evaluation.")
    parser.add_argument("row", choices=("composer", "round-trip", "ar", "diffusion", "mean-score", "noise"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--models", type=Path, default=Path("bot/weights/tiny"))
    parser.add_argument("--data", type=Path, help="folder of training.dataset, for mean-score")
    parser.add_argument("--groups", nargs="+", default=["near", "far", "sequence", "instrument", "tempo"])
    parser.add_argument("--free", action="store_true", help="do not keep the instruments that are named")
    parser.add_argument("--deaf", action="store_true", help="let the model hear no word: what is kept alone")
    parser.add_argument("--every", type=int, default=1, help="take only every n-th clip, for a quick look")
    args = parser.parse_args()
    torch.set_num_threads(1)
    judge, sampler = Judge(), Sampler(Bank(args.models / "sounds"))
    work = tasks(tuple(args.groups))[:: args.every]
    scores: Iterator[tuple[Task, Score | None]]
    if args.row == "ar":
        engine = load("ar", args.models / "ar")
        assert isinstance(engine, ArEngine)
        scores = written_ar(engine, work, steered=not args.free, deaf=args.deaf)
    elif args.row in ("diffusion", "round-trip", "mean-score"):
        diffusion = load("diffusion", args.models / "diffusion")
        assert isinstance(diffusion, DiffusionEngine)
        if args.row == "diffusion":
            scores = written_diffusion(diffusion, work, steered=not args.free, deaf=args.deaf)
        elif args.row == "round-trip":
            scores = composed(work, diffusion.autoencoder)
        else:
            scores = mean_scores(diffusion.autoencoder, args.data, work)
    elif args.row == "composer":
        scores = composed(work, None)
    else:
        scores = ((task, None) for task in work if task.group == "near")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open("w", encoding="utf-8") as file:
        for task, score in scores:
            wave = coloured_noise(task.seed) if score is None else sampler.render(score, SECONDS, task.seed)
            file.write(json.dumps(measured(task, score, wave, judge)) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
