"""Random faults of Discord's REST API in a round, one after the other, each of which has to strike."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from sandbox.faults import Fault, Faults, Target

OPERATIONS = ("update_original_webhook_message", "create_message", "update_message")
ACKNOWLEDGE = "create_interaction_response"
HELD_SECONDS = (0.2, 2.0)
"""The range of real seconds of a delay."""
KINDS: dict[str, Callable[[Faults, Callable[[Target], bool]], Fault]] = {
    "500": lambda f, where: f.fail(500, where=where),
    "502": lambda f, where: f.fail(502, where=where),
    "503": lambda f, where: f.fail(503, where=where),
    "429": lambda f, where: f.rate_limit(0.3, where=where),
    "429 of the proxy": lambda f, where: f.rate_limit(1, cloudflare=True, where=where),
    "cut": lambda f, where: f.cut(where=where),
    "answer lost": lambda f, where: f.lose_answer(where=where),
    "effect, then 502": lambda f, where: f.fail(502, after_effect=True, where=where),
    "request delayed": lambda f, where: f.hold(where=where),
    "answer delayed": lambda f, where: f.hold(after_effect=True, where=where),
}


@dataclass
class FaultSeries:
    """A list of faults, each asked for once the one before has struck a request of the operations."""

    faults: Faults
    operations: tuple[str, ...]
    plan: list[tuple[str, float]]
    """The kinds in order, each with the seconds of its delay."""
    struck: Counter[str] = field(default_factory=Counter)

    @classmethod
    def random(
        cls, faults: Faults, rng: Random, count: int, operations: tuple[str, ...], bag: list[str]
    ) -> FaultSeries:
        """Plan `count` faults of kinds from the bag, which is filled with one of each when it is empty."""
        plan = []
        for _ in range(count):
            bag[:] = bag or rng.sample(list(KINDS), len(KINDS))
            plan.append((bag.pop(), rng.uniform(*HELD_SECONDS)))
        return cls(faults, operations, plan)

    @property
    def left(self) -> list[str]:
        """The kinds that have not struck."""
        return [kind for kind, _ in self.plan[self.struck.total() :]]

    async def run(self) -> None:
        """Strike until the plan is over; cancelled, take the fault that waits back."""
        for kind, seconds in self.plan:
            fault = KINDS[kind](self.faults, lambda target: target.operation in self.operations)
            try:
                await fault.until_struck(timeout=3600)
                self.struck[kind] += 1
                if fault.holds:
                    await asyncio.sleep(seconds)
            finally:
                fault.take_back()

    async def finished(self, running: asyncio.Task[None], seconds: float) -> bool:
        """Wait for the end of the plan; tell whether every fault of it has struck."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.shield(running)
        return not self.left
