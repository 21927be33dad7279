"""The attached files that clips are made from: each once, under its SHA-256, in a folder beside the clips.

A file that the engines' library does not read is kept as a FLAC of what ffmpeg decodes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.audio import child
from bot.errors import StoreError, UserError
from bot.recipe import Recipe, Role

log = logging.getLogger(__name__)

MAX_ATTACHED_BYTES = 10 * 2**20
"""What everybody can attach in Discord without paying, and more than five minutes of MP3 at 256 kbit/s,
of which an engine reads no more."""
GONE = "The melody that this clip follows was deleted. Attach it again with /music."
GONE_SOURCE = (
    "The clip that this one is made from was deleted. Make a new one with `/music`, or use another clip."
)
_LISTEN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Attached:
    """A file as the engines read it. seconds: what was read of it, at most 300.

    has_score: whether it is a clip of a built-in model, whose notes are in it.
    recipe: the text of the recipe in its tag, which anybody may have written; None where there is none.
    """

    data: bytes
    seconds: float
    has_score: bool
    recipe: str | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 in hexadecimal digits."""
        return hashlib.sha256(self.data).hexdigest()


class Melodies:
    """The folder of the attached files. It is made when the first one comes."""

    def __init__(self, clip_dir: Path) -> None:
        self.folder = clip_dir.resolve() / "melodies"
        # A file is there before the job that refers to it: nothing may be swept in between.
        self._adding = asyncio.Lock()

    def of(self, recipe: Recipe) -> dict[Role, Path]:
        """Return the files of a recipe's sources that are stored audio, by role.

        Raises UserError where one is gone.
        """
        files = {
            role: self.folder / source for role, source in recipe.sources.items() if isinstance(source, str)
        }
        for role, file in files.items():
            if not file.is_file():
                raise UserError(GONE if role is Role.MELODY else GONE_SOURCE)
        return files

    @asynccontextmanager
    async def added(self, *attached: Attached) -> AsyncIterator[None]:
        """Keep files for the block at least, which queues their job. Raises StoreError for a full disk."""
        async with self._adding:
            for file in attached:
                await asyncio.to_thread(self._write, file)
            yield

    async def sweep(self, in_use: Callable[[], Awaitable[set[str]]]) -> int:
        """Remove every file that `in_use` does not name, and return how many there were."""
        async with self._adding:
            if not self.folder.is_dir():
                return 0
            used = await in_use()
            unused = [file for file in self.folder.iterdir() if file.name not in used]
            for file in unused:
                file.unlink(missing_ok=True)
            return len(unused)

    def _write(self, attached: Attached) -> None:
        target = self.folder / attached.digest
        try:
            if target.is_file():
                return
            self.folder.mkdir(exist_ok=True)
            # What is left behind by a power cut has no digest for a name, so it is swept.
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
                try:
                    file.write(attached.data)
                    file.flush()
                    os.fsync(file.fileno())
                    Path(file.name).replace(target)
                except OSError:
                    Path(file.name).unlink()
                    raise
        except OSError as error:
            raise StoreError(f"The attached file cannot be written to {self.folder}: {error}.") from error


async def prepare(data: bytes, name: str, *, tune: bool = True) -> Attached:
    """Return a file as the engines read it: as it is, or as a FLAC of its first five minutes.

    Decoded in a process of its own with limits (bot.audio.melody). name: what a refusal calls the file.
    tune: whether only its tune is used, which is kept in mono.
    Raises UserError, with what to do, for anything but audio with sound in it.
    """
    request = json.dumps({"name": name, "tune": tune}).encode() + b"\n" + data
    try:
        code, answer, said = await child.run("bot.audio.melody", request, _LISTEN_SECONDS)
    except TimeoutError:
        code, answer, said = -1, b"", b"no answer in time"
    if said:
        log.info("an attached file of %d bytes: %s", len(data), said.decode(errors="replace").strip())
    if code != 0:
        raise UserError("{name} cannot be read. Attach another file: a short MP3, for example.", name=name)
    header, _, converted = answer.partition(b"\n")
    found = json.loads(header)
    if refused := found["refused"]:
        raise UserError(refused, **found["values"])
    return Attached(converted or data, found["seconds"], found["score"], found["recipe"])
