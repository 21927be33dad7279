"""The half of a cluster's worker that runs on a node: a worker process with the files of its jobs."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path

from bot import log
from bot.executor.child import ChildExecutor
from bot.executor.link import Died
from bot.executor.protocol import Fatal, Heartbeat, Preview, Render, Rendered, Start, decode_down, encode
from bot.recipe import Role


class WorkerActor:
    """Carries the messages of one worker process, and ends with it.

    Its methods run concurrently, so a cancel is carried while the stream of events goes on. The worker
    process exits with the actor, because its standard input ends then.
    """

    def __init__(
        self, start: bytes, stall_seconds: float, load_seconds: float, environment: Mapping[str, str]
    ) -> None:
        style: log.Format = "json" if environment.get("LOG_FORMAT") == "json" else "pretty"
        log.configure(environment.get("LOG_LEVEL", "info"), style, "node")
        message = decode_down(start)
        assert isinstance(message, Start)
        self._folder = tempfile.TemporaryDirectory(prefix="antiphon-")
        self._worker = ChildExecutor(
            message, stall_seconds=stall_seconds, load_seconds=load_seconds, environment=environment
        )

    async def events(self) -> AsyncGenerator[tuple[bytes, dict[str, bytes]], None]:
        """Start the process and yield each message as a line, with the files of a clip or a preview by name.

        The last message of a process that died is Fatal. The watchdog works here, so heartbeats stay here.
        """
        async with aclosing(self._worker.run_process()) as events:
            async for event in events:
                match event:
                    case Heartbeat():
                        continue
                    case Died(reason):
                        yield encode(Fatal(reason)), {}
                    case Preview():
                        yield encode(event), self._take(event.file)
                    case Rendered():
                        yield encode(event), self._take(event.file, event.picture)
                    case _:
                        yield encode(event), {}

    async def render(self, line: bytes, audio: Mapping[Role, bytes]) -> None:
        """Send a Render on to the process, with this node's paths in place of the bot's.

        audio: the content of the files of the recipe's sources.
        """
        render = decode_down(line)
        assert isinstance(render, Render)
        folder = Path(self._folder.name)
        sources = {}
        for role, content in audio.items():
            file = folder / f"{render.job_id}.{role}"
            file.write_bytes(content)
            sources[role] = str(file)
        out_path = str(folder / Path(render.out_path).name)
        preview_path = render.preview_path and str(folder / Path(render.preview_path).name)
        await self._worker.render(
            dataclasses.replace(render, out_path=out_path, preview_path=preview_path, sources=sources)
        )

    async def cancel(self, job_id: int) -> None:
        """Tell the process to drop a job."""
        await self._worker.cancel(job_id)

    def _take(self, *names: str) -> dict[str, bytes]:
        """Return the content of files by name, and remove them here."""
        taken = {}
        for name in filter(None, names):
            file = Path(self._folder.name, name)
            taken[name] = file.read_bytes()
            file.unlink()
        return taken
