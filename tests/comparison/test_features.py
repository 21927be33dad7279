import numpy as np
import pytest

from bot.comparison import features

RATE = features.RATE


def clicks(bpm: float, seconds: float = 10.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    wave = 0.001 * rng.standard_normal(round(seconds * RATE))
    for number, at in enumerate(np.arange(0, seconds - 0.1, 60 / bpm)):
        start = round(at * RATE)
        wave[start : start + 800] += (
            (1.0 if number % 4 == 0 else 0.6) * np.exp(-np.arange(800) / 150) * rng.standard_normal(800)
        )
    return wave.astype(np.float32)


@pytest.mark.parametrize("bpm", [62, 90, 120, 128, 174])
def test_the_tempo_of_clicks_is_heard(bpm: float) -> None:
    heard = features.tempo(features.onset_strength(features.log_mel(clicks(bpm))))
    assert features.same_tempo(heard, bpm, 0.02), heard


def test_an_unrelated_tempo_is_not_the_same() -> None:
    assert features.same_tempo(120, 60)
    assert not features.same_tempo(120, 110)
    assert not features.same_tempo(120, 140)


@pytest.mark.parametrize(("tonic", "minor"), [(0, False), (9, True), (7, False), (2, True)])
def test_the_key_of_a_cadence_is_heard(tonic: int, minor: bool) -> None:
    third = 3 if minor else 4
    chords = [(0, third, 7), (5, 5 + third, 12), (7, 11, 14), (0, third, 7)]
    time = np.arange(RATE) / RATE
    parts = [
        sum(
            np.sin(2 * np.pi * 440 * 2 ** ((60 + tonic + n - 69) / 12) * time * h) / h
            for n in chord
            for h in (1, 2, 3)
        )
        for chord in chords
    ]
    assert features.key(features.chroma(np.concatenate(parts).astype(np.float32))) == (tonic, minor)


def test_silence_is_measured() -> None:
    wave = np.ones(4 * RATE, np.float32)
    wave[RATE : round(2.5 * RATE)] = 0
    assert features.longest_silence(wave) == pytest.approx(1.5, abs=0.05)
    assert features.longest_silence(np.ones(RATE, np.float32)) == 0


def test_brightness_follows_the_sound() -> None:
    time = np.arange(RATE) / RATE
    low, high = (np.sin(2 * np.pi * f * time).astype(np.float32) for f in (200, 4000))
    assert features.brightness(low) == pytest.approx(200, abs=5)
    assert features.brightness(high) == pytest.approx(4000, abs=5)


def test_level_and_rate_do_not_change_the_picture() -> None:
    wave = clicks(100)
    assert np.allclose(
        features.log_mel(wave), features.log_mel(np.asarray(0.1 * wave, np.float32)), atol=1e-2
    )
    stereo = np.stack([np.repeat(wave, 2)] * 2)
    assert len(features.mono(stereo, 2 * RATE)) == len(wave)
