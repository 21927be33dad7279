"""Stored duels as the arms of the statistics."""

from __future__ import annotations

from bot.arena.votes import Arm
from bot.leaderboard.convert import arms
from bot.recipe import Mode
from bot.store.duels.votes import ClosedDuel


def test_a_model_that_is_a_folder_goes_by_its_last_part() -> None:
    duel = ClosedDuel(
        id=1,
        guild_id=2,
        prompt="rain",
        seconds=10.0,
        tags=(),
        built_in=False,
        mode_a="ar",
        model_a="/home/alice/models/mine",
        mode_b="diffusion",
        model_b="stabilityai/stable-audio-open-1.0",
        prompt_consented=True,
    )
    assert arms(duel) == (Arm(Mode.AR, "mine"), Arm(Mode.DIFFUSION, "stabilityai/stable-audio-open-1.0"))
