"""Components between request and answer: walked, given ids and defaults, their media filled in."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.errors import Path
from sandbox.model import Json
from sandbox.snowflake import Snowflakes

ATTACHMENT_SCHEME = "attachment://"


class Kind(enum.IntEnum):
    """Component types; source: Discord's "Component Reference"."""

    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17
    LABEL = 18
    FILE_UPLOAD = 19
    RADIO_GROUP = 21
    CHECKBOX_GROUP = 22
    CHECKBOX = 23


SELECTS = (
    Kind.STRING_SELECT,
    Kind.USER_SELECT,
    Kind.ROLE_SELECT,
    Kind.MENTIONABLE_SELECT,
    Kind.CHANNEL_SELECT,
)
LINK_STYLE, PREMIUM_STYLE = 5, 6
V2_ONLY = (
    Kind.SECTION,
    Kind.TEXT_DISPLAY,
    Kind.THUMBNAIL,
    Kind.MEDIA_GALLERY,
    Kind.FILE,
    Kind.SEPARATOR,
    Kind.CONTAINER,
)

# Answer fields per type: name → the value an answer has when the request gave none; None leaves the field
# out, unless the field is among the nullable ones.
_ALWAYS: dict[int, Json] = {
    Kind.BUTTON: {"style": 2, "custom_id": None, "label": None, "disabled": None, "emoji": None, "url": None,
                  "sku_id": None},
    Kind.STRING_SELECT: {"custom_id": "", "placeholder": None, "min_values": 1, "max_values": 1,
                         "disabled": None, "options": [], "required": None},
    **{kind: {"custom_id": "", "placeholder": None, "min_values": 1, "max_values": 1, "disabled": None,
              "default_values": None, "required": None} for kind in SELECTS[1:]},
    Kind.TEXT_INPUT: {"custom_id": "", "style": 1, "label": None, "value": None, "placeholder": None,
                      "required": True, "min_length": None, "max_length": None},
    Kind.TEXT_DISPLAY: {"content": ""},
    Kind.THUMBNAIL: {"media": {}, "description": None, "spoiler": False},
    Kind.MEDIA_GALLERY: {"items": []},
    Kind.FILE: {"file": {}, "name": None, "size": None, "spoiler": False},
    Kind.SEPARATOR: {"spacing": 1, "divider": True},
    Kind.CONTAINER: {"accent_color": None, "spoiler": False},
    Kind.LABEL: {"label": "", "description": None},
    Kind.FILE_UPLOAD: {"custom_id": "", "min_values": 1, "max_values": 1, "required": True},
    Kind.RADIO_GROUP: {"custom_id": "", "options": [], "required": True},
    Kind.CHECKBOX_GROUP: {"custom_id": "", "options": [], "min_values": 1, "max_values": None,
                          "required": True},
    Kind.CHECKBOX: {"custom_id": "", "default": False},
}  # fmt: skip
_ALWAYS[Kind.CHANNEL_SELECT]["channel_types"] = None
_NULLABLE = {
    (Kind.THUMBNAIL, "description"),
    (Kind.FILE, "name"),
    (Kind.FILE, "size"),
    (Kind.CONTAINER, "accent_color"),
}


def children(component: Json) -> Iterator[tuple[Path, Json]]:
    """The components directly inside another, each with its path from there."""
    inner = component.get("components")
    if isinstance(inner, list):
        for index, child in enumerate(inner):
            if isinstance(child, dict):
                yield ("components", index), child
    for name in ("accessory", "component"):
        child = component.get(name)
        if isinstance(child, dict):
            yield (name,), child


def walk(components: Any, path: Path = ("components",)) -> Iterator[tuple[Path, Json]]:
    """Every component of a list, nested ones after their parent, each with its path."""
    if not isinstance(components, list):
        return
    for index, component in enumerate(components):
        if isinstance(component, dict):
            yield from _descend(component, (*path, index))


def _descend(component: Json, path: Path) -> Iterator[tuple[Path, Json]]:
    yield path, component
    for step, child in children(component):
        yield from _descend(child, (*path, *step))


def find(components: Iterable[Json], custom_id: str) -> Json | None:
    """The component with this custom_id, or None."""
    for _, component in walk(list(components)):
        if component.get("custom_id") == custom_id:
            return component
    return None


def texts(components: list[Json]) -> Iterator[str]:
    """Return the texts of the text displays."""
    for _, component in walk(components):
        if component["type"] == Kind.TEXT_DISPLAY:
            yield component["content"]


def normalise(components: list[Json], ids: Snowflakes) -> list[Json]:
    """Judged components as Discord gives them back: with an `id` each, defaults, and nothing unknown."""
    taken = {component["id"] for _, component in walk(components) if component.get("id")}
    free = (number for number in range(1, 10_000) if number not in taken)
    return [_normalise(component, free, ids) for component in components]


def _normalise(component: Json, free: Iterator[int], ids: Snowflakes) -> Json:
    kind = component["type"]
    body: Json = {"type": kind, "id": component.get("id") or next(free)}
    for name, default in _ALWAYS.get(kind, {}).items():
        value = component.get(name)
        value = default if value is None else value
        if value is not None or (kind, name) in _NULLABLE:
            body[name] = _strip(value)
    for value in body.get("default_values", ()):
        value["id"] = str(value["id"])  # taken as a number too, given back as a text
    for name in ("media", "file"):
        if name in body:
            body[name] = {"id": str(ids.next()), "url": body[name]["url"]}
    for item in body.get("items", ()):
        item["media"] = {"id": str(ids.next()), "url": item["media"]["url"]}
        item.setdefault("description", None)
        item.setdefault("spoiler", False)
    if isinstance(component.get("components"), list):
        body["components"] = [_normalise(child, free, ids) for child in component["components"]]
    for name in ("accessory", "component"):
        if isinstance(component.get(name), dict):
            body[name] = _normalise(component[name], free, ids)
    return body


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _strip(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_strip(item) for item in value]
    return value


def referenced(node: Any) -> Iterator[str]:
    """The file names that components or embeds point to with `attachment://`."""
    if isinstance(node, str) and node.startswith(ATTACHMENT_SCHEME):
        yield node.removeprefix(ATTACHMENT_SCHEME)
    elif isinstance(node, (dict, list)):
        for item in node.values() if isinstance(node, dict) else node:
            yield from referenced(item)


def fill_media(node: Any, shown: dict[str, Json]) -> Any:
    """A stored embed or component with its media filled in; `shown` maps file names to attachments."""
    if isinstance(node, list):
        return [fill_media(item, shown) for item in node]
    if not isinstance(node, dict):
        return node
    body = {name: fill_media(item, shown) for name, item in node.items()}
    file = shown.get(_target(node.get("url")) or "")
    if file is not None:
        body |= {"url": file["url"], "proxy_url": file["url"]}
        body |= {name: file[name] for name in ("width", "height", "content_type") if name in file}
        if "id" in node:
            body["attachment_id"] = file["id"]
        elif "description" in file:
            body["description"] = file["description"]
    elif "id" in node and "url" in node and "type" not in node:
        body.setdefault("proxy_url", node["url"])
    icon = shown.get(_target(node.get("icon_url")) or "")
    if icon is not None:
        body |= {"icon_url": icon["url"], "proxy_icon_url": icon["url"]}
    if node.get("type") == Kind.FILE and "file" in node:
        target = shown.get(_target(node["file"].get("url")) or "")
        if target is not None:
            body |= {"name": target["filename"], "size": target["size"]}
    return body


def _target(url: Any) -> str | None:
    return (
        url.removeprefix(ATTACHMENT_SCHEME)
        if isinstance(url, str) and url.startswith(ATTACHMENT_SCHEME)
        else None
    )
