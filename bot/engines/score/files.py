"""Files made from the notes of a finished clip: MIDI, stems, or the clip as FLAC; no model is loaded.

Run by `bot.jobs.score_files` as a process of its own, below the priority of the bot and its workers. The
request is JSON: `clip`, the file with the score in its tags; `kind`; `folder`, for what is made; `title`;
`seconds`, `seed` and `loop` of its recipe. The answer is JSON: `files`, their names, `tempo`, `metre` and
`divided`, by what stems were divided so that none clips; or `error`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bot.audio import child, lossless
from bot.audio.checks import check
from bot.audio.circle import CircularMaster
from bot.audio.master import CEILING_DB, TARGET_LUFS, Master
from bot.audio.tags import read_score, tag_bytes
from bot.engines.score import MODELS
from bot.engines.score.bank import SAMPLE_RATE, Bank
from bot.engines.score.format import Score
from bot.engines.score.midi import to_midi
from bot.engines.score.sampler import Sampler
from bot.engines.score.serialize import from_text
from bot.engines.score.stems import headroom, stems_of, write_stems
from bot.errors import RenderError, UserError

NICENESS = 10
"""Added to the process's, so that clips that members wait for come first."""


def make(request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a request.

    Raises UserError where the clip has no score, and OSError for a full disk.
    """
    clip, folder = Path(request["clip"]), Path(request["folder"])
    score = from_text(read_score(clip))
    answer: dict[str, Any] = {"tempo": score.tempo, "metre": score.metre, "divided": 1.0}
    if request["kind"] == "midi":
        file = folder / "clip.mid"
        file.write_bytes(to_midi(score, request["title"]))
        return answer | {"files": [file.name]}
    sampler = Sampler(Bank(MODELS / "sounds"))
    if request["kind"] == "stems":
        stems = stems_of(sampler, score, request["seconds"], request["seed"], loop=request["loop"])
        files = [file.name for file in write_stems(stems, folder)]
        return answer | {"files": files, "divided": headroom(stems)}
    return answer | {"files": [_flac(sampler, score, request, clip, folder).name]}


def _flac(sampler: Sampler, score: Score, request: dict[str, Any], clip: Path, folder: Path) -> Path:
    """Return the clip as `antiphon generate` writes it as FLAC, with the tag of its MP3."""
    loop: bool = request["loop"]
    wave = sampler.render(score, request["seconds"], request["seed"], loop=loop)
    wave = check(wave, SAMPLE_RATE, wave.shape[1] / SAMPLE_RATE if loop else request["seconds"])
    master = (CircularMaster if loop else Master)(wave, SAMPLE_RATE)
    encoding = lossless.encode(master.at(TARGET_LUFS, CEILING_DB), SAMPLE_RATE, ".flac", folder)
    if tag := tag_bytes(clip):
        lossless.add_tag(encoding.file, tag)
    return encoding.file


def main() -> None:
    """Answer one request, and print the answer as one JSON object."""
    request = json.loads(child.request())
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        answer = make(request)
    except (UserError, RenderError) as error:
        answer = {"error": str(error)}
    except OSError as error:
        answer = {"error": f"The files can't be written: {error.strerror}. Tell the owner of the bot."}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
