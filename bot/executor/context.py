"""The worker's end of the pipe: where engines get their work and leave it."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bot.audio.finish import finish
from bot.audio.preview import write_preview
from bot.audio.tags import Provenance
from bot.engines.base import Engine, RenderRequest
from bot.engines.failures import is_out_of_memory
from bot.errors import BadAudio, ModelUnusable, OutOfMemory, RenderError, UserError
from bot.executor.open_jobs import OpenJobs
from bot.executor.protocol import (
    PREVIEW_SECONDS,
    Available,
    Cancel,
    Down,
    Failed,
    FailureKind,
    Fatal,
    Heartbeat,
    Loading,
    Preview,
    Progress,
    Ready,
    Render,
    Rendered,
    Up,
    decode_down,
    encode,
)
from bot.executor.provenance import memory, versions
from bot.hub.naming import model_name
from bot.log import bound
from bot.recipe import ModelRef, Recipe

if TYPE_CHECKING:
    from bot.engines.base import Wave

log = logging.getLogger(__name__)

_HEARTBEAT_SECONDS = 1.0
TOO_LARGE = (
    "There is not enough memory for this clip. Ask for a shorter one. The owner of the bot can choose a "
    "smaller model; `antiphon doctor` lists those that fit."
)


class PipeContext:
    """A RenderContext over two byte streams. One thread reads, the engine renders, one thread finishes.

    Finishing a clip (mastering, MP3, picture) overlaps with the rendering of the next.
    """

    def __init__(self, reading: BinaryIO, writing: BinaryIO) -> None:
        self._reading = reading
        self._writing = writing
        self._sending = threading.Lock()
        self._changed = threading.Condition()
        self._inbox: deque[Render] = deque()
        self._acked = 0
        self._last_ready: Ready | None = None
        self.loaded: tuple[ModelRef, ...] = ()
        """The models in memory; the bot learns them with the next grant."""
        self.fitting: tuple[ModelRef, ...] = ()
        """The models that can be loaded beside those."""
        self._cancelled: set[int] = set()
        self._open = OpenJobs()
        self._engine: Engine | None = None
        self._alone = False
        self._finisher = ThreadPoolExecutor(1, thread_name_prefix="finish")
        self._finishing: Future[None] | None = None
        self._last_heartbeat = 0.0
        self._warnings: dict[int, list[str]] = {}
        threading.Thread(target=self._read, name="read", daemon=True).start()

    # The worker's loop

    def wait(self) -> Render:
        """Ask for any job and wait until one is in the inbox; return it, still there."""
        with self._changed:
            if not self._inbox:
                self._send_ready(None)
            self._changed.wait_for(lambda: self._inbox)
            return self._inbox[0]

    def waits(self, render: Render) -> bool:
        """Tell whether a job is in the inbox still, neither taken nor cancelled."""
        with self._changed:
            return render in self._inbox and render.job_id not in self._cancelled

    def drop(self, render: Render) -> None:
        """Take a job out of the inbox that no engine will be asked for."""
        with self._changed:
            if render in self._inbox:
                self._inbox.remove(render)
            self._cancelled.discard(render.job_id)

    def serve(self, engine: Engine, *, alone: bool) -> None:
        """Set the engine that jobs are given to from now on; `alone`: one job at a time."""
        self._engine = engine
        self._alone = alone

    def taken(self) -> list[RenderRequest]:
        """Return the jobs that the engine took and neither finished nor failed nor dropped."""
        return [_request(render) for render in self._open.renders()]

    def log_ids(self) -> dict[str, object]:
        """Return the ids of the job that the engine renders, or the numbers of several jobs, for the log."""
        renders = self._open.renders()
        if len(renders) == 1:
            return dict(renders[0].ids)
        return {"job_ids": [render.job_id for render in renders]} if renders else {}

    def give_back(self, job: RenderRequest) -> None:
        """Put a job that the engine took back to the head of the inbox, to be tried again."""
        with self._changed:
            render = self._open[job.id]
            self._open.end(job.id)
            self._inbox.appendleft(render)

    def available(self, models: Sequence[ModelRef]) -> None:
        """Announce the models that are installed here."""
        self._send(Available(tuple(models)))

    def loading(self, model: ModelRef, *, finished: bool) -> None:
        """Say that a model is being loaded, or that this is over."""
        self._send(Loading(model, finished))

    # The interface for engines (bot.engines.base.RenderContext)

    def next(self, compatible: Callable[[Recipe], bool]) -> RenderRequest | None:
        """Return the next waiting job if it is compatible, or None."""
        model = self._serving().capabilities.model_ref
        if self._alone and self._open:
            return None
        with self._changed:
            while self._inbox:
                job = _request(self._inbox[0])
                if job.id in self._cancelled:
                    self._cancelled.discard(self._inbox.popleft().job_id)
                    continue
                if not compatible(job.recipe) or job.recipe.model_ref != model:
                    return None
                render = self._inbox.popleft()
                self._open.begin(render)
                # A clip for the command line has no member, and whoever waits for it sees its progress.
                if render.ids:
                    log.info("job %d is begun by %s", job.id, model_name(model.name), extra=render.ids)
                return job
            self._send_ready(model)
            return None

    def progress(self, job: RenderRequest, done: int, total: int) -> None:
        """Say that `done` of `total` steps of this job are finished."""
        concurrency = round(self._open.concurrency(job.id), 2)
        self._send(Progress(job.id, done, total, "rendering", concurrency))

    def warn(self, job: RenderRequest, sentence: str) -> None:
        """Have a sentence stored with the clip's facts."""
        kept = self._warnings.setdefault(job.id, [])
        # A clip that is tried again warns again.
        if sentence not in kept:
            kept.append(sentence)

    def heartbeat(self) -> None:
        """Say that the engine is at work where no step is finished; at most once a second is it sent."""
        now = time.monotonic()
        if now - self._last_heartbeat >= _HEARTBEAT_SECONDS:
            self._last_heartbeat = now
            self._send(Heartbeat())

    def cancelled(self, job: RenderRequest) -> bool:
        """Tell whether a job was cancelled; a cancelled one is dropped here."""
        with self._changed:
            if job.id not in self._cancelled:
                return False
            self._cancelled.discard(job.id)
            self._open.end(job.id)
            return True

    def preview(self, job: RenderRequest, wave: Wave) -> None:
        """Hand over the clip's beginning: the finisher writes it before anything that comes later."""
        render = self._open[job.id]
        if render.preview_path:
            self._finisher.submit(self._write_preview, render, wave, self._serving().capabilities.sample_rate)

    def done(self, job: RenderRequest, wave: Wave, *, score: str = "") -> None:
        """Hand over the whole clip: it is mastered and written beside the engine's next work.

        One clip is finished while one is rendered; a third waits, so that waves never pile up in memory.
        """
        self.finish_pending()
        render, seconds = self._open[job.id], self._open.seconds(job.id)
        pace = {
            "render_seconds": round(seconds, 3),
            "real_time_factor": round(seconds / job.recipe.seconds, 4),
            "concurrency": round(self._open.concurrency(job.id), 2),
        }
        self._open.end(job.id)
        self._send(Progress(job.id, 0, 1, "mastering"))
        engine = self._serving()
        # Read now: the engine's next clip can be rendered in another precision than this one was.
        provenance = Provenance(
            engine.device, engine.capabilities.slots, precision=engine.precision, versions=versions()
        )
        finish = partial(self._finish, render, job, wave, engine, provenance, pace, score)
        self._finishing = self._finisher.submit(finish)

    def finish_pending(self) -> None:
        """Wait until the clip that was handed over last is written."""
        if self._finishing is not None:
            while not wait_for([self._finishing], _HEARTBEAT_SECONDS).done:
                self.heartbeat()
            self._finishing.result()

    def fatal(self, message: str) -> None:
        """Say that this process ends now, and why, with the jobs that are open."""
        self._send(Fatal(message))

    def failed(self, job: RenderRequest, error: Exception) -> None:
        """Say that this job cannot be rendered, and why."""
        self._open.end(job.id)
        self.fail(job.id, error)

    def fail(self, job_id: int, error: BaseException) -> None:
        """Report a failure: a UserError's own text; for anything else a text with the job's number."""
        detail = "".join(traceback.format_exception(error))
        if isinstance(error, RenderError | UserError):
            self._send(Failed(job_id, _kind(error), str(error), detail))
        elif is_out_of_memory(error):
            self._send(Failed(job_id, "out_of_memory", TOO_LARGE, detail))
        else:
            self._send(
                Failed(
                    job_id,
                    "error",
                    f"Something went wrong while rendering. The owner of the bot finds it in the log as "
                    f"job {job_id}.",
                    detail,
                )
            )

    def _serving(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("an engine asked for work before serve()")
        return self._engine

    def _finish(
        self,
        render: Render,
        job: RenderRequest,
        wave: Wave,
        engine: Engine,
        provenance: Provenance,
        pace: Mapping[str, float],
        score: str,
    ) -> None:
        with bound(**render.ids):
            try:
                with self._changed:
                    if job.id in self._cancelled:
                        self._cancelled.discard(job.id)
                        return
                clip = finish(
                    wave,
                    recipe=job.recipe,
                    capabilities=engine.capabilities,
                    out_path=Path(render.out_path),
                    max_bytes=render.max_bytes,
                    provenance=provenance,
                    score=score,
                    with_picture=render.picture,
                    on_progress=lambda: self._send(Progress(job.id, 0, 1, "mastering")),
                )
                facts = asdict(clip)
                path, picture = facts.pop("path"), facts.pop("picture")
                facts |= {
                    "warnings": [*self._warnings.pop(job.id, []), *clip.warnings],
                    "title": engine.capabilities.title,
                    "licence": engine.capabilities.licence,
                    "slots": provenance.slots,
                    "device": provenance.device,
                    **({"precision": provenance.precision} if provenance.precision else {}),
                    "memory": memory(engine.device, len(self.loaded)),
                    **pace,
                }
                if render.ids:
                    log.info("job %d is rendered in %.1f s", job.id, pace["render_seconds"])
                self._send(Rendered(job.id, path.name, picture.name if picture else "", facts))
            except Exception as error:
                self.fail(job.id, error)

    def _write_preview(self, render: Render, wave: Wave, rate: int) -> None:
        """Write the beginning of a clip that is still being rendered; the clip comes without it, too."""
        if render.job_id not in self._open:
            return
        path = Path(render.preview_path)
        with bound(**render.ids):
            try:
                write_preview(wave, rate, path)
            except Exception as error:
                log.info("job %d has no preview: %s", render.job_id, error)
                return
        self._send(Preview(render.job_id, path.name))

    def _send_ready(self, model: ModelRef | None) -> None:
        """Grant one Render, unless the bot holds this same grant already."""
        ready = Ready(model, self._acked, self.loaded, self.fitting)
        if ready != self._last_ready:
            self._last_ready = ready
            self._send(ready)

    def _send(self, message: Up) -> None:
        with self._sending:
            self._writing.write(encode(message))
            self._writing.flush()

    def _read(self) -> None:
        """Receive the bot's messages, and exit with the stream.

        os._exit skips the other threads, which may never end: a start of the bot requeues their jobs.
        """
        try:
            for line in self._reading:
                self._receive(decode_down(line))
        except Exception:
            # Unread, the stream would leave a worker that neither works nor dies.
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def _receive(self, message: Down) -> None:
        with self._changed:
            match message:
                case Render():
                    self._acked += 1
                    self._inbox.append(message)
                case Cancel(job_id):
                    self._cancelled.add(job_id)
                case _:
                    print(f"unexpected {type(message).__name__}", file=sys.stderr)
            self._changed.notify_all()


def _request(render: Render) -> RenderRequest:
    sources = {role: Path(path) for role, path in render.sources.items()}
    seconds = PREVIEW_SECONDS if render.preview_path else 0.0
    return RenderRequest(render.job_id, render.recipe, sources, seconds)


def _kind(error: RenderError | UserError) -> FailureKind:
    if isinstance(error, UserError):
        return "refused"
    if isinstance(error, OutOfMemory):
        return "out_of_memory"
    if isinstance(error, ModelUnusable):
        return "model"
    return "audio" if isinstance(error, BadAudio) else "error"
