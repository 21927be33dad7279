"""The limits of components in messages and modals."""

from __future__ import annotations

from typing import Any

from sandbox.components import (
    ATTACHMENT_SCHEME,
    LINK_STYLE,
    PREMIUM_STYLE,
    SELECTS,
    V2_ONLY,
    Kind,
    texts,
    walk,
)
from sandbox.errors import Path
from sandbox.model import Json
from sandbox.rules.book import rule
from sandbox.rules.shapes import (
    Boolean,
    Choice,
    Fields,
    Integer,
    ListOf,
    Report,
    Shape,
    Snowflake,
    Text,
    Variant,
)

CUSTOM_ID_LENGTH = rule("custom_id_length", "A custom_id has 1 to 100 characters.")
CUSTOM_ID_UNIQUE = rule("custom_id_unique", "A custom_id occurs once in a message or modal.")
COMPONENT_ID_UNIQUE = rule("component_id_unique", "A component's own id occurs once in a message or modal.")
ROWS = rule("action_rows", "A message without Components V2 has at most 5 action rows.")
ROW_WIDTH = rule("action_row_width", "An action row holds up to 5 buttons, or one select.")
BUTTON_LABEL = rule("button_label_length", "A button's label has at most 80 characters.")
BUTTON_FACE = rule("button_face", "A button has a label or an emoji.")
BUTTON_TARGET = rule(
    "button_target", "A link button has a url and no custom_id, another one a custom_id and no url."
)
BUTTON_URL = rule("button_url_length", "A link button's url has at most 512 characters.")
SELECT_OPTIONS = rule("select_options", "A string select has 1 to 25 options.")
SELECT_PLACEHOLDER = rule("select_placeholder_length", "A select's placeholder has at most 150 characters.")
SELECT_RANGE = rule("select_values", "A select's min_values is 0 to 25, its max_values 1 to 25.")
SELECT_ORDER = rule("select_values_order", "A select's min_values is not above its max_values.")
SELECT_FIT = rule("select_values_fit", "A string select's max_values is not above its number of options.")
OPTION_LABEL = rule("select_option_label_length", "A select option's label has 1 to 100 characters.")
OPTION_VALUE = rule("select_option_value_length", "A select option's value has 1 to 100 characters.")
OPTION_DESCRIPTION = rule(
    "select_option_description_length", "A select option's description has at most 100 characters."
)
OPTION_UNIQUE = rule("select_option_unique", "A select option's value occurs once.")
V2_FLAG = rule("v2_flag", "Components V2 need the message flag IS_COMPONENTS_V2.")
V2_TOTAL = rule("v2_components", "A Components V2 message has at most 40 components, nested ones counted.")
V2_TEXT = rule("v2_text_length", "The text displays of a message have at most 4,000 characters together.")
TEXT_EMPTY = rule("text_display_empty", "A text display has at least one character.")
SECTION_TEXTS = rule("section_texts", "A section holds 1 to 3 text displays.")
GALLERY_ITEMS = rule("media_gallery_items", "A media gallery holds 1 to 10 items.")
MEDIA_DESCRIPTION = rule("media_description_length", "A medium's description has at most 1,024 characters.")
CONTAINER_EMPTY = rule("container_empty", "A container holds at least one component.")
FILE_LOCAL = rule("file_is_upload", "A file component shows an upload (attachment://name).")
MODAL_TITLE = rule("modal_title_length", "A modal's title has 1 to 45 characters.")
MODAL_ROWS = rule("modal_components", "A modal has 1 to 5 top-level components.")
LABEL_TEXT = rule("label_length", "The label of a modal's field has 1 to 45 characters.")
LABEL_DESCRIPTION = rule(
    "label_description_length", "The description of a modal's field has at most 100 characters."
)
INPUT_VALUE = rule("text_input_value_length", "A text input's prefilled value has at most 4,000 characters.")
INPUT_PLACEHOLDER = rule(
    "text_input_placeholder_length", "A text input's placeholder has at most 100 characters."
)
INPUT_RANGE = rule(
    "text_input_range", "A text input's lengths lie between 0 (min_length), 1 (max_length) and 4,000."
)
UPLOAD_RANGE = rule("file_upload_values", "A file upload takes 0 to 10 files.")

_id: dict[str, Shape] = {"id": Integer(0, (1 << 31) - 1)}
_custom_id = Text(1, 100, CUSTOM_ID_LENGTH)
_emoji = Fields({"id": Snowflake(), "name": Text(most=32), "animated": Boolean()})
_media = Fields({"url": Text(1, 2048)}, required=("url",))
_described: dict[str, Shape] = {"description": Text(0, 1024, MEDIA_DESCRIPTION), "spoiler": Boolean()}
_span: dict[str, Shape] = {
    "min_values": Integer(0, 25, SELECT_RANGE),
    "max_values": Integer(1, 25, SELECT_RANGE),
    "required": Boolean(),
}
_option = Fields(
    {
        "label": Text(1, 100, OPTION_LABEL),
        "value": Text(1, 100, OPTION_VALUE),
        "description": Text(0, 100, OPTION_DESCRIPTION),
        "default": Boolean(),
        "emoji": _emoji,
    },
    required=("label", "value"),
)
_button = Fields(
    {
        **_id,
        "custom_id": _custom_id,
        "style": Choice(range(1, 7)),
        "label": Text(0, 80, BUTTON_LABEL),
        "emoji": _emoji,
        "url": Text(0, 512, BUTTON_URL),
        "sku_id": Snowflake(),
        "disabled": Boolean(),
    },
    required=("style",),
)
_select_fields: dict[str, Shape] = {
    **_id,
    **_span,
    "custom_id": _custom_id,
    "placeholder": Text(0, 150, SELECT_PLACEHOLDER),
    "disabled": Boolean(),
}
_string_select = Fields(
    {**_select_fields, "options": ListOf(_option, 1, 25, SELECT_OPTIONS)}, required=("custom_id", "options")
)
_default_value = Fields(
    {"id": Snowflake(), "type": Choice(("user", "role", "channel"))}, required=("id", "type")
)
_entity_select = Fields(
    {**_select_fields, "default_values": ListOf(_default_value, 0, 25)}, required=("custom_id",)
)
_channel_select = Fields(
    {**_entity_select.fields, "channel_types": ListOf(Choice(range(17)))}, required=("custom_id",)
)
_selects: dict[int, Shape] = {
    Kind.STRING_SELECT: _string_select,
    Kind.USER_SELECT: _entity_select,
    Kind.ROLE_SELECT: _entity_select,
    Kind.MENTIONABLE_SELECT: _entity_select,
    Kind.CHANNEL_SELECT: _channel_select,
}
_row = Fields(
    {**_id, "components": ListOf(Variant({Kind.BUTTON: _button, **_selects}), 1)}, required=("components",)
)
_text = Fields({**_id, "content": Text(1, None, TEXT_EMPTY)}, required=("content",))
_thumbnail = Fields({**_id, **_described, "media": _media}, required=("media",))
_section = Fields(
    {
        **_id,
        "components": ListOf(Variant({Kind.TEXT_DISPLAY: _text}), 1, 3, SECTION_TEXTS),
        "accessory": Variant({Kind.BUTTON: _button, Kind.THUMBNAIL: _thumbnail}),
    },
    required=("components", "accessory"),
)
_gallery = Fields(
    {
        **_id,
        "items": ListOf(Fields({**_described, "media": _media}, required=("media",)), 1, 10, GALLERY_ITEMS),
    },
    required=("items",),
)
_file = Fields({**_id, "file": _media, "spoiler": Boolean()}, required=("file",))
_separator = Fields({**_id, "divider": Boolean(), "spacing": Choice((1, 2))})
_inside: dict[int, Shape] = {
    Kind.ACTION_ROW: _row,
    Kind.SECTION: _section,
    Kind.TEXT_DISPLAY: _text,
    Kind.MEDIA_GALLERY: _gallery,
    Kind.FILE: _file,
    Kind.SEPARATOR: _separator,
}
_container = Fields(
    {
        **_id,
        "accent_color": Integer(0, 0xFFFFFF),
        "spoiler": Boolean(),
        "components": ListOf(Variant(_inside), 1, None, CONTAINER_EMPTY),
    },
    required=("components",),
)
MESSAGE_COMPONENTS = ListOf(Variant({**_inside, Kind.CONTAINER: _container}))

_input = Fields(
    {
        **_id,
        "custom_id": _custom_id,
        "style": Choice((1, 2)),
        "label": Text(1, 45, LABEL_TEXT),
        "value": Text(0, 4000, INPUT_VALUE),
        "placeholder": Text(0, 100, INPUT_PLACEHOLDER),
        "required": Boolean(),
        "min_length": Integer(0, 4000, INPUT_RANGE),
        "max_length": Integer(1, 4000, INPUT_RANGE),
    },
    required=("custom_id", "style"),
)
_files = Fields(
    {
        **_id,
        "custom_id": _custom_id,
        "min_values": Integer(0, 10, UPLOAD_RANGE),
        "max_values": Integer(1, 10, UPLOAD_RANGE),
        "required": Boolean(),
    },
    required=("custom_id",),
)
_radio = Fields(
    {
        **_id,
        "custom_id": _custom_id,
        "required": Boolean(),
        "options": ListOf(_option, 2, 10, SELECT_OPTIONS),
    },
    required=("custom_id", "options"),
)
_checks = Fields(
    {
        **_id,
        "custom_id": _custom_id,
        "required": Boolean(),
        "min_values": Integer(0, 10, SELECT_RANGE),
        "max_values": Integer(1, 10, SELECT_RANGE),
        "options": ListOf(_option, 1, 10, SELECT_OPTIONS),
    },
    required=("custom_id", "options"),
)
_check = Fields({**_id, "custom_id": _custom_id, "default": Boolean()}, required=("custom_id",))
_label = Fields(
    {
        **_id,
        "label": Text(1, 45, LABEL_TEXT),
        "description": Text(0, 100, LABEL_DESCRIPTION),
        "component": Variant(
            {
                Kind.TEXT_INPUT: _input,
                Kind.FILE_UPLOAD: _files,
                Kind.RADIO_GROUP: _radio,
                Kind.CHECKBOX_GROUP: _checks,
                Kind.CHECKBOX: _check,
                **_selects,
            }
        ),
    },
    required=("label", "component"),
)
_modal_row = Fields(
    {**_id, "components": ListOf(Variant({Kind.TEXT_INPUT: _input}), 1, 1)}, required=("components",)
)
MODAL = Fields(
    {
        "custom_id": _custom_id,
        "title": Text(1, 45, MODAL_TITLE),
        "components": ListOf(
            Variant({Kind.ACTION_ROW: _modal_row, Kind.LABEL: _label, Kind.TEXT_DISPLAY: _text}),
            1,
            5,
            MODAL_ROWS,
        ),
    },
    required=("custom_id", "title", "components"),
)


def judge_tree(components: list[Json], report: Report, path: Path = ("components",)) -> None:
    """What no single component shows: duplicates, row widths, spans. The shapes have been judged before."""
    seen_custom: set[str] = set()
    seen_id: set[int] = set()
    for place, component in walk(components, path):
        _unique(component, place, report, seen_custom, seen_id)
        kind = component["type"]
        if kind == Kind.ACTION_ROW:
            _row_width(component, place, report)
        elif kind == Kind.BUTTON:
            _button_sense(component, place, report)
        elif kind in SELECTS:
            _select_sense(component, place, report)
        elif kind == Kind.FILE:
            _file_sense(component, place, report)


def judge_message_tree(components: list[Json], v2: bool, report: Report) -> None:
    """The limits that depend on whether the message is a Components V2 one."""
    judge_tree(components, report)
    if not v2:
        if V2_FLAG in report.rules:
            for index, component in enumerate(components):
                if component["type"] in V2_ONLY:
                    message = 'Value of field "type" must be one of (1,).'
                    report.add(("components", index, "type"), "UNION_TYPE_CHOICES", message)
        if ROWS in report.rules and len(components) > 5:
            report.add(("components",), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
        return
    if V2_TOTAL in report.rules and sum(1 for _ in walk(components)) > 40:
        report.add(
            ("components",),
            "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
            "Total number of components exceeds 40.",
        )
    if V2_TEXT in report.rules and sum(map(len, texts(components))) > 4000:
        report.add(
            ("components",),
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
            "Total displayable text size exceeds 4000.",
        )


def _unique(component: Json, place: Path, report: Report, custom: set[str], ids: set[int]) -> None:
    custom_id, own = component.get("custom_id"), component.get("id")
    if custom_id is not None:
        if custom_id in custom and CUSTOM_ID_UNIQUE in report.rules:
            code = "COMPONENT_CUSTOM_ID_DUPLICATED"
            report.add((*place, "custom_id"), code, "Component custom id cannot be duplicated")
        custom.add(custom_id)
    if own:
        if int(own) in ids and COMPONENT_ID_UNIQUE in report.rules:
            report.add((*place, "id"), "COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated")
        ids.add(int(own))


def _row_width(row: Json, place: Path, report: Report) -> None:
    if ROW_WIDTH not in report.rules:
        return
    width = sum(5 if child["type"] in SELECTS else 1 for child in row["components"])
    if width > 5:
        message = "The specified component exceeds the maximum width"
        report.add((*place, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)


def _button_sense(button: Json, place: Path, report: Report) -> None:
    link, premium = button["style"] == LINK_STYLE, button["style"] == PREMIUM_STYLE
    if not (premium or button.get("label") or button.get("emoji")) and BUTTON_FACE in report.rules:
        report.add(place, "BUTTON_COMPONENT_INVALID_LABEL_EMOJI", "A button must have a label or an emoji.")
    if BUTTON_TARGET not in report.rules or premium:
        return
    if link and (not button.get("url") or button.get("custom_id")):
        report.add(
            (*place, "url"), "BUTTON_COMPONENT_URL_REQUIRED", "A url is required, a custom id is not allowed."
        )
    if not link and (not button.get("custom_id") or button.get("url")):
        message = "A custom id is required, a url is not allowed."
        report.add((*place, "custom_id"), "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", message)


def _file_sense(file: Json, place: Path, report: Report) -> None:
    if not file["file"]["url"].startswith(ATTACHMENT_SCHEME) and FILE_LOCAL in report.rules:
        message = "Scheme must be one of ('attachment',)."
        report.add((*place, "file", "url"), "URL_TYPE_INVALID_SCHEME", message)


def _select_sense(select: Json, place: Path, report: Report) -> None:
    least = 1 if select.get("min_values") is None else int(select["min_values"])
    most = 1 if select.get("max_values") is None else int(select["max_values"])
    if least > most and SELECT_ORDER in report.rules:
        report.add(
            (*place, "min_values"), "SELECT_COMPONENT_MIN_MAX", "min_values must not exceed max_values."
        )
    options: list[Any] | None = select.get("options")
    if options is None:
        return
    if most > len(options) and SELECT_FIT in report.rules:
        report.add(
            (*place, "max_values"), "BASE_TYPE_MAX_LENGTH", f"Must be {len(options)} or fewer in length."
        )
    seen: set[str] = set()
    for index, option in enumerate(options):
        if option["value"] in seen and OPTION_UNIQUE in report.rules:
            code = "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED"
            report.add(
                (*place, "options", index, "value"), code, "The specified option value is already used"
            )
        seen.add(option["value"])
