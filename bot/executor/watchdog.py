"""Which silence of the worker is too long: a clock for its engine's thread, another for its finisher's."""

from __future__ import annotations

from bot.executor.protocol import Failed, Loading, Progress, Rendered, Up


class Watchdog:
    """Counts silent seconds a phase, from what the worker says and when it is read.

    stall_seconds: longest silence of a thread that renders or masters; load_seconds: of a worker that
    starts or loads a model.
    """

    def __init__(self, *, stall_seconds: float, load_seconds: float) -> None:
        self._stall_seconds = stall_seconds
        self._load_seconds = load_seconds
        self._loading = "starting"
        self._rendering: set[int] = set()
        self._mastering: set[int] = set()
        self._engine_silence = 0.0
        self._finisher_silence = 0.0

    def given(self, job_id: int) -> None:
        """Expect to hear of a job."""
        if not self._rendering:
            self._engine_silence = 0.0
        self._rendering.add(job_id)

    def ended(self, job_id: int) -> None:
        """Expect to hear nothing more of a job."""
        self._rendering.discard(job_id)
        self._mastering.discard(job_id)

    def heard(self, event: Up) -> None:
        """Note what the worker said, by the thread that says such things."""
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
                self.ended(event.job_id)
                if isinstance(event, Rendered):
                    return
            case Loading():
                self._loading = "" if event.finished else "loading a model"
        if not isinstance(event, Loading) and self._loading == "starting":
            self._loading = ""
        self._engine_silence = 0.0

    def stalled(self, seconds: float) -> str | None:
        """Count so many more silent seconds; return the phase and the silence where it is too long."""
        limit = self._load_seconds if self._loading else self._stall_seconds
        self._engine_silence = self._engine_silence + seconds if self._loading or self._rendering else 0.0
        self._finisher_silence = self._finisher_silence + seconds if self._mastering else 0.0
        if self._engine_silence > limit:
            return f"{self._engine_silence:.0f} s while {self._loading or 'rendering'}"
        if self._finisher_silence > self._stall_seconds:
            return f"{self._finisher_silence:.0f} s while mastering"
        return None
