"""The decode loop, with continuous batching: rows enter free slots, and every step samples one column a row.

A row is one clip with its own length, conditioning, seed and sampling parameters. All slots run through the
network together; each slot takes two activation rows, conditional and unconditional, for classifier-free
guidance. A column holds one token a codebook, of different frames: the delay pattern (ModelConfig.delays).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from bot.engines.musicgen.columns import UNKNOWN, Columns, CompiledColumns, State, StaticColumns
from bot.engines.musicgen.cpu.backend import CPUBackend
from bot.engines.musicgen.cuda.backend import CUDABackend
from bot.engines.musicgen.network import LanguageModel
from bot.errors import BadAudio

SLOT_COUNTS = (1, 4, 8, 16)
"""Allowed numbers of slots."""


class ConstrainedSampler(Protocol):
    """Samples a row's tokens on the host instead of the loop: under a grammar, or forced by a test."""

    @property
    def finished(self) -> bool:
        """Whether all tokens are sampled."""

    def next_tokens(self, logits: npt.NDArray[np.float32], position: int) -> Sequence[int]:
        """Return column position + 1 [codebooks] from its logits [codebooks, vocabulary], after guidance.

        The memory of the logits is written again for the next column.

        Codebooks without a token in it get the padding id, `vocabulary`.
        """


@dataclass(frozen=True, slots=True)
class Conditions:
    """A row's conditioning, projected to the model's width.

    states: [tokens, hidden], without padding; for a prefix model the prepended states, melody first.
    null_states: the unconditional states, same shape; used by prefix models alone, zeros if None.
    """

    states: torch.Tensor
    null_states: torch.Tensor | None = None


@dataclass(eq=False, slots=True, kw_only=True)
class Row:
    """One clip to decode.

    frames: its length, > 0; ignored with a sampler.  seed: of its own generator.
    temperature > 0; top_k ≥ 0 (0 keeps all, 1 is greedy); top_p 0 to 1 (0 and 1 keep all).
    guidance_scale: 1 is none.  prompt: int64 [codebooks, frames so far] that the clip goes on from, or None.
    conditions_at: returns the conditions of a later window by its first frame, where they differ (a long
    melody).  key: the caller's identifier.
    codes: int64 [codebooks, frames] on the host once it is finished, None before, and with a sampler.
    error: the exception that ended it early, or None.
    """

    conditions: Conditions
    frames: int
    seed: int
    temperature: float = 1.0
    top_k: int = 250
    top_p: float = 0.0
    guidance_scale: float = 3.0
    prompt: torch.Tensor | None = None
    sampler: ConstrainedSampler | None = None
    conditions_at: Callable[[int], Conditions] | None = None
    key: Hashable = None
    codes: torch.Tensor | None = field(default=None, init=False)
    error: Exception | None = field(default=None, init=False)


@dataclass(slots=True)
class _Slot:
    """A row's position: the window's first frame and length in frames, and the next input column."""

    row: Row
    origin: int = 0
    length: int = 0
    column: int = 0
    prefix: int = 0


class Decoder:
    """Slots over one model. Rows enter by admit, move by step, and leave finished, dropped or failed.

    slots: one of SLOT_COUNTS.  window, stride: frames of the sliding window over a longer clip and its
    stride, 30 s and 18 s of the model's frames. The overlap is prefilled from the clip's tokens into the same
    KV cache, so memory does not grow with length.
    longest: maximal frames of a row.  prefix: maximal prepended states.  words: maximal text states of a row.
    static: static shapes without host synchronisation, as CUDA graphs demand; by default off a CPU.
    """

    def __init__(
        self,
        model: LanguageModel,
        slots: int = 1,
        *,
        window: int = 1_500,
        stride: int = 900,
        longest: int = 15_000,
        prefix: int = 0,
        words: int = 512,
        static: bool | None = None,
    ) -> None:
        if slots not in SLOT_COUNTS:
            raise ValueError(f"{slots} slots: a decoder has one of {SLOT_COUNTS}")
        if not 0 < stride < window:
            raise ValueError(f"a window of {window} frames cannot move on by {stride}")
        self.model, self.window, self.stride, self.longest = model, window, stride, longest
        sizes, device = model.sizes, model.device
        self.delays = torch.tensor(sizes.delays, device=device)
        self.last_delay = max(sizes.delays)
        self._prefix = prefix
        self._slots: list[_Slot | None] = [None] * slots
        self._state = State.empty(model, slots, longest)
        self._length = prefix + window + self.last_delay
        self._words = words
        self._backend: CPUBackend | CUDABackend
        self._columns: Columns
        if torch.device(device).type != "cpu" if static is None else static:
            positions = self._state.counters[3]
            self._backend = CUDABackend(sizes, positions, self._length, words, model.dtype)
            self._columns = StaticColumns(model, self._backend, self._state, self._length - 1)
        else:
            self._backend = model.cpu_backend(slots, self._length, words)
            self._columns = CompiledColumns(model, self._backend, self._state, self._length)

    @property
    def rows(self) -> list[Row]:
        """The rows being decoded."""
        return [slot.row for slot in self._slots if slot is not None]

    @property
    def free(self) -> int:
        """How many rows may still be admitted."""
        return self._slots.count(None)

    @torch.inference_mode()
    def admit(self, row: Row) -> None:
        """Give a row a free slot; it gets its first column with the next step. Raises ValueError."""
        self._check(row)
        number = self._slots.index(None)
        sizes, device = self.model.sizes, self.model.device
        self._state.codes[number] = UNKNOWN
        self._state.chosen[number] = row.sampler is not None
        if row.sampler is None:
            # Drawn on the host before the loop, so that a seed means the same on every device.
            generator = torch.Generator().manual_seed(row.seed)
            uniforms = torch.rand(row.frames, sizes.codebooks, generator=generator)
            self._state.uniforms[number, :, : row.frames] = uniforms.T.to(device)
        if row.prompt is not None:
            self._state.codes[number, :, : row.prompt.shape[1]] = row.prompt.to(device)
        rules = (row.temperature, float(row.top_k), row.top_p, row.guidance_scale)
        self._state.rules[:, number] = torch.tensor(rules, device=device)
        self._state.finite[number] = True
        self._open_window(number, _Slot(row), 0 if row.prompt is None else row.prompt.shape[1])

    @torch.inference_mode()
    def condition(self, row: Row, conditions: Conditions) -> None:
        """Give a row other text for its next columns; of models that attend to text. Raises ValueError."""
        states = conditions.states.to(self.model.device, self.model.dtype)
        if self.model.sizes.prefix or len(states) > self._words:
            raise ValueError("these conditions cannot replace a row's")
        self._backend.set_cross_kv(self._number(row), self.model.conditioning(states))

    def drop(self, row: Row) -> None:
        """Free a row's slot and discard its tokens. Raises ValueError for a row that is not here."""
        self._slots[self._number(row)] = None

    @torch.inference_mode()
    def step(self, count: int = 1) -> list[Row]:
        """Decode `count` columns of every row and return the rows that finished or failed meanwhile.

        Between two steps rows may be admitted and dropped.
        """
        ended: list[Row] = []
        while count > 0 and any(self._slots):
            active = [number for number, slot in enumerate(self._slots) if slot is not None]
            done = self._columns.decode(active, min(count, self._uninterrupted()))
            ended += self._advance(done)
            count -= done
        return ended

    def complete(self, row: Row) -> int:
        """Return the number of frames of a row of which every codebook is sampled."""
        slot = self._slots[self._number(row)]
        assert slot is not None
        return max(0, min(slot.origin + slot.column - self.last_delay, row.frames))

    def codes(self, row: Row, first: int = 0) -> torch.Tensor:
        """Return the complete frames from `first` on, int64 [codebooks, frames], on the host."""
        return self._state.codes[self._number(row), :, first : self.complete(row)].to("cpu", copy=True)

    def _uninterrupted(self) -> int:
        """Return after how many columns the host has something to do: a sampler, or the end of a window."""
        left = [slot.length + self.last_delay - slot.column for slot in self._slots if slot is not None]
        return 1 if any(row.sampler is not None for row in self.rows) else min(left)

    def _advance(self, done: int) -> list[Row]:
        """Advance the host's counters, call samplers, release finished rows and open next windows."""
        ended: list[Row] = []
        for number, slot in enumerate(self._slots):
            if slot is None:
                continue
            row = slot.row
            slot.column += done
            if row.sampler is not None:
                if self._call_sampler(number, slot, row.sampler):
                    ended.append(self._release(number))
            elif slot.column == slot.length + self.last_delay:
                frames = slot.origin + slot.length
                if frames == row.frames or not self._state.finite[number]:
                    ended.append(self._release(number))
                else:
                    slot.origin += self.stride
                    self._open_window(number, slot, frames)
        return ended

    def _call_sampler(self, number: int, slot: _Slot, sampler: ConstrainedSampler) -> bool:
        """Write the sampler's column; return whether the row is finished."""
        try:
            column = sampler.next_tokens(self._columns.scores(number), slot.column - 1)
        except Exception as error:  # fails this row alone
            slot.row.error = error
            return True
        self._state.tokens[number] = torch.tensor(column, device=self._state.tokens.device)
        return sampler.finished or slot.column >= self.window + self.last_delay

    def _release(self, number: int) -> Row:
        slot = self._slots[number]
        assert slot is not None
        row, self._slots[number] = slot.row, None
        if not self._state.finite[number] and row.error is None:
            row.error = BadAudio("The model's numbers got out of range. Try another seed, or float32.")
        if row.sampler is None and row.error is None:
            row.codes = self._state.codes[number, :, : row.frames].to("cpu", copy=True)
        return row

    def _open_window(self, number: int, slot: _Slot, known: int) -> None:
        """Start a window at slot.origin and prefill the cache with the clip's frames below `known`."""
        row, sizes = slot.row, self.model.sizes
        conditions = (
            row.conditions_at(slot.origin)
            if slot.origin and row.conditions_at is not None
            else row.conditions
        )
        states = conditions.states.to(self.model.device, self.model.dtype)
        slot.length = min(row.frames - slot.origin, self.window)
        slot.column = known - slot.origin
        slot.prefix = len(states) if sizes.prefix else 0
        words = [] if sizes.prefix else self.model.conditioning(states)
        self._backend.set_cross_kv(number, words)

        frames = torch.arange(slot.column + 1, device=self.model.device)[:, None] - 1 - self.delays
        codes = self._state.codes[number].T.gather(0, (frames + slot.origin).clamp_min(0))
        columns = torch.where(frames >= 0, codes, sizes.vocabulary)
        inputs = self.model.columns(columns[:-1]).expand(2, -1, -1)
        if sizes.prefix:
            null_states = conditions.null_states
            null_states = torch.zeros_like(states) if null_states is None else null_states.to(states)
            inputs = torch.cat([torch.stack([states, null_states]), inputs], 1)
        if inputs.shape[1]:
            self.model.prefill(number, inputs, words, self._backend)
        self._state.tokens[number] = columns[-1]
        counters = slot.column, slot.origin, slot.length, slot.prefix + slot.column
        self._state.counters[:, number] = torch.tensor(counters, device=self.model.device)
        self._slots[number] = slot

    def _check(self, row: Row) -> None:
        sizes, states = self.model.sizes, row.conditions.states
        if self.free == 0:
            raise ValueError("no slot is free")
        if not 0 < row.frames <= self.longest:
            raise ValueError(f"a row of {row.frames} frames; the decoder takes 1 to {self.longest}")
        if states.ndim != 2 or states.shape[1] != sizes.hidden or not len(states):
            raise ValueError(f"states are {tuple(states.shape)}; the model takes [words, {sizes.hidden}]")
        if sizes.prefix and len(states) > self._prefix:
            raise ValueError(f"{len(states)} states are prepended; the decoder has room for {self._prefix}")
        if not sizes.prefix and len(states) > self._words:
            raise ValueError(f"{len(states)} words; the decoder has room for {self._words}")
        if row.temperature <= 0 or row.top_k < 0 or not 0 <= row.top_p <= 1:
            raise ValueError("temperature has to be more than 0, top_k at least 0, top_p from 0 to 1")
        prompt = row.prompt
        if prompt is not None and not (
            prompt.shape[0] == sizes.codebooks and 0 < prompt.shape[1] < min(row.frames, self.window)
        ):
            raise ValueError(f"a prompt of {tuple(prompt.shape)} does not fit {row.frames} frames")

    def _number(self, row: Row) -> int:
        for number, slot in enumerate(self._slots):
            if slot is not None and slot.row is row:
                return number
        raise ValueError("this row is in no slot")
