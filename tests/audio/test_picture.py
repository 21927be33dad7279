from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.audio.picture import (
    BACKGROUND,
    COVER_WIDTH,
    MAX_COVER_BYTES,
    WIDTH,
    cover,
    draw,
    draw_pair,
    draw_parts,
)
from tests.audio.signals import SIGNALS, tone


@pytest.mark.parametrize(
    ("name", "rate", "seconds"),
    [(name, 32_000, 10) for name in SIGNALS] + [("drums", 16_000, 0.1), ("noise", 48_000, 60)],
)
def test_any_clip_gives_a_small_picture(name: str, rate: int, seconds: float, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    draw(SIGNALS[name](rate, seconds), rate, path)
    assert path.stat().st_size <= 150_000
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width == WIDTH
        assert picture.height <= 180, "with its player and buttons it no longer fits a laptop"
    colours = pixels(path)
    assert "#{:02x}{:02x}{:02x}".format(*colours[0, 0]) == BACKGROUND
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) > 20


@pytest.mark.parametrize("name", SIGNALS)
def test_a_cover_is_a_small_square_with_the_picture_in_its_middle(name: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    draw(SIGNALS[name](44_100, 60), 44_100, path)
    data = cover(path)
    assert len(data) <= MAX_COVER_BYTES
    with Image.open(BytesIO(data)) as square:
        assert (square.format, square.size) == ("JPEG", (COVER_WIDTH, COVER_WIDTH))
        shown = np.asarray(square.convert("L")).astype(int)
    assert shown[COVER_WIDTH // 3 : 2 * COVER_WIDTH // 3].std() > 10 * shown[: COVER_WIDTH // 3].std()


def pixels(path: Path) -> np.ndarray:
    """Return [rows, columns, red green blue], 0 to 255."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def brightest_row(path: Path, top: int, bottom: int) -> int:
    return int(pixels(path)[top:bottom, 110:750].mean(axis=(1, 2)).argmax())


def test_higher_notes_stand_higher(tmp_path: Path) -> None:
    rows = []
    for hz in (200, 1_000, 6_000):
        draw(tone(44_100, 3, hz=hz), 44_100, tmp_path / "tone.png")
        rows.append(brightest_row(tmp_path / "tone.png", 54, 134))
    assert rows == sorted(rows, reverse=True)
    assert rows[0] - rows[2] > 35


def test_sound_stands_where_it_is_heard(tmp_path: Path) -> None:
    wave = tone(44_100, 10)
    wave[:, : 5 * 44_100] = 0
    draw(wave, 44_100, tmp_path / "late.png")
    plot = pixels(tmp_path / "late.png")[8:134, 100:760]
    assert plot[:, 350:].mean() > 2 * plot[:, :310].mean()


def test_a_wave_in_parts_is_drawn_as_the_whole(tmp_path: Path) -> None:
    wave = SIGNALS["drums"](32_000, 3)
    draw(wave, 32_000, tmp_path / "whole.png")
    for size in (7_001, 700, 90_000):
        parts = (wave[:, start : start + size] for start in range(0, wave.shape[1], size))
        draw_parts(parts, wave.shape[1], 32_000, tmp_path / "parts.png")
        assert np.abs(pixels(tmp_path / "parts.png") - pixels(tmp_path / "whole.png")).max() <= 1, size


def halves(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return what stands in the plots of A and of B, waveform and spectrogram."""
    whole = pixels(path)
    return whole[8:134, 100:760], whole[150:276, 100:760]


def test_a_pair_is_drawn_alike_and_named_by_letters_alone(tmp_path: Path) -> None:
    a, b = tone(32_000, 4, hz=300), tone(32_000, 4, hz=2_000)
    draw_pair((a, 32_000), (b, 32_000), tmp_path / "ab.png")
    draw_pair((b, 32_000), (a, 32_000), tmp_path / "ba.png")
    upper, lower = halves(tmp_path / "ab.png")
    swapped_upper, swapped_lower = halves(tmp_path / "ba.png")
    assert np.abs(upper - swapped_lower).mean() < 0.5
    assert np.abs(lower - swapped_upper).mean() < 0.5
    assert np.abs(upper - lower).mean() > 5
    names = [pixels(tmp_path / file)[:, :99] for file in ("ab.png", "ba.png")]
    np.testing.assert_array_equal(names[0], names[1])


def test_a_pair_does_not_tell_sample_rates_or_channels_apart(tmp_path: Path) -> None:
    mono = tone(24_000, 4, hz=600)
    stereo = np.repeat(tone(48_000, 4, hz=600), 2, axis=0)
    draw_pair((mono, 24_000), (stereo, 48_000), tmp_path / "pair.png")
    upper, lower = halves(tmp_path / "pair.png")
    assert np.abs(upper - lower).mean() < 4
    assert (tmp_path / "pair.png").stat().st_size <= 150_000


def test_a_pair_of_different_lengths_shares_its_time_axis(tmp_path: Path) -> None:
    draw_pair((tone(32_000, 2), 32_000), (tone(32_000, 4), 32_000), tmp_path / "pair.png")
    upper, lower = halves(tmp_path / "pair.png")
    assert upper[:, 340:].mean() < upper[:, :320].mean() / 1.3
    assert lower[:, 340:].mean() == pytest.approx(lower[:, :320].mean(), rel=0.05)
