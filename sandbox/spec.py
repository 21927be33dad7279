"""Checks requests and answers against Discord's OpenAPI description, where that file is at hand.

Used by tests alone, which compare every body on the wire with the description.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

from sandbox.model import Json


class SpecMissingError(Exception):
    """The description is not where it should be."""


def find_spec(root: Path) -> Path:
    """`DISCORD_OPENAPI`, or `../shared/discord/openapi.json` beside the checkout at `root`."""
    path = Path(os.environ.get("DISCORD_OPENAPI") or root.parent / "shared" / "discord" / "openapi.json")
    if not path.is_file():
        raise SpecMissingError(
            f"Discord's OpenAPI description is not at {path}; set DISCORD_OPENAPI to where it is."
        )
    return path


class Spec:
    """Discord's description as a validator of bodies; `mismatches` collects the errors."""

    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text("utf-8"))
        # The description makes every `code` a number; the reference has words for field codes.
        field_error = {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
        document["components"]["schemas"]["InnerErrors"]["properties"]["_errors"]["items"] = field_error
        self._requests = copy.deepcopy(document)
        # Ids may be numbers in requests, though the description calls them strings.
        snowflake = self._requests["components"]["schemas"]["SnowflakeType"]
        self._requests["components"]["schemas"]["SnowflakeType"] = {"anyOf": [snowflake, {"type": "integer"}]}
        self._answers = document
        self.mismatches: list[str] = []
        self._validators: dict[tuple[str, str], Any] = {}
        self._operations: dict[str, Json] = {
            operation["operationId"]: operation
            for path_item in document["paths"].values()
            for method, operation in path_item.items()
            if method != "parameters"
        }

    def check_request(self, operation: str, body: Any) -> None:
        """Judge the body of a request that was accepted."""
        described = self._operations.get(operation)
        if described is None:
            return
        content = described.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is not None and body is not None:
            self._check(f"request of {operation}", self._validator(operation, "request", schema), body)

    def check_answer(self, operation: str, status: int, body: Any) -> None:
        """Judge the body of an answer."""
        described = self._operations.get(operation)
        if described is None or status >= 500:
            return
        responses = described["responses"]
        answer = responses.get(str(status)) or (responses.get("4XX") if status >= 400 else None)
        if answer is None:
            self.mismatches.append(f"{operation} is not described to answer {status}")
            return
        while "$ref" in answer:
            answer = self._answers["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            if body is not None:
                self.mismatches.append(f"{operation} answers {status} without a body")
            return
        self._check(f"{status} of {operation}", self._validator(operation, str(status), schema), body)

    def _validator(self, operation: str, place: str, schema: Json) -> Any:
        key = (operation, place)
        if key not in self._validators:
            import jsonschema_rs

            document = self._requests if place == "request" else self._answers
            whole = {**schema, "components": document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self._validators[key]

    def _check(self, what: str, validator: Any, body: Any) -> None:
        for error in validator.iter_errors(body):
            place = "/".join(map(str, error.instance_path))
            self.mismatches.append(f"{what} at {place or 'the top'}: {error.message[:400]}")
