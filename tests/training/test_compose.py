from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engines.score.format import CHORD, DRUMS, LEAD, ONSET, chord_of
from bot.engines.score.notes import notes_of
from training.captions import SPOKEN, WORDS, _sequence, caption
from training.compose import Settings, compose, random_piece
from training.harmony import chord, nearest, progression, step, tones
from training.patterns import BASS_LINES, CHORD_RHYTHMS, GROOVES
from training.scenes import SCENE_BY_NAME, SCENES

SEEDS = st.integers(0, 2**31)
PLAIN = Settings(guests=0.0, sequences=0.0)


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.name)
def test_every_scene_is_itself(scene) -> None:  # type: ignore[no-untyped-def]
    for seed in range(4):
        piece = compose(scene, 12.0, np.random.default_rng(seed), Settings(guests=0.0))
        assert scene.tempo[0] * 0.97 <= piece.score.tempo <= scene.tempo[1] * 1.03
        assert piece.score.metre == scene.metre
        assert any(name != "drums" for name in piece.instruments)
        notes, hits = notes_of(piece.score)
        assert max(n.start + n.length for n in notes) > 0.85 * 12.0 or max(h.start for h in hits) > 10.0
        if not scene.drums.styles:
            assert not hits


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_the_account_of_a_piece_is_true(seed: int) -> None:
    rng = np.random.default_rng(seed)
    piece = random_piece(rng)
    bars = [bar for bar, _, _ in piece.entries]
    assert bars == sorted(bars)
    for bar, role, name in piece.entries:
        part = piece.score.grid[bar * piece.score.steps_per_bar : (bar + 1) * piece.score.steps_per_bar, role]
        assert (part > 0).any(), name
    text = caption(piece, rng).lower()
    for guest in piece.guests:
        if guest in piece.instruments:
            assert any(word in text for word in SPOKEN.get(guest, (guest,))), (guest, text)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_a_caption_names_instruments_in_the_order_of_their_entry(seed: int) -> None:
    rng = np.random.default_rng(seed)
    piece = compose(SCENE_BY_NAME["epic film"], 10.0, rng, PLAIN)
    entries = ((0, LEAD, "cello"), (2, CHORD, "harp"), (4, DRUMS, "celesta"), (5, LEAD, "oboe"))
    text = _sequence(replace(piece, form="sequence", entries=entries), WORDS["epic film"], rng)
    places = [text.find(name) for _, _, name in entries]
    assert -1 not in places
    assert places == sorted(places)


def test_chords_are_read() -> None:
    assert chord("ii") == (2, "m")
    assert chord("bVII") == (10, "")
    assert chord("im7") == (0, "m7")
    assert chord("V7") == (7, "7")
    assert chord("iiø") == (2, "m7b5")
    assert [len(bar) for bar in progression("I,V vi IV")] == [2, 1, 1]
    with pytest.raises(ValueError, match="H7"):
        chord("H7")


def test_every_progression_and_pattern_of_every_scene_can_be_read() -> None:
    for scene in SCENES:
        for text in scene.progressions:
            assert all(tones(c) for bar in progression(text) for c in bar)
        assert set(scene.chord.styles) <= CHORD_RHYTHMS.keys()
        assert set(scene.bass.styles) <= BASS_LINES.keys() | {"walking"}
        assert set(scene.drums.styles) <= GROOVES.keys()
        assert scene.name in WORDS


@given(st.integers(-30, 90), st.sets(st.integers(0, 11), min_size=1))
def test_the_nearest_pitch_is_the_nearest(pitch: int, classes: set[int]) -> None:
    found = nearest(pitch, classes)
    assert found % 12 in classes
    assert all(
        abs(p - pitch) >= abs(found - pitch) for p in range(pitch - 11, pitch + 12) if p % 12 in classes
    )


@given(st.integers(-12, 36), st.integers(-4, 4))
def test_steps_stay_in_the_scale(pitch: int, by: int) -> None:
    scale = [0, 2, 4, 5, 7, 9, 11]
    moved = step(nearest(pitch, scale), by, scale)
    assert moved % 12 in scale
    assert (moved > nearest(pitch, scale)) == (by > 0) or by == 0


def test_harmony_is_functional_where_it_is_meant_to_be() -> None:
    roots = []
    for seed in range(30):
        piece = compose(SCENE_BY_NAME["waltz"], 20.0, np.random.default_rng(seed), PLAIN)
        tokens = piece.score.grid[:, CHORD]
        roots += [chord_of(int(t))[0] for t in tokens[tokens >= ONSET]]
    assert np.mean([root in (0, 2, 5, 7, 8, 9) for root in roots]) > 0.95
    assert np.mean([root == 0 for root in roots]) > 0.2


def test_a_motif_returns() -> None:
    same = []
    for seed in range(20):
        piece = compose(SCENE_BY_NAME["rainy city"], 40.0, np.random.default_rng(seed), PLAIN)
        lead = piece.score.grid[:, LEAD] >= ONSET
        rhythms = [tuple(lead[bar * 16 : bar * 16 + 16]) for bar in range(8)]
        same.append(rhythms[0] == rhythms[4])
    assert np.mean(same) > 0.6


def test_guests_and_sequences_are_as_rare_as_the_settings_say() -> None:
    pieces = [random_piece(np.random.default_rng(n), Settings(guests=0.0, sequences=0.0)) for n in range(60)]
    assert not any(p.guests for p in pieces)
    assert not any(p.form == "sequence" for p in pieces)
    assert any(p.score.programs[:, DRUMS].any() for p in pieces)
