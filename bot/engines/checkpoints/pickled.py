"""audiocraft's pickled files, read with `weights_only=True` and inert stubs for OmegaConf's classes.

A config that audiocraft saved is a tree of OmegaConf nodes. torch refuses them, as it refuses every class
that it does not know. Here an allow-list maps the few names in such a tree to stub classes, so that
reading runs none of the file's code; every other name is still refused. A config saved as YAML is read too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
import yaml

from bot.errors import ModelMissing


class Node:
    """Inert stub of an OmegaConf node: it stores the state and has no other code."""

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Container(Node):
    pass


class _Value(Node):
    pass


class _Metadata(Node):
    pass


class _Anything(Node):
    pass


ALLOWED: dict[str, Any] = {
    "omegaconf.dictconfig.DictConfig": _Container,
    "omegaconf.listconfig.ListConfig": _Container,
    **{
        f"omegaconf.nodes.{kind}Node": _Value
        for kind in ("Any", "Integer", "Float", "Boolean", "String", "Path", "Bytes")
    },
    "omegaconf.base.ContainerMetadata": _Metadata,
    "omegaconf.base.Metadata": _Metadata,
    "typing.Any": _Anything,
    "builtins.dict": dict,
    "builtins.list": list,
    "builtins.int": int,
    "builtins.float": float,
    "builtins.str": str,
    "builtins.bool": bool,
    "collections.defaultdict": defaultdict,
}
"""Allow-list of global names in a pickle, beside torch's tensors → the stub that replaces each."""
MAX_DEPTH = 50
"""Maximal nesting of a config; audiocraft's have 5."""


def read(file: Path) -> dict[Any, Any]:
    """Return what audiocraft saved: tensors, plain values, and configs as nested dicts.

    To be called in a process of its own. Raises ModelMissing for a file that names anything else.
    """
    allowed: list[Any] = [(stand_in, name) for name, stand_in in ALLOWED.items()]
    try:
        with torch.serialization.safe_globals(allowed):
            found = torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        named = re.search(r"(?:Unsupported global: |GLOBAL )([\w.]+)", str(error))
        what = f" ({named[1]})" if named else ""
        raise ModelMissing(
            f"{file} holds something that is neither a tensor nor a setting{what}: it is refused, as it "
            "could run code. Get the file again from where its authors publish it."
        ) from error
    except (
        OSError,
        RuntimeError,
        EOFError,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        IndexError,
    ) as error:
        raise ModelMissing(f"{file} is damaged or cut short: get it again.") from error
    if not isinstance(found, dict):
        raise ModelMissing(f"{file} holds no table.")
    return found


def config(value: object, file: Path) -> dict[str, Any]:
    """Return a config, pickled or YAML, as nested dicts and lists with its references resolved.

    Raises ModelMissing for what is none.
    """
    try:
        tree = yaml.safe_load(value) if isinstance(value, str) else _plain(value, 0)
        if not isinstance(tree, dict):
            raise ValueError("not a table")
        resolved = _resolved(tree, tree, 0)
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelMissing(f"The config in {file} cannot be read: {error}.") from error
    assert isinstance(resolved, dict)
    return resolved


def _plain(value: object, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    if isinstance(value, _Container):
        assert isinstance(value.state, dict)
        return _plain(value.state["_content"], depth + 1)
    if isinstance(value, _Value):
        assert isinstance(value.state, dict)
        return _plain(value.state["_val"], depth + 1)
    if isinstance(value, dict):
        return {str(_plain(key, depth + 1)): _plain(entry, depth + 1) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry, depth + 1) for entry in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"a {type(value).__name__} isn't a setting")


def _resolved(value: Any, root: dict[str, Any], depth: int) -> Any:
    """Return a tree with every “${place.in.the.root}” replaced by what is there."""
    if depth > MAX_DEPTH:
        raise ValueError("its references go round")
    if isinstance(value, dict):
        return {key: _resolved(entry, root, depth + 1) for key, entry in value.items()}
    if isinstance(value, list):
        return [_resolved(entry, root, depth + 1) for entry in value]
    if isinstance(value, str) and (reference := re.fullmatch(r"\$\{([\w.]+)\}", value)):
        at: Any = root
        for part in reference[1].split("."):
            # What training alone needed may point outside of what was saved.
            at = at.get(part) if isinstance(at, dict) else None
        return _resolved(at, root, depth + 1)
    return value
