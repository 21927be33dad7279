"""Accuracy of int8 or int4 weights against fp32, measured on the checkpoint itself and stored by its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from bot.engines.musicgen.decoder import Conditions, ConstrainedSampler, Decoder, Row
from bot.engines.musicgen.linear import Precision
from bot.engines.musicgen.network import LanguageModel
from bot.errors import ModelMissing
from bot.hub import converted

MAX_MEAN_KL = 0.02
"""Largest mean KL divergence from fp32, nats a token. Chosen by us, not from a publication."""
MIN_TOP1_AGREEMENT = 0.95
"""Smallest share of tokens whose likeliest choice stays the same. Chosen by us."""


@dataclass(frozen=True, slots=True)
class QuantizationReport:
    """The accuracy of a precision on one checkpoint.

    kl: mean Kullback–Leibler divergence from fp32, nats a token, after guidance.  worst: the largest.
    agreement: share of tokens whose likeliest choice is the same.  tokens: how many were compared.
    """

    kl: float
    worst: float
    agreement: float
    tokens: int

    @property
    def good(self) -> bool:
        """Whether the precision may be used."""
        return self.kl <= MAX_MEAN_KL and self.agreement >= MIN_TOP1_AGREEMENT

    def __str__(self) -> str:
        return (
            f"KL divergence {self.kl:.4f} nats a token on average, {self.worst:.2f} at worst; the likeliest "
            f"token is the same in {self.agreement:.1%} of {self.tokens:,}"
        )


def stored(folder: Path, precision: Precision) -> QuantizationReport | None:
    """Return the stored report on a precision of the weights in a folder, or None. Raises ModelMissing."""
    try:
        return QuantizationReport(**json.loads(_report_file(folder, precision).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def store(folder: Path, precision: Precision, report: QuantizationReport) -> None:
    """Store the report on a precision of the weights in a folder, by their hash. Raises ModelMissing."""
    file = _report_file(folder, precision)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(report)), encoding="utf-8")


def measure(
    exact: LanguageModel,
    other: LanguageModel,
    prompts: Sequence[Conditions],
    frames: int,
    guidance_scale: float,
    on_progress: Callable[[int, int], None],
) -> QuantizationReport:
    """Generate `frames` with `exact` for each prompt; compare `other`'s logits under teacher forcing.

    on_progress(done, total) is called for each clip and model that is through.
    """
    sizes = exact.sizes
    samplers = [(c, _FreeSampler(frames, sizes.delays, sizes.vocabulary, n)) for n, c in enumerate(prompts)]
    return compare(exact, other, samplers, guidance_scale, on_progress)


def compare(
    exact: LanguageModel,
    other: LanguageModel,
    samplers: Sequence[tuple[Conditions, ConstrainedSampler]],
    guidance_scale: float,
    on_progress: Callable[[int, int], None],
) -> QuantizationReport:
    """Generate clips with `exact` by the given samplers and compare `other`'s logits of every token."""
    total, done = 2 * len(samplers), 0
    divergences, same = [], []
    for conditions, sampler in samplers:
        written = _Recorder(sampler, [exact.sizes.vocabulary] * exact.sizes.codebooks)
        _decode(exact, conditions, written, guidance_scale)
        on_progress(done := done + 1, total)
        again = _Replay(written.columns)
        _decode(other, conditions, again, guidance_scale)
        on_progress(done := done + 1, total)
        first, second = (
            torch.from_numpy(np.stack(each.logits)).double().log_softmax(-1) for each in (written, again)
        )
        real = torch.tensor(written.columns[1:]) != exact.sizes.vocabulary
        divergences.append((first.exp() * (first - second)).sum(-1)[real])
        same.append((first.argmax(-1) == second.argmax(-1))[real])
    kl, agreement = torch.cat(divergences), torch.cat(same)
    return QuantizationReport(float(kl.mean()), float(kl.max()), float(agreement.double().mean()), len(kl))


class _Recorder:
    """Wraps a sampler and records its columns and their logits."""

    def __init__(self, sampler: ConstrainedSampler, start: list[int]) -> None:
        self.logits: list[npt.NDArray[np.float32]] = []
        self.columns = [start]
        self._sampler = sampler

    @property
    def finished(self) -> bool:
        return self._sampler.finished

    def next_tokens(self, logits: npt.NDArray[np.float32], position: int) -> Sequence[int]:
        self.logits.append(logits.copy())
        self.columns.append(list(self._sampler.next_tokens(logits, position)))
        return self.columns[-1]


class _FreeSampler:
    """Samples every token from the unmodified distribution, by the Gumbel-max trick."""

    def __init__(self, frames: int, delays: Sequence[int], padding: int, seed: int) -> None:
        self.finished = False
        self._frames, self._delays, self._padding = frames, delays, padding
        self._rng = np.random.default_rng(seed)

    def next_tokens(self, logits: npt.NDArray[np.float32], position: int) -> Sequence[int]:
        self.finished = position + 1 == self._frames + max(self._delays)
        drawn = (logits + self._rng.gumbel(size=logits.shape)).argmax(1)
        inside = [0 <= position - delay < self._frames for delay in self._delays]
        return [int(t) if i else self._padding for t, i in zip(drawn, inside, strict=True)]


class _Replay:
    """Feeds given columns back (teacher forcing) and records the logits."""

    def __init__(self, columns: list[list[int]]) -> None:
        self.logits: list[npt.NDArray[np.float32]] = []
        self._columns = columns

    @property
    def finished(self) -> bool:
        return len(self.logits) == len(self._columns) - 1

    def next_tokens(self, logits: npt.NDArray[np.float32], position: int) -> Sequence[int]:
        self.logits.append(logits.copy())
        return self._columns[position + 1]


def _decode(
    model: LanguageModel, conditions: Conditions, sampler: ConstrainedSampler, guidance_scale: float
) -> None:
    decoder = Decoder(model, prefix=len(conditions.states) if model.sizes.prefix else 0)
    decoder.admit(
        Row(conditions=conditions, frames=1, seed=0, guidance_scale=guidance_scale, sampler=sampler)
    )
    while decoder.rows:
        for row in decoder.step():
            if row.error is not None:
                raise row.error


def _report_file(folder: Path, precision: Precision) -> Path:
    """Return the path of the report on a folder's weights, named by their SHA-256 and the kernels' form.

    int8 before its activations had a scale for each chunk was another precision: its reports do not count.
    """
    digest = hashlib.sha256()
    try:
        for file in sorted([*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")]):
            with file.open("rb") as data:
                digest.update(hashlib.file_digest(data, "sha256").digest())
    except OSError as error:
        raise ModelMissing(f"The weights in {folder} cannot be read: {error.strerror or error}.") from error
    return converted.root() / f"{precision}-chunks" / f"{digest.hexdigest()}.json"
