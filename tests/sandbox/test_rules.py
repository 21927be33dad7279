"""Every rule refuses what breaks it, with Discord's code; without the rule the same is accepted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.rules import RULES
from sandbox.server import Sandbox
from tests.sandbox.conftest import NOON
from tests.sandbox.raw import Raw
from tests.sandbox.requests import Violation
from tests.sandbox.violations import VIOLATIONS


@pytest.fixture
async def lone() -> AsyncIterator[Raw]:
    """A sandbox that is not held to the description: without a rule it accepts what Discord would not."""
    clock = Clock(paused_at=NOON)
    async with Sandbox(clock=clock, limits=Limits.none(), upload_limit=1000) as sandbox, Raw(sandbox) as raw:
        yield raw


def test_every_rule_has_an_offence() -> None:
    assert set(VIOLATIONS) == set(RULES)


@pytest.mark.parametrize("name", VIOLATIONS)
async def test_rule_refuses_its_offence_and_nothing_else_does(name: str, lone: Raw) -> None:
    violation: Violation = VIOLATIONS[name]
    assert await violation.outcome(lone) == violation.refusal
    with lone.sandbox.rules.suspended(name):
        assert await violation.outcome(lone) == "accepted"
