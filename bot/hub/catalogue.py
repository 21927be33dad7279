"""The catalogue of supported models, and the licence that a model card declares."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bot.recipe import Mode

UNKNOWN_LICENCE = "licence unknown"
MULTIBAND_MODEL = "facebook/multiband-diffusion"
_TABLE = Path(__file__).with_name("catalogue.toml")
_SPDX = {
    "mit": "MIT",
    "apache-2.0": "Apache-2.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
    "cc-by-nc-nd-4.0": "CC-BY-NC-ND-4.0",
    "cc0-1.0": "CC0-1.0",
    "openrail": "OpenRAIL",
}
"""License identifiers of the hub → SPDX."""
_CARD_BYTES = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """A supported model. Facts without a public source are None.

    use: the uses that the licence allows, in plain words.  commercial: None where it depends.
    download_gb: size of the download.  parameters_b: billions.  gpu_gb: GPU memory that its publisher states.
    files: glob patterns of the files to fetch, where the usual choice does not fit.
    """

    name: str
    mode: Mode
    title: str
    licence: str
    use: str
    note: str
    sources: tuple[str, ...]
    commercial: bool | None = None
    gated: bool = False
    download_gb: float | None = None
    parameters_b: float | None = None
    gpu_gb: float | None = None
    files: tuple[str, ...] = ()

    @property
    def weights_gb(self) -> float | None:
        """Gigabytes of the weights in half precision, 2 bytes a parameter; None where unknown."""
        return None if self.parameters_b is None else 2 * self.parameters_b

    def fits(self, gpu_gb: float) -> bool | None:
        """Tell whether it runs in so much GPU memory; None where no public figure exists.

        Without a publisher's figure, weights in half precision may take half of it: the other half is for
        activations and caches.
        """
        if self.gpu_gb is not None:
            return self.gpu_gb <= gpu_gb
        return None if self.weights_gb is None else 2 * self.weights_gb <= gpu_gb


@cache
def entries() -> tuple[CatalogueEntry, ...]:
    """Return every model of the catalogue, in display order."""
    listed = tomllib.loads(_TABLE.read_text(encoding="utf-8"))["model"]
    return tuple(
        CatalogueEntry(
            **{
                **fields,
                "mode": Mode(fields["mode"]),
                "sources": tuple(fields["sources"]),
                "files": tuple(fields.get("files", ())),
            }
        )
        for fields in listed
    )


def lookup(name: str) -> CatalogueEntry | None:
    """Return the entry of a model, or None."""
    return next((entry for entry in entries() if entry.name.casefold() == name.casefold()), None)


def advised(mode: Mode, gpu_gb: float) -> CatalogueEntry | None:
    """Return the advised model of a mode for a GPU's memory in gigabytes; None: the built-in one."""
    fitting = (e for e in entries() if e.mode is mode and not e.gated and e.fits(gpu_gb))
    return next(fitting, None)


def licence_of(folder: Path, name: str) -> str:
    """Return a model's licence: its README.md's, else the catalogue's, else UNKNOWN_LICENCE."""
    entry = lookup(name)
    declared = _declared(folder / "README.md")
    if declared in (None, "other") or (entry is not None and declared not in _SPDX):
        return entry.licence if entry is not None else UNKNOWN_LICENCE
    assert declared is not None
    return _SPDX.get(declared, declared)


def _declared(readme: Path) -> str | None:
    """Return the `license` of a model card's front matter, in lower case."""
    try:
        with readme.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_CARD_BYTES)
    except OSError:
        return None
    front = re.match(r"\A---\s*\n(.*?)\n---\s*(\n|\Z)", text, re.DOTALL)
    found = front and re.search(r"^license:\s*[\"']?([\w.+-]{1,60})[\"']?\s*$", front[1], re.MULTILINE)
    return found[1].lower() if found else None
