"""The installation of a model in one go: its files, the parts that they refer to, and the conversion.

A MusicGen as audiocraft published it is two pickles. The first names T5 as the text encoder; the second of
the stereo models and of the large melody model is a reference to a codec elsewhere, 589 bytes long.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.errors import SetupError
from bot.hub import converted, hub_cache
from bot.hub.converted import AUDIOCRAFT_FILES, MULTIBAND_FILE
from bot.hub.fetch import SPARE_BYTES, FetchPlan, OnProgress, fetch, plan_fetch

TEXT_ENCODER = "google-t5/t5-base"
"""The text encoder of every published MusicGen (conditioner/text2music.yaml of audiocraft 1.3.0)."""
CODEC = "facebook/encodec_32khz"
"""The codec that `compression_state_dict.bin` refers to where it holds no weights."""
REFERENCE_BYTES = 100_000
"""A smaller `compression_state_dict.bin` refers to CODEC: published references have 589 bytes."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The downloads that a model needs, its own last. converts: whether a conversion follows."""

    plans: tuple[FetchPlan, ...]
    converts: bool

    @property
    def model(self) -> str:
        """The name of the model."""
        return self.plans[-1].model

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(plan.total for plan in self.plans)

    @property
    def remaining(self) -> int:
        """Bytes still to be downloaded."""
        return sum(plan.remaining for plan in self.plans)

    @property
    def disk_bytes(self) -> int:
        """Free disk space needed, in bytes: missing files, and the whole size again for converted weights."""
        return self.remaining + (self.total if self.converts else 0)


def plan_installation(model: str, token: str | None, *, audiocraft: bool = False) -> Installation:
    """Ask the hub for everything that a model needs. Raises what plan_fetch raises."""
    own = plan_fetch(model, token, audiocraft=audiocraft)
    sizes = {entry.path: entry.size or 0 for entry in own.files}
    there = converted.folder_of(model) is not None and not own.remaining
    parts: list[str] = []
    if pair := all(name in sizes for name in AUDIOCRAFT_FILES):
        parts.append(TEXT_ENCODER)
        if sizes[AUDIOCRAFT_FILES[1]] < REFERENCE_BYTES:
            parts.append(CODEC)
    needed = [plan_fetch(part, token) for part in parts if hub_cache.folder_of(part) is None]
    return Installation((*needed, own), converts=not there and (pair or MULTIBAND_FILE in sizes))


def install(
    planned: Installation, token: str | None, on_progress: OnProgress, on_convert: Callable[[], None]
) -> Path:
    """Download missing files, convert them where needed, and return the model's folder.

    on_convert: called before the conversion, which takes minutes for a large model.
    Raises SetupError where the disk is too small, before the first byte; what fetch and convert raise.
    """
    _check_disk(planned)
    present = {plan.model: plan.total - plan.remaining for plan in planned.plans}
    folder = Path()
    for plan in planned.plans:

        def report(done: int, _: int, model: str = plan.model) -> None:
            present[model] = done
            on_progress(sum(present.values()), planned.total)

        folder = fetch(plan, token, report)
    if not planned.converts:
        return converted.folder_of(planned.model) or folder
    on_convert()
    return converted.convert(planned.model)


def _check_disk(planned: Installation) -> None:
    root = hub_cache.root()
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    needed = planned.disk_bytes + SPARE_BYTES
    if planned.remaining and free < needed:
        raise SetupError(
            f"{planned.model} needs {needed / 1e9:.1f} GB, and {existing} has {free / 1e9:.1f} GB free: make "
            "room, or set HF_HOME to a folder on a larger disk."
        )
