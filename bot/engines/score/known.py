"""The known part of a score: what a continuation, a variation or a repaint keeps of its source."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bot.engines.score.format import STEPS_PER_BEAT, Grid, Score, beats_in, repaired

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A score of the new clip's length, and which of it is free.

    free_programs: bool [bars, 5].  free_steps: bool [steps, 5]. What is not free is kept token by token.
    """

    score: Score
    free_programs: Mask
    free_steps: Mask

    def kept_in(self, written: Score) -> Score:
        """Return a written score of the same length with all that is not free as it is known."""
        return repaired(
            replace(
                written,
                programs=np.where(self.free_programs, written.programs, self.score.programs),
                grid=np.where(self.free_steps, written.grid, self.score.grid),
            )
        )

    def instruments(self, start: int) -> Grid:
        """Return the program [5] that each role has nearest to the first free bar from the bar `start` on.

        Bars after it are looked at only where the role plays in none before; 0 where it plays in none at all.
        """
        out = np.zeros(self.score.programs.shape[1], np.int16)
        for role, programs in enumerate(np.where(self.free_programs, 0, self.score.programs).T):
            free = np.flatnonzero(self.free_programs[start:, role])
            edge = start + (int(free[0]) if len(free) else 0)
            playing = np.flatnonzero(programs)
            if len(playing):
                out[role] = programs[playing[max(0, int(np.searchsorted(playing, edge)) - 1)]]
        return out


def continued(source: Score, seconds: float) -> Known:
    """Return the source's whole bars as the beginning of a clip of `seconds`; what follows them is free."""
    kept = len(source.grid) // source.steps_per_bar
    laid = with_length(source, seconds)
    kept = min(kept, len(laid.programs))
    bars, steps = np.arange(len(laid.programs)), np.arange(len(laid.grid))
    return Known(
        score=laid,
        free_programs=_columns(bars >= kept),
        free_steps=_columns(steps >= kept * laid.steps_per_bar),
    )


def repainted(source: Score, start: float, end: float) -> Known:
    """Return the source with the bars free that overlap the part from `start` to `end`, in seconds.

    After the last bar it is that one.
    """
    bar = source.steps_per_bar * source.seconds_per_step
    bars = np.arange(len(source.programs))
    free = (bars + 1 > start / bar) & (bars < end / bar)
    # What rings out after the last bar is that bar's.
    free[-1] |= start >= len(bars) * bar
    return Known(score=source, free_programs=_columns(free), free_steps=_columns(_by_step(source, free)))


def resampled(source: Score, strength: float, seed: int) -> Known:
    """Return the source with a share of `strength` (0 to 1) of its parts free, a part being a role's bar.

    Whole phrases of two bars are chosen with the seed, so that a free part is long enough to be heard as one.
    """
    rng = np.random.default_rng([seed, 2])
    phrases = rng.random((-(-len(source.programs) // 2), source.programs.shape[1])) < strength
    free = np.repeat(phrases, 2, axis=0)[: len(source.programs)]
    programs = free & (strength >= 1)
    return Known(score=source, free_programs=programs, free_steps=_by_step(source, free))


def kept_instruments(source: Score, structure: float, seed: int) -> Grid:
    """Return the source's programs [bars, 5], with 0 for the roles that a hybrid of this structure gives up.

    structure: 0 to 1. None is kept up to 0.5, from there a share that grows to all at 1, drawn with the seed:
    what is kept at one structure is kept at any higher one. A single foreign instrument is enough to hide the
    prompt's scene, so the lower half leaves the choice to the prompt alone (`benchmarks/hybrid.py`).
    """
    kept = np.random.default_rng([seed, 3]).random(source.programs.shape[1]) < 2 * structure - 1
    return np.where(kept, source.programs, 0).astype(np.int16)


def with_length(score: Score, seconds: float) -> Score:
    """Return a score with the beats of a clip of `seconds`, cut off or filled with rests."""
    steps = beats_in(seconds, score.tempo) * STEPS_PER_BEAT
    bars = -(-steps // score.steps_per_bar)
    return replace(score, programs=_resized(score.programs, bars), grid=_resized(score.grid, steps))


def bars_of(score: Score, first: int, last: int) -> Score:
    """Return the bars from `first` up to `last`, not included, as a score."""
    per_bar = score.steps_per_bar
    return replace(
        score, programs=score.programs[first:last], grid=score.grid[first * per_bar : last * per_bar]
    )


def kept_bars(bars: int, keep: float) -> int:
    """Return how many of a window's bars are written where a share of them is kept, at least one."""
    return bars if keep >= 1 else max(1, round(keep * bars))


def _resized(rows: Grid, count: int) -> Grid:
    out = np.zeros((count, rows.shape[1]), np.int16)
    out[: min(count, len(rows))] = rows[:count]
    return out


def _by_step(score: Score, bars: Mask) -> Mask:
    """Return the flags of bars [bars, ...] for each sixteenth of a score."""
    out: Mask = bars[np.arange(len(score.grid)) // score.steps_per_bar]
    return out


def _columns(flags: Mask) -> Mask:
    """Return flags [n] for each of the five roles."""
    return np.repeat(flags[:, None], 5, axis=1)
