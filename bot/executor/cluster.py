"""Workers on the nodes of a Ray cluster. The bot holds the queue; nothing waits inside Ray.

An actor is lost with its node or its worker process. Ray restarts neither actors nor tasks, so that the bot
alone requeues a job. Ray pickles calls, so whatever joins the cluster can run code in the bot: use token
authentication and a private network (docs/scale.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.audio.mp3 import publish
from bot.config import Settings
from bot.errors import RenderError, SetupError
from bot.executor.actor import WorkerActor
from bot.executor.child import start_message, worker_environment
from bot.executor.link import Died, restarted
from bot.executor.pool import WorkerPool
from bot.executor.protocol import Failed, Fatal, Preview, Render, Rendered, Start, Up, decode_up, encode
from bot.recipe import ModelRef
from bot.redact import redact

log = logging.getLogger(__name__)

_CONNECT_SECONDS = 10.0
LOST = "The cluster's node that rendered this clip was lost."


async def cluster_workers(settings: Settings, engines: str, *, warm: Sequence[ModelRef]) -> WorkerPool:
    """Connect to the cluster and return its workers: CLUSTER_WORKERS of them, or one a GPU.

    Raises SetupError where Ray is not installed or the cluster cannot be reached.
    """
    ray = _ray()
    if settings.ray_address is None:
        raise SetupError("EXECUTOR=ray needs RAY_ADDRESS, the address of the cluster's head.")
    await _connect(ray, settings.ray_address)
    gpus = int(ray.cluster_resources().get("GPU", 0))
    resources = {"num_gpus": 1, "num_cpus": 0} if gpus else {"num_cpus": 1}
    count = settings.cluster_workers or max(1, gpus)
    return WorkerPool(
        [
            ClusterWorker(
                start_message(settings, engines, warm[number % len(warm)] if warm else None),
                stall_seconds=settings.stall_seconds,
                load_seconds=settings.load_seconds,
                environment=worker_environment(settings),
                resources=resources,
            )
            for number in range(count)
        ]
    )


async def _connect(ray: Any, address: str) -> None:
    """Make this process a driver of the cluster. Raises SetupError where it is out of reach or refuses."""
    try:
        await _check_reachable(address)
    except (OSError, ValueError) as error:
        raise SetupError(f"The Ray cluster at RAY_ADDRESS={address} cannot be reached ({error}).") from error
    try:
        # In a thread, where Ray cannot replace the process's handler of SIGTERM.
        await asyncio.to_thread(ray.init, address=address, namespace="antiphon", log_to_driver=False)
    except (ray.exceptions.AuthenticationError, OSError, RuntimeError, ValueError) as error:
        # Ray does not say whether a token was wrong.
        [reason] = redact(str(error)).rstrip(".").splitlines()[:1] or [type(error).__name__]
        raise SetupError(
            f"The Ray cluster at RAY_ADDRESS={address} cannot be joined ({reason}). This machine needs a node"
            " of the cluster, and the cluster's token in ~/.ray/auth_token, or in RAY_AUTH_TOKEN with"
            " RAY_AUTH_MODE=token."
        ) from error


async def _check_reachable(address: str) -> None:
    """Open a connection to the head. Raises OSError within seconds, where Ray would retry for minutes."""
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(_CONNECT_SECONDS):
        _, writer = await asyncio.open_connection(host, int(port))
    writer.close()


class ClusterWorker:
    """One worker as an actor of the cluster, made anew when it is lost.

    resources: what the actor occupies on its node, as Ray's options.
    While no node has them, the worker waits for one.
    """

    def __init__(
        self,
        start: Start,
        *,
        stall_seconds: float,
        load_seconds: float,
        environment: Mapping[str, str],
        resources: Mapping[str, float],
    ) -> None:
        self._arguments = (encode(start), stall_seconds, load_seconds, dict(environment))
        self._options = {
            **resources,
            "max_restarts": 0,
            "max_task_retries": 0,
            "scheduling_strategy": "SPREAD",
        }
        self._ray = _ray()
        self._actor: Any = None
        self._sent = 0
        self._out_paths: dict[int, Path] = {}
        self._closing = asyncio.Event()

    @property
    def sent(self) -> int:
        """The number of Renders sent to this actor; a Ready that acked fewer is out of date."""
        return self._sent

    @property
    def pid(self) -> int | None:
        """None: the process is another machine's."""
        return None

    def events(self) -> AsyncGenerator[Up | Died, None]:
        """Start an actor and yield its messages; after Died, start the next. Ends after close()."""
        return restarted(self._run_actor, self._closing)

    async def render(self, render: Render) -> None:
        """Send the actor a job, with the audio of its sources."""
        self._sent += 1
        self._out_paths[render.job_id] = Path(render.out_path)
        audio = {
            role: await asyncio.to_thread(Path(path).read_bytes) for role, path in render.sources.items()
        }
        self._call("render", encode(render), audio)

    async def cancel(self, job_id: int) -> None:
        """Tell the actor to drop a job."""
        self._out_paths.pop(job_id, None)
        self._call("cancel", job_id)

    async def close(self) -> None:
        """End the actor, and its process with it."""
        self._closing.set()
        self._kill()

    def _call(self, method: str, *arguments: object) -> None:
        # A lost actor ends its stream of events, which requeues what was sent to it.
        if self._actor is not None:
            getattr(self._actor, method).remote(*arguments)

    def _kill(self) -> None:
        if self._actor is not None:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.kill(self._actor)

    async def _run_actor(self) -> AsyncGenerator[Up | Died, None]:
        """Make one actor and yield its messages until it is lost."""
        self._sent = 0
        self._out_paths.clear()
        self._actor = self._ray.remote(WorkerActor).options(**self._options).remote(*self._arguments)
        reason = LOST
        try:
            async for item in self._actor.events.options(num_returns="streaming").remote():
                line, files = await item
                event = decode_up(redact(line.decode()).encode())
                if isinstance(event, Fatal):
                    reason = event.message
                    continue
                if isinstance(event, Preview) and not await self._kept_preview(event, files):
                    continue
                yield await self._kept(event, files) if isinstance(event, Rendered) else event
        except self._ray.exceptions.RayError as error:
            if not self._closing.is_set():
                log.error("an actor was lost: %s", redact(str(error)))
        finally:
            self._kill()
            self._actor = None
        if not self._closing.is_set():
            yield Died(reason)

    async def _kept_preview(self, event: Preview, files: Mapping[str, bytes]) -> bool:
        """Write a preview to its place; False where its job was cancelled or the disk does not take it."""
        out_path = self._out_paths.get(event.job_id)
        if out_path is None:
            return False
        try:
            await asyncio.to_thread(_write, out_path.parent, files)
        except (RenderError, OSError) as error:
            log.info("job %d has no preview: %s", event.job_id, error)
            return False
        return True

    async def _kept(self, event: Rendered, files: Mapping[str, bytes]) -> Rendered | Failed:
        """Write a clip's files to its place; a disk that does not take them fails the job."""
        out_path = self._out_paths.pop(event.job_id, None)
        if out_path is None:
            return event
        try:
            await asyncio.to_thread(_write, out_path.parent, files)
        except (RenderError, OSError) as error:
            words = str(error) if isinstance(error, RenderError) else "The clip could not be saved."
            return Failed(event.job_id, "error", words, "".join(traceback.format_exception(error)))
        return event


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    places = {folder / f".{name}.part": folder / name for name in files}
    try:
        for part, content in zip(places, files.values(), strict=True):
            part.write_bytes(content)
        publish(places)
    finally:
        for part in places:
            part.unlink(missing_ok=True)


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise SetupError(
            "EXECUTOR=ray needs Ray: run `pip install 'antiphon[cluster]'` here and on every node."
        ) from error
    return ray
