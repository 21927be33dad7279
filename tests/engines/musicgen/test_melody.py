"""What is heard of a melody's file, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bot.engines.musicgen.melody import chroma_of, read_melody
from bot.errors import InvalidRecipe

RATE = 32_000


def write(file: Path, *frequencies: float, rate: int = 44_100, channels: int = 2) -> str:
    """Write two seconds of each tone, one after the other, and return the file's digest."""
    time = np.arange(2 * rate) / rate
    wave = np.concatenate([0.5 * np.sin(2 * np.pi * f * time) for f in frequencies])
    soundfile.write(file, np.repeat(wave[:, None], channels, 1), rate)
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_the_tune_of_a_file_is_heard(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"tune.{suffix}"
    digest = write(file, 261.63, 440.0)
    wave = read_melody(file, digest, RATE)
    assert abs(len(wave) - 4 * RATE) < 0.1 * RATE
    heard = chroma_of(wave, RATE)
    assert heard.shape[1] == 12
    assert (heard.sum(1) == 1).all()
    classes = heard.argmax(1).tolist()
    assert set(classes[3:12]) == {0}
    assert set(classes[20:28]) == {9}


def test_silence_and_a_single_sample_are_heard_as_nothing() -> None:
    import torch

    for wave in (torch.zeros(RATE), torch.zeros(1)):
        assert (chroma_of(wave, RATE)[:, 0] == 1).all()


def test_what_is_no_melody_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "tune.wav"
    digest = write(file, 440.0)
    with pytest.raises(InvalidRecipe, match="file with it is not here"):
        read_melody(None, digest, RATE)
    with pytest.raises(InvalidRecipe, match="not the melody"):
        read_melody(file, "0" * 64, RATE)
    with pytest.raises(InvalidRecipe, match="cannot be read as audio"):
        read_melody(tmp_path / "absent.wav", digest, RATE)
    for content in (b"", b"RIFF\x00\x00\x00\x00WAVEnonsense", b"\x80\x04."):
        file.write_bytes(content)
        with pytest.raises(InvalidRecipe, match="cannot be read as audio"):
            read_melody(file, hashlib.sha256(content).hexdigest(), RATE)
    soundfile.write(file, np.zeros((0, 1)), RATE)
    with pytest.raises(InvalidRecipe, match="no sound in"):
        read_melody(file, hashlib.sha256(file.read_bytes()).hexdigest(), RATE)
    soundfile.write(file, np.full((100, 1), np.nan), RATE, subtype="FLOAT")
    with pytest.raises(InvalidRecipe, match="no sound in"):
        read_melody(file, hashlib.sha256(file.read_bytes()).hexdigest(), RATE)
