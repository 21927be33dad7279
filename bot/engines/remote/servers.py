"""The servers of REMOTE_ENGINES, and the models that they say they have."""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass

from bot.engines.remote.http import request
from bot.errors import ModelMissing, RenderError
from bot.remote_address import ADDRESSES, ANYWHERE, is_loopback, parse_addresses

PREFIX = "remote:"
LIST_SECONDS = 5.0
"""Longest wait for a server's list of models."""
KEEP_SECONDS = 30.0
"""How long such a list is used before it is read again."""
MAX_LIST_BYTES = 1_000_000
_ID = re.compile(r"[\w][\w./:-]{0,99}")


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model of a server. name: in recipes.  address: the server's.  id, family: as the server says."""

    name: str
    address: str
    id: str
    family: str

    @property
    def on_this_machine(self) -> bool:
        """Whether the server reads this machine's files: only a server here does."""
        return is_loopback(self.address)


_lists: dict[str, tuple[float, list[RemoteModel]]] = {}


def configured() -> list[str]:
    """Return the addresses of the servers. Raises ModelMissing for what Settings would have refused."""
    try:
        found = parse_addresses(os.environ.get(ADDRESSES, ""))
    except ValueError as error:
        raise ModelMissing(f"{ADDRESSES}: {error}.") from error
    anywhere = os.environ.get(ANYWHERE, "").casefold() in ("true", "1", "yes", "on")
    if not anywhere and not all(map(is_loopback, found)):
        raise ModelMissing(
            f"{ADDRESSES} names another machine, and nothing protects the way there: run the server on this "
            f"one, or set {ANYWHERE}=true if the network between them is yours."
        )
    return found


def find(name: str) -> RemoteModel:
    """Return the model of that name. Raises ModelMissing with what to do."""
    servers = configured()
    if not servers:
        raise ModelMissing(
            f"{name} is a music server's model, and {ADDRESSES} names no server: set it to the server's "
            "address, for example http://127.0.0.1:8080."
        )
    problems, names = [], []
    for address in servers:
        try:
            listed = models(address)
        except RenderError as error:
            problems.append(str(error))
            continue
        for model in listed:
            if model.name == name:
                return model
        names += [model.name for model in listed]
    if problems:
        raise ModelMissing(f"{name} cannot be used: {problems[0]}")
    raise ModelMissing(
        f"No music server has a model {name.removeprefix(PREFIX)}. There is "
        f"{', '.join(names[:5]) or 'none'}: name one of these, or add it to the server's configuration."
    )


def models(address: str) -> list[RemoteModel]:
    """Return the models of a server that generate audio. Raises RenderError where it does not answer well."""
    known = _lists.get(address)
    if known is not None and time.monotonic() - known[0] < KEEP_SECONDS:
        return known[1]
    answer = request("GET", f"{address}/v1/models", seconds=LIST_SECONDS, max_bytes=MAX_LIST_BYTES)
    entries = answer.get("data")
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict)
        and isinstance(entry.get("id"), str)
        and _ID.fullmatch(entry["id"])
        and isinstance(entry.get("family"), str)
        for entry in entries
    ):
        raise RenderError(
            f"The server at {address} lists its models in a form that is not known: it isn't audio.cpp, or "
            "another version. Update it."
        )
    found = [
        RemoteModel(f"{PREFIX}{entry['id']}", address, entry["id"], entry["family"])
        for entry in entries
        if entry.get("task") == "gen"
    ]
    _lists[address] = (time.monotonic(), found)
    return found


def available() -> list[RemoteModel]:
    """Return the models of all servers that answer, for a list of what there is. Raises ModelMissing."""
    found: list[RemoteModel] = []
    for address in configured():
        with contextlib.suppress(RenderError):
            found += models(address)
    return found
