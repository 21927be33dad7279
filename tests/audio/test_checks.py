import numpy as np
import pytest

from bot.audio.checks import check
from bot.errors import BadAudio
from tests.audio.signals import clicks, tone

RATE = 32_000


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_number_fails_the_clip(bad):
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
def test_silence_fails_the_clip(wave):
    with pytest.raises(BadAudio, match="silent"):
        check(wave.astype(np.float32), RATE, wave.shape[1] / RATE)


def test_sparse_sound_is_no_silence():
    check(clicks(RATE, 10), RATE, 10)
    hit = tone(RATE, 10) * np.exp(-6 * np.arange(10 * RATE) / RATE)
    check(hit.astype(np.float32), RATE, 10)


@pytest.mark.parametrize(("came", "word"), [(1.85, "short"), (2.2, "long")])
def test_wrong_length_fails_the_clip(came, word):
    with pytest.raises(BadAudio, match=f"too {word}"):
        check(tone(RATE, came), RATE, 2)


@pytest.mark.parametrize("came", [1.9, 1.999, 2.0, 2.05, 2.1])
def test_length_within_tolerance_is_made_exact(came):
    wave = tone(RATE, came)
    checked = check(wave, RATE, 2)
    assert checked.shape == (1, 2 * RATE)
    assert checked.dtype == np.float32
    common = min(wave.shape[1], 2 * RATE)
    np.testing.assert_array_equal(checked[:, :common], wave[:, :common])
    assert not checked[:, common:].any()


@pytest.mark.parametrize("shape", [(RATE,), (3, RATE), (0, RATE), (1, 1, RATE), (1, 0)])
def test_wrong_shape_fails_the_clip(shape):
    with pytest.raises(BadAudio):
        check(np.ones(shape, np.float32), RATE, 1)


def test_integers_fail_the_clip():
    with pytest.raises(BadAudio, match="int16"):
        check((tone(RATE, 1) * 32_767).astype(np.int16), RATE, 1)
