"""The score latent: one vector a beat and one for the header, by a small autoencoder.

What the diffusion model denoises.

Layout: latent frame 0 is the header (key, scale, swing, mix), frame 1 + b is beat b with its four sixteenths
and the
instruments of its bar. Tempo and metre are conditions, not part of it. The encoder is linear, the principal
components
of the bits of a beat; the decoder adds what a line cannot see.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bot.engines.score.bits import BEAT_BITS, PROGRAM_BITS, from_bits, programs_of, to_bits
from bot.engines.score.format import (
    HEADER_SIZES,
    METRES,
    PROGRAM_SIZES,
    STEPS_PER_BEAT,
    TEMPO_CLASSES,
    Score,
    repaired,
)

CHANNELS = 128
POSITIONS = 8
"""Channels that tell the denoiser where a frame is; they are never noised."""
GLOBALS = 16
HIDDEN = 384
HEADER_FIELDS = HEADER_SIZES[1:]
HEADER_LEVEL = 3.0
"""Height of the one that stands for a header field's value; 42 of the header's 128 channels are used."""


class ScoreAutoencoder(nn.Module):
    """Bits of beats to latents and back."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(BEAT_BITS), requires_grad=False)
        self.basis = nn.Parameter(torch.zeros(BEAT_BITS, CHANNELS), requires_grad=False)
        self.straight = nn.Linear(CHANNELS, BEAT_BITS)
        self.bent = nn.Sequential(
            nn.Linear(CHANNELS, HIDDEN),
            nn.GELU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.GELU(),
            nn.Linear(HIDDEN, BEAT_BITS),
        )

    def encode(self, bits: Tensor) -> Tensor:
        """Return latents [..., 128] of bits [..., BEAT_BITS]."""
        return (bits - self.mean) @ self.basis

    def decode(self, latents: Tensor) -> Tensor:
        """Return logits of bits [..., BEAT_BITS] of latents [..., 128]."""
        logits: Tensor = self.straight(latents) + self.bent(latents)
        return logits


def encoded(model: ScoreAutoencoder, score: Score) -> Tensor:
    """Return the latents [128, 1 + beats] of a score."""
    beats = len(score.grid) // STEPS_PER_BEAT
    steps = score.grid[: beats * STEPS_PER_BEAT].reshape(beats, STEPS_PER_BEAT, 5)
    programs = score.programs[np.arange(beats) // score.metre]
    with torch.no_grad():
        body = model.encode(torch.from_numpy(to_bits(steps, programs, np.full(beats, score.scale))))
    header = header_latents(np.array([[score.key, score.scale, score.swing, score.mix]]))
    return torch.cat([header, body]).T


def score_of(model: ScoreAutoencoder, latents: Tensor, tempo_class: int, metre: int) -> Score:
    """Return the score of one clip's latents [128, 1 + beats].

    A bar's instruments are what its beats agree on.
    """
    fields, offset = [], 0
    for size in HEADER_FIELDS:
        fields.append(int(latents[offset : offset + size, 0].argmax()))
        offset += size
    key, scale, swing, mix = fields
    with torch.no_grad():
        logits = model.decode(latents[:, 1:].T.float()).numpy()
    steps, kinds = from_bits(logits, scale)
    beats = len(steps)
    bars = -(-beats // metre)
    votes = np.stack([np.tanh(kinds[bar * metre : (bar + 1) * metre]).sum(0) for bar in range(bars)])
    sizes = np.array(PROGRAM_SIZES)
    programs = programs_of(votes)
    return repaired(
        Score(
            tempo_class=tempo_class,
            metre=metre,
            key=key,
            scale=scale,
            swing=swing,
            mix=mix,
            programs=np.where(programs < sizes, programs, 0).astype(np.int16),
            grid=steps.reshape(-1, 5),
        )
    )


def program_rows(basis: Tensor) -> Tensor:
    """Return the map [128, 28] from a beat's latent, less the mean's, to its instruments' bits.

    The encoder's basis [BEAT_BITS, 128] is orthogonal but for the scale of its columns.
    """
    return (basis / basis.square().sum(0))[-sum(PROGRAM_BITS) :].T


def bits_of(model: ScoreAutoencoder, latents: Tensor) -> Tensor:
    """Invert the linear encoder: the bits, float32 [..., BEAT_BITS], of latents [..., 128]."""
    return latents @ (model.basis / model.basis.square().sum(0)).T.to(latents) + model.mean.to(latents)


def header_latents(header: npt.NDArray[np.integer]) -> Tensor:
    """Return the header frames [n, 128] of key, scale, swing and mix [n, 4]."""
    out = np.zeros((len(header), CHANNELS), np.float32)
    offset = 0
    for field, size in enumerate(HEADER_FIELDS):
        out[np.arange(len(header)), offset + header[:, field]] = HEADER_LEVEL
        offset += size
    return torch.from_numpy(out)


def positions(beats: int, metre: int) -> Tensor:
    """Return where each latent frame is, float32 [8, 1 + beats].

    Header, beat of the bar (4), position in the clip, last bar, bar of four.
    """
    out = np.zeros((POSITIONS, 1 + beats), np.float32)
    out[0, 0] = 1
    beat = np.arange(beats)
    out[1 + beat % metre, 1 + beat] = 1
    out[5, 1:] = 2 * beat / max(1, beats - 1) - 1
    out[6, 1:] = beat >= beats - metre
    out[7, 1:] = (beat // metre) % 4 / 1.5 - 1
    return torch.from_numpy(out)


def conditions(tempo_class: npt.ArrayLike, metre: npt.ArrayLike, beats: npt.ArrayLike) -> Tensor:
    """Return the global conditions of clips, float32 [batch, 1, 16], from arrays [batch]."""
    tempo = np.asarray(tempo_class, np.float32) / TEMPO_CLASSES
    length = np.log2(np.asarray(beats, np.float32)) / 8
    waves = [f(np.pi * k * x) for x in (tempo, length) for k in (1, 2, 4) for f in (np.sin, np.cos)]
    flags = [(np.asarray(metre) == m).astype(np.float32) for m in METRES]
    out = np.stack([*waves, *flags, tempo, length], -1).astype(np.float32)
    return torch.from_numpy(out)[:, None]
