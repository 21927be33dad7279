"""Jobs from before a change of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.engines.configured import InstalledModels
from bot.errors import UserError
from bot.hub.hub_cache import canonical
from bot.jobs.configured import ConfiguredModels
from bot.jobs.service import JobService
from bot.recipe import Mode, ModelRef
from bot.store.database import Database
from bot.store.job_model import State
from bot.store.jobs import Jobs
from tests import tone
from tests.builders import recipe, request
from tests.jobs.running import queue, running


async def test_jobs_for_a_model_of_before_fail_at_once_and_nobody_waits_for_them(
    database: Database, tmp_path: Path
) -> None:
    jobs = Jobs(database)
    stale = [await queue(jobs, f"tune {n}", 1, model="older") for n in range(3)]
    other = await queue(jobs, "a tune", 2, mode=Mode.DIFFUSION)
    async with running(database, tmp_path) as bot:
        for job in stale:
            failed = await bot.until_over(job)
            assert failed.state is State.FAILED
            assert "older" in (failed.error or "")
            assert "tones" in (failed.error or "")
            assert (failed.claimed_at, failed.attempts) == (None, 0)
        assert (await bot.until_over(other)).state is State.RENDERED


async def test_a_job_of_before_is_told_at_its_turn_too(database: Database, tmp_path: Path) -> None:
    jobs = Jobs(database)
    async with running(database, tmp_path) as bot:
        await bot.until_over(await queue_now(bot.service, "a tune", "tones"))
        stale = await queue(jobs, "a tune", model="older")
        await bot.service.queued(await jobs.get(stale))
        failed = await bot.until_over(stale)
    assert failed.state is State.FAILED
    assert "older" in (failed.error or "")


async def test_a_request_for_another_model_is_refused(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path) as bot:
        with pytest.raises(UserError, match=r"older.*tones"):
            await queue_now(bot.service, "a tune", "older")
        with pytest.raises(UserError, match="the model mine, and"):
            await queue_now(bot.service, "a tune", "/home/owner/mine")


@pytest.mark.parametrize("spelled", ["{}/", "{}/../models", "{}/.", "~/models", "link"])
async def test_another_spelling_of_the_folder_is_the_same_model(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelled: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    job = await queue(Jobs(database), "a tune", model=spelled.format(folder))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    async with running(database, tmp_path, ar_model=str(folder)) as bot:
        assert (await bot.until_over(job)).state is State.RENDERED


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("facebook/musicgen-small", "facebook/musicgen-small", True),
        ("facebook/musicgen-small", "audiocraft:facebook/musicgen-small", False),
        ("multiband:/models/x/", "multiband:/models/x", True),
        ("multiband:/models/x", "audiocraft:/models/x", False),
        ("/models/x", "/models/y", False),
        ("/models/gone/", "/models/gone", True),
    ],
)
def test_names_are_the_same_model(one: str, other: str, same: bool) -> None:
    assert (canonical(one) == canonical(other)) == same
    configured = ConfiguredModels([ModelRef(Mode.AR, "first"), ModelRef(Mode.AR, one)])
    wanted = recipe(model=other)
    if same:
        assert configured.adopt(wanted).model == one
    else:
        with pytest.raises(UserError):
            configured.adopt(wanted)


async def queue_now(service: JobService, prompt: str, model: str) -> int:
    return (await service.submit(request(recipe=recipe(prompt=prompt, model=model, seconds=1.0)))).id


def test_a_request_without_a_model_gets_one_that_is_allowed() -> None:
    """The default of the mode where it may be used, else another of the mode, else one of another mode."""
    first, second, third = (
        tone.describe(mode, name)
        for mode, name in ((Mode.AR, "one"), (Mode.AR, "two"), (Mode.DIFFUSION, "three"))
    )
    models = InstalledModels([first, second, third])
    for allowed, expected in (((), first), (("two",), second), (("three",), third), (("gone",), first)):
        assert models.chosen(None, None, Mode.AR, allowed) is expected
    assert models.chosen(None, None, Mode.DIFFUSION, ("two", "three")) is third
    assert models.chosen("ar", None, Mode.DIFFUSION, ("two", "three")) is second
    assert models.chosen("ar", None, Mode.DIFFUSION, ("three",)) is first, "refused as a model, not a mode"
    assert models.chosen(None, "one", Mode.AR, ("two",)) is first, "refused where it is queued"
