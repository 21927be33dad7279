"""The files of a clip in the clips' folder."""

from __future__ import annotations

from pathlib import Path


def clip_files(job_id: int) -> tuple[str, str]:
    """Return the names of a job's MP3 and its picture inside the clips' folder."""
    return f"{job_id:08}.mp3", f"{job_id:08}.png"


def remove_files(folder: Path, *names: str) -> None:
    """Remove clip files that may or may not be there."""
    for name in names:
        if name:
            (folder / name).unlink(missing_ok=True)
