"""A scratch folder is swept by nobody while the process that made it lives."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.audio import scratch

ROOT = Path(__file__).parents[2]
OWNER = """
import sys
from pathlib import Path
from bot.audio.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1], "clip.mp3")) as folder:
    (folder / "half.wav").write_bytes(b"half")
    (folder / "deeper").mkdir()
    print(folder, flush=True)
    sys.stdin.read()
    print((folder / "half.wav").read_bytes() == b"half", flush=True)
"""


@contextmanager
def owner_in(parent: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process that has a scratch folder, until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        yield process, Path(process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_another_process_leaves_it_alone_until_its_owner_is_dead(tmp_path: Path) -> None:
    (tmp_path / "clip.mp3").touch()
    with owner_in(tmp_path) as (process, folder):
        assert scratch.discard_leftovers(tmp_path) == 0
        with scratch.scratch_folder(tmp_path / "other.mp3") as ours:
            assert folder.is_dir()
            assert ours != folder
        assert (folder / "half.wav").read_bytes() == b"half"
        process.kill()
        process.wait()
        assert scratch.discard_leftovers(tmp_path) == 1
    assert names(tmp_path) == ["clip.mp3"]
    assert scratch.discard_leftovers(tmp_path) == 0


def test_an_owner_finds_its_files_after_others_came_and_went(tmp_path: Path) -> None:
    with owner_in(tmp_path) as (process, _):
        for _ in range(20):
            with scratch.scratch_folder(tmp_path / "other.mp3"):
                pass
        assert process.communicate("")[0].strip() == "True"
    assert names(tmp_path) == []


def test_the_next_clip_sweeps_what_a_killed_process_left(tmp_path: Path) -> None:
    with owner_in(tmp_path) as (process, _):
        process.kill()
        process.wait()
    assert len(names(tmp_path)) == 2
    with scratch.scratch_folder(tmp_path / "next.mp3"):
        assert len(names(tmp_path)) == 2
    assert names(tmp_path) == []


def test_a_sweep_in_the_owners_own_process_leaves_it_alone(tmp_path: Path) -> None:
    with scratch.scratch_folder(tmp_path / "clip.mp3") as folder:
        assert scratch.discard_leftovers(tmp_path) == 0
        assert folder.is_dir()
    assert names(tmp_path) == []


def test_folders_of_a_version_without_locks_are_swept(tmp_path: Path) -> None:
    old = tmp_path / f"{scratch.PREFIX}old"
    old.mkdir()
    (old / "half.wav").touch()
    assert scratch.discard_leftovers(tmp_path) == 1
    assert names(tmp_path) == []


def test_a_file_system_without_locks_keeps_its_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(scratch, "_try_lock", refuse)
    with scratch.scratch_folder(tmp_path / "clip.mp3") as folder:
        assert scratch.discard_leftovers(tmp_path) == 0
        assert folder.is_dir()


def test_many_owners_and_sweeps_at_once(tmp_path: Path) -> None:
    lost: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(40):
                with scratch.scratch_folder(tmp_path / "clip.mp3") as folder:
                    (folder / "half.wav").write_bytes(b"half")
                    scratch.discard_leftovers(tmp_path)
                    assert (folder / "half.wav").read_bytes() == b"half"
        except BaseException as error:
            lost.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == []
    assert names(tmp_path) == []
