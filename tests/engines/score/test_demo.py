"""The clips that the sandbox opens with: they start at once, stay in key and keep one loudness."""

from __future__ import annotations

import numpy as np
import pytest

from bot.config import Settings
from bot.engines.score import BUILT_IN, load
from bot.engines.score.engine import ScoreEngine
from bot.engines.score.notes import notes_of
from bot.local import DEMO
from bot.recipe import Mode, Recipe
from training.listen import RecordingContext

SCALES = ({0, 2, 4, 5, 7, 9, 11}, {0, 2, 3, 5, 7, 8, 11})
"""Semitones of the major and the harmonic minor scale above their root."""


def in_best_scale(pitches: list[tuple[int, float]]) -> float:
    """Return the share of sounding time that the best fitting scale holds; pitches with their lengths."""
    total = sum(length for _, length in pitches)
    scales = [{(root + step) % 12 for step in scale} for root in range(12) for scale in SCALES]
    return max(sum(length for pitch, length in pitches if pitch % 12 in scale) for scale in scales) / total


@pytest.mark.parametrize(("mode", "prompt", "seed"), DEMO)
def test_a_demo_clip_is_among_the_best(mode: Mode, prompt: str, seed: int) -> None:
    engine = load(mode, BUILT_IN[f"antiphon-tiny-{mode}"])
    assert isinstance(engine, ScoreEngine)
    seconds = Settings().default_seconds
    model = engine.capabilities.model
    recipe = Recipe(prompt=prompt, mode=mode, model=model, seconds=seconds, seed=seed)
    context = RecordingContext(recipe)
    engine.run(context)
    notes, _ = notes_of(engine.write(recipe, lambda done, total: None), seed)
    pitched = [(note.pitch, note.length) for note in notes if note.program]
    assert len(pitched) >= 40
    assert in_best_scale(pitched) >= 0.97

    assert context.wave is not None
    mono = context.wave.mean(0)
    tenth = engine.capabilities.sample_rate // 10
    frames = mono[: len(mono) // tenth * tenth].reshape(-1, tenth)
    level = 20 * np.log10(np.sqrt((frames**2).mean(1) / (mono**2).mean()) + 1e-9)
    assert level[:2].max() > -20, "it starts within 0.2 s"
    quiet = "".join("q" if one < -30 else " " for one in level)
    assert max(map(len, quiet.split())) <= 3 if quiet.strip() else True, "no silence longer than 0.3 s"
    seconds_level = [level[at : at + 10].mean() for at in range(0, 10 * int(seconds), 10)]
    assert max(seconds_level) - min(seconds_level) < 6, "dB between the loudest and the softest second"
