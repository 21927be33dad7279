"""The tokens of all slots, and how their next columns are made: by torch on a GPU, compiled on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from bot.engines.musicgen.cpu.backend import CPUBackend
from bot.engines.musicgen.cpu.columns import ColumnArrays
from bot.engines.musicgen.cuda.backend import CUDABackend, captured
from bot.engines.musicgen.network import LanguageModel
from bot.engines.musicgen.sampling import apply_guidance, sample_tokens

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class State:
    """What a device knows of each slot.

    codes: int64, and uniforms: float32 [slots, codebooks, longest + 1]: by frame its token, UNKNOWN before,
    and its random number. The extra last frame is a dummy target for masked writes: no branch on the host.
    tokens: int64 [slots, codebooks], the next input column.  finite: bool [slots], whether all logits were.
    counters: int64 [4, slots]: column, window start, window length, cache position.
    rules: float32 [4, slots]: temperature, top-k, top-p, guidance scale.
    chosen: bool [slots], whether the host chooses its tokens.
    """

    codes: torch.Tensor
    uniforms: torch.Tensor
    tokens: torch.Tensor
    finite: torch.Tensor
    counters: torch.Tensor
    rules: torch.Tensor
    chosen: torch.Tensor

    @classmethod
    def empty(cls, model: LanguageModel, slots: int, longest: int) -> State:
        """Return the state of so many idle slots, on the model's device."""
        shape, device = (slots, model.sizes.codebooks), model.device
        return cls(
            codes=torch.full((*shape, longest + 1), UNKNOWN, device=device),
            uniforms=torch.zeros(*shape, longest + 1, device=device),
            tokens=torch.full(shape, model.sizes.vocabulary, device=device),
            finite=torch.ones(slots, dtype=torch.bool, device=device),
            counters=torch.zeros(4, slots, dtype=torch.long, device=device),
            rules=torch.ones(4, slots, device=device),
            chosen=torch.zeros(slots, dtype=torch.bool, device=device),
        )


class Columns(Protocol):
    """Makes the next columns of a state."""

    def decode(self, active: list[int], count: int) -> int:
        """Decode up to `count` columns of the active slots, at least one, and return how many."""

    def scores(self, slot: int) -> npt.NDArray[np.float32]:
        """Return the last logits after guidance of a slot, [codebooks, vocabulary], until the next column."""


class StaticColumns:
    """Columns by torch with static shapes and nothing asked of the host, idle slots included.

    last: the last position of the cache.
    """

    def __init__(self, model: LanguageModel, backend: CUDABackend, state: State, last: int) -> None:
        self._model, self._backend, self._state, self._last = model, backend, state, last
        self._delays = torch.tensor(model.sizes.delays, device=model.device)
        self._column: Callable[[], torch.Tensor] = self._next_column
        self._scores = torch.empty(0)
        if torch.device(model.device).type == "cuda":
            with torch.inference_mode():
                # The warm-up runs before a capture write tokens: harmless while every slot is idle.
                self._column = captured(self._next_column)

    def decode(self, active: list[int], count: int) -> int:
        """Decode one column."""
        self._scores = self._column()
        return 1

    def scores(self, slot: int) -> npt.NDArray[np.float32]:
        """Return the last logits of a slot."""
        found: npt.NDArray[np.float32] = self._scores[slot].cpu().numpy()
        return found

    def _next_column(self) -> torch.Tensor:
        """Run one column through the network, sample the next one, and return its logits after guidance."""
        state = self._state
        logits = self._model.step(state.tokens, state.counters[3], self._backend)
        scores = apply_guidance(logits, state.rules[3])
        state.finite.logical_and_(scores.isfinite().all(-1).all(-1))
        self._append_column(scores)
        return scores

    def _append_column(self, scores: torch.Tensor) -> None:
        """Sample the next column from scores [slots, codebooks, vocabulary], and store it undelayed.

        In column c codebook k holds frame c − delays[k]: tokens outside of the window become padding.
        """
        state = self._state
        columns, origins, lengths, _ = state.counters
        frames = columns[:, None] - self._delays
        inside = (frames >= 0) & (frames < lengths[:, None])
        dummy = state.codes.shape[2] - 1
        index = torch.where(inside, frames + origins[:, None], dummy)[..., None]
        uniforms = state.uniforms.gather(-1, index)[..., 0]
        # Known tokens, of a prompt or of the window before, are kept.
        known = state.codes.gather(-1, index)
        temperature, top_k, top_p, _ = state.rules
        drawn = sample_tokens(scores, uniforms, temperature, top_k, top_p)[..., None]
        drawn = torch.where(known == UNKNOWN, drawn, known)
        state.codes.scatter_(-1, index, drawn)
        state.codes[:, :, -1] = UNKNOWN
        state.tokens.copy_(torch.where(inside, drawn[..., 0], self._model.sizes.vocabulary))
        state.counters[0] += 1
        # Idle slots advance too: the clamp keeps them inside their cache.
        state.counters[3].add_(1).clamp_max_(self._last)


class CompiledColumns:
    """Columns of the active slots alone on a CPU, many in one call of a compiled loop."""

    def __init__(self, model: LanguageModel, backend: CPUBackend, state: State, positions: int) -> None:
        """Take the back end and the state of the slots; positions: how many the cache has room for."""
        self._backend, self._state, sizes = backend, state, model.sizes
        slots, vocabulary = len(state.tokens), sizes.vocabulary
        scores = np.zeros((slots, sizes.codebooks, vocabulary), np.float32)
        self._arrays = ColumnArrays(
            embeddings=model.embeddings.numpy(),
            position_embeddings=model.position_embeddings(positions).numpy(),
            delays=np.array(sizes.delays, np.int64),
            codes=state.codes.numpy(),
            uniforms=state.uniforms.numpy(),
            tokens=state.tokens.numpy(),
            finite=state.finite.numpy(),
            counters=state.counters.numpy(),
            rules=state.rules.numpy(),
            chosen=state.chosen.numpy(),
            scores=scores,
            bits=scores.view(np.int32),
            undecided=np.zeros(scores.shape[:2], np.bool_),
            keys=np.zeros((backend.threads, vocabulary), np.int32),
            weights=np.zeros((backend.threads, vocabulary), np.int64),
        )

    def decode(self, active: list[int], count: int) -> int:
        """Decode columns of the active slots."""
        arrays = self._arrays
        slots = np.array(active, np.int64)
        done = self._backend.decode(arrays, slots, count)
        arrays.counters[0, slots] += done
        arrays.counters[3, slots] += done
        for slot in slots[arrays.undecided[slots].any(1)]:
            self._decide(int(slot))
        return done

    def scores(self, slot: int) -> npt.NDArray[np.float32]:
        """Return the last logits of a slot."""
        found: npt.NDArray[np.float32] = self._arrays.scores[slot]
        return found

    def _decide(self, slot: int) -> None:
        """Sample the tokens of a slot's last column that the loop left undecided."""
        arrays = self._arrays
        codebooks = arrays.undecided[slot].nonzero()[0]
        column, origin, _, _ = arrays.counters[:, slot]
        frames = column - 1 - arrays.delays[codebooks] + origin
        uniforms = torch.from_numpy(arrays.uniforms[slot, codebooks, frames])
        temperature, top_k, top_p, _ = self._state.rules[:, slot : slot + 1]
        vocabulary = arrays.scores.shape[2]
        # Sorting no more than is asked for.
        limit = min(int(top_k), vocabulary) or vocabulary
        scores = torch.from_numpy(arrays.scores[slot, codebooks])
        drawn = sample_tokens(scores[None], uniforms[None], temperature, top_k, top_p, limit)[0].numpy()
        arrays.codes[slot, codebooks, frames] = arrays.tokens[slot, codebooks] = drawn
