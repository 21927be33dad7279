import numpy as np
import pytest

from bot.audio.checks import check
from bot.audio.diagnosis import warnings
from bot.audio.meter import Wave
from bot.errors import BadAudio
from tests.audio.signals import SIGNALS, clicks, noise, pad, song, time_axis, tone

RATE = 32_000


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_number_fails_the_clip(bad: float) -> None:
    wave = tone(RATE, 2)
    wave[0, 100] = bad
    with pytest.raises(BadAudio, match="NaN"):
        check(wave, RATE, 2)


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros((2, RATE)),
        np.full((1, RATE), 0.3),
        np.random.default_rng(0).uniform(-9e-4, 9e-4, (1, RATE)),
        np.eye(1, 10 * RATE),
    ],
    ids=["zeros", "an offset", "hiss below −60 dBFS", "one click in ten seconds"],
)
def test_silence_fails_the_clip(wave: Wave) -> None:
    with pytest.raises(BadAudio, match="silent"):
        check(wave.astype(np.float32), RATE, wave.shape[1] / RATE)


def test_sparse_sound_is_no_silence() -> None:
    check(clicks(RATE, 10), RATE, 10)
    hit = tone(RATE, 10) * np.exp(-6 * np.arange(10 * RATE) / RATE)
    check(hit.astype(np.float32), RATE, 10)


@pytest.mark.parametrize(("came", "word"), [(1.85, "short"), (2.2, "long")])
def test_wrong_length_fails_the_clip(came: float, word: str) -> None:
    with pytest.raises(BadAudio, match=f"too {word}"):
        check(tone(RATE, came), RATE, 2)


@pytest.mark.parametrize("came", [1.9, 1.999, 2.0, 2.05, 2.1])
def test_length_within_tolerance_is_made_exact(came: float) -> None:
    wave = tone(RATE, came)
    checked = check(wave, RATE, 2)
    assert checked.shape == (1, 2 * RATE)
    assert checked.dtype == np.float32
    common = min(wave.shape[1], 2 * RATE)
    np.testing.assert_array_equal(checked[:, :common], wave[:, :common])
    assert not checked[:, common:].any()


@pytest.mark.parametrize("shape", [(RATE,), (3, RATE), (0, RATE), (1, 1, RATE), (1, 0)])
def test_wrong_shape_fails_the_clip(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadAudio):
        check(np.ones(shape, np.float32), RATE, 1)


def test_integers_fail_the_clip() -> None:
    with pytest.raises(BadAudio, match="int16"):
        check((tone(RATE, 1) * 32_767).astype(np.int16), RATE, 1)


def lone_clicks(seconds: float, every: float) -> np.ndarray:
    time = time_axis(RATE, seconds)
    return np.asarray(0.9 * (time % every < 0.002), np.float32)[np.newaxis]


def low_tone(hz: float) -> np.ndarray:
    return tone(RATE, 10, hz)


@pytest.mark.parametrize(
    ("wave", "reason"),
    [
        (lone_clicks(20, 4), "silent, or nearly so"),
        (np.linspace(-0.9, 0.9, 10 * RATE)[np.newaxis], "can be heard"),
        (np.repeat(np.linspace(0, 0.9, 10 * RATE)[np.newaxis] ** 2, 2, axis=0), "can be heard"),
        (low_tone(18), "can be heard"),
        (low_tone(5), "can be heard"),
        (0.0014 * song(RATE, 10) / np.abs(song(RATE, 10)).max(), "silent, or nearly so"),
    ],
    ids=["a click every 4 s", "a slope", "a bow", "18 Hz", "5 Hz", "a song at −57 dBFS"],
)
def test_what_nobody_can_hear_fails_the_clip(wave: Wave, reason: str) -> None:
    with pytest.raises(BadAudio, match=reason):
        check(wave.astype(np.float32), RATE, wave.shape[1] / RATE)


@pytest.mark.parametrize("hz", [27.5, 55, 15_000])
def test_the_lowest_and_highest_notes_are_heard(hz: float) -> None:
    check(tone(RATE, 10, hz), RATE, 10)


def test_a_wood_block_every_four_seconds_is_a_clip() -> None:
    time = time_axis(RATE, 20) % 4
    check(
        (0.9 * np.sin(2 * np.pi * 900 * time) * np.exp(-40 * time))[np.newaxis].astype(np.float32), RATE, 20
    )


def at_peak(db: float) -> np.ndarray:
    wave = np.tanh(6 * song(RATE, 10)) + 0.1 * noise(RATE, 10)
    return np.asarray(wave / np.abs(wave).max() * 10 ** (db / 20), np.float32)


def stops(share: float) -> np.ndarray:
    wave = song(RATE, 20)
    wave[:, round(share * wave.shape[1]) :] = 0
    return wave


def repeated(seconds: float) -> np.ndarray:
    return np.tile(song(RATE, 10)[:, : round(seconds * RATE)], round(20 / seconds))


def one_side(side: int) -> np.ndarray:
    wave = song(RATE, 10)
    wave[1 - side] *= 1e-3
    return wave


def full_scale_noise() -> np.ndarray:
    return np.random.default_rng(5).uniform(-1, 1, (2, 10 * RATE)).astype(np.float32)


@pytest.mark.parametrize(
    ("wave", "said"),
    [
        (stops(0.25), "It is silent from 5.0 s."),
        (stops(0.11), "It is silent from 2.2 s."),
        (lone_clicks(20, 0.5), "It is silent for 96% of its length."),
        (repeated(0.4), "It repeats the same 0.40 s over and over."),
        (repeated(1.0), "It repeats the same 1.00 s over and over."),
        (full_scale_noise(), "It is white noise from end to end."),
        (one_side(0), "Only the left side has sound."),
        (one_side(1), "Only the right side has sound."),
        (at_peak(-50), "It came out at -50 dBFS and was amplified, noise and all."),
    ],
    ids=["25 %", "11 %", "clicks", "0.4 s", "1 s", "noise", "left", "right", "−50 dBFS"],
)
def test_what_music_can_be_too_is_taken_and_reported(wave: Wave, said: str) -> None:
    assert check(wave, RATE, wave.shape[1] / RATE) is not None
    assert said in warnings(wave, RATE)


@pytest.mark.parametrize(
    "wave",
    [
        song(RATE, 20),
        song(RATE, 20)[:1],
        song(RATE, 1),
        at_peak(-40),
        pad(RATE, 10) * 5,
        tone(RATE, 10),
        SIGNALS["drums"](RATE, 10) * np.linspace(0.2, 1, 10 * RATE).astype(np.float32),
        np.cumsum(noise(RATE, 10), axis=1) / 200,
        stops(0.7),
    ],
    ids=["song", "mono", "short", "−40 dBFS", "pad", "tone", "drums", "rumble", "a long end"],
)
def test_nothing_is_said_of_music(wave: Wave) -> None:
    assert warnings(wave.astype(np.float32), RATE) == ()
