"""The table of rules and which of them are in force."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

RULES: dict[str, str] = {}
"""Name → text of the rule. Filled by the modules that check the rules."""


def rule(name: str, says: str) -> str:
    """Enter a rule into the table and return its name."""
    if name in RULES:
        raise ValueError(f"Two rules are called {name}.")
    RULES[name] = says
    return name


class Rulebook:
    """The rules in force: all, but those suspended. `name in rulebook` asks whether one applies."""

    def __init__(self) -> None:
        self._suspended: set[str] = set()

    def __contains__(self, name: str) -> bool:
        if name not in RULES:
            raise KeyError(f"No rule is called {name}.")
        return name not in self._suspended

    @contextmanager
    def suspended(self, *names: str) -> Iterator[None]:
        """Do without some rules for a while."""
        for name in names:
            if name not in RULES:
                raise KeyError(f"No rule is called {name}.")
        added = set(names) - self._suspended
        self._suspended |= added
        try:
            yield
        finally:
            self._suspended -= added
