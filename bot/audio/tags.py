"""The metadata of an MP3: an ID3v2.4 tag with the prompt, the whole recipe, and the provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mutagen import MutagenError
from mutagen.id3 import APIC, ID3, TIT2, TPE1, TXXX, Encoding, PictureType

from bot.audio import lossless
from bot.errors import UserError
from bot.recipe import Recipe
from bot.recipe.capabilities import Capabilities
from bot.recipe_files import MAX_RECIPE_BYTES, outside, parse_recipe

ARTIST = "Antiphon"
RECIPE_FRAME = "antiphon.recipe"
PROVENANCE_FRAME = "antiphon.provenance"
SCORE_FRAME = "antiphon.score"
"""Descriptions of the TXXX frames; each holds one JSON object, the score for the built-in models alone."""

_HEADER_BYTES = 10
MAX_TAG_BYTES = 64 * 1024
"""Nothing beyond it is read: a prompt of 1,000 characters with the rest takes a fifth of it at most, the
cover two thirds, and a foreign tag may hold frames that decompress to a thousand times their size."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a clip was rendered, beyond its recipe.

    device: as torch names it.  slots: how many clips the engine could render beside it.
    precision: of the model, as DTYPE names it, "" where it is not known.
    versions: package → version of whatever has a say in the audio.
    """

    device: str
    slots: int
    precision: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


def tag(
    recipe: Recipe,
    capabilities: Capabilities,
    provenance: Provenance,
    cover: bytes | None = None,
    score: str = "",
) -> bytes:
    """Return the ID3v2.4 tag of one clip, to stand before its MPEG frames.

    cover: a JPEG.
    score: the clip's notes as text, where the model writes any.
    The file leaves the machine: of a model that is a folder, the recipe in it names the last part alone.
    """
    recipe = outside(recipe)
    made = {
        "model": capabilities.title,
        "licence": capabilities.licence,
        "device": provenance.device,
        "slots": provenance.slots,
        **({"precision": provenance.precision} if provenance.precision else {}),
        "versions": dict(provenance.versions),
    }
    # NUL separates values in a text frame, and a title is one line.
    title = "".join(c if c.isprintable() else " " for c in recipe.prompt).strip()
    frames = ID3()
    frames.add(TIT2(encoding=Encoding.UTF8, text=title))
    frames.add(TPE1(encoding=Encoding.UTF8, text=ARTIST))
    for description, text in (
        (RECIPE_FRAME, recipe.to_json()),
        (PROVENANCE_FRAME, json.dumps(made, ensure_ascii=False)),
        *([(SCORE_FRAME, score)] if score else []),
    ):
        frames.add(TXXX(encoding=Encoding.UTF8, desc=description, text=_encodable(text)))
    if cover is not None:
        front = PictureType.COVER_FRONT
        frames.add(APIC(encoding=Encoding.LATIN1, mime="image/jpeg", type=front, desc="", data=cover))
    file = BytesIO()
    frames.save(file, v1=0, v2_version=4, padding=lambda info: 0)
    return file.getvalue()


def read_recipe(path: Path) -> Recipe:
    """Return the recipe an Antiphon MP3, WAV or FLAC carries, reading its tag alone, or of a recipe file.

    Its model is the name that `model_name` makes of the settings' one.
    Raises UserError when the file has none, and InvalidRecipe when what it has cannot be used.
    """
    text = _recipe_text(path)
    if text is None:
        raise UserError(
            "This file has no Antiphon recipe in its tags. Use a file exactly as Antiphon made it: "
            "editing or converting it can remove the recipe."
        )
    return parse_recipe(text)


def read_score(path: Path) -> str:
    """Return the score that an Antiphon MP3, WAV or FLAC carries, as text. Raises UserError without one."""
    text = _read_frame(path, SCORE_FRAME)
    if text is None:
        raise UserError(
            "This file has no score in its tags, so the built-in models can't work with it: they change the "
            "notes of their own clips. Use a clip of a built-in model exactly as Antiphon made it."
        )
    return text


def carries_score(file: BinaryIO) -> bool:
    """Tell whether an open MP3, WAV or FLAC carries a score, without reading the score."""
    return _frame_of(file, SCORE_FRAME) is not None


def recipe_in(file: BinaryIO) -> str | None:
    """Return the text of the recipe in the tag of an open MP3, WAV or FLAC, None where there is none."""
    text = _frame_of(file, RECIPE_FRAME)
    return text if text is not None and len(text) <= MAX_RECIPE_BYTES else None


def _recipe_text(path: Path) -> str | None:
    """Return the JSON of a recipe file, or of the recipe in a tag; None where there is neither."""
    try:
        with path.open("rb") as file:
            head = file.read(MAX_TAG_BYTES)
    except OSError as error:
        raise UserError(f"{path} can't be opened: {error.strerror}.") from error
    if head.lstrip().startswith(b"{"):
        return head.decode("utf-8", "replace")
    return _read_frame(path, RECIPE_FRAME)


def _read_frame(path: Path, description: str) -> str | None:
    """Return the text of a TXXX frame, or of the comment in its place; None where there is none."""
    try:
        with path.open("rb") as file:
            return _frame_of(file, description)
    except OSError as error:
        raise UserError(f"{path} can't be opened: {error.strerror}.") from error


def _frame_of(file: BinaryIO, description: str) -> str | None:
    """Return the text of a frame as _read_frame does, of an open file at its start. Raises OSError."""
    head = file.read(MAX_TAG_BYTES)
    if head.startswith(b"RIFF"):
        head = lossless.wav_tag(file, MAX_TAG_BYTES)
    try:
        if head.startswith(b"fLaC"):
            file.seek(0)
            return lossless.flac_comment(file, description)
        frames = ID3(BytesIO(head), known_frames={"TXXX": TXXX}, translate=False, load_v1=False)
        return str(frames[f"TXXX:{description}"])
    except (MutagenError, KeyError):
        return None


def tag_bytes(path: Path) -> bytes:
    """Return the ID3v2 tag at the head of a file as it is, empty where there is none. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
        if len(head) < _HEADER_BYTES or not head.startswith(b"ID3"):
            return b""
        # ID3v2.4, section 3.1: four bytes of seven bits each, without the header and the footer.
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        footer = _HEADER_BYTES if head[5] & 0x10 else 0
        return head + file.read(size + footer)


def _encodable(text: str) -> str:
    """Return JSON with lone surrogates, which UTF-8 cannot hold, as JSON's own escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
