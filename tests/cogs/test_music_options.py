"""The options of /music follow what the engines take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.config import Settings
from bot.engines import registry
from bot.recipe import Mode
from cogs.clips.music import DESCRIPTIONS, music_options
from tests.engines.checkpoint_files import write_musicgen
from tests.engines.diffusion.checkpoints import write_pipeline


@pytest.mark.parametrize(
    ("name", "config", "there", "absent"),
    [
        ("ace_step", {"is_turbo": True}, {"lyrics", "steps"}, {"negative", "guidance"}),
        ("ace_step", {}, {"lyrics", "steps", "guidance"}, {"negative"}),
        ("stable_audio", {}, {"negative", "steps", "guidance"}, {"lyrics"}),
    ],
)
def test_a_pipeline_s_own_options_are_offered(
    name: str, config: dict[str, Any], there: set[str], absent: set[str], tmp_path: Path
) -> None:
    folder = write_pipeline(tmp_path / "model", name, **config)
    engine = registry.describe(Mode.DIFFUSION, str(folder))
    options = {option.name for option in music_options([engine], Settings())}
    assert there <= options
    assert not absent & options
    assert all(len(DESCRIPTIONS[option]) <= 100 for option in options)


@pytest.mark.parametrize("melody", [True, False])
def test_a_melody_can_be_attached_where_the_model_follows_one(melody: bool, tmp_path: Path) -> None:
    folder = write_musicgen(tmp_path / "model", melody=melody)
    engine = registry.describe(Mode.AR, str(folder))
    options = {option.name for option in music_options([engine], Settings())}
    assert ("melody" in options) is melody
    assert len(DESCRIPTIONS["melody"]) <= 100
