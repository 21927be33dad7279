"""Timeouts of a silent worker: one clock for its engine's thread, another for its finisher's."""

from __future__ import annotations

from bot.executor.protocol import Failed, Loading, Preview, Progress, Rendered, Up


class Watchdog:
    """Counts the seconds without a message in each phase.

    Messages count when they arrive at the bot, not when the bot acts on them: a full disk delays the second.
    stall_seconds: the longest silence while rendering or mastering.  load_seconds: the longest silence while
    the worker starts or loads a model.
    """

    def __init__(self, *, stall_seconds: float, load_seconds: float) -> None:
        self._stall_seconds = stall_seconds
        self._load_seconds = load_seconds
        self._loading = "starting"
        self._rendering: set[int] = set()
        self._mastering: set[int] = set()
        self._engine_silence = 0.0
        self._finisher_silence = 0.0

    def assigned(self, job_id: int) -> None:
        """Expect messages about a job from now on."""
        if not self._rendering:
            self._engine_silence = 0.0
        self._rendering.add(job_id)

    def released(self, job_id: int) -> None:
        """Expect no more messages about a job."""
        self._rendering.discard(job_id)
        self._mastering.discard(job_id)

    def received(self, event: Up) -> None:
        """Reset the clock of the thread that sends this kind of message."""
        match event:
            case Progress(job_id=job_id, phase="mastering"):
                if job_id not in self._mastering:
                    # The engine's thread hands the clip over; all later ones are the finisher's.
                    self._engine_silence = 0.0
                    self._rendering.discard(job_id)
                    self._mastering.add(job_id)
                self._finisher_silence = 0.0
                return
            case Rendered() | Failed():
                if event.job_id in self._mastering:
                    self._finisher_silence = 0.0
                self.released(event.job_id)
                if isinstance(event, Rendered):
                    return
            case Preview():
                self._finisher_silence = 0.0
                return
            case Loading():
                self._loading = "" if event.finished else "loading a model"
        if not isinstance(event, Loading) and self._loading == "starting":
            self._loading = ""
        self._engine_silence = 0.0

    def stalled(self, seconds: float) -> str | None:
        """Add `seconds` without a message; return the silence and its phase once it exceeds the limit."""
        limit = self._load_seconds if self._loading else self._stall_seconds
        self._engine_silence = self._engine_silence + seconds if self._loading or self._rendering else 0.0
        self._finisher_silence = self._finisher_silence + seconds if self._mastering else 0.0
        if self._engine_silence > limit:
            return f"{self._engine_silence:.0f} s while {self._loading or 'rendering'}"
        if self._finisher_silence > self._stall_seconds:
            return f"{self._finisher_silence:.0f} s while mastering"
        return None
