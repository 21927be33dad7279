"""Tune the text encoder of a finished run on wordings in seven languages, with all other weights fixed.

`python -m training.train_text RUN DATA OUT`.

A distillation: the encoder as the run left it, fed with clean English captions, is the teacher. The student
reads the same captions under strong noise, and translated wordings, whose target is the teacher's state of
the nearest English wording of the same scene. The other networks keep seeing states that they know.
"""

from __future__ import annotations

import argparse
import copy
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bot.engines.score.clause_encoder import batched
from bot.engines.score.clauses import clauses
from bot.engines.score.sentences import SentenceEncoder
from training.captions import WORDS
from training.dataset import Shard, load
from training.loop import Captions, SceneHead, text_encoder
from training.scenes import SCENES

TRANSLATIONS = Path(__file__).parent / "translations.toml"
INSTRUMENTS = "instruments"
"""Table of the translations that names instruments, not a scene."""
MAX_NOISE = 1.0
"""Length of the longest noise added to an embedding of length 1."""
CAPTIONS, WORDINGS = 96, 96
"""Captions of the shard and translated wordings a step."""
PROMPTS = 12_000
"""Prompts made of wordings."""
SCENE_WEIGHT = 0.1
RATE = 1e-3
JOINTS = {"zh": "，", "ja": "、"}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Prompts of wordings and their English counterparts, both [n, texts, …], and their scenes [n]."""

    given: tuple[Tensor, Tensor, Tensor]
    target: tuple[Tensor, Tensor, Tensor]
    scenes: np.ndarray


def pairs(rng: np.random.Generator, encoder: SentenceEncoder, count: int) -> Pairs:
    """Return `count` prompts of one to three wordings, and the nearest English wordings in their places."""
    translations = tomllib.loads(TRANSLATIONS.read_text(encoding="utf-8"))
    instruments = translations.pop(INSTRUMENTS)
    languages = [*instruments, "en"]
    given, target, scenes = [], [], []
    nearest: dict[tuple[str, str], str] = {}
    for number, scene in enumerate(SCENES):
        words = WORDS[scene.name]
        english = [*words.names, *words.settings]
        vectors = encoder.encode_many(english)
        for language, wordings in translations[scene.name].items():
            likeness = encoder.encode_many(wordings) @ vectors.T
            nearest |= {
                (language, w): english[int(best)]
                for w, best in zip(wordings, likeness.argmax(1), strict=True)
            }
        for _ in range(-(-count // len(SCENES))):
            language = str(rng.choice(languages))
            joint = JOINTS.get(language, ", ")
            options = english if language == "en" else translations[scene.name][language]
            drawn = rng.permutation(options)[: int(rng.choice((1, 2, 3), p=(0.55, 0.3, 0.15)))]
            left = [str(w) for w in drawn]
            right = [nearest.get((language, w), w) for w in left]
            if language != "en" and rng.random() < 0.2:
                name = str(rng.choice(list(instruments[language])))
                left.append(instruments[language][name])
                right.append(name)
            given.append(joint.join(left))
            target.append(", ".join(right))
            scenes.append(number)
    texts = list(dict.fromkeys(c.text for prompt in given + target for c in clauses(prompt)))
    vector = dict(zip(texts, encoder.encode_many(texts), strict=True))

    def row(prompt: str) -> tuple[np.ndarray, np.ndarray]:
        found = clauses(prompt)
        return np.stack([vector[c.text] for c in found]), np.array([c.kind for c in found], np.int64)

    rows = [(row(a), row(b), s) for a, b, s in zip(given, target, scenes, strict=True)]
    # A wording with a comma of its own has no counterpart clause by clause.
    rows = [pair for pair in rows if len(pair[0][1]) == len(pair[1][1])]
    return Pairs(
        batched([a for a, _, _ in rows]), batched([b for _, b, _ in rows]), np.array([s for *_, s in rows])
    )


def noisy(vectors: Tensor, generator: torch.Generator) -> Tensor:
    """Return embeddings [n, texts, 512] moved by up to MAX_NOISE, of length 1 again."""
    noise = torch.randn(vectors.shape, generator=generator) / vectors.shape[-1] ** 0.5
    length = MAX_NOISE * torch.rand(len(vectors), 1, 1, generator=generator)
    return nn.functional.normalize(vectors + noise * length, dim=-1)


def captions_of(shard: Shard, rng: np.random.Generator) -> tuple[Captions, np.ndarray]:
    """Return CAPTIONS captions of any pieces, whole, and the pieces' indices."""
    indices = rng.integers(len(shard), size=CAPTIONS)
    which = rng.integers(shard.captions.shape[1], size=CAPTIONS)
    rows, kinds = shard.captions[indices, which], shard.kinds[indices, which]
    vectors = torch.from_numpy(shard.vectors[np.maximum(rows, 0)].astype(np.float32))
    present = torch.from_numpy(rows >= 0)
    return Captions(vectors, torch.from_numpy(kinds.astype(np.int64)), present, present), indices


def main() -> None:
    """Tune as the command line asks."""
    parser = argparse.ArgumentParser(description="Tune the text encoder of a finished run.")
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=1_500)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(3)
    rng, generator = np.random.default_rng(3), torch.Generator().manual_seed(3)
    average = torch.load(args.run / "last.pt", weights_only=True)["average"]
    student = text_encoder()
    student.load_state_dict(weights_under(average, "text_encoder."))
    teacher = copy.deepcopy(student).eval().requires_grad_(False)
    head = SceneHead(student.width)
    head.load_state_dict(weights_under(average, "scene_head."))
    head.requires_grad_(False)
    shard, prompts = load(args.data), pairs(rng, SentenceEncoder(), PROMPTS)
    optimiser = torch.optim.AdamW(student.parameters(), RATE, (0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, args.steps)
    student.train()
    for number in range(1, args.steps + 1):
        captions, indices = captions_of(shard, rng)
        chosen = rng.integers(len(prompts.scenes), size=WORDINGS)
        loss = torch.zeros(())
        for (vectors, kinds, mask), (aim, aim_kinds, aim_mask), names in (
            (
                (captions.vectors, captions.kinds, captions.present),
                (captions.vectors, captions.kinds, captions.present),
                shard.scenes[indices],
            ),
            (
                (prompts.given[0][chosen], prompts.given[1][chosen], prompts.given[2][chosen]),
                (prompts.target[0][chosen], prompts.target[1][chosen], prompts.target[2][chosen]),
                prompts.scenes[chosen],
            ),
        ):
            states = student(noisy(vectors, generator), kinds, mask)
            error = (states - teacher(aim, aim_kinds, aim_mask)).square().sum(-1)[mask].mean()
            loss = loss + error / student.width + SCENE_WEIGHT * head(states, mask, names)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if number % 100 == 0:
            print(number, round(float(loss.detach()), 4), flush=True)
    average |= {f"text_encoder.{name}": value for name, value in student.state_dict().items()}
    args.out.mkdir(parents=True, exist_ok=True)
    torch.save({"average": average}, args.out / "last.pt")


def weights_under(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the weights whose names begin with a prefix, without it."""
    return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}


if __name__ == "__main__":
    main()
