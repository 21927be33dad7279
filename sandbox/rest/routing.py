"""Finds the operation of a request, and its implementation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import unknown
from sandbox.files import Upload
from sandbox.interactions import Interactions
from sandbox.links import Links
from sandbox.messages import Messages
from sandbox.model import Json
from sandbox.payloads import Payloads
from sandbox.places import Places
from sandbox.rest.operations import OPERATIONS
from sandbox.rules import Rulebook
from sandbox.rules.shapes import as_snowflake
from sandbox.world import World


@dataclass(frozen=True)
class Services:
    """The services that an operation uses."""

    world: World
    payloads: Payloads
    links: Links
    places: Places
    messages: Messages
    interactions: Interactions
    rules: Rulebook
    gateway_url: Callable[[], str]
    shards: int


@dataclass
class Call:
    """One request: path parameters, query, the JSON body (or `payload_json`), and the files."""

    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = None
    uploads: list[Upload] = field(default_factory=list)

    def id(self, name: str, what: str) -> int:
        """A path parameter as an id; ApiError for what cannot be one."""
        value = as_snowflake(self.params[name])
        if value is None:
            raise unknown(what)
        return value

    def flag(self, name: str) -> bool:
        """Whether a query parameter says yes."""
        return self.query.get(name, "").lower() in ("true", "1")


Answer = Json | list[Json] | None
"""The JSON of a 200, or None for a 204; `Created` for a 201."""


class Created(dict[str, Any]):
    """The JSON of a 201."""


Handler = Callable[[Services, Call], Answer]


@dataclass(frozen=True)
class Operation:
    """What implements an operation. is_open: it needs no bot token, as a token in its path is its key."""

    handler: Handler
    is_open: bool


class Operations(dict[str, Operation]):
    """Implemented operations by name."""

    def add(self, name: str, *, open_to_all: bool = False) -> Callable[[Handler], Handler]:
        """Make a function the implementation of an operation."""
        if name not in _NAMES:
            raise ValueError(f"Discord has no operation {name}.")

        def enter(handler: Handler) -> Handler:
            self[name] = Operation(handler, open_to_all)
            return handler

        return enter


@dataclass
class _Node:
    fixed: dict[str, _Node] = field(default_factory=dict)
    any: _Node | None = None
    methods: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)


def _build() -> tuple[_Node, set[str]]:
    root, names = _Node(), set()
    for line in OPERATIONS.split("\n"):
        if not line:
            continue
        method, path, name = line.split(" ")
        node, params = root, []
        for part in path.strip("/").split("/"):
            if part.startswith("{"):
                params.append(part[1:-1])
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.fixed.setdefault(part, _Node())
        node.methods[method] = (name, tuple(params))
        names.add(name)
    return root, names


_ROOT, _NAMES = _build()


@dataclass(frozen=True)
class Match:
    """The operation of a request; `name` is None when the path exists without the method."""

    name: str | None
    params: dict[str, str]


def match(method: str, parts: list[str]) -> Match | None:
    """The operation for a method and the segments of a path, or None when there is no such path."""
    found: Match | None = None
    # A fixed segment goes before a parameter, but a dead end there is tried again as a parameter.
    waiting: list[tuple[_Node, int, tuple[str, ...]]] = [(_ROOT, 0, ())]
    while waiting:
        node, depth, values = waiting.pop()
        if depth == len(parts):
            if method in node.methods:
                name, params = node.methods[method]
                return Match(name, dict(zip(params, values, strict=True)))
            if node.methods:
                found = Match(None, {})
            continue
        if node.any is not None and parts[depth]:
            waiting.append((node.any, depth + 1, (*values, parts[depth])))
        fixed = node.fixed.get(parts[depth])
        if fixed is not None:
            waiting.append((fixed, depth + 1, values))
    return found
