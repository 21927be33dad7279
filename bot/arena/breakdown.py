"""Win rates by tag, models, who asked and length, small cells shrunk to the whole."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit, logit

from bot.arena.ballots import BOTH_GOOD, A, Ballots, Floats, Ints
from bot.arena.results import Cell, Counts, Group, Spread, Verdict, WinRate
from bot.arena.winrate import verdict

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


@dataclass(frozen=True, slots=True)
class _Split:
    """Which votes are in which cell. names [cells].  row, cell [m]: a vote, and a cell it is in."""

    names: list[str]
    row: Ints
    cell: Ints


def breakdown(ballots: Ballots, overall: WinRate) -> tuple[Group, ...]:
    """Return the win rate by tag, by models, by who asked, and by length; overall: that of all the votes.

    Each cell's votes get the error that the whole's person, duel and vote variances give them, and are
    combined with the whole in a normal model on the logit scale whose spread between cells, τ, is
    averaged over (Gelman and others 2013, section 5.4). So a tag with four votes keeps close to the whole,
    and its interval says how far it may be off. Empty until the whole itself can be told.
    """
    if overall.spread is None:
        return ()
    whole = _whole(overall, overall.spread)
    return tuple(
        Group(name=name, cells=_pooled(ballots, whole, split))
        for name, split in (
            ("tag", _by_tag(ballots)),
            ("models", _by_models(ballots)),
            ("who asked", _by_requester(ballots)),
            ("length", _by_length(ballots)),
        )
        if split.names
    )


def length_band(seconds: float) -> str:
    """Return the name of the band a clip of so many seconds belongs to."""
    return _BANDS[int(np.searchsorted(LENGTHS, seconds))]


_BANDS = (
    f"up to {LENGTHS[0]:g} s",
    *(f"{low:g} to {high:g} s" for low, high in pairwise(LENGTHS)),
    f"over {LENGTHS[-1]:g} s",
)


def _whole(overall: WinRate, spread: Spread) -> _Whole:
    share = overall.counts.diffusion / overall.counts.decisive
    # Half an effective vote either way keeps a unanimous whole finite.
    rate = (share * overall.effective_votes + 0.5) / (overall.effective_votes + 1)
    slope = rate * (1 - rate)
    if spread.vote <= 0:
        # Unanimous votes tell nothing of how they hang together: each is a copy of its person's others.
        spread = Spread(person=slope, duel=0.0, vote=slope)
    # So that a cell with no weight of its own reaches as near to ½ as the whole does, and no nearer.
    bound = overall.low if rate > 0.5 else overall.high
    return _Whole(float(logit(rate)), float((logit(rate) - logit(bound)) / Z) ** 2, spread, slope)


def _pooled(ballots: Ballots, whole: _Whole, split: _Split) -> tuple[Cell, ...]:
    cells = len(split.names)
    decided = ballots.decisive[split.row]
    row, cell = split.row[decided], split.cell[decided]
    votes = np.bincount(cell, minlength=cells)
    won = np.bincount(cell, ballots.diffusion_won[row], cells)
    people, per_person = _clusters(cell, ballots.voter[row], cells)
    duels, per_duel = _clusters(cell, ballots.duel[row], cells)
    spread, some = whole.spread, votes > 0
    # One Newton step from the whole's logit: the logit of 4 in 4 is infinite, this is not.
    raw = np.zeros(cells)
    raw[some] = whole.logit + (won[some] / votes[some] - expit(whole.logit)) / whole.slope
    error = np.full(cells, np.inf)
    squares = spread.person * per_person + spread.duel * per_duel + spread.vote * votes
    error[some] = squares[some] / (votes[some] * whole.slope) ** 2
    mean, variance, weight = _posterior(raw, error, whole)
    reach = Z * np.sqrt(variance)
    rates, lows, highs = expit(mean), expit(mean - reach), expit(mean + reach)
    counts = _counts(ballots, split)
    found = [
        Cell(
            name=name,
            counts=counts[i],
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
        for i, name in enumerate(split.names)
    ]
    return tuple(sorted(found, key=lambda cell: (-cell.counts.total, cell.name)))


def _clusters(cell: Ints, codes: Ints, cells: int) -> tuple[Ints, Ints]:
    """Return how many clusters each cell has votes of, and the sum of the squares of their votes."""
    size = int(codes.max(initial=0)) + 1
    each = np.bincount(cell * size + codes, minlength=cells * size).reshape(cells, size)
    return np.count_nonzero(each, axis=1), (each**2).sum(axis=1)


def _counts(ballots: Ballots, split: _Split) -> list[Counts]:
    said = np.select(
        [ballots.diffusion_won, ballots.decisive, ballots.choice == BOTH_GOOD], [0, 1, 2], default=3
    )
    asked = ballots.between_modes[split.row]
    cell, kind = split.cell[asked], said[split.row[asked]]
    table = np.bincount(cell * 4 + kind, minlength=4 * len(split.names)).reshape(-1, 4)
    return [
        Counts(diffusion=won, ar=lost, both_good=good, both_bad=bad)
        for won, lost, good, bad in table.tolist()
    ]


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


def _by_tag(ballots: Ballots) -> _Split:
    tags = sorted(frozenset[str]().union(*ballots.tag_sets))
    code = {tag: i for i, tag in enumerate(tags)}
    carried = [[code[tag] for tag in tag_set] for tag_set in ballots.tag_sets]
    many = np.array([len(codes) for codes in carried], dtype=np.int64)
    flat = np.array([one for codes in carried for one in codes], dtype=np.int64)
    # A vote is in as many cells as its prompt has tags: the vote's place in each run of `flat`.
    each = many[ballots.tag_set]
    row = np.repeat(np.arange(len(ballots)), each)
    place = np.arange(len(row)) - np.repeat(np.cumsum(each) - each, each)
    first = np.cumsum(many) - many
    return _Split(tags, row, flat[first[ballots.tag_set][row] + place])


def _by_models(ballots: Ballots) -> _Split:
    diffusion = np.where(ballots.diffusion_side == A, ballots.arm_a, ballots.arm_b)
    other = np.where(ballots.diffusion_side == A, ballots.arm_b, ballots.arm_a)
    row = np.nonzero(ballots.between_modes)[0]
    pairs, cell = np.unique((other * len(ballots.arms) + diffusion)[row], return_inverse=True)
    models = [(ballots.arms[i].model for i in divmod(pair, len(ballots.arms))) for pair in pairs.tolist()]
    return _Split([f"{ar} against {diff}" for ar, diff in models], row, cell)


def _by_requester(ballots: Ballots) -> _Split:
    return _Split(
        ["asked for it", "only listened"], np.arange(len(ballots)), (~ballots.requester).astype(np.int64)
    )


def _by_length(ballots: Ballots) -> _Split:
    bands, cell = np.unique(np.searchsorted(LENGTHS, ballots.seconds), return_inverse=True)
    return _Split([_BANDS[band] for band in bands.tolist()], np.arange(len(ballots)), cell)
