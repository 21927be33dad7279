"""Waves that mastering has to cope with, as float32 [channels, samples], and a recipe to go with them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from bot.audio.meter import Wave
from bot.recipe import Mode, Recipe
from bot.recipe.capabilities import Capabilities


def time_axis(rate: int, seconds: float) -> np.ndarray:
    return np.arange(round(rate * seconds)) / rate


def tone(rate: int, seconds: float, hz: float = 440.0, level: float = 0.5) -> Wave:
    return (level * np.sin(2 * np.pi * hz * time_axis(rate, seconds)))[np.newaxis].astype(np.float32)


def drums(rate: int, seconds: float) -> Wave:
    """Stereo; peaks about 19 dB over the loudness."""
    time = time_axis(rate, seconds)
    noise = np.random.default_rng(0).standard_normal((2, time.size))
    kick = np.sin(2 * np.pi * 50 * (time % 0.5)) * np.exp(-12 * (time % 0.5))
    snare = noise * np.exp(-25 * ((time + 0.5) % 1))
    hat = noise[::-1] * np.exp(-90 * (time % 0.125))
    return (0.5 * kick + 0.2 * snare + 0.05 * hat).astype(np.float32)


def clicks(rate: int, seconds: float) -> Wave:
    """Square pulses of 2 ms, one every 0.3 s, up and down in turn."""
    time = time_axis(rate, seconds)
    pulses = (time % 0.3 < 0.002) * np.where(time % 0.6 < 0.3, 0.9, -0.9)
    return pulses[np.newaxis].astype(np.float32)


def pad(rate: int, seconds: float) -> Wave:
    """A quiet stereo chord that swells."""
    time = time_axis(rate, seconds)
    chord = [sum(np.sin(2 * np.pi * hz * time + side) for hz in (110, 165, 220, 277)) for side in (0, 1)]
    return (0.004 * np.stack(chord) * (0.6 + 0.4 * np.sin(2 * np.pi * 0.2 * time))).astype(np.float32)


def noise(rate: int, seconds: float) -> Wave:
    return np.random.default_rng(1).normal(0, 0.2, (2, round(rate * seconds))).astype(np.float32)


def song(rate: int, seconds: float) -> Wave:
    """Chords under a beat, stereo, with rests: no sign of a failed render is in it."""
    time = time_axis(rate, seconds)
    root = np.choose((time // 2 % 4).astype(int), (220.0, 174.6, 261.6, 196.0))
    chord = sum(np.sin(2 * np.pi * np.cumsum(root * ratio) / rate) for ratio in (1, 1.26, 1.498))
    held = chord * (time % 2 < 1.6) * np.exp(-time % 2)
    wave: Wave = (0.5 * drums(rate, seconds) + 0.1 * held).astype(np.float32)
    return wave


SIGNALS = {"tone": tone, "drums": drums, "clicks": clicks, "pad": pad, "noise": noise}


def recipe(seconds: float = 2.0, prompt: str = "slow piano in the rain") -> Recipe:
    return Recipe(
        prompt=prompt, mode=Mode.AR, model="tests", seconds=seconds, seed=7, options={"temperature": 0.9}
    )


def capabilities(rate: int, channels: int = 2) -> Capabilities:
    return Capabilities(
        mode=Mode.AR,
        model="tests",
        title="Test signals",
        licence="CC-BY-4.0",
        sample_rate=rate,
        channels=channels,
        min_seconds=0.1,
        max_seconds=60,
        prompt_tokens=64,
    )


def ffmpeg_measure(path: Path) -> tuple[float, float]:
    """Return integrated loudness in LUFS and true peak in dBTP as ffmpeg's own ebur128 measures them."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-i", str(path)]
    command += ["-af", "ebur128=peak=true", "-f", "null", "-"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    summary = report[report.rindex("Summary:") :]
    loudness = re.search(r"I:\s+(\S+) LUFS", summary)
    peak = re.search(r"Peak:\s+(\S+) dBFS", summary)
    assert loudness, summary
    assert peak, summary
    return float(loudness[1]), float(peak[1])
