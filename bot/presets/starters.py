"""The starter library as presets of the bot itself."""

from __future__ import annotations

from bot.presets.scenarios import Scenario, starters
from bot.recipe import Mode
from bot.store.presets.model import Body, Draft


def starter_presets() -> dict[str, Draft]:
    """Return one preset for every scenario and mode, by its code."""
    return {
        f"{scenario.id}-{mode}": Draft(f"{scenario.name} ({mode})", _body(scenario, mode))
        for scenario in starters()
        for mode in Mode
    }


def other_wordings(code: str | None) -> tuple[str, ...]:
    """Return the further prompts of the starter with this code, none for any other preset."""
    for scenario in starters():
        for mode in Mode:
            if code == f"{scenario.id}-{mode}":
                return scenario.prompts[mode][1:]
    return ()


def _body(scenario: Scenario, mode: Mode) -> Body:
    return Body(
        template=scenario.prompts[mode][0],
        mode=mode,
        seconds=scenario.seconds,
        tags=scenario.tags,
        description=scenario.description,
    )
