"""The errors of the REST API.

ApiError                any refusal: HTTP status, Discord's code and words
└── FormError           400 50035, with the nested `errors` that name each field
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.error_codes import ERROR_CODES
from sandbox.model import Json

Path = tuple[str | int, ...]
Problem = tuple[Path, str, str]
"""The path in the body, Discord's code, and its message."""


class ApiError(Exception):
    """A refusal as Discord words it; source of the codes: Discord's "JSON Error Codes" table."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> Json:
        """The JSON answer."""
        return {"message": self.message, "code": self.code}


class FormError(ApiError):
    """A body whose fields break a limit."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__(400, 50035, "Invalid Form Body")
        self.problems = list(problems)

    def body(self) -> Json:
        """The JSON answer: `errors` nests by field and index down to a list under `_errors`.

        What is wrong with a field as a whole is left unsaid while something inside it is wrong: a place has
        either errors of its own or places below it.
        """
        errors: Json = {}
        for path, code, message in sorted(self.problems, key=lambda problem: -len(problem[0])):
            node = errors
            for step in path:
                node = node.setdefault(str(step), {})
            if not node.keys() - {"_errors"}:
                node.setdefault("_errors", []).append({"code": code, "message": message})
        return super().body() | {"errors": errors}

    def codes(self) -> set[str]:
        """The field codes in it."""
        return {code for _, code, _ in self.problems}


def unknown(what: str) -> ApiError:
    """404 with the code of the thing that does not exist."""
    codes = {
        "Application": 10002, "Channel": 10003, "Guild": 10004, "Member": 10007, "Message": 10008,
        "Role": 10011, "User": 10013, "Webhook": 10015, "Interaction": 10062, "Application Command": 10063,
    }  # fmt: skip
    name = what.lower() if what in ("Interaction", "Application Command") else what
    return ApiError(404, codes[what], f"Unknown {name}")


def refusal(code: int, status: int | None = None) -> ApiError:
    """The refusal with one of Discord's error codes; `status` where it is not the usual one."""
    usual, message = ERROR_CODES[code]
    return ApiError(status or usual, code, message)


def unauthorized() -> ApiError:
    """401: no token, or not the bot's."""
    return ApiError(401, 0, "401: Unauthorized")


def missing_access() -> ApiError:
    """403: the bot is not where it wants to act."""
    return ApiError(403, 50001, "Missing Access")


def not_json() -> ApiError:
    """400: the body is not JSON."""
    return ApiError(400, 50109, "The request body contains invalid JSON.")
