"""The executor with its real worker process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from mutagen.id3 import ID3

from bot.audio.tags import PROVENANCE_FRAME
from bot.config import Settings
from bot.executor.child import ChildExecutor
from bot.executor.link import Died
from bot.executor.protocol import Failed, Loading, Progress, Ready, Render, Rendered, Up
from bot.recipe import Mode, ModelRef
from tests import gate, tone
from tests.builders import recipe
from tests.tone import SECRET

TONES = ModelRef(Mode.AR, "tones")
pytestmark = pytest.mark.asyncio(loop_scope="module")


class WorkerHarness:
    """Gives the worker jobs and keeps what it says."""

    def __init__(self, executor: ChildExecutor, folder: Path) -> None:
        self.executor = executor
        self.folder = folder
        self.events = executor.events()
        self.said: list[Up | Died] = []
        self.number = 0

    async def give(self, prompt: str, *, picture: bool = True, **changes: object) -> int:
        self.number += 1
        wanted = recipe(**{"prompt": prompt, "model": "tones", "seconds": 1.0} | changes)
        path = self.folder / f"{self.number}.mp3"
        await self.executor.render(Render(self.number, wanted, str(path), 10**7, picture=picture))
        return self.number

    async def until(self, *kinds: type, job: int | None = None) -> Up | Died:
        async for event in self.events:
            self.said.append(event)
            if isinstance(event, kinds) and job in (None, getattr(event, "job_id", None)):
                return event
        raise AssertionError("the worker ended")

    async def ready(self) -> Ready:
        while True:
            event = await self.until(Ready)
            assert isinstance(event, Ready)
            if event.model is None and event.acked == self.executor.sent:
                return event


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def harness(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerHarness]:
    settings = Settings(ar_model="tones", diffusion_model="tones", stall_seconds=60)
    folder = tmp_path_factory.mktemp("clips")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(gate.FOLDER, str(folder / "gate"))
        executor = ChildExecutor.configured(settings, "tests.tone", warm=TONES)
        harness = WorkerHarness(executor, folder)
        await harness.ready()
        yield harness
        await executor.close()
        await harness.events.aclose()


async def test_the_model_of_the_default_mode_is_loaded_ahead(harness: WorkerHarness) -> None:
    loading = [event for event in harness.said if isinstance(event, Loading)]
    assert loading[:2] == [Loading(TONES, finished=False), Loading(TONES, finished=True)]


async def test_a_clip_comes_with_progress_and_facts(harness: WorkerHarness) -> None:
    job = await harness.give("a tune")
    rendered = await harness.until(Rendered, job=job)
    assert isinstance(rendered, Rendered)
    assert (harness.folder / rendered.file).stat().st_size == rendered.facts["bytes"]
    assert rendered.facts["title"] == "test tones"
    memory = rendered.facts["memory"]
    assert 10**7 < memory["resident_bytes"] <= memory["peak_bytes"]
    assert (memory["gpu_peak_bytes"], memory["models"]) == (None, 1)
    done = [
        event.done for event in harness.said if isinstance(event, Progress) and event.phase == "rendering"
    ]
    assert done == sorted(done)
    assert len(done) >= 10


async def test_a_clip_names_the_precision_that_it_was_rendered_in(harness: WorkerHarness) -> None:
    narrow, other = await harness.give("narrow tune"), await harness.give("a tune")
    for job, precision in ((narrow, "bfloat16"), (other, "float32")):
        rendered = await harness.until(Rendered, job=job)
        assert isinstance(rendered, Rendered)
        assert rendered.facts["precision"] == precision
        tagged = json.loads(str(ID3(harness.folder / rendered.file)[f"TXXX:{PROVENANCE_FRAME}"]))
        assert tagged["precision"] == precision


async def test_a_warning_comes_with_its_clip_alone(harness: WorkerHarness) -> None:
    warned, other = await harness.give("verbose tune"), await harness.give("a tune")
    for job, warnings in ((warned, [tone.CUT]), (other, [])):
        rendered = await harness.until(Rendered, job=job)
        assert isinstance(rendered, Rendered)
        assert rendered.facts["warnings"] == warnings


@pytest.mark.parametrize("picture", [True, False])
async def test_a_picture_is_drawn_where_one_is_wanted(harness: WorkerHarness, picture: bool) -> None:
    job = await harness.give("a tune", picture=picture)
    rendered = await harness.until(Rendered, job=job)
    assert isinstance(rendered, Rendered)
    assert rendered.picture == (f"{job}.png" if picture else "")
    assert (harness.folder / f"{job}.png").exists() == picture


async def test_a_cancelled_job_says_nothing_more(harness: WorkerHarness) -> None:
    first, second = await harness.give("held tune"), await harness.give("another")
    await harness.until(Progress, job=first)
    await harness.executor.cancel(first)
    await harness.until(Rendered, job=second)
    assert not any(isinstance(e, Rendered | Failed) and e.job_id == first for e in harness.said)


async def test_a_job_is_cancelled_before_its_turn(harness: WorkerHarness) -> None:
    # The second is held as well: its turn may come before the worker has read that it is cancelled.
    first, second, third = [await harness.give(words) for words in ("held tune", "held never", "after it")]
    await harness.executor.cancel(second)
    gate.open_for(harness.folder / "gate")
    await harness.until(Rendered, job=first)
    await harness.until(Rendered, job=third)
    assert not any(isinstance(e, Rendered | Failed) and e.job_id == second for e in harness.said)


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [("nan", "audio"), ("silent", "audio"), ("broken", "error"), ("ravenous", "out_of_memory")],
)
async def test_a_failure_says_its_kind(harness: WorkerHarness, prompt: str, kind: str) -> None:
    job = await harness.give(prompt)
    failed = await harness.until(Failed, job=job)
    assert isinstance(failed, Failed)
    assert failed.kind == kind
    assert "Traceback" not in failed.message


async def test_no_secret_leaves_the_worker(harness: WorkerHarness) -> None:
    job = await harness.give("leaking")
    failed = await harness.until(Failed, job=job)
    assert isinstance(failed, Failed)
    assert SECRET not in failed.message + failed.detail
    assert "https://hub/?token=[secret]" in failed.detail


async def test_out_of_memory_is_tried_once_more_with_everything_unloaded(harness: WorkerHarness) -> None:
    start = len(harness.said)
    job = await harness.give("ravenous")
    await harness.until(Failed, job=job)
    said = harness.said[start:]
    begun = [
        event for event in said if isinstance(event, Progress) and event.job_id == job and event.done == 0
    ]
    assert len(begun) == 2
    assert Loading(TONES, finished=True) in said


async def test_a_dead_worker_is_reported_and_replaced(harness: WorkerHarness) -> None:
    before = harness.executor.pid
    await harness.give("crash")
    died = await harness.until(Died)
    assert isinstance(died, Died)
    assert "signal 9" in died.reason
    await harness.ready()
    assert harness.executor.pid not in (None, before)
    job = await harness.give("life goes on")
    await harness.until(Rendered, job=job)


@pytest.mark.parametrize("name", ["cublas", "mps", "winerror-1455", "cuda-accelerator"])
async def test_out_of_memory_is_said_so_in_every_spelling(harness: WorkerHarness, name: str) -> None:
    job = await harness.give(f"memory:{name}")
    failed = await harness.until(Failed, job=job)
    assert isinstance(failed, Failed)
    assert failed.kind == "out_of_memory"
    assert "Ask for a shorter one" in failed.message


@pytest.mark.parametrize("name", ["assert", "cublas", "hip-address"])
async def test_a_broken_device_ends_the_worker_with_its_reason(harness: WorkerHarness, name: str) -> None:
    job = await harness.give(f"device:{name}")
    start = len(harness.said)
    died = await harness.until(Died)
    assert isinstance(died, Died)
    assert "accelerator stopped working" in died.reason
    assert not any(isinstance(e, Failed) and e.job_id == job for e in harness.said[start:])
    await harness.ready()


async def test_a_grant_is_sent_once_however_often_the_engine_asks(harness: WorkerHarness) -> None:
    start = len(harness.said)
    job = await harness.give("eager tune")
    sent = harness.executor.sent
    await harness.until(Rendered, job=job)
    grants = [event for event in harness.said[start:] if isinstance(event, Ready) and event.acked == sent]
    assert len(grants) == len(set(grants))
    assert any(grant.model == TONES and TONES in grant.loaded for grant in grants)


async def test_the_worker_is_read_while_nobody_takes_its_events(harness: WorkerHarness) -> None:
    permits = harness.folder / "gate"
    for left in permits.glob("*"):
        left.unlink()
    job = await harness.give("chatty tune")
    async with asyncio.timeout(90):
        while not list(permits.glob("*")):
            await asyncio.sleep(0.05)
    assert isinstance(await harness.until(Rendered, job=job), Rendered)


async def test_a_job_for_another_model_fails_instead_of_being_asked_for_for_ever(
    harness: WorkerHarness,
) -> None:
    job = await harness.give("a tune", model="another")
    failed = await harness.until(Failed, job=job)
    assert isinstance(failed, Failed)
    assert failed.kind == "model"
    assert "another" in failed.message


async def test_modes_are_loaded_as_they_are_asked_for(harness: WorkerHarness) -> None:
    job = await harness.give("a tune", mode=Mode.DIFFUSION)
    await harness.until(Loading)
    rendered = await harness.until(Rendered, job=job)
    assert isinstance(rendered, Rendered)
