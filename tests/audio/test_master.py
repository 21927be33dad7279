import numpy as np
import pytest

from bot.audio.limiter import Envelope
from bot.audio.master import FADE_IN_SECONDS, MAX_LIMITING_DB, Master
from bot.audio.meter import amplitude, loudness, true_peak
from tests.audio.signals import SIGNALS, clicks, drums, noise, pad, tone

RATES = [16_000, 32_000, 44_100, 48_000]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", SIGNALS)
def test_loud_as_asked_or_as_the_ceiling_allows(name: str, rate: int) -> None:
    wave = SIGNALS[name](rate, 4)
    mastered = Master(wave, rate).at(-14, -1)
    lufs, peak = loudness(mastered.wave, rate), true_peak(mastered.wave, rate)
    assert peak <= -1 + 0.02
    assert mastered.true_peak_db == pytest.approx(peak, abs=0.05)
    assert mastered.wave.shape == wave.shape
    if mastered.peak_limited:
        assert peak == pytest.approx(-1, abs=0.05)
        assert lufs < -14
    else:
        assert lufs == pytest.approx(-14, abs=0.1)


def test_only_what_needs_it_is_peak_limited() -> None:
    rate = 44_100
    limited = {name for name, signal in SIGNALS.items() if Master(signal(rate, 4), rate).at().peak_limited}
    assert limited == {"drums", "clicks"}


def test_limiter_makes_drums_louder_than_turning_them_up() -> None:
    wave, rate = drums(44_100, 4), 44_100
    turned_up = loudness(wave, rate) - true_peak(wave, rate) - 1
    assert loudness(Master(wave, rate).at().wave, rate) > turned_up + 3


def test_limiter_leaves_what_would_not_get_louder() -> None:
    """Lone pulses: their own level sets the loudness, and more drive would only raise what lies between."""
    rate = 44_100
    wave = clicks(rate, 4)
    wave += 0.001 * noise(rate, 4)[:1]
    mastered = Master(wave, rate).at().wave
    between = slice(round(0.1 * rate), round(0.2 * rate))
    lift = np.std(np.diff(mastered[:, between])) / np.std(np.diff(wave[:, between]))
    peaks = true_peak(mastered, rate) - true_peak(wave, rate)
    assert 20 * np.log10(lift) < peaks + 1


def test_level_coming_in_does_not_matter() -> None:
    rate = 32_000
    loud, quiet = (Master(drums(rate, 2) * np.float32(level), rate).at().wave for level in (8.0, 0.01))
    np.testing.assert_allclose(loud, quiet, atol=1e-5)


def test_offset_and_drift_are_gone() -> None:
    rate = 44_100
    drift = np.linspace(-0.3, 0.7, 4 * rate, dtype=np.float32)
    mastered = Master(tone(rate, 4) * 0.3 + drift, rate).at().wave
    second = mastered[:, : 4 * rate].reshape(4, rate).mean(axis=1)
    assert np.abs(second).max() < amplitude(-60)


def test_starts_and_ends_without_a_click() -> None:
    rate = 44_100
    mastered = Master(np.repeat(tone(rate, 2, level=1), 2, axis=0), rate).at().wave
    peak = np.abs(mastered).max()
    assert np.abs(mastered[:, 0]).max() == 0
    assert np.abs(mastered[:, -1]).max() < peak / 1000
    after = mastered[:, round(FADE_IN_SECONDS * rate) : round(2 * FADE_IN_SECONDS * rate)]
    assert np.abs(after).max() == pytest.approx(peak, rel=0.02)


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.39, 0.41])
def test_very_short_clips_are_mastered(seconds: float) -> None:
    rate = 44_100
    mastered = Master(np.repeat(tone(rate, seconds), 2, axis=0), rate).at().wave
    assert np.isfinite(mastered).all()
    assert true_peak(mastered, rate) <= -1 + 0.02
    if seconds >= 0.39:
        assert loudness(mastered, rate) == pytest.approx(-14, abs=0.15)


def test_gain_falls_before_the_peak_and_returns_after_it() -> None:
    rate = 48_000
    wave = 0.25 * tone(rate, 1, level=1)
    wave[:, rate // 2] = 1.0
    envelope = Envelope.of([wave], rate, above=0.1)
    gain = envelope.gain(0, -6)
    at_peak = len(gain) // 2
    before, after = round(0.006 * rate / envelope.block), round(0.4 * rate / envelope.block)
    assert gain[at_peak] <= amplitude(-6)
    assert gain[at_peak - before] == 1
    assert gain[at_peak - before // 3] < 1
    assert np.all(np.diff(gain[at_peak - before : at_peak]) <= 1e-12)
    assert gain[at_peak + before] < 0.6
    assert gain[at_peak + after] > 0.98


def test_limiting_a_bass_note_hardly_distorts_it() -> None:
    rate = 44_100
    wave = tone(rate, 5, hz=40, level=1)
    envelope = Envelope.of([wave], rate, above=0.1)
    limited = envelope.apply(wave, envelope.gain(6, -1))[0, rate : 4 * rate]
    spectrum = np.abs(np.fft.rfft(limited * np.hanning(limited.size))) ** 2
    fundamental = spectrum[3 * 40 - 4 : 3 * 40 + 5].sum()
    assert np.sqrt((spectrum.sum() - fundamental) / fundamental) < 0.01


def test_limiter_keeps_the_stereo_image() -> None:
    rate = 44_100
    wave = drums(rate, 2)
    wave[1] *= 0.5
    envelope = Envelope.of([wave], rate, above=amplitude(-MAX_LIMITING_DB) * 0.5)
    limited = envelope.apply(wave, envelope.gain(6, -1))
    np.testing.assert_allclose(limited[0] * wave[1], limited[1] * wave[0], atol=1e-6)


def test_estimated_loudness_is_the_measured_one() -> None:
    rate = 48_000
    for wave in (drums(rate, 4), pad(rate, 4), noise(rate, 4)):
        envelope = Envelope.of([wave], rate, above=0.01)
        gain = envelope.gain(6, -1)
        assert envelope.loudness(gain) == pytest.approx(loudness(envelope.apply(wave, gain), rate), abs=0.1)
