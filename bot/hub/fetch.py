"""Getting a model from the hub: what to take, room on the disk, resumed where it broke off, hashed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from bot.errors import ModelMissing, SetupError, UserError
from bot.hub import hub_cache, integrity
from bot.hub.catalogue import Entry, known
from bot.hub.integrity import ManifestEntry

SPARE_BYTES = 500_000_000
"""What stays free on the disk beside a fetched model."""
AUDIOCRAFT = ("state_dict.bin", "compression_state_dict.bin")
_ALWAYS = ("README.md", "LICENSE*", "NOTICE*")
_VARIANT = re.compile(r"\.(fp16|bf16|fp8|int8|ema|non_ema)\b|flax|openvino|onnx")
_PATH = re.compile(r"(?!.*(^|/)\.\.?(/|$))[\w.+-]+(/[\w.+-]+)*")
_SETTINGS = ("json", "txt", "model", "jinja")

Report = Callable[[int, int], None]
"""Called with how many bytes are here and how many there are in all."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What fetching a model means. licence: as its page on the hub states it, if it does."""

    model: str
    commit: str
    licence: str | None
    files: tuple[ManifestEntry, ...]

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(entry.size or 0 for entry in self.files)

    @property
    def left(self) -> int:
        """Bytes that are not on this machine yet."""
        return sum((entry.size or 0) - _here(self, entry) for entry in self.files)


def plan(model: str, token: str | None, *, audiocraft: bool = False) -> Plan:
    """Ask the hub what a model consists of.

    Raises UserError for what is no hub name, ModelMissing with what to do where the hub says no or cannot be
    reached.
    """
    if not hub_cache.is_hub_name(model):
        raise UserError(f"{model} is no name on the hub; one looks like facebook/musicgen-small.")
    from huggingface_hub import HfApi

    with _told(model):
        info: Any = HfApi(_endpoint(), token=token or False).model_info(
            model, files_metadata=True, timeout=30
        )
    found = {file.rfilename: file for file in info.siblings or []}
    for path in found:
        if not _PATH.fullmatch(path):
            raise ModelMissing(f"{model} holds a file with the name {path[:80]!r}: it is not fetched.")
    entries = []
    for path in wanted(list(found), known(model), audiocraft=audiocraft):
        file = found[path]
        digest = file.lfs.sha256 if file.lfs else file.blob_id
        if file.size is None or not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", digest or ""):
            raise ModelMissing(f"The hub does not say size and hash of {path} in {model}: try again later.")
        entries.append(ManifestEntry(path, int(file.size), digest))
    card = info.card_data
    return Plan(model, str(info.sha), card.get("license") if card else None, tuple(entries))


def wanted(paths: list[str], entry: Entry | None, *, audiocraft: bool = False) -> list[str]:
    """Choose what is needed of a model's files: settings, and weights as safetensors wherever there are some.

    Raises ModelMissing where there are no weights that are read.
    """
    always = [path for path in paths if any(fnmatch(path, pattern) for pattern in _ALWAYS)]
    plain = [path for path in paths if not _VARIANT.search(path)]
    if entry is not None and entry.files:
        chosen = [path for path in paths if any(fnmatch(path, pattern) for pattern in entry.files)]
        weights = chosen
    elif audiocraft:
        weights = chosen = [path for path in paths if path in AUDIOCRAFT]
    else:
        parts = "model_index.json" in paths
        inside = [path for path in plain if path.count("/") == parts or path == "model_index.json"]
        weights = [path for path in inside if path.endswith(".safetensors")]
        if not weights and not parts:
            weights = [path for path in paths if path in AUDIOCRAFT]
        settings = [path for path in inside if path.rsplit(".", 1)[-1] in _SETTINGS]
        chosen = settings + weights
    if not weights:
        raise ModelMissing("This model has no weights that are read here: safetensors, or audiocraft's own.")
    return sorted({*always, *chosen})


def fetch(planned: Plan, token: str | None, report: Report) -> Path:
    """Bring a planned model's files here and return their folder; what is here already is not fetched again.

    A fetch that was cut is taken up where it broke off. Raises SetupError where the disk is too small, before
    anything is fetched; ModelMissing where the hub fails, or sends another content than it announced.
    """
    _check_disk(planned)
    repo_folder = hub_cache.repo_folder(planned.model)
    (repo_folder / "blobs").mkdir(parents=True, exist_ok=True)
    here = {entry.path: _here(planned, entry) for entry in planned.files}
    report(sum(here.values()), planned.total)
    for entry in sorted(planned.files, key=lambda entry: entry.size or 0):

        def arrived(there: int, path: str = entry.path) -> None:
            here[path] = there
            report(sum(here.values()), planned.total)

        if not _blob(planned, entry).is_file():
            _download(planned, entry, token, arrived)
        arrived(entry.size or 0)
    snapshot = _link(planned)
    integrity.write_manifest(snapshot, planned.model, planned.commit, list(planned.files))
    (repo_folder / "refs").mkdir(exist_ok=True)
    (repo_folder / "refs" / "main").write_text(planned.commit, encoding="ascii")
    return snapshot


def _endpoint() -> str | None:
    """Return the hub's address where it is another than Hugging Face's, such as a mirror's."""
    return os.environ.get("HF_ENDPOINT") or None


def _check_disk(planned: Plan) -> None:
    target = hub_cache.repo_folder(planned.model)
    there = next(place for place in (target, *target.parents) if place.exists())
    free = shutil.disk_usage(there).free
    needed = planned.left + SPARE_BYTES
    if planned.left and free < needed:
        raise SetupError(
            f"{planned.model} needs {needed / 1e9:.1f} GB, and {there} has {free / 1e9:.1f} GB free: make "
            "room, or set HF_HOME to a folder on a larger disk."
        )


def _download(planned: Plan, entry: ManifestEntry, token: str | None, arrived: Callable[[int], None]) -> None:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils._headers import build_hf_headers

    part = _part(planned, entry)
    bar = _bar(arrived)
    try:
        with part.open("ab") as file, _told(planned.model):
            http_get(
                hf_hub_url(planned.model, entry.path, revision=planned.commit, endpoint=_endpoint()),
                file,
                resume_size=file.tell(),
                headers=build_hf_headers(token=token or False),
                expected_size=entry.size,
                displayed_filename=entry.path,
                tqdm_class=bar,
            )
    except OSError as error:
        if error.errno is None:
            # huggingface_hub's way to say that the stream ended before the file did.
            raise ModelMissing(
                f"{entry.path} of {planned.model} broke off: fetch the model again."
            ) from error
        raise SetupError(f"{part} cannot be written ({error.strerror}): is the disk full?") from error
    if integrity.checksum(part, entry.digest) != entry.digest:
        part.unlink()
        raise ModelMissing(
            f"{entry.path} of {planned.model} came with another content than the hub announced. It was "
            "thrown away: fetch the model again."
        )
    part.replace(_blob(planned, entry))


def _bar(arrived: Callable[[int], None]) -> Any:
    """Return what huggingface_hub takes for a class of progress bars; it says how many bytes there are."""

    class Bar:
        def __init__(self, *, initial: int = 0, **others: Any) -> None:
            self.there = initial
            arrived(initial)

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def update(self, n: float | None = 1) -> None:
            self.there += int(n or 0)
            arrived(self.there)

    return Bar


def _link(planned: Plan) -> Path:
    """Lay the files out under their names, as links to where the cache keeps their content."""
    snapshot = hub_cache.repo_folder(planned.model) / "snapshots" / planned.commit
    for entry in planned.files:
        path = snapshot / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        blob = _blob(planned, entry)
        try:
            path.symlink_to(os.path.relpath(blob, path.parent))
        except OSError:
            # Windows lets only some make links.
            shutil.copyfile(blob, path)
    return snapshot


def _here(planned: Plan, entry: ManifestEntry) -> int:
    if _blob(planned, entry).is_file():
        return entry.size or 0
    part = _part(planned, entry)
    return min(part.stat().st_size, entry.size or 0) if part.is_file() else 0


def _blob(planned: Plan, entry: ManifestEntry) -> Path:
    return hub_cache.repo_folder(planned.model) / "blobs" / entry.digest


def _part(planned: Plan, entry: ManifestEntry) -> Path:
    return hub_cache.repo_folder(planned.model) / "blobs" / f"{entry.digest}.part"


@contextlib.contextmanager
def _told(model: str) -> Iterator[None]:
    """Say what a failure of the hub means for the owner."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise ModelMissing(_gated(model)) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelMissing(
            f"The hub knows no {model}, or shows it only to those it was opened for: is the name right? If "
            "it is gated, accept its licence on its page and put your HF_TOKEN into .env."
        ) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status in (401, 403):
            raise ModelMissing(_gated(model)) from error
        raise ModelMissing(
            f"The hub answered {status or 'nothing'} for {model}: try again later. What has come stays, and "
            "the next fetch goes on from there."
        ) from error
    except (httpx2.HTTPError, errors.OfflineModeIsEnabled) as error:
        raise ModelMissing(offline(model)) from error


def _gated(model: str) -> str:
    return (
        f"{model} is gated: open {_page(model)}, accept its licence, make an access token at "
        "https://huggingface.co/settings/tokens and put it into .env as HF_TOKEN."
    )


def offline(model: str) -> str:
    """Return what to do where the hub cannot be reached."""
    entry = known(model)
    setting = f"{entry.mode.upper()}_MODEL" if entry else "AR_MODEL or DIFFUSION_MODEL"
    return (
        f"The hub cannot be reached, and {model} is not whole on this machine. Try again with a network; "
        f"what has come stays. By hand: download the files of {_page(model)}/tree/main on another computer, "
        f"copy them into a folder here, keeping their subfolders, and set {setting} to that folder."
    )


def _page(model: str) -> str:
    return f"https://huggingface.co/{model}"
