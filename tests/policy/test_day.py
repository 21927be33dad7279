"""The figures of the last day, from requests whose figures are known."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from bot.leaderboard.day_picture import draw_day
from bot.policy.day import HOUR_SECONDS, HOURS, day_of
from bot.store.day import DayRow
from bot.store.job_model import State

NOW = 100 * HOUR_SECONDS


def row(hours_ago: float, state: State, wait: float | None = None, factor: float | None = None) -> DayRow:
    made = NOW - hours_ago * HOUR_SECONDS
    return DayRow(state, made, None if wait is None else made + wait, "/models/score", factor)


def test_each_request_counts_in_its_hour() -> None:
    day = day_of(
        [
            row(23.5, State.DELIVERED, 10, 0.5),
            row(23.5, State.DELIVERED, 30, 1.5),
            row(23.5, State.FAILED, 20),
            row(0.5, State.CANCELLED),
            row(0.5, State.QUEUED),
            row(0.2, State.RUNNING, 5),
            row(24.5, State.DELIVERED, 99, 9.0),
        ],
        NOW,
    )
    assert (day.made[0], day.failed[0], day.other[-1]) == (2, 1, 3)
    assert sum(day.made) == 2
    assert (day.waits[0], day.waits[-1], day.waits[5]) == (20, 5, None)
    assert day.factors == {"score": (1.0, 2)}, "the folder's last part"
    assert day.lines == [
        "2 clips made, 1 failed (33 %), 1 waiting, 1 rendering",
        "waits by the hour: 12 s in the median, 20 s in the worst",
        "score: 1.00 s of rendering a second of audio, in 2 clips",
    ]


def test_an_empty_day_is_drawn_too() -> None:
    day = day_of([], NOW)
    assert day.lines[1] == "nothing waited"
    assert len(day.made) == HOURS
    with Image.open(BytesIO(draw_day(day.to_dict()))) as image:
        assert image.width == 800
