"""The choice of a worker for the next job, without workers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.executor.protocol import Ready
from bot.jobs.dispatch import MAX_PASSES, Dispatcher
from bot.recipe import Mode, ModelRef
from bot.store.job_model import Head

AR, DIFFUSION = ModelRef(Mode.AR, "one"), ModelRef(Mode.DIFFUSION, "two")
OTHER = ModelRef(Mode.AR, "three")
MODELS = (AR, DIFFUSION, OTHER)


def head(id: int, model: ModelRef, *, isolated: bool = False, exclusive: bool = False) -> Head:
    return Head(id, model, isolated, exclusive)


def dispatcher(*workers: Ready | tuple[ModelRef, ...]) -> Dispatcher:
    """A dispatcher whose workers hold these grants, or are busy with these models loaded."""
    made = Dispatcher()
    for number, worker in enumerate(workers):
        made.available(number, MODELS)
        if isinstance(worker, Ready):
            made.ready(number, worker)
        else:
            made.ready(number, Ready(None, 0, worker))
            made.assigned(number)
    return made


def idle(*loaded: ModelRef, fitting: tuple[ModelRef, ...] = MODELS) -> Ready:
    """A grant of a worker with memory for all models, unless `fitting` says otherwise."""
    return Ready(None, 0, loaded, tuple(model for model in fitting if model not in loaded))


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


def test_one_worker_with_memory_for_all_keeps_the_order_of_the_queue() -> None:
    heads = [head(1, DIFFUSION), head(2, AR)]
    batching = Ready(AR, 0, (AR,), (DIFFUSION,))
    assert dispatcher(batching).choices(heads) == [], "a batch is not filled past the head"
    assert dispatcher(idle(AR)).choices(heads) == [(0, heads[0])]


def test_a_model_is_unloaded_only_after_a_bounded_number_of_jobs_for_those_that_are_loaded() -> None:
    workers = dispatcher(idle(AR, fitting=()))
    first = head(1, DIFFUSION)
    for passing in range(2, 2 + MAX_PASSES):
        heads = [first, head(passing, AR)]
        assert workers.choices(heads)[0] == (0, heads[1])
        workers.assigned(0)
        workers.passed(passing, heads)
        workers.ready(0, idle(AR, fitting=()))
    assert workers.choices([first, head(99, AR)]) == [(0, first)]
    assert dispatcher(idle(AR, fitting=())).choices([first]) == [(0, first)], "nothing to overtake it"


def test_a_model_is_loaded_beside_the_others_rather_than_in_their_place() -> None:
    workers = dispatcher(idle(AR, fitting=()), idle(DIFFUSION, fitting=(OTHER,)))
    heads = [head(1, OTHER), head(2, AR)]
    assert workers.choices(heads) == [(1, heads[0]), (0, heads[0])]


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


def test_a_model_that_no_worker_has_holds_up_no_other() -> None:
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


queues = st.lists(st.sampled_from(MODELS), min_size=1, max_size=40)
durations = st.lists(st.integers(1, 9), min_size=40, max_size=40)


@given(queues, durations, st.integers(1, 4), st.integers(1, 3))
def test_no_job_starves_and_no_worker_idles(
    models: list[ModelRef], seconds: list[int], workers: int, memory: int
) -> None:
    """Workers with memory for so many models: each head is overtaken at most MAX_PASSES times."""
    made = Dispatcher()
    loaded: dict[int, list[ModelRef]] = {worker: [] for worker in range(workers)}

    def ready(worker: int) -> None:
        here = loaded[worker]
        made.ready(worker, idle(*here, fitting=MODELS if len(here) < memory else ()))

    for worker in range(workers):
        made.available(worker, MODELS)
        ready(worker)
    queue = [head(number, model) for number, model in enumerate(models, 1)]
    busy: dict[int, int] = {}
    overtaken: dict[int, int] = {}
    for _ in range(1000):
        while queue:
            heads = sorted({one.model: one for one in reversed(queue)}.values(), key=lambda one: one.id)
            chosen = made.choices(heads)
            if not chosen:
                break
            worker, job = chosen[0]
            made.assigned(worker)
            made.passed(job.id, heads)
            if job != queue[0]:
                overtaken[queue[0].id] = overtaken.get(queue[0].id, 0) + 1
            queue.remove(job)
            busy[worker] = seconds[job.id - 1]
            kept = [model for model in loaded[worker] if model != job.model]
            loaded[worker] = [*kept, job.model][-memory:]
        assert not queue or len(busy) == workers, "a worker idles while a job waits"
        if not queue and not busy:
            break
        for worker, left in list(busy.items()):
            busy[worker] = left - 1
            if left == 1:
                del busy[worker]
                ready(worker)
    assert not queue
    assert max(overtaken.values(), default=0) <= MAX_PASSES
