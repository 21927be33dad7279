"""A score model's own description, `antiphon.json`, read without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.engines.score.format_version import VERSION
from bot.errors import ModelMissing
from bot.recipe import Mode, Role, Task
from bot.recipe.capabilities import Bounds, Capabilities, texts
from bot.recipe.options import OPTIONS

CONFIG_FILE = "antiphon.json"
PROMPT_TOKENS = 512
"""Tokens of a prompt after which its embedding, a mean over all of them, says little of each."""
ENCODER_LANGUAGES = frozenset(
    (
        *("Arabic", "Chinese", "Dutch", "English", "French", "German", "Italian", "Japanese", "Korean"),
        *("Polish", "Portuguese", "Russian", "Spanish", "Thai", "Turkish", "emoji"),
    )
)
"""Of the multilingual Universal Sentence Encoder (Yang et al., arXiv:1907.04307); emoji by their names."""
LONGEST_SECONDS = 300.0
"""Written in sections of format.MAX_SECONDS at most."""
DEFAULT_STRENGTH, DEFAULT_STRUCTURE = 0.5, 0.5
TASKS: Mapping[Task, frozenset[Role]] = {
    Task.TEXT: frozenset(),
    Task.CONTINUE: frozenset({Role.START}),
    Task.VARY: frozenset({Role.INITIAL}),
    Task.REPAINT: frozenset({Role.INITIAL}),
}
DIFFUSION_TASKS: Mapping[Task, frozenset[Role]] = {Task.HYBRID: frozenset({Role.INITIAL})}
"""Denoising can begin from the score of any built-in model; a token model would have to copy it."""
ADVICE = "fetch the folder “models” of the project again, or point the setting at another model"


@dataclass(frozen=True, slots=True)
class ScoreConfig:
    """A model's folder, its capabilities, and the folder of its sounds."""

    folder: Path
    capabilities: Capabilities
    sounds: Path


def read_config(mode: Mode, folder: Path) -> ScoreConfig:
    """Return the configuration of a score model.

    Raises ModelMissing for a folder that holds none of this mode, whole.
    """
    try:
        data: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelMissing(f"There is no {CONFIG_FILE} in {folder}: {ADVICE}.") from error
    except ValueError as error:
        raise ModelMissing(f"{folder / CONFIG_FILE} is not readable as JSON: {ADVICE}.") from error
    try:
        if data["score_format"] != VERSION:
            raise ModelMissing(
                f"The model in {folder} writes score format {data['score_format']}, this program reads "
                f"{VERSION}: {ADVICE}."
            )
        if data["mode"] != mode.value:
            raise ModelMissing(f"The model in {folder} is for mode {data['mode']}, not {mode.value}.")
        for name in data["files"]:
            if not (folder / name).is_file():
                raise ModelMissing(f"The file {name} is missing in {folder}: {ADVICE}.")
        options = {name: Bounds(*map(float, bounds)) for name, bounds in data["options"].items()}
        options |= texts("key", "loop")
        options |= {name: OPTIONS[name].bounds for name in ("repaint_start", "repaint_end")}
        options["strength"] = Bounds(0, 1, DEFAULT_STRENGTH)
        if mode is Mode.DIFFUSION:
            options["structure"] = Bounds(0, 1, DEFAULT_STRUCTURE)
        if data["negative_prompt"]:
            options |= texts("negative_prompt")
        capabilities = Capabilities(
            mode=mode,
            model=data["model"],
            title=data["title"],
            licence=data["licence"],
            sample_rate=int(data["sample_rate"]),
            channels=2,
            min_seconds=float(data["min_seconds"]),
            max_seconds=LONGEST_SECONDS,
            tasks={**TASKS, **(DIFFUSION_TASKS if mode is Mode.DIFFUSION else {})},
            prompt_tokens=PROMPT_TOKENS,
            languages=ENCODER_LANGUAGES,
            options=options,
            needs_scores=True,
            slots=1,
            real_time_factor=float(data["real_time_factor"]),
        )
        return ScoreConfig(folder, capabilities, folder / data["sounds"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelMissing(f"{folder / CONFIG_FILE} does not describe a score model: {ADVICE}.") from error
