"""The progress of several takes in one answer: a line each, and when all are ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.jobs.estimates import QueuePosition
from bot.jobs.eta import spoken
from bot.locale import mark, tr
from bot.store.job_model import Job, State
from cogs.clips.takes_card import takes_line
from cogs.ui.text import bar

_ENDED = {
    State.RENDERED: mark("ready"),
    State.DELIVERED: mark("ready"),
    State.FAILED: mark("didn't work"),
    State.CANCELLED: mark("cancelled"),
}


def takes_text(
    jobs: Sequence[Job], positions: Mapping[int, QueuePosition], fractions: Mapping[int, float]
) -> str:
    """Return the text for takes of which some are not done. fractions: of the running ones, 0 to 1."""
    lines = [tr("Take {take}: {line}", take=job.take, line=_line(job, positions, fractions)) for job in jobs]
    seconds = max((positions[job.id].seconds for job in jobs if job.id in positions), default=0.0)
    return "\n".join(
        [takes_line(jobs[0], len(jobs)), *lines, tr("All of them ready in {time}.", time=spoken(seconds))]
    )


def _line(job: Job, positions: Mapping[int, QueuePosition], fractions: Mapping[int, float]) -> str:
    if job.state in _ENDED:
        return tr(_ENDED[job.state])
    position = positions.get(job.id)
    if job.state is State.RUNNING:
        fraction = fractions.get(job.id, 0.0)
        return f"{bar(fraction)} {round(fraction * 100)} %"
    if position is None:
        return tr("waiting")
    if position.waiting > 1:
        return tr("place {number} of {waiting}", number=position.number, waiting=position.waiting)
    return tr("next in line")
