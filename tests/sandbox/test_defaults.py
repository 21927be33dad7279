"""What a new history file begins with."""

from __future__ import annotations

from pathlib import Path

from sandbox.clock import Clock
from sandbox.server import Sandbox
from sandbox.snowflake import timestamp


async def test_the_accounts_are_two_years_old_and_all_different(tmp_path: Path) -> None:
    async with Sandbox(tmp_path / "h.sqlite3", clock=Clock(paused_at=1_780_000_000.0)) as sandbox:
        ages = {1_780_000_000 - timestamp(user.id) for user in sandbox.world.users.values()}
        names = [user.username for user in sandbox.world.users.values()]
        # Whatever is made from now on is newer than everything before.
        message = await sandbox.member("alice").send("hello")
        assert timestamp(message.id) == 1_780_000_000
    assert ages == {2 * 365 * 86_400}
    async with Sandbox(tmp_path / "h.sqlite3") as again:
        assert [user.username for user in again.world.users.values()] == names
    assert len(names) == len(set(names)) == 6
