"""Where the tasks of an event loop wait: what a run that stands still is asked for."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from types import FrameType
from typing import Any


def waits_at(task: asyncio.Task[Any]) -> list[str]:
    """Return the functions in which a task waits, outermost first, each with its file and line."""
    found = []
    awaited: Any = task.get_coro()
    while awaited is not None:
        frame = _frame(awaited)
        if frame is None:
            found.append(f"  {type(awaited).__name__}")
            break
        code = frame.f_code
        found.append(f"  {code.co_filename}:{frame.f_lineno} {code.co_qualname}")
        awaited = _next(awaited)
    return found


def tasks_of_this_loop() -> str:
    """Return all tasks of the running loop with the place where each waits."""
    return "\n".join(
        "\n".join([task.get_name(), *waits_at(task)]) for task in asyncio.all_tasks() if not task.done()
    )


def tell_on_request() -> None:
    """Have this process print where its tasks wait on SIGUSR1."""

    def tell(number: int, frame: FrameType | None) -> None:
        try:
            print(tasks_of_this_loop(), file=sys.stderr, flush=True)
        except RuntimeError:
            print("no loop runs", file=sys.stderr, flush=True)

    if sys.platform != "win32":
        signal.signal(signal.SIGUSR1, tell)


def _frame(awaited: Any) -> FrameType | None:
    for name in ("cr_frame", "ag_frame", "gi_frame"):
        if (frame := getattr(awaited, name, None)) is not None:
            assert isinstance(frame, FrameType)
            return frame
    return None


def _next(awaited: Any) -> Coroutine[Any, Any, Any] | None:
    for name in ("cr_await", "ag_await", "gi_yieldfrom"):
        if hasattr(awaited, name):
            return getattr(awaited, name)  # type: ignore[no-any-return]
    return None
