"""The file that presets travel in. docs/presets.md describes it field by field."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from bot.errors import UserError
from bot.markdown import quoted
from bot.presets.names import NAME_CHARACTERS, display_name
from bot.presets.use import body_of
from bot.recipe import Recipe
from bot.recipe.options import InvalidField
from bot.redact import redact_all
from bot.store.presets.model import PRESET_OPTIONS, Body, Draft

FORMAT = 1
FILE_BYTES = 1_250_000
MAX_PRESETS = 100
"""So many presets a file: with the longest texts, in the widest characters, they fit."""

_BODY = ("template", "mode", "model", "seconds", *PRESET_OPTIONS, "tags", "description")
_REQUIRED = ("name", "template", "mode")
_RECIPE = {"prompt", "mode", "model", "seconds", "seed"}
"""What every recipe file has, and no preset file."""
_UNNAMED = "Imported clip"


class BadFile(UserError):
    """A file that is not imported; the text names the field."""


def export(drafts: Sequence[Draft]) -> bytes:
    """Return the file of these presets, at most MAX_PRESETS. Example clips stay behind."""
    presets = [{"name": draft.name, **draft.body.to_dict()} for draft in drafts]
    return (
        json.dumps({"format": FORMAT, "presets": redact_all(presets)}, ensure_ascii=False, indent=1).encode()
        + b"\n"
    )


def read(data: bytes, model_of: Callable[[Recipe], str] = lambda recipe: "") -> list[Draft]:
    """Return the presets of a file, or the one that a clip's recipe file makes.

    model_of: the name by which a preset keeps the model of such a recipe; empty for the mode's default.
    Raises BadFile, which names the field that is wrong.
    """
    if len(data) > FILE_BYTES:
        raise BadFile(f"The file has {len(data):,} bytes; {FILE_BYTES:,} is the most. Split it.")
    content = _json(data)
    if not isinstance(content, dict):
        raise BadFile("The file has to be a JSON object with `format` and `presets`.")
    if content.keys() >= _RECIPE and not content.keys() & {"format", "presets"}:
        return [_of_recipe(content, model_of)]
    _keys("The file", content, ("format", "presets"), ("format", "presets"))
    version = content["format"]
    if version is True or version != FORMAT:
        raise BadFile(f"format has to be {FORMAT}.")
    presets = content["presets"]
    if not isinstance(presets, list) or not 1 <= len(presets) <= MAX_PRESETS:
        raise BadFile(f"presets has to be a list of 1 to {MAX_PRESETS} presets.")
    return [_draft(f"presets[{number}]", entry) for number, entry in enumerate(presets)]


def _of_recipe(content: dict[str, Any], model_of: Callable[[Recipe], str]) -> Draft:
    """Return the preset of a clip's recipe file, named after its prompt. Raises BadFile."""
    try:
        recipe = Recipe.from_dict(content)
    except (UserError, TypeError, ValueError, AttributeError) as error:
        raise BadFile(f"The file is a clip's recipe that can't be used: {error}") from None
    try:
        name = display_name(textwrap.shorten(recipe.prompt, NAME_CHARACTERS, placeholder="") or _UNNAMED)
    except UserError:
        name = _UNNAMED
    return Draft(name, body_of(recipe, model=model_of(recipe)))


def _draft(where: str, entry: Any) -> Draft:
    if not isinstance(entry, dict):
        raise BadFile(f"{where} has to be an object.")
    _keys(where, entry, ("name", *_BODY), _REQUIRED)
    try:
        name = entry.pop("name")
        if not isinstance(name, str):
            raise InvalidField("name", "has to be a text.")
        try:
            name = display_name(name)
        except UserError as error:
            raise InvalidField("name", "isn't a valid name: {error}", error=error) from None
        return Draft(name, Body.from_dict(entry))
    except InvalidField as error:
        raise BadFile(f"{where}.{error.name} {error.problem}") from None


def _keys(where: str, given: dict[str, Any], known: Sequence[str], required: Sequence[str]) -> None:
    for key in given:
        if key not in known:
            raise BadFile(
                f"{where} has a field “{quoted(key, 60)}” that I don't know. I know {', '.join(known)}."
            )
    for key in required:
        if key not in given:
            raise BadFile(f"{where} has no {key}.")


def _json(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise BadFile("The file is not UTF-8 text: save it as UTF-8.") from None
    except RecursionError:
        raise BadFile("The file is nested too deeply to be a preset file.") from None
    except json.JSONDecodeError as error:
        raise BadFile(
            f"The file is not JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        ) from None
    except ValueError:
        # Python refuses whole numbers of thousands of digits.
        raise BadFile("The file holds a number that is far too long.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise BadFile(f"The field “{quoted(twice, 60)}” appears twice in one object. Remove one.")
    return found
