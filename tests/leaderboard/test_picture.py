import pickle
import subprocess
import sys
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from matplotlib.image import imread
from scipy.special import expit as scipy_expit

from benchmarks.arena_communities import Community
from bot.arena.leaderboard import leaderboard
from bot.arena.results import MIN_DUELS, MIN_PEOPLE, Cell, Conclusion, Leaderboard, Needed, WinRate
from bot.arena.text import as_text, beside_picture, expit, finding, headline, outlook, span
from bot.arena.votes import Arm, Choice, Vote
from bot.leaderboard.picture import ROWS, WIDTH, draw
from bot.recipe import Mode
from tests.arena.community import vote, vote_lists, votes_among, votes_of

TAGS = (("genre:jazz",), ("genre:techno", "mood:calm"), ("mood:dark",))
ORANGE, BLUE = (0xE6, 0x9F, 0x00), (0x56, 0xB4, 0xE9)


def board(votes: list[Vote]) -> Leaderboard:
    return leaderboard(votes, title="The Cosy Corner", now=2e6)


UNKNOWN = board(votes_of(Community(20, 30, 5, 0.52, 0.7, 0.7), 1, TAGS))
KNOWN = board(votes_of(Community(50, 150, 8, 0.68, 0.5, 0.5), 1, TAGS))
LOST = board(votes_of(Community(50, 150, 8, 0.3, 0.5, 0.5), 1, TAGS))
MANY_MODELS = Community(20, 60, 6, 0.6, 0.5, 0.5)
FEW = board(votes_of(Community(7, 5, 3, 0.9, 0.5, 0.5), 1, TAGS))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray((imread(BytesIO(png))[..., :3] * 255).round(), dtype=int)


def bands(image: np.ndarray, colour: tuple[int, int, int]) -> int:
    """How many separate horizontal bands of the picture hold this very colour."""
    rows = (image == colour).all(axis=2).any(axis=1).astype(int)
    return int((np.diff(np.concatenate([[0], rows])) == 1).sum())


@pytest.mark.parametrize("shown", [UNKNOWN, FEW], ids=["unknown", "few"])
def test_where_nothing_is_known_only_the_axis_is_coloured(shown: Leaderboard) -> None:
    assert not any(cell.conclusion.known for group in shown.groups for cell in group.cells)
    image = pixels(draw(shown, "tag"))
    assert image.shape[1] == WIDTH
    assert bands(image, ORANGE) == bands(image, BLUE) == 1


@pytest.mark.parametrize(("shown", "colour"), [(KNOWN, ORANGE), (LOST, BLUE)])
def test_a_win_is_in_the_winners_colour_where_its_interval_lies(
    shown: Leaderboard, colour: tuple[int, int, int]
) -> None:
    here = np.all(pixels(draw(shown, "tag")) == colour, axis=2)
    # Letters are thin: only a bar has a block of 12 by 24 pixels in one colour.
    windows = np.all(np.lib.stride_tricks.sliding_window_view(here, (12, 24)), axis=(2, 3))
    rows, starts = np.nonzero(windows)
    cells: list[WinRate | Cell] = [shown.overall, *shown.groups[0].cells]
    intervals = [(one.low, one.high) for one in cells]
    left, right = ((x - 32) / (WIDTH - 64) for x in (starts.min(), starts.max() + 24))
    assert left == pytest.approx(min(low for low, _ in intervals), abs=0.01)
    assert right == pytest.approx(max(high for _, high in intervals), abs=0.01)
    assert bands(here[rows.min() : rows.max() + 12, :, None].repeat(3, axis=2), (1, 1, 1)) >= len(intervals)


def test_the_rows_are_those_of_the_group_and_an_unknown_one_is_refused() -> None:
    assert len(pixels(draw(KNOWN, "who asked"))) < len(pixels(draw(KNOWN, "tag")))
    with pytest.raises(ValueError, match=r"by colour; there is by tag, models, who asked, length\."):
        draw(KNOWN, "colour")


def test_a_long_breakdown_is_cut_on_the_picture_and_whole_in_the_text() -> None:
    tags = tuple((f"genre:number-{i}",) for i in range(3 * ROWS))
    many = board(votes_of(Community(30, 120, 6, 0.5, 0.5, 0.5), 1, tags))
    assert len(pixels(draw(many, "tag"))) < 1400
    text = as_text(many)
    assert all(tag in text for (tag,) in tags)


@pytest.mark.parametrize(
    "title",
    [
        "",
        "🎵" * 50,
        "الموسيقى الجميلة",
        "音楽の広場",
        "a$b$c_{x}^2 \\frac",
        "x" * 4000,
        "tab\there\nand\x00there",
    ],
)
def test_any_title_can_be_drawn(title: str) -> None:
    assert draw(replace(KNOWN, title=title)).startswith(b"\x89PNG")


ARMS = {Arm(Mode.AR, "small"): -0.8, Arm(Mode.AR, "large"): 0.0, Arm(Mode.DIFFUSION, "ace"): 0.8}


def test_a_ranking_says_each_models_share_of_wins_and_counts_every_vote() -> None:
    votes = votes_among(ARMS, duels=30, people=20)
    shown = board(votes)
    ties = sum(one.choice is Choice.BOTH_GOOD for one in votes)
    assert [one.arm.model for one in shown.strengths] == ["ace", "large", "small"]
    text = as_text(shown)
    assert "Leading: ace" in text
    assert "logit" not in text
    for one in shown.strengths:
        interval = span(float(scipy_expit(one.low)), float(scipy_expit(one.high)))
        line = f"{one.arm.model} ({one.arm.mode}): {interval} ({one.wins} wins, {one.losses} losses)"
        assert line in text
    # Those of two AR models too, which the win rate of the modes does not count.
    assert f"{len(votes) - ties} votes · 20 people · 30 duels" in text
    assert f"Both good: {ties} · both bad: 0 (not in the ranking)" in text
    assert shown.overall.counts.both_good < ties
    assert beside_picture(shown, None, ROWS) == [], "the picture has it all"
    assert "large" in beside_picture(shown, None, 1)[0]


@pytest.mark.parametrize(
    ("choice", "reason"),
    [(Choice.A, "No vote won yet: other (ar)"), (Choice.B, "No vote lost yet: other (ar)")],
)
def test_a_model_without_a_finite_strength_is_named_below_the_ranking(choice: Choice, reason: str) -> None:
    votes = votes_among(ARMS, duels=30, people=20)
    ace, other = Arm(Mode.DIFFUSION, "ace"), Arm(Mode.AR, "other")
    shown = board(votes + [vote(500 + d, 1_000, choice, a=ace, b=other) for d in range(3)])
    assert [one.arm.model for one in shown.unranked] == ["other"]
    assert reason in as_text(shown)
    assert len(pixels(draw(shown))) > len(pixels(draw(board(votes)))), "a line more"


def test_a_model_that_met_none_of_the_ranked_ones_is_named() -> None:
    one, two = Arm(Mode.AR, "one"), Arm(Mode.AR, "two")
    apart = [vote(500 + d, p, (Choice.A, Choice.B)[p % 2], a=one, b=two) for d in range(3) for p in range(4)]
    text = as_text(board(votes_among(ARMS, duels=30, people=20) + apart))
    assert "Too few duels with the others: one (ar)" in text


def test_a_ranking_without_votes_enough_says_so() -> None:
    text = as_text(board(votes_among(ARMS, duels=8, people=8)))
    assert "Too few votes to rank them" in text
    assert "small (ar): Too few votes (" in text


@pytest.mark.parametrize("logit", [-np.inf, -800.0, -1.5, 0.0, 1.5, 800.0, np.inf])
def test_the_share_of_a_strength_is_its_logistic(logit: float) -> None:
    assert expit(logit) == pytest.approx(float(scipy_expit(logit)), abs=1e-12)


@given(vote_lists(max_people=20, max_duels=20))
@settings(max_examples=12, deadline=None)
def test_any_votes_can_be_drawn_and_told(votes: list[Vote]) -> None:
    found = board(votes)
    assert pixels(draw(found)).shape[1] == WIDTH
    assert as_text(found).startswith("The Cosy Corner\n")


def test_a_picture_of_the_same_numbers_is_the_same_picture() -> None:
    assert draw(KNOWN, "tag") == draw(KNOWN, "tag")


def test_the_text_says_what_the_picture_says() -> None:
    text = as_text(KNOWN)
    assert headline(KNOWN.overall, KNOWN.needed) in text
    assert span(KNOWN.overall.low, KNOWN.overall.high) in text
    assert "Both good: 0 · both bad: 0" in text
    for cell in KNOWN.groups[0].cells:
        assert f"{cell.name}: {finding(cell.conclusion, cell.low, cell.high)}" in text


def test_beside_the_picture_stands_only_what_it_has_no_room_for() -> None:
    assert beside_picture(FEW, "tag", ROWS) == []
    [interval] = beside_picture(UNKNOWN, "tag", ROWS)
    assert interval.startswith("95 % interval")
    rows = beside_picture(KNOWN, "tag", 1)
    [cells] = [group.cells for group in KNOWN.groups if group.name == "tag"]
    assert all(row.startswith(f"{cell.name}: ") for row, cell in zip(rows, cells[1:], strict=True))


def test_the_text_is_cut_at_a_whole_line() -> None:
    short = as_text(KNOWN, 300)
    assert len(short) <= 300
    *kept, ending = short.split("\n")
    assert ending == "… and more"
    assert as_text(KNOWN).split("\n")[: len(kept)] == kept


def test_what_is_missing_is_said_in_people_duels_or_votes() -> None:
    rate, plan = FEW.overall, FEW.needed
    counts = rate.counts
    assert counts.diffusion > counts.ar
    assert headline(rate, plan) == f"diffusion {counts.diffusion} : {counts.ar} ar so far"
    missing = f"{MIN_PEOPLE - rate.people} more people and {MIN_DUELS - rate.duels} more duels"
    assert outlook(rate, plan) == f"Too few to call; it takes {missing}"
    nearly = replace(rate, people=MIN_PEOPLE, duels=MIN_DUELS - 1)
    assert outlook(nearly, plan) == "Too few to call; it takes 1 more duel"
    nothing = replace(rate, counts=replace(counts, ar=0, diffusion=0))
    assert headline(nothing, plan) == "No votes yet"
    assert outlook(nothing, plan) == f"It takes {missing} to call it"
    even = replace(rate, counts=replace(counts, ar=2, diffusion=2))
    assert headline(even, plan) == "ar 2 : 2 diffusion so far"
    unknown = replace(rate, conclusion=Conclusion.NOT_YET_KNOWN)
    near = Needed(votes=23, people=4, duels=3)
    assert headline(unknown, near) == "Not yet known: 23 more votes"
    assert outlook(unknown, near) == "to see a 5-point lead, from 4 more people"
    assert headline(unknown, Needed(votes=1_234, people=4, duels=3)) == "Not yet known: 1,300 more votes"
    assert headline(unknown, Needed(votes=0, people=0, duels=0)) == "Too close to call"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Conclusion.DIFFUSION, "diffusion wins 56–69 %"),
        (Conclusion.AR, "ar wins 31–44 %"),
        (Conclusion.EVEN, "About even: 56–69 %"),
        (Conclusion.NOT_YET_KNOWN, "Not yet known"),
        (Conclusion.TOO_FEW, "Too few votes"),
    ],
)
def test_a_finding_gives_the_interval_of_whoever_is_ahead(said: Conclusion, words: str) -> None:
    assert finding(said, 0.5601, 0.689) == words


def test_excluded_votes_and_a_side_bias_are_told() -> None:
    biased = votes_of(Community(40, 80, 8, 0.5, 0.3, 0.3, side=1.5), 2)
    excluded = [replace(vote(900 + i, 1), excluded_reason="too_quick") for i in range(3)]  # type: ignore[arg-type]
    text = as_text(board(biased + excluded))
    assert "3 votes stored but not counted" in text
    assert "Side A wins" in text
    assert isinstance(KNOWN.groups[0].cells[0], Cell)


def test_a_leaderboard_travels_to_a_process_without_numpy() -> None:
    code = (
        "import pickle, sys; from bot.arena.text import as_text; "
        "print(as_text(pickle.load(sys.stdin.buffer))); assert 'numpy' not in sys.modules"
    )
    models = [
        replace(v, a=replace(v.a, model=f"{v.a.model}-{v.duel % 2}")) for v in votes_of(MANY_MODELS, 3, TAGS)
    ]
    shown = board(models)
    assert shown.strengths
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code], input=pickle.dumps(shown), capture_output=True, check=True
    )
    assert done.stdout.decode() == as_text(shown) + "\n"
