"""Trouble on demand: requests that are late, refused or lost, and sockets that break."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.gateway import Gateway


@dataclass
class Fault:
    """What happens to the next `times` requests of `operation` (any, if None)."""

    times: int
    operation: str | None = None
    delay: float = 0.0
    status: int | None = None
    retry_after: float | None = None
    scope_global: bool = False
    lose_answer: bool = False
    bytes_per_second: float | None = None

    def takes(self, operation: str, *, upload: bool) -> bool:
        """Whether this request is one of them; counts it if so."""
        if self.times <= 0 or self.operation not in (None, operation):
            return False
        if self.bytes_per_second is not None and not upload:
            return False
        self.times -= 1
        return True


@dataclass
class Faults:
    """The faults waiting to happen, each to one operation ("create_message") or, for None, to any.

    Delays and slow uploads take their time on the sandbox's clock.
    """

    waiting: list[Fault] = field(default_factory=list)
    gateway: Gateway | None = None

    def delay(self, seconds: float, *, times: int = 1, operation: str | None = None) -> None:
        """Let the next requests wait before they are taken up."""
        self.waiting.append(Fault(times, operation, delay=seconds))

    def fail(self, status: int = 500, *, times: int = 1, operation: str | None = None) -> None:
        """Answer the next requests with an error status, without doing what they ask."""
        self.waiting.append(Fault(times, operation, status=status))

    def rate_limit(
        self, retry_after: float, *, times: int = 1, operation: str | None = None, scope_global: bool = False
    ) -> None:
        """Answer the next requests with 429."""
        self.waiting.append(Fault(times, operation, retry_after=retry_after, scope_global=scope_global))

    def lose_answer(self, *, times: int = 1, operation: str | None = None) -> None:
        """Do what the next requests ask, then cut the connection instead of answering."""
        self.waiting.append(Fault(times, operation, lose_answer=True))

    def slow_uploads(self, bytes_per_second: float, *, times: int = 1, operation: str | None = None) -> None:
        """Let the next requests with files take as long as a slow line would."""
        self.waiting.append(Fault(times, operation, bytes_per_second=bytes_per_second))

    def drop_sockets(self) -> None:
        """Break every gateway connection without a close frame."""
        if self.gateway is not None:
            self.gateway.drop()

    def reconnect(self) -> None:
        """Ask every gateway client to reconnect and resume."""
        if self.gateway is not None:
            self.gateway.reconnect()

    def invalidate_sessions(self, *, resumable: bool = False) -> None:
        """Declare every gateway session invalid."""
        if self.gateway is not None:
            self.gateway.invalidate(resumable=resumable)

    def clear(self) -> None:
        """Forget what has not happened yet."""
        self.waiting.clear()

    def take(self, operation: str, *, upload: bool) -> list[Fault]:
        """The faults that strike a request."""
        struck = [fault for fault in self.waiting if fault.takes(operation, upload=upload)]
        self.waiting = [fault for fault in self.waiting if fault.times > 0]
        return struck
