"""Models of a music server over HTTP: audio.cpp's `audiocpp_server`, which needs no Python library.

A model is named `remote:ID`, by the id that a server of REMOTE_ENGINES gives it at /v1/models. Its family
tells what it takes. Importing this imports no torch, and neither does rendering.

Interface: app/server/README.md, app/server/runtime.cpp and app/cli/request.cpp of 0xShug0/audio.cpp (GitHub).
"""

from __future__ import annotations

from bot.engines.base import Engine
from bot.engines.remote.families import FAMILIES, capabilities_of
from bot.engines.remote.servers import PREFIX, RemoteModel, find
from bot.errors import ModelMissing
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities

__all__ = ["describe", "is_remote", "load", "mode_of"]


def is_remote(model: str) -> bool:
    """Tell whether a model's name is one of a server's."""
    return model.startswith(PREFIX)


def mode_of(model: str) -> Mode | None:
    """Return the mode of a server's model, None where no server has it or its family is not known."""
    try:
        family = FAMILIES.get(find(model).family)
    except ModelMissing:
        return None
    return family.mode if family else None


def describe(mode: Mode, model: str) -> Capabilities:
    """Return the capabilities of a server's model. Raises ModelMissing where no server has it."""
    return _found(mode, model)[1]


def load(mode: Mode, model: str) -> Engine:
    """Return an engine for a server's model; the server loads it with its first clip. Raises ModelMissing."""
    from bot.engines.remote.engine import RemoteEngine

    return RemoteEngine(*_found(mode, model))


def _found(mode: Mode, model: str) -> tuple[RemoteModel, Capabilities]:
    found = find(model)
    return found, capabilities_of(found, mode)
