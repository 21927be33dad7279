"""The coach: advice on a prompt for a mode, and a rewritten prompt.

Everything here is a pure function of its arguments and of the packaged rules; nothing is loaded but data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.coach import edits
from bot.coach.language import foreign
from bot.coach.lexicon import Span, lexicon
from bot.coach.request import Match, Request
from bot.coach.rules import Rule, rules
from bot.recipe import Mode
from bot.recipe.capabilities import ENGLISH

_SWEEPS = 8
"""How often the rewriting goes over all rules: one rule's change may give another something to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of advice.

    spans: where in the prompt, in order, at least one.  seen: those stretches as typed, each once.
    """

    rule: str
    title: str
    spans: tuple[Span, ...]
    seen: str
    reason: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class Advice:
    """The coach's advice on one prompt. rewritten: equals prompt where nothing is to be reworded."""

    prompt: str
    mode: Mode
    findings: tuple[Finding, ...]
    rewritten: str

    @property
    def rewords(self) -> bool:
        """Whether there is another wording to offer."""
        return self.rewritten != self.prompt


def coach(
    prompt: str,
    mode: Mode,
    *,
    prompt_tokens: int | None,
    instrumental: bool = True,
    languages: frozenset[str] = ENGLISH,
) -> Advice:
    """Return advice on a prompt; any text is taken, and none is ever refused.

    prompt_tokens: how many tokens the engine's text encoder reads (≥ 1), or None if unknown.
    instrumental: whether the model makes music without voices.
    languages: those that the text encoder was trained on, by their English names.
    """
    reading = lexicon().read(prompt)
    request = Request(reading, mode, prompt_tokens, instrumental, foreign(reading), languages)
    found = {rule.id: match for rule in rules() if (match := _match(rule, request))}
    findings = tuple(_finding(request, rule, found[rule.id]) for rule in rules() if rule.id in found)
    return Advice(prompt, mode, findings, _reworded(request, found))


def _match(rule: Rule, request: Request) -> Match | None:
    return rule.check.find(request) if rule.applies(request) else None


def _finding(request: Request, rule: Rule, match: Match) -> Finding:
    seen = ", ".join(dict.fromkeys(span.of(request.text).strip() for span in match.spans))
    notes = {"seen": seen, **match.notes}
    return Finding(
        rule.id,
        rule.title,
        match.spans,
        seen,
        rule.reason.format_map(notes),
        rule.suggestion.format_map(notes),
    )


def _reworded(request: Request, found: Mapping[str, Match]) -> str:
    """Return the prompt with every rule's rewriting, again and again until no rule changes it any more.

    found: the rules' matches in the prompt as typed.
    """
    typed = text = request.text
    for _ in range(_SWEEPS):
        before = text
        for rule in (rule for rule in rules() if rule.check.rewrites):
            match = found.get(rule.id) if text == typed else _match(rule, request)
            better = _better(text, match) if match else text
            if better != text and any(c.isalnum() for c in better):
                text = better
                reading = lexicon().read(text)
                request = replace(request, reading=reading, foreign=foreign(reading))
        if text == before:
            return text
    return text


def _better(text: str, match: Match) -> str:
    text = edits.apply(text, match.edits)
    for addition in match.additions:
        text = edits.append(text, addition)
    return text
