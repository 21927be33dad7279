"""What both trainings share.

Batches by length, a cosine schedule over minutes, EMA, a log, and resuming from disk.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import T5Config, T5EncoderModel

from bot.engines.score.text import FIRST_BUCKET, FIRST_NUMBER
from training.dataset import CAPTIONS, Shard
from training.scenes import SCENES
from training.words import LEARNED, WIDTH

CAPTION_DROPOUT = 0.1
WORD_DROPOUT = 0.06
SCENE_WEIGHT = 0.3
READ_ALONE = 32
"""Captions a step that are read for their scene alone: words cost little, and there are many of them."""


def text_encoder(vectors: npt.NDArray[np.float16]) -> T5EncoderModel:
    """Return a new text encoder over frozen word vectors, [ids, 128].

    Only the last 28 dimensions will learn.
    """
    config = T5Config(
        vocab_size=len(vectors),
        d_model=WIDTH,
        d_kv=32,
        num_heads=4,
        d_ff=384,
        num_layers=3,
        dropout_rate=0.05,
        feed_forward_proj="gated-gelu",
        pad_token_id=0,
        eos_token_id=1,
        is_encoder_decoder=False,
        use_cache=False,
    )
    model = T5EncoderModel(config)
    with torch.no_grad():
        model.shared.weight.copy_(torch.from_numpy(vectors.astype(np.float32)))
    kept = torch.zeros_like(model.shared.weight)
    kept[:, WIDTH - LEARNED :] = 1
    kept[FIRST_NUMBER:FIRST_BUCKET] = 0
    kept[0] = 0
    model.shared.weight.register_hook(lambda grad: grad * kept)  # type: ignore[no-untyped-call]
    return model


class SceneHead(nn.Module):
    """Names the scene from the mean of the words: it teaches the text encoder, and is not shipped."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out = nn.Linear(width, len(SCENES))

    def forward(self, states: Tensor, mask: Tensor, scenes: npt.NDArray[np.int16]) -> Tensor:
        """Return the cross-entropy in nats; states are [n, words, width], mask is [n, words]."""
        told = mask.any(1)
        if not told.any():
            return states.new_zeros(())
        pooled = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        target = torch.from_numpy(scenes.astype(np.int64))
        return nn.functional.cross_entropy(self.out(pooled[told]), target[told])


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

    def captions(self, indices: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return token ids [n, words] and their mask, one caption drawn for each piece.

        A tenth of them empty.
        """
        which = self._rng.integers(CAPTIONS, size=len(indices))
        ids = self._shard.captions[indices, which].astype(np.int64)
        ids[(self._rng.random(ids.shape) < WORD_DROPOUT) & (ids > 1)] = 2
        ids = ids[:, : int((ids > 0).sum(1).max())]
        mask = ids > 0
        mask[self._rng.random(len(ids)) < CAPTION_DROPOUT] = False
        return torch.from_numpy(ids), torch.from_numpy(mask)

    def alone(self) -> tuple[Tensor, Tensor, npt.NDArray[np.int16]]:
        """Return token ids of captions of any pieces, their mask, and the pieces' scenes."""
        indices = self._rng.integers(len(self._shard), size=READ_ALONE)
        ids, _ = self.captions(indices)
        return ids, ids > 0, self._shard.scenes[indices]


def read_alone(encoder: T5EncoderModel, batches: Batches) -> tuple[Tensor, Tensor, npt.NDArray[np.int16]]:
    """Return the text states of captions without their pieces, their mask and scenes, for SceneHead."""
    ids, mask, scenes = batches.alone()
    heard: Tensor = encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    return heard, mask, scenes


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
