"""The file of a clip's first seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.audio.meter import loudness
from bot.audio.mp3 import decode
from bot.audio.preview import FADE_SECONDS, write_preview
from bot.audio.tags import read_recipe
from bot.errors import BadAudio, UserError
from bot.executor.protocol import PREVIEW_SECONDS

RATE = 32_000


def tone(channels: int = 2, rate: int = RATE) -> np.ndarray:
    time = np.arange(round(PREVIEW_SECONDS * rate)) / rate
    wave = 0.05 * sum(np.sin(2 * np.pi * hz * time) for hz in (220, 331, 487))
    return np.stack([wave] * channels).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [24_000, 32_000, 44_100, 48_000])
def test_it_is_as_loud_as_clips_and_carries_no_recipe(channels: int, rate: int, tmp_path: Path) -> None:
    path = tmp_path / "00000001-preview.mp3"
    write_preview(tone(channels, rate), rate, path)
    wave, its_rate = decode(path)
    assert its_rate == rate
    assert wave.shape[0] == 2, "players send it to both sides"
    assert wave.shape[1] == pytest.approx(PREVIEW_SECONDS * rate, abs=rate / 100)
    assert loudness(wave, rate) == pytest.approx(-14, abs=1)
    with pytest.raises(UserError, match="no Antiphon recipe"):
        read_recipe(path)
    assert path.stat().st_size < 100_000
    assert [file.name for file in tmp_path.iterdir()] == [path.name], "nothing else is left"


def test_it_fades_out_where_the_music_goes_on(tmp_path: Path) -> None:
    write_preview(tone(), RATE, tmp_path / "a.mp3")
    wave, _ = decode(tmp_path / "a.mp3")
    end = wave.shape[1]
    before, last = end - round(2 * FADE_SECONDS * RATE), end - round(0.01 * RATE)
    loud = np.abs(wave[:, before : before + 1_000]).max()
    assert np.abs(wave[:, last:]).max() < 0.1 * loud


@pytest.mark.parametrize("spoilt", [0.0, np.nan])
def test_what_is_no_music_is_refused_and_leaves_nothing(spoilt: float, tmp_path: Path) -> None:
    with pytest.raises(BadAudio):
        write_preview(tone() * np.float32(spoilt), RATE, tmp_path / "a.mp3")
    assert list(tmp_path.iterdir()) == []
