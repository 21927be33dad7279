"""What the bot and its worker say to each other: one JSON object a line, over the worker's stdin and stdout.

    bot → worker    Start, then Render, Cancel; the end of the stream is the end of the worker
    worker → bot    Ready, Loading, Progress, Heartbeat, Rendered, Failed, Fatal

Audio travels as files, never here. `Ready.seen` counts the Renders the worker has read: the bot acts on a
Ready only if that is all it sent, so that a room is never filled twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bot.recipe import Mode

FailureKind = Literal["refused", "model", "out_of_memory", "audio", "error"]


@dataclass(frozen=True, slots=True)
class Start:
    """First of all: `engines` names the module that loads them, `models` the model of each mode.

    The model of `warm` is loaded before anybody asks for it.
    """

    engines: str
    models: Mapping[str, str]
    warm: str | None
    device: str
    dtype: str


@dataclass(frozen=True, slots=True)
class Render:
    """Render `recipe` (JSON) into the MP3 `out_path` of at most `max_bytes`.

    `melody` is the audio file that the recipe's melody is in, where it has one.  `picture`: draw one as well.
    """

    job_id: int
    recipe: str
    out_path: str
    max_bytes: int
    melody: str = ""
    picture: bool = True


@dataclass(frozen=True, slots=True)
class Cancel:
    """Drop this job, wherever it is, and say nothing more of it."""

    job_id: int


@dataclass(frozen=True, slots=True)
class Ready:
    """`room` more jobs can be taken now, of `mode` only where one is given."""

    room: int
    mode: Mode | None
    seen: int


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` steps of a phase."""

    job_id: int
    done: int
    total: int
    phase: Literal["rendering", "mastering"]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The engine's thread is at work where it has no step to report, or waits for the finisher's."""


@dataclass(frozen=True, slots=True)
class Loading:
    """The model of `mode` is being loaded; `finished` once that is over, well or not."""

    mode: Mode
    finished: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """The clip lies at `file`, its picture, where one was wanted, at `picture`.

    `facts` is what was measured on the clip.
    """

    job_id: int
    file: str
    picture: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """No clip. `message` is for the member, `detail` for the log."""

    job_id: int
    kind: FailureKind
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Fatal:
    """The worker ends now, with every job that is open; `message` says why, for the member."""

    message: str


Down = Start | Render | Cancel
Up = Ready | Loading | Progress | Heartbeat | Rendered | Failed | Fatal
_DOWN = {kind.__name__: kind for kind in (Start, Render, Cancel)}
_UP = {kind.__name__: kind for kind in (Ready, Loading, Progress, Heartbeat, Rendered, Failed, Fatal)}


def encode(message: Down | Up) -> bytes:
    """Return one line."""
    return json.dumps({"type": type(message).__name__, **asdict(message)}).encode() + b"\n"


def decode_down(line: bytes) -> Down:
    """Read a line on the worker's side. Raises ValueError, KeyError or TypeError for anything else."""
    message = json.loads(line)
    down: Down = _DOWN[message.pop("type")](**message)
    return down


def decode_up(line: bytes) -> Up:
    """Read a line on the bot's side. Raises ValueError, KeyError or TypeError for anything else."""
    message = json.loads(line)
    if message.get("mode") is not None:
        message["mode"] = Mode(message["mode"])
    up: Up = _UP[message.pop("type")](**message)
    return up
