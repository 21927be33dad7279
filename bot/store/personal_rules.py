"""The shape of the registry of personal data (personal.py): what a table holds, and how it is erased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ERASED = "(erased)"
"""Stands where a prompt was."""
NOBODY = 0
"""The user id of rows whose member was erased; Discord gives no id 0."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a column with an id is erased.

    sql: statements with `{which}`, the condition for the rows.
    which: that condition, where it is not `COLUMN = :id`.
    aged: the condition for rows older than `:before`, to which the same is done; None for none.
    why: what is kept, or kept without the id, and for what reason.
    """

    how: Literal["deleted", "anonymised", "kept"]
    sql: tuple[str, ...] = ()
    which: str | None = None
    aged: str | None = None
    why: str = ""

    def of(self, column: str) -> str:
        """Return the condition for the rows of one id, which is the parameter `:id`."""
        return self.which or f"{column} = :id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table.

    holds: what it is, for docs/privacy.md.  noun: what its rows are called in a count of them, singular.
    members: columns with a member's id.  guilds: columns with a server's id.
    typed: columns with what a member wrote, or what was made from it.
    located: ids in Discord by which a message or channel of a member is found.
    secret: columns that an export leaves out.
    through: the condition for rows that belong to the member `:id` by another table.
    plain: columns that say nothing of a person.
    """

    holds: str
    noun: str = ""
    members: Mapping[str, Rule] = field(default_factory=dict)
    guilds: Mapping[str, Rule] = field(default_factory=dict)
    typed: tuple[str, ...] = ()
    located: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    through: str | None = None
    plain: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """Every declared column."""
        return [*self.members, *self.guilds, *self.typed, *self.located, *self.secret, *self.plain]
