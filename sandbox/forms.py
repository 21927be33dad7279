"""A modal as a person fills it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.components import SELECTS, Kind, walk
from sandbox.model import Json
from sandbox.resolve import ActionError, Resolver, entity_values


def fill_modal(components: list[Json], values: Mapping[str, Any], resolver: Resolver) -> list[Json]:
    """The `components` of a modal's submission; `values` by custom_id, what is missing stays as prefilled."""
    known = {component["custom_id"] for _, component in walk(components) if "custom_id" in component}
    for name in values:
        if name not in known:
            raise ActionError(
                f"The modal has no field {name!r}; it has {', '.join(sorted(known)) or 'none'}."
            )
    return [_fill(component, values, resolver) for component in components]


def _fill(component: Json, values: Mapping[str, Any], resolver: Resolver) -> Json:
    body: Json = {"type": component["type"], "id": component["id"]}
    if "components" in component:
        body["components"] = [_fill(child, values, resolver) for child in component["components"]]
    if "component" in component:
        body["component"] = _fill(component["component"], values, resolver)
    if "custom_id" in component:
        body["custom_id"] = component["custom_id"]
        body |= _answer(component, values.get(component["custom_id"]), resolver)
    return body


def _answer(field: Json, value: Any, resolver: Resolver) -> Json:
    kind = field["type"]
    if kind == Kind.TEXT_INPUT:
        return {"value": _text(field, value)}
    if kind == Kind.CHECKBOX:
        return {"value": bool(field.get("default") if value is None else value)}
    if kind == Kind.RADIO_GROUP:
        return {"value": _radio(field, value)}
    chosen = _preset(field) if value is None else [value] if isinstance(value, (str, int)) else list(value)
    required = field.get("required", True)
    if not chosen and not required:
        return {"values": []}
    if kind in SELECTS:
        return {"values": entity_values(field, chosen, resolver)}
    least, most = field.get("min_values", 1), field.get("max_values", len(field.get("options", ())) or 1)
    if not least <= len(chosen) <= most:
        raise ActionError(f"{field['custom_id']!r} takes {least} to {most} values.")
    if kind == Kind.FILE_UPLOAD:
        return {"values": [resolver.attachment(one) for one in chosen]}
    offered = [option["value"] for option in field["options"]]
    for one in chosen:
        if one not in offered:
            raise ActionError(f"{field['custom_id']!r} does not offer {one!r}.")
    return {"values": chosen}


def _text(field: Json, value: Any) -> str:
    text = field.get("value", "") if value is None else value
    name = field["custom_id"]
    if not isinstance(text, str):
        raise ActionError(f"The field {name!r} is a text.")
    if not text and field.get("required", True):
        raise ActionError(f"The field {name!r} is required.")
    least, most = field.get("min_length", 0), field.get("max_length", 4000)
    if text and not least <= len(text) <= most:
        raise ActionError(f"The field {name!r} has {least} to {most} characters, not {len(text)}.")
    return text


def _radio(field: Json, value: Any) -> str | None:
    chosen = value if value is not None else next(iter(_preset(field)), None)
    if chosen is None:
        if field.get("required", True):
            raise ActionError(f"The field {field['custom_id']!r} is required.")
        return None
    if chosen not in [option["value"] for option in field["options"]]:
        raise ActionError(f"{field['custom_id']!r} does not offer {chosen!r}.")
    return str(chosen)


def _preset(field: Json) -> list[Any]:
    if "default_values" in field:
        return [value["id"] for value in field["default_values"]]
    return [option["value"] for option in field.get("options", ()) if option.get("default")]
