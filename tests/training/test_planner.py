"""What the choice of instruments learns from: each stage of a sequence, in view of the one before."""

from dataclasses import replace

import numpy as np

from bot.engines.score.clauses import stages
from bot.engines.score.format import BASS, DRUMS, LEAD
from training.compose import Piece, Settings, compose
from training.scenes import SCENE_BY_NAME
from training.train_planner import examples


def piece_of(programs: list[list[int]], *entries: tuple[int, int, str]) -> Piece:
    made = compose(SCENE_BY_NAME["folk"], 12.0, np.random.default_rng(1), Settings(guests=0.0))
    return replace(
        made, score=replace(made.score, programs=np.array(programs, np.int16)), entries=tuple(entries)
    )


def test_a_caption_without_a_sequence_teaches_what_plays_in_most_bars() -> None:
    piece = piece_of([[0, 0, 5, 0, 1], [3, 0, 5, 0, 1], [3, 0, 6, 0, 0]], (0, LEAD, "x"))
    [(text, before, wanted)] = examples(piece, "warm folk")
    assert text == "warm folk"
    assert not before.any()
    assert wanted.tolist() == [3, 0, 5, 0, 1]


def test_a_sequence_teaches_each_stage_in_view_of_the_one_before() -> None:
    programs = [[0, 0, 5, 0, 0], [0, 0, 5, 0, 0], [0, 7, 5, 0, 0], [0, 7, 5, 0, 2]]
    piece = piece_of(programs, (0, LEAD, "flute"), (2, BASS, "bass"), (3, DRUMS, "drums"))
    text = "first a flute, then a bass, finally drums"
    found = examples(piece, text)
    assert [stage for stage, _, _ in found] == stages(text)
    assert [before.tolist() for _, before, _ in found] == [[0] * 5, [0, 0, 5, 0, 0], [0, 7, 5, 0, 0]]
    assert [wanted.tolist() for *_, wanted in found] == [[0, 0, 5, 0, 0], [0, 7, 5, 0, 0], [0, 7, 5, 0, 2]]


def test_a_caption_with_other_stages_than_the_piece_teaches_nothing() -> None:
    piece = piece_of([[0, 0, 5, 0, 0], [0, 7, 5, 0, 0]], (0, LEAD, "flute"), (1, BASS, "bass"))
    assert examples(piece, "first a flute, then a bass, finally drums") == []
