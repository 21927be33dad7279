"""One command for a model as it is published: its files, what they refer to, and the conversion."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.engines import registry
from bot.errors import SetupError
from bot.hub import converted, hub_cache, install, integrity
from bot.hub.fetch import SPARE_BYTES
from bot.recipe import Mode, Recipe
from tests.engines.audiocraft_files import write_audiocraft, write_codec, write_text_encoder
from tests.engines.context import rendered
from tests.hub.server import Hub, serving

MEDIUM, STEREO = "facebook/musicgen-medium", "facebook/musicgen-stereo-medium"
ROOT = Path(__file__).parents[2]


def published(name: str, folder: Path, *more: str) -> Hub:
    """What is in a folder under a name on the hub, beside files that no engine needs."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    files |= dict.fromkeys(more, b"a pickle of eight gigabytes")
    return Hub(name, files, large={path for path in files if path.endswith((".bin", ".safetensors"))})


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Hub]]:
    there = tmp_path / "there"
    hubs = [
        published(MEDIUM, write_audiocraft(there / "medium", pickled=True), "pytorch_model.bin"),
        published(STEREO, write_audiocraft(there / "stereo", stereo=True, refers=True)),
        published("google-t5/t5-base", write_text_encoder(there / "cache"), "pytorch_model.bin"),
        published("facebook/encodec_32khz", write_codec(there / "cache")),
    ]
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    with serving(*hubs) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield hubs


def antiphon(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", "models", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@pytest.mark.parametrize("name", [MEDIUM, STEREO])
def test_one_command_makes_a_model_without_safetensors_ready(
    name: str, hub: list[Hub], tmp_path: Path
) -> None:
    done = antiphon(tmp_path, "fetch", name)
    assert done.returncode == 0, done.stderr
    assert f"{name} is ready" in done.stdout
    assert "Licence on the page of google-t5/t5-base" in done.stdout
    assert registry.describe(Mode.AR, name).channels == (2 if name == STEREO else 1)
    engine = registry.load(Mode.AR, name, "cpu", "float32")
    recipe = Recipe(prompt="piano", mode=Mode.AR, model=name, seconds=1, seed=0)
    assert rendered(engine, recipe).waves[1].std() > 0
    assert not any("pytorch_model.bin" in asked for one in hub for asked, _ in one.asked)


def test_the_sizes_are_those_of_everything_that_comes(hub: list[Hub]) -> None:
    planned = install.plan_installation(STEREO, None)
    assert [plan.model for plan in planned.plans] == ["google-t5/t5-base", "facebook/encodec_32khz", STEREO]
    weights = sum(len(one.files[file]) for one in hub[1:] for file in one.large - {"pytorch_model.bin"})
    assert weights < planned.total < weights + 20_000
    said: list[tuple[int, int]] = []
    install.install(planned, None, lambda *seen: said.append(seen), lambda: said.append((-1, 0)))
    assert said[-1] == (-1, 0), "the conversion comes last"
    assert said[-2] == (planned.total, planned.total)
    assert [done for done, _ in said[:-1]] == sorted(done for done, _ in said[:-1])
    again = install.plan_installation(STEREO, None)
    assert ([plan.model for plan in again.plans], again.remaining, again.converts) == ([STEREO], 0, False)
    assert install.install(again, None, lambda *_: None, pytest.fail) == converted.folder_of(STEREO)


def test_a_conversion_that_was_cut_short_is_made_up_for(hub: list[Hub]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install.install(install.plan_installation(MEDIUM, None), None, lambda *_: None, interrupted)
    planned = install.plan_installation(MEDIUM, None)
    assert planned.converts
    install.install(planned, None, lambda *_: None, lambda: None)
    assert registry.describe(Mode.AR, MEDIUM).channels == 1


def test_a_disk_without_place_for_the_converted_weights_is_noticed_before_anything_comes(
    hub: list[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = install.plan_installation(MEDIUM, None)
    usage = namedtuple("usage", "total used free")
    free = SPARE_BYTES + planned.remaining + 1
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, free))
    with pytest.raises(SetupError, match="make room, or set HF_HOME"):
        install.install(planned, None, lambda *_: None, pytest.fail)
    assert not any(one.asked for one in hub)


def test_removing_a_model_removes_what_it_was_converted_to(hub: list[Hub]) -> None:
    install.install(install.plan_installation(MEDIUM, None), None, lambda *_: None, lambda: None)
    folder = converted.folder_of(MEDIUM)
    assert folder is not None
    weights = (folder / "model.safetensors").stat().st_size
    assert integrity.size_of(MEDIUM) > weights + len(hub[0].files["state_dict.bin"])
    integrity.remove(MEDIUM)
    assert not folder.exists()
    assert MEDIUM not in hub_cache.fetched()
