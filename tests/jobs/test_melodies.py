from __future__ import annotations

import asyncio
import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bot.errors import StoreError, UserError
from bot.jobs.melodies import Melodies, prepare
from bot.recipe import Role
from tests.audio.full_disk import files_of_at_most
from tests.builders import recipe


def tone(seconds: float = 1, **changes: int) -> bytes:
    """A tone as a WAV file."""
    rate, channels = changes.get("rate", 8_000), changes.get("channels", 1)
    wave = np.sin(np.arange(round(seconds * rate)))[:, None].repeat(channels, 1)
    written = BytesIO()
    soundfile.write(written, wave, rate, format="WAV")
    return written.getvalue()


async def test_a_file_is_kept_once_and_found_by_its_recipe(tmp_path: Path) -> None:
    melodies, data = Melodies(tmp_path), tone()
    for _ in range(2):
        kept = await prepare(data, "tune.wav")
        async with melodies.added(kept):
            pass
    digest = kept.digest
    assert [file.name for file in melodies.folder.iterdir()] == [digest]
    found = melodies.of(recipe(melody=digest))
    assert found[Role.MELODY].read_bytes() == data
    assert melodies.of(recipe()) == {}
    with pytest.raises(UserError, match="Attach it again"):
        melodies.of(recipe(melody="0" * 64))


async def test_nothing_is_swept_between_a_file_and_its_job(tmp_path: Path) -> None:
    melodies = Melodies(tmp_path)
    in_use: set[str] = set()

    async def named() -> set[str]:
        return in_use

    kept = await prepare(tone(), "tune.wav")
    async with melodies.added(kept):
        sweep = asyncio.create_task(melodies.sweep(named))
        await asyncio.sleep(0)
        in_use.add(kept.digest)
    assert await sweep == 0
    in_use.clear()
    assert await melodies.sweep(named) == 1


async def test_a_full_disk_keeps_nothing(tmp_path: Path) -> None:
    melodies = Melodies(tmp_path)
    kept = await prepare(tone(), "tune.wav")
    with files_of_at_most(4096), pytest.raises(StoreError, match="cannot be written"):
        async with melodies.added(kept):
            pytest.fail("it was kept")
    assert list(melodies.folder.iterdir()) == []


@pytest.mark.parametrize("changes", [{"channels": 3}, {"rate": 7_999}])
async def test_what_an_engine_would_not_read_is_kept_as_flac(tmp_path: Path, changes: dict[str, int]) -> None:
    melodies, attached = Melodies(tmp_path), await prepare(tone(**changes), "tune.wav")
    async with melodies.added(attached):
        kept = (melodies.folder / attached.digest).read_bytes()
    assert hashlib.sha256(kept).hexdigest() == attached.digest
    assert soundfile.info(BytesIO(kept)).format == "FLAC"
