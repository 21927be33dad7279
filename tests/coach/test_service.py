from __future__ import annotations

from pathlib import Path

import pytest

from bot.coach.recommend import UNDECIDED
from bot.coaching import CoachService
from bot.engines import registry
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities
from bot.store.coached import CoachStore
from bot.store.database import Database
from tests.tone import describe

RAIN = "slow piano in the rain"


@pytest.mark.parametrize(
    "engines",
    [
        {Mode.AR: registry.describe(Mode.AR, "antiphon-tiny-ar")},
        {mode: registry.describe(mode, f"antiphon-tiny-{mode}") for mode in Mode},
        {
            Mode.AR: describe(Mode.AR, "tones"),
            Mode.DIFFUSION: registry.describe(Mode.DIFFUSION, "antiphon-tiny-diffusion"),
        },
    ],
)
async def test_with_a_built_in_model_no_mode_is_recommended(
    tmp_path: Path, engines: dict[Mode, Capabilities]
) -> None:
    async with Database.open(tmp_path / "a.db", 0) as database:
        service = CoachService(CoachStore(database), engines, Mode.AR, lambda: 0)
        assert (await service.answer(1, RAIN, Mode.AR, None)).suited is None
        assert service.mode_for(RAIN) is Mode.AR


async def test_with_other_models_the_one_that_suits_is_recommended(tmp_path: Path) -> None:
    engines = {mode: describe(mode, "tones") for mode in Mode}
    async with Database.open(tmp_path / "a.db", 0) as database:
        service = CoachService(CoachStore(database), engines, Mode.AR, lambda: 0)
        suited = (await service.answer(1, RAIN, Mode.AR, None)).suited
        assert suited is not None
        assert (suited.mode, suited.confidence >= UNDECIDED) == (Mode.DIFFUSION, True)
        assert service.mode_for(RAIN) is Mode.DIFFUSION
