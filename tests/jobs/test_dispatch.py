"""The choice of a worker for the next job, without workers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.executor.protocol import Ready
from bot.jobs.dispatch import MAX_PASSES, Dispatcher
from bot.recipe import Mode
from bot.store.jobs import Head

AR, DIFFUSION = Mode.AR, Mode.DIFFUSION


def head(id: int, mode: Mode, *, isolated: bool = False, exclusive: bool = False) -> Head:
    return Head(id, mode, isolated, exclusive)


def dispatcher(*workers: Ready | tuple[Mode, ...]) -> Dispatcher:
    """A dispatcher whose workers hold these grants, or are busy with these models loaded."""
    made = Dispatcher()
    for number, worker in enumerate(workers):
        made.available(number, (AR, DIFFUSION))
        if isinstance(worker, Ready):
            made.ready(number, worker)
        else:
            made.ready(number, Ready(None, 0, worker))
            made.assigned(number)
    return made


def idle(*loaded: Mode) -> Ready:
    return Ready(None, 0, loaded)


def test_a_job_goes_where_its_model_is_loaded() -> None:
    workers = dispatcher(idle(), idle(DIFFUSION), idle(AR), Ready(AR, 0, (AR,)))
    assert [worker for worker, _ in workers.choices([head(1, AR)])] == [2, 3, 0, 1]


def test_an_isolated_job_gets_no_slot_beside_others() -> None:
    workers = dispatcher(Ready(AR, 0, (AR,)), idle())
    assert [worker for worker, _ in workers.choices([head(1, AR, isolated=True)])] == [1]


def test_a_worker_without_the_model_installed_is_never_chosen() -> None:
    workers = dispatcher(idle(), idle())
    workers.available(0, (DIFFUSION,))
    assert [worker for worker, _ in workers.choices([head(1, AR)])] == [1]


def test_one_worker_keeps_the_order_of_the_queue() -> None:
    heads = [head(1, DIFFUSION), head(2, AR)]
    assert dispatcher(Ready(AR, 0, (AR,))).choices(heads) == [], "a batch is not filled past the head"
    assert dispatcher(idle(AR)).choices(heads) == [(0, heads[0])]


def test_a_head_waits_for_the_worker_with_its_model_a_bounded_number_of_times() -> None:
    workers = dispatcher((AR,), idle(DIFFUSION))
    first = head(1, AR)
    for passing in range(2, 2 + MAX_PASSES):
        heads = [first, head(passing, DIFFUSION)]
        assert workers.choices(heads)[0] == (1, heads[1])
        workers.assigned(1)
        workers.passed(passing, heads)
        workers.ready(1, idle(DIFFUSION))
    assert workers.choices([first, head(99, DIFFUSION)]) == [(1, first)]


def test_an_idle_worker_loads_the_model_of_the_only_job() -> None:
    assert dispatcher((AR,), idle(DIFFUSION)).choices([head(1, AR)]) == [(1, head(1, AR))]


def test_nothing_overtakes_an_exclusive_job() -> None:
    heads = [head(1, AR, exclusive=True), head(2, DIFFUSION)]
    assert dispatcher((AR,), idle(DIFFUSION)).choices(heads) == [(1, heads[0])]


def test_a_mode_that_no_worker_has_holds_up_no_other() -> None:
    workers = dispatcher(idle(DIFFUSION))
    workers.available(0, (DIFFUSION,))
    heads = [head(1, AR), head(2, DIFFUSION)]
    assert workers.choices(heads) == [(0, heads[1])]


def test_a_grant_from_before_the_last_render_is_dropped() -> None:
    workers = dispatcher(idle(AR))
    assert workers.has_grants(lambda _: 0)
    assert not workers.has_grants(lambda _: 1)


def test_a_dead_worker_is_not_chosen() -> None:
    workers = dispatcher(idle(AR))
    workers.died(0)
    assert not workers.has_grants(lambda _: 0)
    assert workers.choices([head(1, AR)]) == []


queues = st.lists(st.sampled_from([AR, DIFFUSION]), min_size=1, max_size=40)
durations = st.lists(st.integers(1, 9), min_size=40, max_size=40)


@given(queues, durations, st.integers(1, 4))
def test_no_job_starves_and_no_worker_idles(modes: list[Mode], seconds: list[int], workers: int) -> None:
    """Workers with memory for one model: each head of the queue is overtaken at most MAX_PASSES times."""
    made = Dispatcher()
    for worker in range(workers):
        made.available(worker, (AR, DIFFUSION))
        made.ready(worker, idle())
    queue = [head(number, mode) for number, mode in enumerate(modes, 1)]
    busy: dict[int, tuple[int, Mode]] = {}
    overtaken: dict[int, int] = {}
    for _ in range(1000):
        while queue:
            heads = sorted({one.mode: one for one in reversed(queue)}.values(), key=lambda one: one.id)
            chosen = made.choices(heads)
            if not chosen:
                break
            worker, job = chosen[0]
            made.assigned(worker)
            made.passed(job.id, heads)
            if job != queue[0]:
                overtaken[queue[0].id] = overtaken.get(queue[0].id, 0) + 1
            queue.remove(job)
            busy[worker] = (seconds[job.id - 1], job.mode)
        assert not queue or len(busy) == workers, "a worker idles while a job waits"
        if not queue and not busy:
            break
        for worker, (left, mode) in list(busy.items()):
            busy[worker] = (left - 1, mode)
            if left == 1:
                del busy[worker]
                made.ready(worker, idle(mode))
    assert not queue
    assert max(overtaken.values(), default=0) <= MAX_PASSES
