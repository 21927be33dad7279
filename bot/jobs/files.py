"""The files of a clip in the clips' folder."""

from __future__ import annotations

from pathlib import Path


def clip_files(job_id: int) -> tuple[str, str]:
    """Return the names of a job's MP3 and its picture inside the clips' folder."""
    return f"{job_id:08}.mp3", f"{job_id:08}.png"


def preview_file(job_id: int) -> str:
    """Return the name of the MP3 of a clip's first seconds, which is there until it is posted."""
    return f"{job_id:08}-preview.mp3"


def remove_files(folder: Path, *names: str) -> None:
    """Remove clip files that may or may not be there."""
    for name in names:
        if name:
            (folder / name).unlink(missing_ok=True)
