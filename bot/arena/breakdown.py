"""Win rates by tag, models, who asked and length, small cells shrunk to the whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit, logit

from bot.arena.ballots import A, Ballots, Bools, Floats
from bot.arena.clusters import Spread
from bot.arena.results import Cell, Group, Verdict, WinRate
from bot.arena.winrate import fit_win_rate, verdict, win_rate

MIN_CELL_PEOPLE = 5
MIN_CELL_DUELS = 5
"""A cell of fewer says nothing; whatever it showed would be the whole's."""

PRIOR_SPREAD = 0.5
"""Cells differ from the whole by some τ logits; before the votes, τ is half-normal with this scale, so that
two thirds of genres are expected within 12 points of a rate of 50 %."""

LENGTHS = (10.0, 20.0, 60.0)
"""Bounds of the length bands in seconds; each belongs to the band below it."""

Z = 1.959964
"""97.5 % of the standard normal distribution lies below it."""

_TAU = np.linspace(0.01, 4 * PRIOR_SPREAD, 80)


@dataclass(frozen=True, slots=True)
class _Whole:
    """What the cells are shrunk to: its logit and variance, and the variances of the working model."""

    logit: float
    variance: float
    spread: Spread
    slope: float


def breakdown(ballots: Ballots) -> tuple[Group, ...]:
    """Return the win rate by tag, by models, by who asked, and by length.

    Each cell's votes get the error that the whole's person, duel and vote variances give them, and are
    combined with the whole in a normal model on the logit scale whose spread between cells, τ, is
    averaged over (Gelman and others 2013, section 5.4). So a tag with four votes keeps close to the whole,
    and its interval says how far it may be off. Empty until the whole itself can be told.
    """
    overall = win_rate(ballots)
    if overall.verdict is Verdict.TOO_FEW:
        return ()
    whole = _whole(ballots, overall)
    return tuple(
        Group(name=name, cells=_pooled(ballots, whole, masks))
        for name, masks in (
            ("tag", _by_tag(ballots)),
            ("models", _by_models(ballots)),
            ("who asked", _by_requester(ballots)),
            ("length", _by_length(ballots)),
        )
        if masks
    )


def length_band(seconds: float) -> str:
    """Return the name of the band a clip of so many seconds belongs to."""
    return _BANDS[int(np.searchsorted(LENGTHS, seconds))]


_BANDS = (
    f"up to {LENGTHS[0]:g} s",
    *(f"{low:g} to {high:g} s" for low, high in pairwise(LENGTHS)),
    f"over {LENGTHS[-1]:g} s",
)


def _whole(ballots: Ballots, overall: WinRate) -> _Whole:
    share = overall.counts.diffusion / overall.counts.decisive
    # Half an effective vote either way keeps a unanimous whole finite.
    rate = (share * overall.effective_votes + 0.5) / (overall.effective_votes + 1)
    slope = rate * (1 - rate)
    spread = fit_win_rate(ballots, ballots.decisive).spread
    if spread.vote <= 0:
        # Unanimous votes tell nothing of how they hang together: each is a copy of its person's others.
        spread = Spread(person=slope, duel=0.0, vote=slope)
    # So that a cell with no weight of its own reaches as near to ½ as the whole does, and no nearer.
    bound = overall.low if rate > 0.5 else overall.high
    return _Whole(float(logit(rate)), float((logit(rate) - logit(bound)) / Z) ** 2, spread, slope)


def _pooled(ballots: Ballots, whole: _Whole, masks: Iterable[tuple[str, Bools]]) -> tuple[Cell, ...]:
    cells = [(name, mask, ballots.decisive & mask) for name, mask in masks]
    raw, error, people, duels = (np.zeros(len(cells)) for _ in range(4))
    for i, (_, _, decisive) in enumerate(cells):
        votes = int(decisive.sum())
        if not votes:
            error[i] = np.inf
            continue
        per_person = np.bincount(ballots.voter[decisive])
        per_duel = np.bincount(ballots.duel[decisive])
        people[i], duels[i] = (per_person > 0).sum(), (per_duel > 0).sum()
        # One Newton step from the whole's logit: the logit of 4 in 4 is infinite, this is not.
        share = float(ballots.diffusion_won[decisive].mean())
        raw[i] = whole.logit + (share - expit(whole.logit)) / whole.slope
        error[i] = (
            whole.spread.person * float((per_person**2).sum())
            + whole.spread.duel * float((per_duel**2).sum())
            + whole.spread.vote * votes
        ) / (votes * whole.slope) ** 2
    mean, variance, weight = _posterior(raw, error, whole)
    reach = Z * np.sqrt(variance)
    rates, lows, highs = expit(mean), expit(mean - reach), expit(mean + reach)
    found = [
        Cell(
            name=name,
            counts=ballots.counts(mask),
            people=int(people[i]),
            duels=int(duels[i]),
            rate=float(rates[i]),
            low=float(lows[i]),
            high=float(highs[i]),
            weight=float(weight[i]),
            verdict=verdict(float(lows[i]), float(highs[i]))
            if people[i] >= MIN_CELL_PEOPLE and duels[i] >= MIN_CELL_DUELS
            else Verdict.TOO_FEW,
        )
        for i, (name, mask, _) in enumerate(cells)
    ]
    return tuple(sorted(found, key=lambda cell: (-cell.counts.total, cell.name)))


def _posterior(raw: Floats, error: Floats, whole: _Whole) -> tuple[Floats, Floats, Floats]:
    """Return each cell's posterior mean and variance in logits, and its own weight, averaged over τ."""
    # The cells' votes are the whole's, so the whole's error is not another's: it is added once, below.
    spread = error + _TAU[:, None] ** 2
    finite = np.isfinite(error)
    density = -0.5 * (np.log(spread) + (raw - whole.logit) ** 2 / spread)[:, finite].sum(axis=1)
    density -= 0.5 * (_TAU / PRIOR_SPREAD) ** 2
    tau_weight = np.exp(density - density.max())
    tau_weight /= tau_weight.sum()
    own = _TAU[:, None] ** 2 / spread
    centre = whole.logit + own * (raw - whole.logit)
    inner = np.where(finite, own * np.where(finite, error, 0.0), _TAU[:, None] ** 2)
    inner = inner + (1 - own) ** 2 * whole.variance
    mean = tau_weight @ centre
    variance = tau_weight @ inner + tau_weight @ (centre - mean) ** 2
    return mean, variance, tau_weight @ own


def _by_tag(ballots: Ballots) -> list[tuple[str, Bools]]:
    tags = sorted(frozenset[str]().union(*ballots.tag_sets))
    carries = {tag: np.array([tag in tags_of for tags_of in ballots.tag_sets]) for tag in tags}
    return [(tag, carries[tag][ballots.tag_set]) for tag in tags]


def _by_models(ballots: Ballots) -> list[tuple[str, Bools]]:
    diffusion = np.where(ballots.diffusion_side == A, ballots.arm_a, ballots.arm_b)
    other = np.where(ballots.diffusion_side == A, ballots.arm_b, ballots.arm_a)
    pairs = other * len(ballots.arms) + diffusion
    found = []
    for pair in np.unique(pairs[ballots.between_modes]):
        ar, diff = (ballots.arms[i].model for i in divmod(int(pair), len(ballots.arms)))
        found.append((f"{ar} against {diff}", (pairs == pair) & ballots.between_modes))
    return found


def _by_requester(ballots: Ballots) -> list[tuple[str, Bools]]:
    return [("asked for it", ballots.requester), ("only listened", ~ballots.requester)]


def _by_length(ballots: Ballots) -> list[tuple[str, Bools]]:
    band = np.searchsorted(LENGTHS, ballots.seconds)
    return [(name, band == i) for i, name in enumerate(_BANDS) if (band == i).any()]
