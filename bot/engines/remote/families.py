"""The families of models that make music in audio.cpp: what each takes, and a recipe in its terms.

Options and defaults: docs/music_generation.md, docs/models/ace_step.md and docs/models/stable_audio.md of
audio.cpp. Its server takes a source as a path on its own machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.engines.remote.servers import RemoteModel
from bot.errors import ModelMissing
from bot.recipe import Mode, Recipe, Role, Task
from bot.recipe.capabilities import Bounds, Capabilities, texts
from bot.recipe.languages import LANGUAGES

Request = dict[str, Any]
MAX_EXACT = 2**53
"""Up to this JSON's numbers are exact; larger seeds go as text, as the server's README asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A family of models.

    sources: its tasks with a source, and the source's role.  fill: adds a recipe's options to a request.
    """

    mode: Mode
    title: str
    licence: str
    sample_rate: int
    min_seconds: float
    max_seconds: Callable[[str], float]
    options: Mapping[str, Bounds]
    fill: Callable[[Recipe, Request], None]
    sources: Mapping[Task, Role] = field(default_factory=dict)
    languages: frozenset[str] = frozenset({"English"})


def capabilities_of(model: RemoteModel, mode: Mode) -> Capabilities:
    """Return a server's model as capabilities. Raises ModelMissing for another mode or an unknown family."""
    family = FAMILIES.get(model.family)
    if family is None:
        raise ModelMissing(
            f"{model.name} is of the family {model.family[:40]!r}, which is not known here: "
            f"{', '.join(FAMILIES)} are."
        )
    if family.mode is not mode:
        raise ModelMissing(f"{model.name} is a model of mode {family.mode}, not of mode {mode}.")
    tasks: dict[Task, frozenset[Role]] = {Task.TEXT: frozenset()}
    # The server reads a source from its own disk: only a server on this machine has ours.
    if model.on_this_machine:
        tasks |= {task: frozenset({role}) for task, role in family.sources.items()}
    return Capabilities(
        mode=mode,
        model=model.name,
        title=f"{family.title} ({model.id})",
        licence=family.licence,
        sample_rate=family.sample_rate,
        channels=2,
        min_seconds=family.min_seconds,
        max_seconds=family.max_seconds(model.id),
        prompt_tokens=256,
        options=family.options,
        tasks=tasks,
        languages=family.languages,
    )


def to_request(family: str, recipe: Recipe, source: str | None) -> Request:
    """Return the `request` of POST /v1/tasks/run for a recipe. source: path of the source's WAV, if any."""
    request: Request = {
        "text": recipe.prompt,
        "duration_seconds": recipe.seconds,
        "seed": recipe.seed if recipe.seed <= MAX_EXACT else str(recipe.seed),
        "options": {},
    }
    if source is not None:
        request["audio"] = source
    for name, theirs in _SHARED.items():
        if name in recipe.options:
            request[theirs] = recipe.options[name]
    FAMILIES[family].fill(recipe, request)
    # Its parser reads options as text.
    request["options"] = {name: str(value) for name, value in request["options"].items()}
    return request


_SHARED = {
    "num_sampling_steps": "num_inference_steps",
    "guidance_scale": "guidance_scale",
    "temperature": "temperature",
    "top_k": "top_k",
    "lyrics": "lyrics",
}
"""Options that stand in the request itself, by our name."""


def _ace_step(recipe: Recipe, request: Request) -> None:
    options = request["options"]
    # A continuation is a source padded with silence whose silence is repainted, as in ACE-Step itself.
    routes = {Task.CONTINUE: "repaint", Task.REPAINT: "repaint", Task.COVER: "cover", Task.HYBRID: "cover"}
    request["task_route"] = routes.get(recipe.task, "text2music")
    if "lyrics" not in recipe.options:
        request["lyrics"] = "[Instrumental]"
    if language := recipe.text("vocal_language"):
        request["language"] = LANGUAGES[language]
    for name, theirs in (("bpm", "bpm"), ("key", "keyscale"), ("shift", "shift")):
        if name in recipe.options:
            options[theirs] = recipe.options[name]
    if meter := recipe.text("time_signature"):
        options["timesignature"] = meter.partition("/")[0]
    if recipe.task is Task.REPAINT:
        request["repaint_start"] = recipe.options["repaint_start"]
        request["repaint_end"] = recipe.options["repaint_end"]
    if "structure" in recipe.options:
        options["audio_cover_strength"] = recipe.options["structure"]


def _stable_audio(recipe: Recipe, request: Request) -> None:
    options = request["options"]
    if negative := recipe.text("negative_prompt"):
        options["negative_prompt"] = negative
    if recipe.task is Task.VARY:
        options |= {"audio_input_kind": "init_audio", "init_noise_level": recipe.options["strength"]}
    if recipe.task is Task.REPAINT:
        options |= {
            "audio_input_kind": "inpaint_audio",
            "inpaint_mask_start_seconds": recipe.options["repaint_start"],
            "inpaint_mask_end_seconds": recipe.options["repaint_end"],
        }


def _heartmula(recipe: Recipe, request: Request) -> None:
    # It reads tags, and needs some; the server lowercases them.
    request["options"]["tags"] = recipe.prompt


_REPAINTED = {"repaint_start": Bounds(0, 600), "repaint_end": Bounds(0, 600)}

FAMILIES: Mapping[str, Family] = {
    "ace_step": Family(
        mode=Mode.DIFFUSION,
        title="ACE-Step 1.5",
        licence="MIT",
        sample_rate=48_000,
        min_seconds=10,
        max_seconds=lambda model: 600,
        options={
            "num_sampling_steps": Bounds(1, 200, 8),
            "guidance_scale": Bounds(1, 15, 1),
            "shift": Bounds(1, 5),
            "bpm": Bounds(30, 300),
            **_REPAINTED,
            "structure": Bounds(0, 1, 1),
            **texts("key", "time_signature", "lyrics", "vocal_language"),
        },
        fill=_ace_step,
        sources={
            Task.CONTINUE: Role.START,
            Task.REPAINT: Role.INITIAL,
            Task.COVER: Role.MELODY,
            Task.HYBRID: Role.INITIAL,
        },
    ),
    "stable_audio": Family(
        mode=Mode.DIFFUSION,
        title="Stable Audio 3",
        licence="Stability AI Community License",
        sample_rate=44_100,
        min_seconds=1,
        # 120 s for small, 380 s for medium (stable_audio_3's model configurations).
        max_seconds=lambda model: 380 if "medium" in model.casefold() else 120,
        options={
            "num_sampling_steps": Bounds(1, 250, 8),
            "guidance_scale": Bounds(1, 15, 1),
            "strength": Bounds(0, 1, 0.7),
            **_REPAINTED,
            **texts("negative_prompt"),
        },
        fill=_stable_audio,
        sources={Task.VARY: Role.INITIAL, Task.REPAINT: Role.INITIAL},
    ),
    "heartmula": Family(
        mode=Mode.AR,
        title="HeartMuLa",
        licence="Apache-2.0",
        sample_rate=48_000,
        min_seconds=1,
        max_seconds=lambda model: 240,
        options={
            "temperature": Bounds(0.1, 3, 1),
            "top_k": Bounds(0, 1000, 50),
            "guidance_scale": Bounds(1, 10, 1.5),
            "num_sampling_steps": Bounds(1, 100, 10),
            **texts("lyrics"),
        },
        fill=_heartmula,
        languages=frozenset({"English", "Chinese", "Japanese", "Korean", "Spanish"}),
    ),
}
"""Families by the name that the server gives them."""
