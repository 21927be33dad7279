from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from benchmarks.arena_cells import EVEN, UNEVEN, Cells
from benchmarks.arena_communities import Community
from bot.arena.ballots import Ballots
from bot.arena.breakdown import PRIOR_SPREAD, _posterior, breakdown, length_band
from bot.arena.leaderboard import leaderboard
from bot.arena.results import Cell, Conclusion, Group
from bot.arena.votes import Arm, Choice, Vote
from bot.arena.winrate import win_rate
from bot.recipe import Mode
from tests.arena.community import AR, vote, vote_lists, votes_of

TAGS = tuple((f"genre:{name}",) for name in "abcdefgh")


def breakdown_of(votes: list[Vote]) -> tuple[Group, ...]:
    ballots = Ballots.of(votes)
    return breakdown(ballots, win_rate(ballots))


def cells(votes: list[Vote], group: str = "tag") -> dict[str, Cell]:
    return {cell.name: cell for found in breakdown_of(votes) if found.name == group for cell in found.cells}


def mixed(rates: dict[str, float], people: int = 30, duels: int = 20) -> list[Vote]:
    """Everybody votes on every duel of every tag, diffusion winning this share."""
    rng = np.random.default_rng(6)
    found: list[Vote] = []
    for tag, rate in rates.items():
        for duel in range(duels):
            for voter in range(people):
                choice = Choice.A if rng.random() < rate else Choice.B
                found.append(vote(len(rates) * duel + list(rates).index(tag), voter, choice, tags=(tag,)))
    return found


def test_a_tag_with_four_votes_does_not_top_the_table() -> None:
    votes = mixed({"genre:jazz": 0.75, "genre:techno": 0.45, "mood:calm": 0.5})
    votes += [vote(5000 + d, d, Choice.A, tags=("genre:polka",)) for d in range(4)]
    found = cells(votes)
    polka = found["genre:polka"]
    assert polka.counts.diffusion == 4
    assert polka.rate < found["genre:jazz"].rate
    assert polka.conclusion is Conclusion.TOO_FEW
    assert polka.weight < 0.5 < found["genre:jazz"].weight


def test_cells_are_drawn_towards_the_whole_and_not_past_it() -> None:
    votes = mixed({"genre:jazz": 0.8, "genre:techno": 0.5, "mood:calm": 0.55})
    whole = sum(v.choice is Choice.A for v in votes) / len(votes)
    for cell in cells(votes).values():
        own = cell.counts.diffusion / cell.counts.decisive
        assert min(own, whole) - 0.02 <= cell.rate <= max(own, whole) + 0.02
        assert 0 < cell.low < cell.rate < cell.high < 1


def test_true_differences_between_tags_are_found() -> None:
    found = cells(mixed({"genre:jazz": 0.75, "genre:techno": 0.3, "mood:calm": 0.5}))
    assert found["genre:jazz"].conclusion is Conclusion.DIFFUSION
    assert found["genre:techno"].conclusion is Conclusion.AR


def test_intervals_of_tags_cover_what_the_prior_and_the_votes_say() -> None:
    rng = np.random.default_rng(11)
    held = []
    for seed in range(30):
        truth = dict(
            zip((tag for (tag,) in TAGS), expit(0.3 + PRIOR_SPREAD * 0.7 * rng.normal(size=8)), strict=True)
        )
        votes = []
        for i, (tag, rate) in enumerate(truth.items()):
            community = Community(25, 12, 4, float(rate), 0.0, 0.4, side=0.0)
            cast = votes_of(community, 100 * seed + i, tags=((tag,),))
            votes += [replace(v, duel=100 * v.duel + i) for v in cast]
        held += [cell.low <= truth[name] <= cell.high for name, cell in cells(votes).items()]
    assert len(held) == 240
    assert 0.91 < np.mean(held) < 0.99


@pytest.mark.parametrize(
    "community",
    [
        Cells(20, EVEN, 4, tau=0.35, person=0.5, duel=0.5),
        Cells(20, EVEN, 4, tau=0.7, person=1.0, duel=1.0),
        Cells(60, EVEN, 6, tau=0.1, person=1.0, duel=1.0),
        Cells(60, UNEVEN, 6, tau=0.35, person=0.5, duel=0.5),
        Cells(60, UNEVEN, 6, tau=0.7, person=1.0, duel=1.0),
    ],
    ids=str,
)
def test_cells_cover_where_people_and_duels_cluster(community: Cells) -> None:
    held = [right for _, right in community.held(np.random.default_rng(4), 120)]
    assert len(held) == 960
    assert 0.92 < np.mean(held) < 0.99


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 2))
@settings(max_examples=30, deadline=None)
def test_a_cell_is_what_the_joint_normal_of_all_cells_says(seed: int, tau: float) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 6))
    part = rng.dirichlet(np.full(k, 3.0))
    noise = np.cov(rng.normal(size=(k, 40))) * 0.1
    # Written out: true logits and errors of all cells, one after the other.
    covariance = np.zeros((2 * k, 2 * k))
    covariance[:k, :k], covariance[k:, k:] = tau**2 * np.eye(k), noise
    of_whole = np.concatenate([part, part])
    variance = float(part @ noise @ part)
    raw = rng.normal(size=k)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("bot.arena.breakdown._TAU", np.array([tau]))
        mean, found, weight = _posterior(raw, np.diag(noise), noise @ part, part, 0.4, variance)
    for i in range(k):
        truth, own = np.zeros(2 * k), np.zeros(2 * k)
        truth[i], own[[i, k + i]] = 1, 1
        sought, seen = truth - of_whole, own - of_whole
        rule = sought @ covariance @ seen / (seen @ covariance @ seen)
        assert weight[i] == pytest.approx(rule)
        assert mean[i] == pytest.approx(0.4 + rule * raw[i])
        assert found[i] == pytest.approx(sought @ covariance @ (sought - rule * seen), abs=1e-8)


def test_one_cell_with_all_the_votes_is_the_whole() -> None:
    votes = votes_of(Community(20, 30, 5, 0.6, 0.7, 0.7), 1, (("genre:jazz",),))
    overall = win_rate(Ballots.of(votes))
    (cell,) = cells(votes).values()
    assert cell.conclusion is overall.conclusion
    # The whole's interval is symmetric on another scale than its cells'.
    assert (cell.low, cell.high) == pytest.approx((overall.low, overall.high), abs=0.02)


def test_the_whole_comes_first_without_it_there_is_no_breakdown() -> None:
    assert breakdown_of([]) == ()
    assert breakdown_of([vote(1, p, tags=("genre:jazz",)) for p in range(50)]) == ()


def test_every_question_is_broken_down_with_all_its_votes() -> None:
    votes = votes_of(Community(20, 40, 5, 0.6, 0.5, 0.5), 1, TAGS)
    votes += [
        vote(900 + p, p, requester=True, seconds=90, b=Arm(Mode.AR, "musicgen-medium")) for p in range(12)
    ]
    groups = {group.name: group.cells for group in breakdown_of(votes)}
    assert groups.keys() == {"tag", "models", "who asked", "length"}
    assert [cell.name for cell in groups["models"]] == [
        "musicgen-small against ace-step",
        "musicgen-medium against ace-step",
    ]
    assert {cell.name for cell in groups["length"]} == {"up to 10 s", "over 60 s"}
    for name in ("models", "who asked", "length"):
        assert sum(cell.counts.total for cell in groups[name]) == len(votes)


@pytest.mark.parametrize(
    ("seconds", "band"),
    [(1, "up to 10 s"), (10, "up to 10 s"), (10.1, "10 to 20 s"), (60, "20 to 60 s"), (61, "over 60 s")],
)
def test_length_bands_take_their_upper_bound(seconds: float, band: str) -> None:
    assert length_band(seconds) == band


def test_unanimous_communities_are_broken_down_too() -> None:
    votes = [vote(d, p, tags=("genre:jazz",) if d % 2 else ()) for d in range(16) for p in range(16)]
    (cell,) = cells(votes).values()
    assert 0.5 < cell.low < cell.high < 1
    assert logit(cell.high) < np.inf


@given(vote_lists(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_any_votes_in_any_order_give_one_leaderboard(votes: list[Vote], random: Random) -> None:
    first = leaderboard(votes, title="All", now=2e6)
    assert first == leaderboard(random.sample(votes, len(votes)), title="All", now=2e6)
    assert first.overall.counts.total == sum(
        v.excluded_reason is None and v.a.mode is not v.b.mode for v in votes
    )


def test_a_leaderboard_takes_one_family_of_models_only() -> None:
    votes = [vote(d, p, built_in=bool(d % 2), b=AR) for d in range(30) for p in range(16)]
    boards = [leaderboard(votes, title="", now=2e6, built_in=family) for family in (False, True)]
    assert [board.overall.duels for board in boards] == [15, 15]
