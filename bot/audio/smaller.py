"""A smaller copy of a stored clip, with its tag: for a place that takes less than it had promised.

Run by `reencode.reencode` as a process of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

from bot.audio import child, mp3
from bot.audio.encoding import Gain, Goal, encode_until_it_fits
from bot.audio.finish import LOUDNESS_TOLERANCE_LU
from bot.audio.master import CEILING_DB
from bot.audio.meter import loudness
from bot.audio.tags import tag_bytes
from bot.errors import RenderError


def make_smaller(path: Path, out_path: Path, max_bytes: int) -> int:
    """Write an MP3 again at the best bitrate with which it takes at most max_bytes; return its size in bytes.

    Loudness stays, or falls by what keeps the true peak under −1 dBTP. The tag is copied as it is. The file
    appears whole or not at all. Raises RenderError where the clip cannot be read, does not fit at any
    bitrate, or cannot be written.
    """
    with mp3.write_errors():
        head = tag_bytes(path)
    wave, rate = mp3.decode(path)
    kbps = mp3.best_bitrate(wave.shape[1], rate, max_bytes - len(head))
    lufs = loudness(wave, rate)
    goal = Goal(lufs=lufs, tolerance_lu=LOUDNESS_TOLERANCE_LU, ceiling_db=CEILING_DB)
    with mp3.scratch_folder(beside=out_path) as scratch:
        encoding = encode_until_it_fits(
            Gain(wave, rate),
            kbps,
            scratch,
            goal,
            target_lufs=lufs - mp3.gain(rate, kbps),
            ceiling_db=CEILING_DB,
        )
        whole = scratch / "clip.mp3"
        whole.write_bytes(head + encoding.file.read_bytes())
        size = whole.stat().st_size
        mp3.publish({whole: out_path})
    return size


def main() -> None:
    """Answer one request, and print the answer as one JSON object."""
    request = json.loads(child.request())
    answer: dict[str, int | str]
    try:
        answer = {
            "bytes": make_smaller(Path(request["path"]), Path(request["out_path"]), request["max_bytes"])
        }
    except RenderError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
