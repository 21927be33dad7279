"""What both trainings share.

Batches by length, a cosine schedule over minutes, EMA, a log, and resuming from disk.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from bot.engines.score.clause_encoder import ClauseEncoder
from training.dataset import CAPTIONS, Shard
from training.scenes import SCENES

CAPTION_DROPOUT = 0.1
WHOLE_DROPOUT, CLAUSES_DROPOUT = 0.1, 0.15
"""Chances that a caption is read by its clauses alone, or as a whole alone."""
VECTOR_NOISE = 0.35
"""Longest noise added to an embedding of length 1: other wordings lie farther from a caption than that."""
TEXT_WIDTH = 128
SCENE_WEIGHT = 0.3
READ_ALONE = 32
"""Captions a step that are read for their scene alone: words cost little, and there are many of them."""


def text_encoder() -> ClauseEncoder:
    """Return a new text encoder over sentence embeddings."""
    return ClauseEncoder(TEXT_WIDTH, layers=2, dropout=0.05)


class SceneHead(nn.Module):
    """Names the scene from the mean of the text states: it teaches the text encoder, and is not shipped."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out = nn.Linear(width, len(SCENES))

    def forward(self, states: Tensor, mask: Tensor, scenes: npt.NDArray[np.int16]) -> Tensor:
        """Return the cross-entropy in nats; states are [n, texts, width], mask is [n, texts]."""
        labelled = mask.any(1)
        if not labelled.any():
            return states.new_zeros(())
        pooled = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        target = torch.from_numpy(scenes.astype(np.int64))
        return nn.functional.cross_entropy(self.out(pooled[labelled]), target[labelled])


class Batches:
    """Endless batches of pieces of about equal length."""

    def __init__(self, shard: Shard, lengths: npt.NDArray[np.int64], tokens: int, seed: int) -> None:
        self._lengths, self._tokens = lengths, tokens
        self._rng = np.random.default_rng(seed)
        self._shard = shard

    def __iter__(self) -> Iterator[npt.NDArray[np.int64]]:
        """Yield indices of pieces; longest · count stays near `tokens`."""
        while True:
            order = np.argsort(
                self._lengths * np.exp(self._rng.normal(0, 0.03, len(self._lengths))), kind="stable"
            )
            batches, start = [], 0
            while start < len(order):
                count = max(4, self._tokens // int(self._lengths[order[start]]))
                batches.append(order[start : start + count])
                start += count
            for index in self._rng.permutation(len(batches)):
                yield batches[index]

    def captions(self, indices: npt.NDArray[np.int64]) -> Captions:
        """Return one caption drawn for each piece, some of them without the whole or without the clauses.

        A tenth of them are masked in `attention_mask`.
        """
        which = self._rng.integers(CAPTIONS, size=len(indices))
        rows, kinds = self._shard.captions[indices, which], self._shard.kinds[indices, which]
        present = rows >= 0
        draw = self._rng.random(len(rows))
        present[draw < WHOLE_DROPOUT, 0] = False
        present[(draw >= WHOLE_DROPOUT) & (draw < WHOLE_DROPOUT + CLAUSES_DROPOUT), 1:] = False
        longest = int(np.flatnonzero(present.any(0))[-1]) + 1
        rows, kinds, present = rows[:, :longest], kinds[:, :longest], present[:, :longest]
        vectors = torch.from_numpy(self._shard.vectors[np.maximum(rows, 0)].astype(np.float32))
        noise = self._rng.standard_normal(vectors.shape, np.float32) / np.float32(vectors.shape[-1] ** 0.5)
        length = VECTOR_NOISE * self._rng.random((len(rows), 1, 1), np.float32)
        vectors = nn.functional.normalize(vectors + torch.from_numpy(noise * length), dim=-1)
        attention_mask = present & (self._rng.random(len(rows)) >= CAPTION_DROPOUT)[:, None]
        return Captions(
            vectors,
            torch.from_numpy(kinds.astype(np.int64)),
            torch.from_numpy(present),
            torch.from_numpy(attention_mask),
        )

    def alone(self) -> tuple[Captions, npt.NDArray[np.int16]]:
        """Return captions of any pieces, and the pieces' scenes."""
        indices = self._rng.integers(len(self._shard), size=READ_ALONE)
        return self.captions(indices), self._shard.scenes[indices]


@dataclass(frozen=True, slots=True)
class Captions:
    """A batch of captions.

    vectors: [batch, n, 512].  kinds: [batch, n].  present: [batch, n], which are there.
    attention_mask: [batch, n], where the model may attend to; nowhere in a tenth of the rows, for guidance.
    """

    vectors: Tensor
    kinds: Tensor
    present: Tensor
    attention_mask: Tensor


def read_alone(encoder: ClauseEncoder, batches: Batches) -> tuple[Tensor, Tensor, npt.NDArray[np.int16]]:
    """Return the text states of captions without their pieces, their mask and scenes, for SceneHead."""
    captions, scenes = batches.alone()
    return encoder(captions.vectors, captions.kinds, captions.present), captions.present, scenes


def warm(model: nn.Module, weights: Path, prefix: str = "") -> None:
    """Begin with a file's weights, named under `prefix`, where name and shape are the model's."""
    mine = model.state_dict()
    given = {prefix + name: value for name, value in load_file(weights).items()}
    fitting = {n: w.float() for n, w in given.items() if n in mine and mine[n].shape == w.shape}
    model.load_state_dict(mine | fitting)
    print(f"{len(fitting)} of {len(mine)} tensors begin as in {weights}", flush=True)


class Run:
    """One training: weights, their moving average, optimiser and minutes spent, kept in a folder."""

    def __init__(
        self,
        folder: Path,
        model: nn.Module,
        minutes: float,
        rate: float,
        ema: float = 0.998,
        warmup: int = 200,
    ) -> None:
        self.folder, self.model, self.minutes = folder, model, minutes
        self._rate, self._decay, self._warmup = rate, ema, warmup
        parameters = [p for p in model.parameters() if p.requires_grad]
        wide = [p for p in parameters if p.ndim >= 2]
        flat = [p for p in parameters if p.ndim < 2]
        self.optimiser = torch.optim.AdamW(
            [{"params": wide, "weight_decay": 0.0}, {"params": flat, "weight_decay": 0.0}], rate, (0.9, 0.98)
        )
        self.average = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.step, self.spent = 0, 0.0
        self._sums: dict[str, float] = {}
        self._clock = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "last.pt").exists():
            self._resume()

    @property
    def finished(self) -> bool:
        """Whether the minutes are used up."""
        return self.spent >= 60 * self.minutes

    def update(self, loss: Tensor, figures: dict[str, float]) -> None:
        """Take one step down the loss; log, and save every few minutes."""
        progress = min(1.0, self.spent / (60 * self.minutes))
        factor = min(1.0, (self.step + 1) / self._warmup) * (
            0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * progress))
        )
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate * factor
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        decay = min(self._decay, (self.step + 1) / (self.step + 20))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - decay)
        self.step += 1
        now = time.monotonic()
        self.spent += now - self._clock
        self._clock = now
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        if self.step % 100 == 0:
            self._log(100)
        if self.step % 250 == 0 or self.finished:
            self.save()

    def save(self) -> None:
        """Write everything needed to go on, atomically."""
        temporary = self.folder / "last.tmp"
        torch.save(
            {
                "model": self.model.state_dict(),
                "average": self.average,
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "spent": self.spent,
            },
            temporary,
        )
        temporary.replace(self.folder / "last.pt")

    def _resume(self) -> None:
        state = torch.load(self.folder / "last.pt", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.spent = state["step"], state["spent"]
        print(f"resumed at step {self.step}, {self.spent / 60:.1f} minutes", flush=True)

    def _log(self, steps: int) -> None:
        line = {"step": self.step, "minutes": round(self.spent / 60, 2)}
        line |= {name: round(value / steps, 4) for name, value in self._sums.items()}
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        self._sums.clear()
