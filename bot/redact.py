"""Redaction of secrets: the one function that everything printed, logged, exported or shown passes through.

Two kinds are hidden: the values that `hide` was given, in every encoding in which they are likely to be
printed, and whatever has the shape of a secret (Discord's bot and interaction tokens, Hugging Face tokens,
credentials in addresses and headers), which needs no knowledge of the value.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any, TextIO
from urllib.parse import unquote

HIDDEN = "[secret]"
MIN_SECRET = 8
"""Shorter values are not hidden by value: they would blacken words of the language."""
_MIN_PART = 20
"""The length from which one part of a secret, between its dots, is hidden on its own."""
_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSW(OR)?D|CREDENTIAL|API_?KEY|ACCESS_KEY|PRIVATE_KEY", re.IGNORECASE
)

_GAP = r"[\s│]*"
"""Between the characters of a long secret: a terminal folds it, a box draws its border through it."""

_W, _DOT, _SLASH = r"(?:[A-Za-z0-9_-]|%2[Dd]|%5[Ff])", r"(?:\.|%2[Ee])", r"(?:/|%2[Ff])"
_END = r"(?![A-Za-z0-9_-])"
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A bot token: the user id in base64, a time stamp, an HMAC (Discord's API reference, "Authentication").
    # The last part is random, so it has capitals, small letters and digits; dotted names of modules lack one.
    (
        re.compile(
            rf"(?<![A-Za-z0-9_-]){_W}{{10,}}{_DOT}{_W}{{6,7}}{_DOT}"
            rf"(?={_W}*[A-Z])(?={_W}*[a-z])(?={_W}*[0-9]){_W}{{25,}}{_END}"
        ),
        HIDDEN,
    ),
    (re.compile(r"\bmfa\.[\w-]{60,}"), HIDDEN),
    # The part of a bot token before its first dot, alone: base64 of 17 to 20 digits begins with M, N or O.
    (
        re.compile(
            rf"(?<![A-Za-z0-9+/_-])(?=[MNO][A-Za-z0-9]{{22,27}}(?:={{0,2}}){_END})[A-Za-z0-9]+={{0,2}}"
        ),
        "",
    ),
    (re.compile(r"\b(?:hf_|api_org_)[A-Za-z0-9]{16,}"), HIDDEN),
    # An interaction token is base64 of "interaction:ID:random".
    (re.compile(r"aW50ZXJhY3Rpb246[A-Za-z0-9+/=_%-]{16,}"), HIDDEN),
    # In the addresses that answer an interaction or a webhook.
    (
        re.compile(rf"({_SLASH}(?:webhooks|interactions){_SLASH}\d+{_SLASH})(?!\[)(?:(?!%2[Ff])[\w.~%+=-])+"),
        r"\1[token]",
    ),
    (re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)(?!\[secret\])[^\s/?#@\"'<>\\]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(%3[Aa]%2[Ff]%2[Ff])(?:(?!%40|%2[Ff])[^\s/?#\"'<>\\])+%40"), rf"\1{HIDDEN}%40"),
    (
        re.compile(
            r"(?i)(\bauthorization\\?[\"']?\s*[:=]\s*\\?[\"']?(?:(?:bot|bearer|basic)\s+)?)(?!\[)[^\s\"',}\\]+"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{20,}"), rf"\1{HIDDEN}"),
    (
        re.compile(
            r"(?i)([?&;](?:access_token|refresh_token|token|api_?key|key|secret|password|signature)=)(?!\[)"
            r"[^&\s\"'<>\\]+"
        ),
        rf"\1{HIDDEN}",
    ),
    # NAME=value and 'NAME': 'value' of an environment.
    (
        re.compile(
            rf"(?i)(\b\w*(?:{_SECRET_NAME.pattern})\\?[\"']?(?:=|\\?[\"']\s*:\s*)\\?[\"']?)(?!\[)[^\s\"'\\]{{8,}}"
        ),
        rf"\1{HIDDEN}",
    ),
)


_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2}){20,}")
"""A run in which every character is percent-encoded, the unreserved ones too."""


def _digits(match: re.Match[str]) -> str:
    """Hide what decodes to a user id in decimal digits, and keep any other word of the same length."""
    text = match[0].rstrip("=")
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return match[0]
    return HIDDEN if re.fullmatch(rb"\d{15,21}", decoded) else match[0]


class _Known:
    """The secrets that `hide` was given, and the pattern that finds them."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.pattern: re.Pattern[str] | None = None

    def add(self, secrets: Iterable[str]) -> None:
        new = {secret for secret in secrets if len(secret) >= MIN_SECRET} - self.secrets
        if new:
            self.secrets |= new
            spelled = {spelling for secret in self.secrets for spelling in _spellings(secret)}
            self.pattern = re.compile("|".join(sorted(spelled, key=len, reverse=True)))


_known = _Known()


def hide(*secrets: str) -> None:
    """Hide these values from now on, wherever in the process text leaves it."""
    _known.add(secrets)


def hide_named(values: Mapping[str, str]) -> None:
    """Hide the values whose name says that they are secret, such as those of an environment.

    A value with blanks or quotes is hidden word by word too: “Bot TOKEN” is a token that was copied badly.
    """
    named = [value.strip() for name, value in values.items() if _SECRET_NAME.search(name)]
    _known.add(named)
    _known.add(word for value in named for word in re.split(r"[\s\"'“”„`]+", value) if len(word) >= _MIN_PART)


def redact(text: str) -> str:
    """Return the text without secrets. What has been redacted before stays as it is."""
    if _known.pattern is not None:
        text = _known.pattern.sub(HIDDEN, text)
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement or _digits, text)
    return _ENCODED.sub(_decoded, text)


def _decoded(match: re.Match[str]) -> str:
    plain = unquote(match[0])
    return match[0] if redact(plain) == plain else HIDDEN


def redact_all(value: Any) -> Any:
    """Return a structure of dicts, lists and scalars with every text in it redacted."""
    match value:
        case str():
            return redact(value)
        case Mapping():
            return {redact_all(key): redact_all(item) for key, item in value.items()}
        case list() | tuple():
            return [redact_all(item) for item in value]
        case _:
            return value


class RedactingStream:
    """A text stream that redacts each piece written to it, in place of sys.stdout or sys.stderr.

    It is the last line: it sees what no caller redacted, such as a library's warning. A secret that is
    written in two pieces passes it, so what is folded to a width has to be redacted before.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the redacted text; the number of characters returned is that of the text given."""
        self._stream.write(redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line, redacted."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _spellings(secret: str) -> set[str]:
    """Return patterns for a secret and its parts: plain, percent-encoded, escaped, folded, base64 and hex."""
    parts = [secret, *(part for part in secret.split(".") if len(part) >= _MIN_PART)]
    spelled: set[str] = set()
    for part in dict.fromkeys(parts):
        gap = _GAP if len(part) >= _MIN_PART else ""
        spelled.add(gap.join(_character(one) for one in part))
        raw = part.encode()
        spelled.add(f"(?i:{raw.hex()})")
        for shift in range(3):
            # Base64 with bytes before the secret moves its bits by 0, 2 or 4; whole characters are compared.
            encoded = base64.b64encode(b"\0" * shift + raw).decode()
            whole = encoded[(0, 2, 3)[shift] : (shift + len(raw)) * 8 // 6]
            spelled.add("".join({"+": r"[+-]", "/": r"[/_]"}.get(one, one) for one in whole))
    return spelled


def _character(one: str) -> str:
    encoded = "".join(f"%{byte:02x}" for byte in one.encode())
    code = ord(one)
    escapes = (re.escape(encoded), rf"\\u{code:04x}", rf"&\#0*{code};", rf"&\#x0*{code:x};")
    return f"(?:{re.escape(one)}|(?i:{'|'.join(escapes)}))"
