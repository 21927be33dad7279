"""Hold a latent to the instruments that a prompt names, while the rest of it is denoised around them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bot.engines.score.bits import BEAT_BITS, PROGRAM_BITS, onset_bits, program_bits
from bot.engines.score.format import PROGRAM_SIZES
from bot.engines.score.latent import ScoreAutoencoder, bits_of
from bot.engines.score.steer import Asked, Steering


class Imposed:
    """The instruments of clips of one length, set in every estimate of their latents.

    They are chosen once, from the first estimate: where the model would have them anyway, they stay. An
    instrument enters with a note on the first beat of a bar; the note itself is the model's.
    """

    def __init__(self, coder: ScoreAutoencoder, asked: list[Asked], metre: int) -> None:
        self._coder, self._asked, self._metre = coder, asked, metre
        self._bits: Tensor | None = None
        self._held = torch.zeros(0)

    def __call__(self, clean: Tensor) -> Tensor:
        """Return estimates of clean latents [rows, 128, 1 + beats] with the instruments' bits set."""
        if not any(asked.wishes or asked.unwanted for asked in self._asked):
            return clean
        # The map back is linear, so that a change of bits is a change of the latent, and of nothing else.
        basis = self._coder.basis.to(clean)
        body = clean[:, :, 1:].transpose(1, 2)
        bits = bits_of(self._coder, body)
        if self._bits is None:
            self._choose(bits)
        assert self._bits is not None
        body = body + (self._bits - bits) * self._held @ basis
        return torch.cat([clean[:, :, :1], body.transpose(1, 2)], 2)

    def _choose(self, bits: Tensor) -> None:
        beats = bits.shape[1]
        bars = -(-beats // self._metre)
        wanted, held = torch.zeros_like(bits), torch.zeros_like(bits)
        for row, asked in enumerate(self._asked):
            if not asked.wishes and not asked.unwanted:
                continue
            likely = chances(bits[row, :, BEAT_BITS - sum(PROGRAM_BITS) :].mean(0).cpu().numpy())
            programs, entrances = Steering(asked, bars).imposed(likely, bars)
            programs = programs[np.arange(beats) // self._metre]
            kinds = program_bits(np.maximum(programs, 0)) * np.repeat(programs >= 0, PROGRAM_BITS, axis=1)
            wanted[row, :, -kinds.shape[1] :] = torch.from_numpy(kinds)
            for bar, role in entrances:
                for place, sign in onset_bits(role).items():
                    wanted[row, bar * self._metre, place] = sign
        held[wanted != 0] = 1
        self._bits, self._held = wanted, held


def chances(bits: npt.NDArray[np.floating]) -> list[npt.NDArray[np.float64]]:
    """Return role → chance of each program, from the expected values of its bits, [28], each by itself."""
    out, place = [], 0
    for width, size in zip(PROGRAM_BITS, PROGRAM_SIZES, strict=True):
        part = np.clip(bits[place : place + width].astype(np.float64), -1, 1)
        signs = 2.0 * (np.arange(size)[:, None] >> np.arange(width) & 1) - 1
        out.append(((1 + signs * part) / 2).prod(1))
        place += width
    return out
