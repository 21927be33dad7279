"""The messages between the bot and its worker: one JSON object a line, over the worker's stdin and stdout.

    bot → worker    Start, then Render, Cancel; the worker exits at the end of the stream
    worker → bot    Available, then Ready, Loading, Progress, Preview, Heartbeat, Rendered, Failed, Fatal

Audio travels as files, never here. A Ready grants one Render and is sent only when it differs from the last.
`Ready.acked` counts the Renders that the worker has received: the bot acts on a Ready only if it has sent no
more than that, so that no grant is used twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bot.recipe import Mode, ModelRef, Recipe, Role

PREVIEW_SECONDS = 4.0
"""How much of a clip is heard in its preview: two sections of MusicGen's codec."""

FailureKind = Literal["refused", "model", "out_of_memory", "audio", "error"]


@dataclass(frozen=True, slots=True)
class Start:
    """The first message: `engines` names the module that loads models, `models` the ones of the settings.

    warm: the model that is loaded before the first job, if any.  memory_gb: gigabytes of weights that may be
    loaded at once, 0 for what the device has free.
    """

    engines: str
    models: tuple[ModelRef, ...]
    warm: ModelRef | None
    device: str
    dtype: str
    memory_gb: float = 0.0


@dataclass(frozen=True, slots=True)
class Render:
    """Render `recipe` into the MP3 `out_path` of at most `max_bytes`.

    sources: role → path of the audio file of that source of the recipe.  picture: draw the clip's picture as
    well.  ids: those of the job, its member and its server, for the worker's log.  preview_path: where its
    first seconds go as soon as the model has them, as an MP3; "" where they are not wanted.
    """

    job_id: int
    recipe: Recipe
    out_path: str
    max_bytes: int
    sources: Mapping[Role, str] = field(default_factory=dict)
    picture: bool = True
    ids: Mapping[str, int] = field(default_factory=dict)
    preview_path: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Drop this job in whatever state it is, and send nothing more about it."""

    job_id: int


@dataclass(frozen=True, slots=True)
class Available:
    """The first message of a worker: the models that are installed where it runs."""

    models: tuple[ModelRef, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """One more job can be taken now, for `model` only unless that is None.

    acked: the number of Renders that this worker has received so far.  loaded: the models in its memory,
    whose jobs start at once.  fitting: those that can be loaded beside them, without unloading any.
    """

    model: ModelRef | None
    acked: int
    loaded: tuple[ModelRef, ...] = ()
    fitting: tuple[ModelRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` steps of a phase.

    concurrency: how many jobs were rendered at once on average since this one was begun, itself included.
    """

    job_id: int
    done: int
    total: int
    phase: Literal["rendering", "mastering"]
    concurrency: float = 1.0


@dataclass(frozen=True, slots=True)
class Preview:
    """The first seconds of a clip that is not finished. file: a name beside the Render's preview_path."""

    job_id: int
    file: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The engine's thread is working without a step to report, or is waiting for the finisher's thread."""


@dataclass(frozen=True, slots=True)
class Loading:
    """`model` is being loaded; `finished` after that ended in success or failure."""

    model: ModelRef
    finished: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished clip.

    file, picture: names beside the Render's out_path; picture is "" where none was requested.
    facts: the measurements and provenance of the clip, as stored with it.
    """

    job_id: int
    file: str
    picture: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """A failed job. message: the reason in words for the member; detail: the traceback for the log."""

    job_id: int
    kind: FailureKind
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Fatal:
    """The worker exits now with its open jobs; message: the reason in words for the member."""

    message: str


Down = Start | Render | Cancel
Up = Available | Ready | Loading | Progress | Preview | Heartbeat | Rendered | Failed | Fatal
_DOWN = {kind.__name__: kind for kind in (Start, Render, Cancel)}
_UP = {
    kind.__name__: kind
    for kind in (Available, Ready, Loading, Progress, Preview, Heartbeat, Rendered, Failed, Fatal)
}


def encode(message: Down | Up) -> bytes:
    """Return a message as one line of JSON, with the recipe of a Render as an object in it."""
    fields = asdict(message)
    if isinstance(message, Render):
        fields["recipe"] = message.recipe.to_dict()
    return json.dumps({"type": type(message).__name__, **fields}).encode() + b"\n"


def decode_down(line: bytes) -> Down:
    """Parse a line in the worker.

    Raises ValueError, KeyError or TypeError for a line that is no message, InvalidRecipe for a bad recipe.
    """
    message = json.loads(line)
    if message.get("warm") is not None:
        message["warm"] = _model_ref(message["warm"])
    if "models" in message:
        message["models"] = tuple(map(_model_ref, message["models"]))
    if "recipe" in message:
        message["recipe"] = Recipe.from_dict(message["recipe"])
        message["sources"] = {Role(role): path for role, path in message["sources"].items()}
    down: Down = _DOWN[message.pop("type")](**message)
    return down


def decode_up(line: bytes) -> Up:
    """Parse a line in the bot. Raises ValueError, KeyError or TypeError for a line that is no message."""
    message = json.loads(line)
    if message.get("model") is not None:
        message["model"] = _model_ref(message["model"])
    for several in message.keys() & {"models", "loaded", "fitting"}:
        message[several] = tuple(map(_model_ref, message[several]))
    up: Up = _UP[message.pop("type")](**message)
    return up


def _model_ref(pair: Any) -> ModelRef:
    mode, name = pair
    return ModelRef(Mode(mode), name)
