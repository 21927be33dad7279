"""The coach's rules as data: what rules.toml says, checked while it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from bot.coach import names_check, opposites, word_checks
from bot.coach.request import Check, Request
from bot.coach.tables import Table, packaged
from bot.errors import SetupError
from bot.recipe import Mode

CHECKS: Mapping[str, Callable[[Table], Check]] = {
    "words": word_checks.words,
    "pattern": word_checks.pattern,
    "pile": word_checks.pile,
    "bare_list": word_checks.bare_list,
    "hyphens": word_checks.hyphens,
    "opposites": opposites.opposites,
    "names": names_check.names,
    "tempo": word_checks.tempo,
    "length": word_checks.length,
    "language": word_checks.language,
}


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt that shows a rule at work, or at rest."""

    text: str
    mode: Mode
    tokens: int | None = None
    instrumental: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """One piece of advice, and the check that finds where it applies.

    suggestion: a template; {seen} and what else the check notes are filled in.
    positive, negative: examples that fire the rule, and that do not.
    """

    id: str
    title: str
    modes: frozenset[Mode]
    reason: str
    suggestion: str
    source: str
    positive: tuple[Example, ...]
    negative: tuple[Example, ...]
    check: Check = field(repr=False)
    any_language: bool = False
    instrumental_only: bool = False

    def applies(self, request: Request) -> bool:
        """Tell whether the rule reads such a prompt at all."""
        return (
            request.mode in self.modes
            and (self.any_language or request.foreign is None)
            and (request.instrumental or not self.instrumental_only)
        )


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rules that ship with the bot, in the order their advice is shown. Raises SetupError."""
    return read_rules(packaged("rules.toml"))


def read_rules(table: Table) -> tuple[Rule, ...]:
    """Return the rules of an array `rule`. Raises SetupError for a wrong, missing or unknown field."""
    found = tuple(_rule(entry) for entry in table.tables("rule"))
    table.done()
    ids = [rule.id for rule in found]
    for twice in {i for i in ids if ids.count(i) > 1}:
        raise SetupError(f"{table.where}: two rules are called “{twice}”.")
    return found


def _rule(table: Table) -> Rule:
    identity = table.text("id")
    table.where = f"{table.where} ({identity})"
    modes = tuple(_mode(table, text) for text in table.texts("modes"))
    name = table.text("check")
    if name not in CHECKS:
        raise SetupError(f"{table.where}: there is no check “{name}”; there are {', '.join(CHECKS)}.")
    rule = Rule(
        id=identity,
        title=table.text("title"),
        modes=frozenset(modes),
        reason=table.text("reason"),
        suggestion=table.text("suggestion"),
        source=table.text("source"),
        positive=_examples(table, "positive", modes),
        negative=_examples(table, "negative", modes),
        any_language=table.take("any_language", bool, False),
        instrumental_only=table.take("instrumental_only", bool, False),
        check=CHECKS[name](table),
    )
    table.done()
    return rule


def _examples(table: Table, name: str, modes: tuple[Mode, ...]) -> tuple[Example, ...]:
    examples: list[Example] = []
    for entry in table.take(name, list):
        if isinstance(entry, str):
            examples += [Example(entry, mode) for mode in modes]
            continue
        fields = Table(f"{table.where}, {name}", entry if isinstance(entry, dict) else {})
        examples.append(
            Example(
                fields.text("text"),
                _mode(fields, fields.text("mode")),
                fields.take("tokens", int) if fields.has("tokens") else None,
                fields.take("instrumental", bool, True),
            )
        )
        fields.done()
    if not examples:
        raise SetupError(f"{table.where}: “{name}” needs at least one example.")
    return tuple(examples)


def _mode(table: Table, text: str) -> Mode:
    try:
        return Mode(text)
    except ValueError:
        raise SetupError(f"{table.where}: “{text}” isn't a mode. The modes are {', '.join(Mode)}.") from None
