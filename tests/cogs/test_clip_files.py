"""Files of a clip, as many in a message as it takes."""

from __future__ import annotations

from pathlib import Path

from cogs.clips.files import batches


def test_files_share_messages_as_far_as_they_fit(tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(25)]
    for number, file in enumerate(files):
        file.write_bytes(bytes(90 if number == 0 else 1))
    assert [len(batch) for batch in batches(files, 100)] == [10, 10, 5]
    assert [len(batch) for batch in batches(files[:12], 90)] == [1, 10, 1]
