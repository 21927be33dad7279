"""Downloads of models from the Hugging Face hub: choice of files, disk space, resume, checksums.

Only the public interface of huggingface_hub is used, without its hf_hub_download: 2.4 resumes no download of
an earlier process (huggingface/huggingface_hub#4228), and compares sizes where this compares hashes.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, BinaryIO

from bot.errors import ModelMissing, SetupError, UserError
from bot.hub import hub_cache, integrity
from bot.hub.catalogue import CatalogueEntry, lookup
from bot.hub.converted import AUDIOCRAFT_FILES
from bot.hub.integrity import ManifestEntry

SPARE_BYTES = 500_000_000
"""What stays free on the disk beside a fetched model."""
_ALWAYS = ("README.md", "LICENSE*", "NOTICE*")
_VARIANT = re.compile(r"\.(fp16|bf16|fp8|int8|ema|non_ema)\b|flax|openvino|onnx")
_PATH = re.compile(r"(?!.*(^|/)\.\.?(/|$))[\w.+-]+(/[\w.+-]+)*")
_SETTINGS = ("json", "txt", "model", "jinja")

TIMEOUT_SECONDS = 30.0
"""Longest wait for a connection, or for the next bytes of one."""

OnProgress = Callable[[int, int], None]
"""Called with the bytes that are present and the bytes of all files."""
OnBytes = Callable[[int], None]
"""Called with the bytes of one file that are present."""


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """The files of a model at one commit. licence: as the model card on the hub states it, or None."""

    model: str
    commit: str
    licence: str | None
    files: tuple[ManifestEntry, ...]

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(entry.size or 0 for entry in self.files)

    @property
    def remaining(self) -> int:
        """Bytes still to be downloaded."""
        return sum((entry.size or 0) - _bytes_present(self, entry) for entry in self.files)


def plan_fetch(model: str, token: str | None, *, audiocraft: bool = False) -> FetchPlan:
    """Ask the hub for the list of a model's files.

    Raises UserError for what is no hub name, ModelMissing with what to do where the hub says no or cannot be
    reached.
    """
    if not hub_cache.is_hub_name(model):
        raise UserError(f"{model} isn't a name on the hub. Names look like facebook/musicgen-small.")
    from huggingface_hub import HfApi

    with _hub_errors(model):
        info: Any = HfApi(_endpoint(), token=token or False).model_info(
            model, files_metadata=True, timeout=30
        )
    found = {file.rfilename: file for file in info.siblings or []}
    for path in found:
        if not _PATH.fullmatch(path):
            raise ModelMissing(f"{model} holds a file with the name {path[:80]!r}: it is not fetched.")
    entries = []
    for path in select_files(list(found), lookup(model), audiocraft=audiocraft):
        file = found[path]
        digest = file.lfs.sha256 if file.lfs else file.blob_id
        if file.size is None or not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", digest or ""):
            raise ModelMissing(f"The hub doesn't give size and hash of {path} in {model}: try again later.")
        entries.append(ManifestEntry(path, int(file.size), digest))
    card = info.card_data
    return FetchPlan(model, str(info.sha), card.get("license") if card else None, tuple(entries))


def select_files(paths: list[str], entry: CatalogueEntry | None, *, audiocraft: bool = False) -> list[str]:
    """Choose the files of a model to fetch: settings, and weights, as safetensors wherever there are some.

    Raises ModelMissing where there are no weights that are read.
    """
    always = [path for path in paths if any(fnmatch(path, pattern) for pattern in _ALWAYS)]
    plain = [path for path in paths if not _VARIANT.search(path)]
    if entry is not None and entry.files:
        chosen = [path for path in paths if any(fnmatch(path, pattern) for pattern in entry.files)]
        weights = chosen
    elif audiocraft:
        weights = chosen = [path for path in paths if path in AUDIOCRAFT_FILES]
    else:
        parts = "model_index.json" in paths
        inside = [path for path in plain if path.count("/") == parts or path == "model_index.json"]
        weights = [path for path in inside if path.endswith(".safetensors")]
        if not weights and not parts:
            weights = [path for path in paths if path in AUDIOCRAFT_FILES]
        settings = [path for path in inside if path.rsplit(".", 1)[-1] in _SETTINGS]
        chosen = settings + weights
    if not weights:
        raise ModelMissing(
            "This model has no weights that Antiphon can read (safetensors, or audiocraft's own files)."
        )
    return sorted({*always, *chosen})


def fetch(plan: FetchPlan, token: str | None, on_progress: OnProgress) -> Path:
    """Download the missing files of a model into the cache and return its snapshot folder.

    Each file's hash is checked as it arrives. The snapshot becomes visible (refs/main) when all are there.
    Raises SetupError where the disk is too small, before the first byte; ModelMissing where the hub fails, or
    sends another content than it announced.
    """
    _check_disk(plan)
    repo_folder = hub_cache.repo_folder(plan.model)
    (repo_folder / "blobs").mkdir(parents=True, exist_ok=True)
    present = {entry.path: _bytes_present(plan, entry) for entry in plan.files}
    on_progress(sum(present.values()), plan.total)
    for entry in sorted(plan.files, key=lambda entry: entry.size or 0):

        def on_bytes(count: int, path: str = entry.path) -> None:
            present[path] = count
            on_progress(sum(present.values()), plan.total)

        if not _blob(plan, entry).is_file():
            _download(plan, entry, token, on_bytes)
        on_bytes(entry.size or 0)
    snapshot = _link_snapshot(plan)
    integrity.write_manifest(snapshot, plan.model, plan.commit, list(plan.files))
    (repo_folder / "refs").mkdir(exist_ok=True)
    (repo_folder / "refs" / "main").write_text(plan.commit, encoding="ascii")
    return snapshot


def _endpoint() -> str | None:
    """Return the hub's address where it is another than Hugging Face's, such as a mirror's."""
    return os.environ.get("HF_ENDPOINT") or None


def _check_disk(plan: FetchPlan) -> None:
    target = hub_cache.repo_folder(plan.model)
    existing = next(folder for folder in (target, *target.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    needed = plan.remaining + SPARE_BYTES
    if plan.remaining and free < needed:
        raise SetupError(
            f"{plan.model} needs {needed / 1e9:.1f} GB, and {existing} has {free / 1e9:.1f} GB free: make "
            "room, or set HF_HOME to a folder on a larger disk."
        )


def _download(plan: FetchPlan, entry: ManifestEntry, token: str | None, on_bytes: OnBytes) -> None:
    """Download one file, resumed where an earlier download ended; it becomes a blob once its hash fits.

    A connection that ends early is opened again with a Range header as long as each one brings something.
    """
    import httpx2

    part = _partial_file(plan, entry)
    if part.is_file() and part.stat().st_size > (entry.size or 0):
        part.unlink()
    try:
        with part.open("ab") as file, _hub_errors(plan.model):
            while (start := file.tell()) < (entry.size or 0):
                try:
                    _append(plan, entry, token, file, on_bytes)
                except httpx2.TransportError:
                    if file.tell() == start:
                        raise
                if file.tell() == start:
                    raise ModelMissing(f"{entry.path} of {plan.model} was cut off. Fetch the model again.")
    except OSError as error:
        raise SetupError(f"{part} cannot be written ({error.strerror}): is the disk full?") from error
    if integrity.checksum(part, entry.digest) != entry.digest:
        part.unlink()
        raise ModelMissing(
            f"{entry.path} of {plan.model} differs from what the hub announced, so it was deleted. "
            "Fetch the model again."
        )
    part.replace(_blob(plan, entry))


def _append(
    plan: FetchPlan, entry: ManifestEntry, token: str | None, file: BinaryIO, on_bytes: OnBytes
) -> None:
    """Append what follows the file's end until the file is whole or the connection ends."""
    from huggingface_hub import get_session, hf_hub_url

    # A compressed body would count other bytes than the Range header and the size do.
    headers = {"Accept-Encoding": "identity"}
    if file.tell():
        headers["Range"] = f"bytes={file.tell()}-"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    url = hf_hub_url(plan.model, entry.path, revision=plan.commit, endpoint=_endpoint())
    stream = get_session().stream("GET", url, headers=headers, follow_redirects=True, timeout=TIMEOUT_SECONDS)
    with stream as response:
        if response.status_code not in (200, 206):
            raise _refusal(plan.model, response.status_code)
        if response.status_code == 200:
            # The whole file: the server knows no ranges, or none was asked for.
            file.seek(0)
            file.truncate()
        on_bytes(file.tell())
        # Without a chunk size, which would hold bytes back and lose them with the connection.
        for chunk in response.iter_bytes():
            # Nothing is stored beyond the announced size, however much is sent.
            file.write(chunk[: (entry.size or 0) - file.tell()])
            on_bytes(file.tell())
            if file.tell() == entry.size:
                break


def _link_snapshot(plan: FetchPlan) -> Path:
    """Link the files by name to the blobs that hold their content; return the snapshot folder."""
    snapshot = hub_cache.repo_folder(plan.model) / "snapshots" / plan.commit
    for entry in plan.files:
        path = snapshot / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        blob = _blob(plan, entry)
        try:
            path.symlink_to(os.path.relpath(blob, path.parent))
        except OSError:
            # Windows lets only some make links.
            shutil.copyfile(blob, path)
    return snapshot


def _bytes_present(plan: FetchPlan, entry: ManifestEntry) -> int:
    if _blob(plan, entry).is_file():
        return entry.size or 0
    part = _partial_file(plan, entry)
    return min(part.stat().st_size, entry.size or 0) if part.is_file() else 0


def _blob(plan: FetchPlan, entry: ManifestEntry) -> Path:
    return hub_cache.repo_folder(plan.model) / "blobs" / entry.digest


def _partial_file(plan: FetchPlan, entry: ManifestEntry) -> Path:
    return hub_cache.repo_folder(plan.model) / "blobs" / f"{entry.digest}.part"


@contextlib.contextmanager
def _hub_errors(model: str) -> Iterator[None]:
    """Turn failures of the hub into ModelMissing, with what the owner can do."""
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
        raise _refusal(model, error.response.status_code if error.response is not None else 0) from error
    except (httpx2.HTTPError, errors.OfflineModeIsEnabled) as error:
        raise ModelMissing(offline(model)) from error


def _refusal(model: str, status: int) -> ModelMissing:
    """Return the error for an HTTP status with which the hub refuses a request."""
    if status in (401, 403):
        return ModelMissing(_gated(model))
    return ModelMissing(
        f"The hub answered {status or 'nothing'} for {model}: try again later. The next fetch continues "
        "where this one stopped."
    )


def _gated(model: str) -> str:
    return (
        f"{model} is gated: open {_page(model)}, accept its licence, make an access token at "
        "https://huggingface.co/settings/tokens and put it into .env as HF_TOKEN."
    )


def offline(model: str) -> str:
    """Return what to do where the hub cannot be reached."""
    return (
        f"The hub cannot be reached, and {model} is not whole on this machine. Try again with a network; "
        f"what has come stays. By hand: download the files of {_page(model)}/tree/main on another computer, "
        f"copy them into a folder here, keeping their subfolders, and name that folder in MODELS."
    )


def _page(model: str) -> str:
    return f"https://huggingface.co/{model}"
