"""A bot with several workers, killed while all of them render."""

from __future__ import annotations

from pathlib import Path

from sandbox.spec import Spec
from tests.e2e.clips import carries_clip, clips_in, rendering
from tests.e2e.conftest import running


async def test_a_bot_killed_while_four_workers_render_delivers_each_clip_once(
    description: Spec, tmp_path: Path
) -> None:
    async with running(description, tmp_path, DEVICES="cpu,cpu,cpu,cpu") as bot:
        members = [bot.sandbox.member(name) for name in ("alice", "bob")]
        answers = [await rendering(member, f"tune {n}") for member in members for n in range(2)]
        await bot.kill()
        bot.let_through(4)
        await bot.restart()
        for answer in answers:
            await carries_clip(answer, bot.sandbox)
        assert len(clips_in(bot.sandbox.channel("music"))) == 4
