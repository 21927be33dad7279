"""The limits of messages: content, embeds, attachments, nonces, and what Components V2 forbids."""

from __future__ import annotations

import re
from typing import Any

from sandbox.components import referenced
from sandbox.errors import ApiError
from sandbox.model import Json, MessageFlag
from sandbox.rules.book import Rulebook, rule
from sandbox.rules.components import MESSAGE_COMPONENTS, judge_message_tree
from sandbox.rules.shapes import (
    Anything,
    Boolean,
    Choice,
    Fields,
    Integer,
    ListOf,
    Real,
    Report,
    Shape,
    Snowflake,
    Text,
    as_snowflake,
)

CONTENT = rule("content_length", "A message's content has at most 2,000 characters.")
NOT_EMPTY = rule("empty_message", "A message has content, an embed, a file or a component (50006).")
NONCE = rule("nonce_length", "A nonce has at most 25 characters.")
EMBEDS = rule("embed_count", "A message has at most 10 embeds.")
EMBED_TITLE = rule("embed_title_length", "An embed's title has at most 256 characters.")
EMBED_DESCRIPTION = rule("embed_description_length", "An embed's description has at most 4,096 characters.")
EMBED_FIELDS = rule("embed_fields", "An embed has at most 25 fields.")
EMBED_FIELD_NAME = rule("embed_field_name_length", "An embed field's name has at most 256 characters.")
EMBED_FIELD_VALUE = rule("embed_field_value_length", "An embed field's value has at most 1,024 characters.")
EMBED_FOOTER = rule("embed_footer_length", "An embed's footer has at most 2,048 characters.")
EMBED_AUTHOR = rule("embed_author_length", "An embed's author has at most 256 characters.")
EMBED_TOTAL = rule("embed_total_length", "The embeds of a message have at most 6,000 characters together.")
EMBED_URL = rule("embed_url_scheme", "An embed's addresses are http, https or attachment ones.")
FILES = rule("attachment_count", "A message has at most 10 attachments.")
FILE_DESCRIPTION = rule(
    "attachment_description_length", "An attachment's description has at most 1,024 characters."
)
FILE_KNOWN = rule("attachment_known", "An attachment:// address names a file of the message.")
V2_FIELDS = rule("v2_forbidden_fields", "A Components V2 message has no content, embeds, poll or stickers.")
V2_STAYS = rule("v2_flag_stays", "A Components V2 message cannot become an ordinary one.")

_url = Text(
    0, 2048, pattern=re.compile(r"(?:https?|attachment)://\S+|", re.IGNORECASE), pattern_rule=EMBED_URL
)
_image = Fields({"url": _url, "description": Text(0, 4096)})
_embed = Fields(
    {
        "title": Text(0, 256, EMBED_TITLE),
        "description": Text(0, 4096, EMBED_DESCRIPTION),
        "url": _url,
        "color": Integer(0, 0xFFFFFF),
        "timestamp": Text(
            pattern=re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?")
        ),
        "author": Fields({"name": Text(0, 256, EMBED_AUTHOR), "url": _url, "icon_url": _url}),
        "footer": Fields({"text": Text(0, 2048, EMBED_FOOTER), "icon_url": _url}),
        "image": _image,
        "thumbnail": _image,
        "fields": ListOf(
            Fields(
                {
                    "name": Text(0, 256, EMBED_FIELD_NAME),
                    "value": Text(0, 1024, EMBED_FIELD_VALUE),
                    "inline": Boolean(),
                },
                required=("name", "value"),
            ),
            0,
            25,
            EMBED_FIELDS,
        ),
    }
)
_mentions = Fields(
    {
        "parse": ListOf(Choice(("users", "roles", "everyone"))),
        "users": ListOf(Snowflake(), 0, 100),
        "roles": ListOf(Snowflake(), 0, 100),
        "replied_user": Boolean(),
    }
)
_attachment = Fields(
    {
        "id": Snowflake(),
        "filename": Text(1, 1024),
        "description": Text(0, 1024, FILE_DESCRIPTION),
        "title": Text(0, 1024),
        "duration_secs": Real(),
        "waveform": Text(0, 400),
        "is_spoiler": Boolean(),
    },
    required=("id",),
)
_common: dict[str, Shape] = {
    "content": Text(0, 2000, CONTENT),
    "embeds": ListOf(_embed, 0, 10, EMBEDS),
    "allowed_mentions": _mentions,
    "components": MESSAGE_COMPONENTS,
    "attachments": ListOf(_attachment, 0, 10, FILES),
    "flags": Integer(0, (1 << 31) - 1),
    "tts": Boolean(),
}


class _Nonce(Text):
    def check(self, value: Any, path: tuple[str | int, ...], report: Report) -> None:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
            return
        super().check(value, path, report)


_reference = Fields(
    {
        "message_id": Snowflake(),
        "channel_id": Snowflake(),
        "guild_id": Snowflake(),
        "fail_if_not_exists": Boolean(),
        "type": Choice((0,)),
    },
    required=("message_id",),
)
MESSAGE = Fields(
    {
        **_common,
        "nonce": _Nonce(0, 25, NONCE),
        "enforce_nonce": Boolean(),
        "message_reference": _reference,
        "poll": Anything(),
        "sticker_ids": ListOf(Snowflake(), 0, 3),
    }
)
LEGACY = ("content", "embeds", "poll", "sticker_ids")


def judge_message(body: Any, files: list[str], rules: Rulebook, *, before: Json | None = None) -> None:
    """Raise if a message body breaks a rule.

    `files` are the names of the files uploaded with it. `before` is the message as it was, for an edit: its
    `flags`, `content`, `embeds`, `components`, and `attachments` (names by id) stay where the body says
    nothing.
    """
    report = Report(rules)
    MESSAGE.check(body, (), report)
    report.close()
    was = before or {"flags": 0, "attachments": {}}
    asked = int(body.get("flags") or 0)
    v2 = bool((asked | was["flags"]) & MessageFlag.IS_COMPONENTS_V2)
    if (
        before is not None
        and was["flags"] & ~asked & MessageFlag.IS_COMPONENTS_V2
        and body.get("flags") is not None
    ):
        if V2_STAYS in rules:
            message = "The IS_COMPONENTS_V2 flag cannot be removed once it is set."
            report.add(("flags",), "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG", message)
        else:
            v2 = False
    judge_message_tree(body.get("components") or [], v2, report)
    if v2 and V2_FIELDS in rules:
        for name in LEGACY:
            if body[name] if name in body else was.get(name):
                code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
                report.add(
                    (name,),
                    code,
                    f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
                )
    if EMBED_TOTAL in rules and sum(map(embed_size, body.get("embeds") or [])) > 6000:
        report.add(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
    kept = _files_after(body, files, was["attachments"])
    if FILES in rules and len(kept) > 10:
        report.add(("attachments",), "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    if FILE_KNOWN in rules:
        for field in ("components", "embeds"):
            for name in referenced(body.get(field)):
                if name not in kept:
                    message = f"The referenced attachment was not found ({name[:80]})"
                    report.add((field,), "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", message)
    report.close()
    if NOT_EMPTY in rules and not (kept or body.get("poll") or body.get("sticker_ids")):
        seen = [body[name] if name in body else was.get(name) for name in ("content", "embeds", "components")]
        if not any(seen) or (isinstance(seen[0], str) and not any(seen[1:]) and not seen[0].strip()):
            raise ApiError(400, 50006, "Cannot send an empty message")


def _files_after(body: Json, files: list[str], was: dict[int, str]) -> list[str]:
    listed = body.get("attachments")
    if listed is None:
        return [*was.values(), *files]
    ids = {as_snowflake(item["id"]) for item in listed}
    return [*(name for key, name in was.items() if key in ids), *files]


def embed_size(embed: Json) -> int:
    """The characters that count towards an embed's total."""
    fields = embed.get("fields") or []
    parts = [
        embed.get("title"),
        embed.get("description"),
        (embed.get("footer") or {}).get("text"),
        (embed.get("author") or {}).get("name"),
        *(field[name] for field in fields for name in ("name", "value")),
    ]
    return sum(len(part) for part in parts if part)
