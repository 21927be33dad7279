"""Random faults of Discord beside a round: errors, refusals for a while, cuts and lost answers."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from sandbox.faults import Fault, Faults

OPERATIONS = (
    "create_interaction_response",
    "update_original_webhook_message",
    "create_message",
    "update_message",
)
KINDS: dict[str, Callable[[Faults, str], Fault]] = {
    "500": lambda f, operation: f.fail(500, operation=operation, optional=True),
    "502": lambda f, operation: f.fail(502, operation=operation, optional=True),
    "503": lambda f, operation: f.fail(503, operation=operation, optional=True),
    "429": lambda f, operation: f.rate_limit(0.3, operation=operation, optional=True),
    "429 of the proxy": lambda f, operation: f.rate_limit(
        1, cloudflare=True, operation=operation, optional=True
    ),
    "cut": lambda f, operation: f.cut(operation=operation, optional=True),
    "answer lost": lambda f, operation: f.lose_answer(operation=operation, optional=True),
    "effect, then 502": lambda f, operation: f.fail(
        502, after_effect=True, operation=operation, optional=True
    ),
}


def random_faults(
    faults: Faults, rng: Random, count: int, operations: tuple[str, ...]
) -> list[tuple[str, Fault]]:
    """Ask for `count` random faults, each to strike one request; returns (kind, fault) of each."""
    out = []
    for _ in range(count):
        kind = rng.choice(list(KINDS))
        out.append((kind, KINDS[kind](faults, rng.choice(operations))))
    return out
