"""Silence that is too long, counted without a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.executor.protocol import Failed, Heartbeat, Loading, Progress, Ready, Rendered, Up
from bot.executor.watchdog import Watchdog
from bot.recipe import Mode, ModelRef

TONES = ModelRef(Mode.AR, "tones")
STALL, LOAD = 10.0, 100.0
RENDERING = Progress(1, 1, 9, "rendering")
MASTERING = Progress(1, 0, 1, "mastering")


def watchdog(*events: Up, given: tuple[int, ...] = (1,)) -> Watchdog:
    """A watchdog of a worker that started, was given these jobs and then said this."""
    watchdog = Watchdog(stall_seconds=STALL, load_seconds=LOAD)
    watchdog.received(Ready(None, 0))
    for job in given:
        watchdog.assigned(job)
    for event in events:
        watchdog.received(event)
    return watchdog


@pytest.mark.parametrize(
    ("said", "limit", "phase"),
    [
        ([RENDERING], STALL, "rendering"),
        ([MASTERING], STALL, "mastering"),
        ([Loading(TONES, finished=False)], LOAD, "loading a model"),
        ([Loading(TONES, finished=False), Loading(TONES, finished=True)], STALL, "rendering"),
    ],
)
def test_each_phase_has_its_limit_and_its_name(said: list[Up], limit: float, phase: str) -> None:
    dog = watchdog(*said)
    assert dog.stalled(limit) is None
    silence = dog.stalled(1.0)
    assert silence is not None
    assert silence.endswith(f"while {phase}")


def test_a_worker_that_never_says_a_word_is_not_waited_for_for_ever() -> None:
    dog = Watchdog(stall_seconds=STALL, load_seconds=LOAD)
    assert dog.stalled(LOAD) is None
    assert dog.stalled(1.0) == "101 s while starting"


@pytest.mark.parametrize(
    "events",
    [
        [],
        [Rendered(1, "1.mp3", "", {})],
        [MASTERING, Rendered(1, "1.mp3", "", {})],
        [Failed(1, "error", "broken")],
        [MASTERING, Failed(1, "audio", "silent")],
    ],
)
def test_a_worker_without_work_may_be_silent(events: list[Up]) -> None:
    dog = watchdog(*events, given=(1,) if events else ())
    assert dog.stalled(1e6) is None


def test_a_cancelled_job_is_not_waited_for() -> None:
    dog = watchdog(RENDERING)
    dog.released(1)
    assert dog.stalled(1e6) is None


@pytest.mark.parametrize("sign", [Heartbeat(), RENDERING, Ready(TONES, 1)])
def test_every_word_of_the_engine_counts(sign: Up) -> None:
    dog = watchdog(RENDERING)
    for _ in range(5):
        assert dog.stalled(STALL) is None
        dog.received(sign)


def test_a_hung_mastering_is_not_covered_by_the_next_clip() -> None:
    dog = watchdog(MASTERING, given=(1, 2))
    for _ in range(2):
        assert dog.stalled(STALL / 2) is None
        dog.received(Progress(2, 1, 9, "rendering"))
        dog.received(Heartbeat())
    silence = dog.stalled(1.0)
    assert silence is not None
    assert silence.endswith("while mastering")


def test_a_slow_mastering_does_not_cover_a_hung_engine() -> None:
    dog = watchdog(MASTERING, given=(1, 2))
    for _ in range(2):
        assert dog.stalled(STALL / 2) is None
        dog.received(MASTERING)
    silence = dog.stalled(1.0)
    assert silence is not None
    assert silence.endswith("while rendering")


@given(st.lists(st.sampled_from(["step", "beat", "load", "loaded", "master", "next"]), max_size=40))
def test_a_worker_that_speaks_within_the_limit_is_never_ended(acts: list[str]) -> None:
    dog, job = watchdog(), 1
    for act in acts:
        match act:
            case "step":
                dog.received(Progress(job, 1, 9, "rendering"))
            case "beat":
                dog.received(Heartbeat())
            case "load" | "loaded":
                dog.received(Loading(TONES, finished=act == "loaded"))
            case "master":
                dog.received(Progress(job, 0, 1, "mastering"))
            case "next":
                dog.received(Rendered(job, "1.mp3", "", {}))
                job += 1
                dog.assigned(job)
        # Both threads speak: the engine's by a heartbeat, the finisher's where it has a clip.
        assert dog.stalled(STALL / 2) is None
        dog.received(Heartbeat())
        if act == "master":
            dog.received(Progress(job, 0, 1, "mastering"))
            dog.received(Rendered(job, "1.mp3", "", {}))
            job += 1
            dog.assigned(job)
