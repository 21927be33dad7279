"""Every fault that a test asked for has to strike, because one that misses tests nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.faults import never_struck, recorded


@pytest.fixture(autouse=True)
def _every_fault_strikes() -> Iterator[None]:
    with recorded() as faults:
        yield
    assert never_struck(faults) == [], "asked for, but struck no request"
