"""Impose a prompt's instruments and a note on the first beat on a latent, while the rest is denoised."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bot.engines.score.bits import (
    BEAT_BITS,
    PROGRAM_BITS,
    begins,
    onset_bits,
    program_bits,
    programs_of,
    sounding,
)
from bot.engines.score.format import DRUMS, PROGRAM_SIZES
from bot.engines.score.header_request import HeaderRequest
from bot.engines.score.latent import HEADER_FIELDS, HEADER_LEVEL, ScoreAutoencoder, bits_of
from bot.engines.score.steer import InstrumentRequest, Steering

FILLED_FROM = 0.5
"""Share of the denoising steps after which silences are looked for: before, the estimates are still vague."""
MAX_SILENT_BEATS = 2
MIN_PLAYING = 0.6
"""Share of the bars in which a planned instrument plays at least."""


class Imposed:
    """The header, instruments and first beats of clips of one length, set in every estimate of their latents.

    Instruments are chosen once, from the first estimate: where the model would have them anyway, they stay.
    An instrument enters with a note on the first beat of a bar; the note itself is the model's. From the
    middle of the denoising on, a note is put where all would be silent on the first beat, or for half a bar,
    and one of each planned instrument that would have none.
    """

    def __init__(
        self,
        coder: ScoreAutoencoder,
        asked: list[InstrumentRequest],
        metre: int,
        headers: list[HeaderRequest] | None = None,
        planned: list[npt.NDArray[np.int64]] | None = None,
        playing: list[npt.NDArray[np.int64]] | None = None,
        entrances: list[list[tuple[int, int]]] | None = None,
    ) -> None:
        """planned: programs [bars, 5] of each clip.  playing: of those, more than 0 where one has to play.

        entrances: bars and roles of each clip where a planned instrument begins with a note.
        """
        self._coder, self._asked, self._metre = coder, asked, metre
        self._planned, self._playing = planned, playing
        self._entrances = entrances or []
        self._headers = headers or []
        self._bits: Tensor | None = None
        self._held = torch.zeros(0)

    def __call__(self, clean: Tensor, progress: float = 0.0) -> Tensor:
        """Return estimates of clean latents [rows, 128, 1 + beats] with the header and bits set.

        progress: share of the denoising steps that are done, 0 to 1.
        """
        # The map back is linear, so that a change of bits is a change of the latent, and of nothing else.
        basis = self._coder.basis.to(clean)
        body = clean[:, :, 1:].transpose(1, 2)
        bits = bits_of(self._coder, body)
        if self._bits is None:
            self._choose(bits)
        assert self._bits is not None
        if progress >= FILLED_FROM:
            wanted, held = self._play_planned(bits)
            estimate = torch.where(held > 0, wanted, bits).cpu().numpy()
            self._fill(estimate)
            self._strike_unheard(estimate)
        wanted, held = self._play_planned(bits)
        body = body + (wanted - bits) * held @ basis
        return torch.cat([self._header(clean[:, :, :1]), body.transpose(1, 2)], 2)

    def _play_planned(self, bits: Tensor) -> tuple[Tensor, Tensor]:
        """Return the bits to set and where, with each role's planned instrument or a rest in every bar.

        The estimate decides which of the two, bar by bar; at least MIN_PLAYING of the bars play.
        """
        assert self._bits is not None
        if self._planned is None:
            return self._bits, self._held
        wanted, held = self._bits.clone(), self._held.clone()
        beats = bits.shape[1]
        bar_of = np.arange(beats) // self._metre
        first = BEAT_BITS - sum(PROGRAM_BITS)
        for row, programs in enumerate(self._planned):
            codes, silent = program_bits(programs[bar_of]), program_bits(np.zeros((beats, 5), np.int64))
            estimate = bits[row, :, first:].cpu().numpy()
            offset = 0
            for role, width in enumerate(PROGRAM_BITS):
                part = slice(offset, offset + width)
                offset += width
                favour = (estimate[:, part] * (codes - silent)[:, part]).sum(1)
                by_bar = np.bincount(bar_of, favour)
                plays = by_bar >= min(0.0, float(np.quantile(by_bar, 1 - MIN_PLAYING)))
                if self._playing is not None:
                    plays |= self._playing[row][:, role] > 0
                chosen = np.where(plays[bar_of, None], codes[:, part], silent[:, part])
                where = slice(first + part.start, first + part.stop)
                free = held[row, :, where] == 0
                wanted[row, :, where] = torch.where(
                    free, torch.from_numpy(chosen).to(wanted), wanted[row, :, where]
                )
                held[row, :, where] = 1
        return wanted, held

    def _header(self, frame: Tensor) -> Tensor:
        """Return header frames [rows, 128, 1] with the key and scale that were asked for."""
        frame = frame.clone()
        keys, scales = HEADER_FIELDS[0], HEADER_FIELDS[1]
        for row, header in enumerate(self._headers):
            if header.key is not None:
                frame[row, :keys, 0] = 0
                frame[row, header.key, 0] = HEADER_LEVEL
            if header.scales is not None:
                part = frame[row, keys : keys + scales, 0]
                best = max(header.scales, key=lambda scale: float(part[scale]))
                part[:] = 0
                part[best] = HEADER_LEVEL
        return frame

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
                for offset, sign in onset_bits(role).items():
                    wanted[row, bar * self._metre, offset] = sign
        for row, pairs in enumerate(self._entrances):
            for bar, role in pairs:
                for offset, sign in onset_bits(role).items():
                    wanted[row, bar * self._metre, offset] = sign
        held[wanted != 0] = 1
        self._bits, self._held = wanted, held

    def _strike_unheard(self, bits: npt.NDArray[np.float32]) -> None:
        """Add an onset of every planned instrument that would not be heard at all.

        It is on the first beat of the bar, of those where the instrument plays, in which the model is nearest
        to an onset.
        """
        assert self._bits is not None
        for row, (clip, programs) in enumerate(zip(bits, self._planned or [], strict=False)):
            active, begun = self._active(clip), begins(clip)
            for role in np.flatnonzero(programs.any(0)):
                beats = np.flatnonzero(active[:, role] & (np.arange(len(clip)) % self._metre == 0))
                if not len(beats) or (begun[:, role] & active[:, role]).any():
                    continue
                signs = onset_bits(int(role))
                likely = sum(clip[beats, offset] * sign for offset, sign in signs.items())
                beat = int(beats[np.argmax(likely)])
                for offset, sign in signs.items():
                    self._bits[row, beat, offset] = sign
                    self._held[row, beat, offset] = 1

    def _active(self, clip: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Return bool [beats, 5], which roles have an instrument in each beat of bits [beats, BITS]."""
        kinds = clip[:, BEAT_BITS - sum(PROGRAM_BITS) :]
        bars = range(0, len(clip), self._metre)
        by_bar = [programs_of(kinds[n : n + self._metre].sum(0, keepdims=True))[0] > 0 for n in bars]
        return np.repeat(np.stack(by_bar), self._metre, axis=0)[: len(clip)]

    def _fill(self, bits: npt.NDArray[np.float32]) -> None:
        """Add an onset where nothing would sound on the first beat or for MAX_SILENT_BEATS.

        The role is the one with an instrument that is nearest to a note there; it is the model's choice.
        """
        assert self._bits is not None
        for row, clip in enumerate(bits):
            active = self._active(clip)
            audible = sounding(clip) & active[:, None, :]
            silent = 0
            for beat in range(len(clip)):
                quiet = not audible[beat].any()
                silent = silent + 1 if quiet else 0
                late = beat == 0 and not audible[0, 0].any()
                if (late or silent >= MAX_SILENT_BEATS) and active[beat].any():
                    likely = [
                        sum(float(clip[beat, offset]) * sign for offset, sign in onset_bits(role).items())
                        if active[beat, role]
                        else -np.inf
                        for role in range(DRUMS + 1)
                    ]
                    for offset, sign in onset_bits(int(np.argmax(likely))).items():
                        self._bits[row, beat, offset] = sign
                        self._held[row, beat, offset] = 1
                    silent = 0


def chances(bits: npt.NDArray[np.floating]) -> list[npt.NDArray[np.float64]]:
    """Return role → chance of each program, from the expected values of its bits, [28], each by itself."""
    out, offset = [], 0
    for width, size in zip(PROGRAM_BITS, PROGRAM_SIZES, strict=True):
        part = np.clip(bits[offset : offset + width].astype(np.float64), -1, 1)
        signs = 2.0 * (np.arange(size)[:, None] >> np.arange(width) & 1) - 1
        out.append(((1 + signs * part) / 2).prod(1))
        offset += width
    return out
