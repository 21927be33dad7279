"""Win rates by tag, models, requester and length: a hierarchical normal model shrinks small cells."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit, logit

from bot.arena.ballots import BOTH_GOOD, A, Ballots, Floats, Ints
from bot.arena.clusters import quantile
from bot.arena.results import Cell, Conclusion, Counts, Group, Spread, WinRate
from bot.arena.winrate import conclusion

MIN_CELL_PEOPLE = 5
MIN_CELL_DUELS = 5
"""Minima for a statement about a cell; with fewer, its estimate is nearly the whole's."""

PRIOR_SPREAD = 0.5
"""Scale in logits of the half-normal prior of τ, the standard deviation of cells around the whole. With τ at
this scale two thirds of the cells lie within 12 points of a whole at 50 %."""

LENGTHS = (10.0, 20.0, 60.0)
"""Bounds of the length bands in seconds; each belongs to the band below it."""

# The grid on which τ is integrated out: from almost complete pooling to four prior scales.
_TAU = np.linspace(0.01, 4 * PRIOR_SPREAD, 80)


@dataclass(frozen=True, slots=True)
class _Whole:
    """The estimate over all votes, to which the cells are shrunk.

    logit, variance: of the rate.  reach: Student's t of its 95 % interval, in standard errors.
    spread: the variances of the working model.  slope: the derivative of the rate by its logit, p(1 − p).
    """

    logit: float
    variance: float
    reach: float
    spread: Spread
    slope: float


@dataclass(frozen=True, slots=True)
class _Split:
    """The assignment of votes to cells. names [cells].  row, cell [m]: a vote and one of its cells."""

    names: list[str]
    row: Ints
    cell: Ints


def breakdown(ballots: Ballots, overall: WinRate) -> tuple[Group, ...]:
    """Return the win rate by tag, by models, by requester and by length; overall: that of all votes.

    A cell's sampling variance, and its covariance with the whole, follow from the variance components that
    were estimated on all votes, for a cell has too few people and duels to estimate its own. On the logit
    scale cell and whole are combined in a hierarchical normal model whose standard deviation between cells,
    τ, is integrated out (`_posterior`). So a tag with four votes stays near the whole, with a wide interval.
    Empty until the whole has the minimum of people and duels.
    """
    if overall.spread is None:
        return ()
    whole = _whole(ballots, overall, overall.spread)
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
    """Return the name of the band of a clip's length in seconds."""
    return _BANDS[int(np.searchsorted(LENGTHS, seconds))]


_BANDS = (
    f"up to {LENGTHS[0]:g} s",
    *(f"{low:g} to {high:g} s" for low, high in pairwise(LENGTHS)),
    f"over {LENGTHS[-1]:g} s",
)


def _whole(ballots: Ballots, overall: WinRate, spread: Spread) -> _Whole:
    share = overall.counts.diffusion / overall.counts.decisive
    # Half an effective vote on either side keeps the logit of a unanimous whole finite.
    rate = (share * overall.effective_votes + 0.5) / (overall.effective_votes + 1)
    slope = rate * (1 - rate)
    if spread.vote <= 0:
        # Unanimous votes have no residuals to estimate correlation from: a person's votes count as copies.
        spread = Spread(person=slope, duel=0.0, vote=slope)
    # The variance at which a normal interval on the logit scale ends where the whole's Wilson interval does,
    # on the side of ½, so that a cell without weight of its own says neither more nor less than the whole.
    bound = overall.low if rate > 0.5 else overall.high
    reach = quantile(overall.df)
    variance = float((logit(rate) - logit(bound)) / reach) ** 2
    # It exceeds what the variance components give by the delta method; they are scaled up to agree with it,
    # so that cells and whole are measured alike.
    decisive, votes = ballots.decisive, overall.counts.decisive
    squares = spread.vote * votes
    for codes, of_one in ((ballots.voter, spread.person), (ballots.duel, spread.duel)):
        squares += of_one * float((np.bincount(codes[decisive]) ** 2).sum())
    wider = max(1.0, variance * (votes * slope) ** 2 / squares)
    spread = Spread(spread.person * wider, spread.duel * wider, spread.vote * wider)
    return _Whole(float(logit(rate)), squares * wider / (votes * slope) ** 2, reach, spread, slope)


def _pooled(ballots: Ballots, whole: _Whole, split: _Split) -> tuple[Cell, ...]:
    cells = len(split.names)
    decisive = ballots.decisive
    decided = decisive[split.row]
    row, cell = split.row[decided], split.cell[decided]
    votes, total = np.bincount(cell, minlength=cells), int(decisive.sum())
    won = np.bincount(cell, ballots.diffusion_won[row], cells)
    people, own_person, both_person = _clusters(cell, ballots.voter[row], ballots.voter[decisive], cells)
    duels, own_duel, both_duel = _clusters(cell, ballots.duel[row], ballots.duel[decisive], cells)
    spread, some = whole.spread, votes > 0
    own = spread.person * own_person + spread.duel * own_duel + spread.vote * votes
    both = spread.person * both_person + spread.duel * both_duel + spread.vote * votes
    # The cell's logit linearized at the whole's, one Newton step: the logit of 4 of 4 would be infinite.
    raw, error, shared = np.zeros(cells), np.full(cells, np.inf), np.zeros(cells)
    raw[some] = (won[some] / votes[some] - expit(whole.logit)) / whole.slope
    error[some] = own[some] / (votes[some] * whole.slope) ** 2
    shared[some] = both[some] / (votes[some] * total * whole.slope**2)
    part = votes / max(total, int(votes.sum()))
    mean, variance, weight = _posterior(raw, error, shared, part, whole.logit, whole.variance)
    reach = whole.reach * np.sqrt(variance)
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
            conclusion=conclusion(float(lows[i]), float(highs[i]))
            if people[i] >= MIN_CELL_PEOPLE and duels[i] >= MIN_CELL_DUELS
            else Conclusion.TOO_FEW,
        )
        for i, name in enumerate(split.names)
    ]
    return tuple(sorted(found, key=lambda cell: (-cell.counts.total, cell.name)))


def _clusters(cell: Ints, codes: Ints, of_all: Ints, cells: int) -> tuple[Ints, Ints, Ints]:
    """Return per cell the number of clusters, Σ n_cell² and Σ n_cell · n_all, n a cluster's votes there."""
    size = int(of_all.max()) + 1
    each = np.bincount(cell * size + codes, minlength=cells * size).reshape(cells, size)
    return np.count_nonzero(each, axis=1), (each**2).sum(axis=1), each @ np.bincount(of_all, minlength=size)


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


def _posterior(
    raw: Floats, error: Floats, shared: Floats, part: Floats, whole: float, variance: float
) -> tuple[Floats, Floats, Floats]:
    """Return each cell's posterior mean and variance in logits, and the weight of its own votes, 0 to 1.

    raw [cells]: each cell's estimated logit less the whole's ŵ.  error: sampling variance of a cell's logit.
    shared: its covariance with ŵ, as the cell's votes and people are among the whole's.  part: the cell's
    share of the whole's votes.  whole, variance: ŵ and its sampling variance.

    Model: the cells' true logits are t_c ~ N(μ, τ²), independent, and the whole's is Σ part_c t_c. Inferred
    is δ = t_c − ŵ, observed is raw = δ + e with the cell's sampling error e. A priori
        Var(δ)      = τ² (1 − 2 part_c + Σ part²) + variance      `prior`
        Var(raw)    = prior + error − 2 shared                    `seen`, because Cov(δ, e) = −shared
        Cov(δ, raw) = prior − shared
    so that given τ, by the rule for two jointly normal variables, with own = (prior − shared) / seen
        E(δ | raw)   = own · raw,      Var(δ | raw) = prior − own (prior − shared).
    Without `shared` the cell's votes would be used twice, in raw and in ŵ. τ is unknown, and a point estimate
    is often 0, which pools cells completely, with intervals that are too narrow; so it is integrated out on a
    grid, with weights p(τ | raw) ∝ p(τ) Π N(raw; 0, seen), p(τ) half-normal, the cells taken as independent
    given τ (Gelman and others, Bayesian Data Analysis, 3rd ed. 2013, section 5.4; Gelman, Prior Distributions
    for Variance Parameters in Hierarchical Models, Bayesian Analysis 1, 2006). The variance is that of the
    mixture: the mean of the variances plus the variance of the means.
    """
    prior = _TAU[:, None] ** 2 * (1 - 2 * part + (part**2).sum()) + variance
    finite = np.isfinite(error)
    seen = np.maximum(prior + np.where(finite, error, 0.0) - 2 * shared, 1e-9)
    density = -0.5 * (np.log(seen) + raw**2 / seen)[:, finite].sum(axis=1)
    density -= 0.5 * (_TAU / PRIOR_SPREAD) ** 2
    tau_weight = np.exp(density - density.max())
    tau_weight /= tau_weight.sum()
    own = np.where(finite, (prior - shared) / seen, 0.0)
    centre = own * raw
    inner = np.maximum(prior - own * (prior - shared), 1e-9)
    mean = tau_weight @ centre
    between = tau_weight @ (centre - mean) ** 2
    return whole + mean, tau_weight @ inner + between, tau_weight @ own


def _by_tag(ballots: Ballots) -> _Split:
    tags = sorted(frozenset[str]().union(*ballots.tag_sets))
    code = {tag: i for i, tag in enumerate(tags)}
    carried = [[code[tag] for tag in tag_set] for tag_set in ballots.tag_sets]
    many = np.array([len(codes) for codes in carried], dtype=np.int64)
    flat = np.array([one for codes in carried for one in codes], dtype=np.int64)
    # A vote belongs to one cell per tag of its prompt, a run of `flat` that starts at `first`.
    each = many[ballots.tag_set]
    row = np.repeat(np.arange(len(ballots)), each)
    offset = np.arange(len(row)) - np.repeat(np.cumsum(each) - each, each)
    first = np.cumsum(many) - many
    return _Split(tags, row, flat[first[ballots.tag_set][row] + offset])


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
