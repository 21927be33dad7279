import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bot.engines.score import bits
from bot.engines.score import format as fmt
from bot.engines.score.notes import MAX_NOTE_BARS, notes_of, voicing
from bot.engines.score.programs import KITS, PROGRAMS
from training.compose import compose, random_piece
from training.scenes import SCENES

SEEDS = st.integers(0, 2**32 - 1)


def same(a: fmt.Score, b: fmt.Score) -> bool:
    fields = ("tempo_class", "metre", "key", "scale", "swing", "mix")
    return all(getattr(a, f) == getattr(b, f) for f in fields) and bool(
        (a.grid == b.grid).all() and (a.programs == b.programs).all()
    )


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_a_score_survives_tokens(seed: int) -> None:
    piece = random_piece(np.random.default_rng(seed))
    frames = fmt.to_frames(piece.score, piece.seconds)
    assert frames.shape[0] == fmt.STREAMS
    assert frames.min() >= 0
    assert frames.max() < fmt.VOCABULARY
    assert same(fmt.from_frames(frames), piece.score)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_a_score_survives_bits(seed: int) -> None:
    score = random_piece(np.random.default_rng(seed)).score
    steps = score.grid.reshape(-1, 4, 5)
    programs = score.programs[np.arange(len(steps)) // score.metre]
    again, kinds = bits.from_bits(
        bits.to_bits(steps, programs, np.full(len(steps), score.scale)), score.scale
    )
    assert (again == steps).all()
    assert (bits.programs_of(kinds) == programs).all()


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float32, (6, bits.BEAT_BITS), elements=st.floats(-3, 3, width=32)),
    st.integers(0, len(fmt.SCALE_NAMES) - 1),
)
def test_any_bits_are_tokens_of_the_format(values: np.ndarray, scale: int) -> None:
    steps, _ = bits.from_bits(values, scale)
    for role in range(5):
        assert steps[..., role].min() >= 0
        assert steps[..., role].max() < fmt.STEP_SIZES[role]


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(0, 700))
def test_any_tokens_read_as_a_score_that_can_be_played(seed: int, noise: int) -> None:
    rng = np.random.default_rng(seed)
    piece = compose(SCENES[seed % len(SCENES)], 6.0, rng)
    frames = fmt.to_frames(piece.score, 6.0)
    frames[1:] = np.where(
        rng.random(frames[1:].shape) < 0.4, rng.integers(0, noise + 1, frames[1:].shape), frames[1:]
    )
    score = fmt.from_frames(frames)
    assert score.programs.max() < len(PROGRAMS)
    assert score.programs[:, fmt.DRUMS].max() < len(KITS)
    notes, _ = notes_of(score)
    for note in notes:
        assert 0 <= note.pitch <= 127
        assert note.length <= (MAX_NOTE_BARS + 1) * score.steps_per_bar * score.seconds_per_step
        assert 0 < note.velocity <= 1


def test_no_tempo_is_further_than_its_tolerance_from_a_class() -> None:
    for bpm in range(50, 200):
        assert abs(fmt.tempo_of(fmt.tempo_class_of(bpm)) / bpm - 1) < 0.016


@pytest.mark.parametrize("seconds", [5.0, 7.3, 10.0, 29.9, 60.0])
def test_the_clock_fills_the_clip(seconds: float) -> None:
    for tempo_class in range(0, fmt.TEMPO_CLASSES, 7):
        bpm = fmt.tempo_of(tempo_class)
        beats = fmt.beats_in(seconds, bpm)
        assert abs(beats * 60 / bpm - seconds) <= 30 / bpm + fmt.TAIL_SECONDS + 1e-6
        clock = fmt.clock_of(seconds, 4, beats * 4)
        bars = clock[(clock >= fmt.CLOCK_BAR) & (clock < fmt.CLOCK_STEP)]
        assert list(bars) == sorted(bars)
        assert (clock >= fmt.CLOCK_STEP).sum() == beats * 4


def test_chord_and_drum_tokens_are_one_to_one() -> None:
    for root in range(12):
        for quality in fmt.QUALITY_NAMES:
            for level in range(fmt.CHORD_LEVELS):
                assert fmt.chord_of(fmt.chord_token(root, quality, level)) == (root, quality, level)
    tokens = {fmt.drum_token(*fmt.drums_of(t)) for t in range(fmt.STEP_SIZES[fmt.DRUMS])}
    assert tokens == set(range(fmt.STEP_SIZES[fmt.DRUMS]))


@given(st.integers(0, 11), st.sampled_from(fmt.QUALITY_NAMES), st.integers(40, 75))
def test_a_voicing_holds_the_chord_near_its_centre(root: int, quality: str, centre: int) -> None:
    notes = voicing(fmt.QUALITIES[quality], root, centre, None)
    assert {n % 12 for n in notes} == {(root + i) % 12 for i in fmt.QUALITIES[quality]}
    assert list(notes) == sorted(notes)
    assert abs(np.mean(notes) - centre) < 9


def test_voices_move_less_than_roots_do() -> None:
    before = voicing((0, 4, 7), 0, 60, None)
    after = voicing((0, 4, 7), 7, 60, before)
    assert abs(np.mean(after) - np.mean(before)) < 5
