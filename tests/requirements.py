"""What a test needs from outside the project, and what to do when it is not there.

Locally such a test is skipped with its reason. `ANTIPHON_REQUIRE=openapi,browser,node` turns each named
absence into a failure, so that a machine that should have it all cannot pass by skipping.
"""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def absent(name: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where `name` is required."""
    if name in os.environ.get("ANTIPHON_REQUIRE", "").split(","):
        pytest.fail(f"{name} is required here: {reason}")
    pytest.skip(reason)
