"""What runs where, what is missing, and what to do about it."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from bot.config import Settings, unknown_keys
from bot.engines.base import Engines
from bot.errors import SetupError, StoreError
from bot.recipe import Mode
from bot.store import maintenance

Verdict = Literal["ok", "warning", "problem"]
LOW_DISK_GB = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `advice` says what to do where something is to be done."""

    what: str
    verdict: Verdict
    detail: str
    advice: str = ""


def examine(settings: Settings, engines: str) -> Iterator[Finding]:
    """Look at everything the bot needs, quickest first. Nothing is changed and no weights are loaded."""
    yield Finding("Python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _token(settings)
    yield from _unknown_keys()
    yield _disk("Clips' folder", settings.clip_dir)
    yield _database(settings.database_path)
    yield _encoder()
    yield from _models(settings, engines)
    yield _accelerator(settings.device)
    yield _discord(settings.discord_api_url)


def check_int8(settings: Settings, told: Callable[[int, int], None]) -> Finding:
    """Measure what int8 would do to the AR model that is set; told(done, total) is called as it goes.

    Raises ModelMissing where its files are damaged.
    """
    from bot.engines.checkpoints import converted
    from bot.engines.musicgen import is_musicgen
    from bot.models import places

    what, model = "int8", settings.models[Mode.AR].rpartition(":")[2]
    folder = converted.folder_of(model) or places.folder_of(model)
    if folder is None or not is_musicgen(folder):
        return Finding(what, "ok", f"{model} is no MusicGen; int8 weights are for MusicGen on a CPU")
    from bot.engines.musicgen.check import check_int8 as check

    found = check(folder, model, told)
    if found.good:
        return Finding(what, "ok", f"{model}: {found}", "DTYPE=int8 may be set: it is the fastest on a CPU.")
    return Finding(what, "warning", f"{model}: {found}", "Leave DTYPE at auto: int8 changes this model.")


def _token(settings: Settings) -> Finding:
    if settings.discord_token is None:
        return Finding(
            "Token", "warning", "DISCORD_TOKEN is not set", "Put it into .env; `antiphon sandbox` needs none."
        )
    return Finding("Token", "ok", "DISCORD_TOKEN is set")


def _unknown_keys() -> Iterator[Finding]:
    if unknown := unknown_keys():
        yield Finding(
            ".env", "warning", f"no setting is called {', '.join(unknown)}", "Compare with .env.example."
        )


def _disk(what: str, folder: Path) -> Finding:
    there = next(place for place in (folder, *folder.resolve().parents) if place.exists())
    free = shutil.disk_usage(there).free / 1e9
    if not os.access(there, os.W_OK):
        return Finding(what, "problem", f"{folder} cannot be written", "Give the bot's user the right to.")
    verdict: Verdict = "ok" if free >= LOW_DISK_GB else "warning"
    return Finding(what, verdict, f"{folder}, {free:.1f} GB free", "" if verdict == "ok" else "Make room.")


def _database(path: Path) -> Finding:
    if not path.exists():
        return Finding("Database", "ok", f"{path} will be made by the first start")
    try:
        problems = maintenance.check(path)
    except StoreError as error:
        return Finding("Database", "problem", str(error), "Restore a backup: `antiphon db restore FILE`.")
    if problems:
        return Finding("Database", "problem", "; ".join(problems), "Stop the bot and restore a backup.")
    return Finding("Database", "ok", f"{path}, sound")


def _encoder() -> Finding:
    import imageio_ffmpeg

    try:
        ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
        listed = subprocess.run(
            [ffmpeg, "-hide_banner", "-encoders"], capture_output=True, text=True, check=True
        )
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        return Finding("MP3 encoder", "problem", str(error), "Run `make install` again.")
    if "libmp3lame" not in listed.stdout:
        return Finding(
            "MP3 encoder", "problem", f"{Path(ffmpeg).name} has no libmp3lame", "Run `make install`."
        )
    return Finding("MP3 encoder", "ok", Path(ffmpeg).name)


def _models(settings: Settings, engines: str) -> Iterator[Finding]:
    module = cast(Engines, importlib.import_module(engines))
    for mode, model in settings.models.items():
        try:
            found = module.describe(mode, model)
        except SetupError as error:
            yield Finding(
                f"Mode {mode}", "warning", str(error), f"Set {mode.upper()}_MODEL to a model you have."
            )
            continue
        yield Finding(
            f"Mode {mode}",
            "ok",
            f"{found.model}: {found.title}; {found.licence}; up to {found.max_seconds:g} s, "
            f"{found.sample_rate / 1000:g} kHz",
        )


_PROBE = """
import json, torch
print(json.dumps({
    "torch": torch.__version__,
    "cuda": [
        {"name": p.name, "gb": round(p.total_memory / 1e9, 1)}
        for p in map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    ] if torch.cuda.is_available() else [],
    "mps": torch.backends.mps.is_available(),
    "threads": torch.get_num_threads(),
}))
"""


def _accelerator(device: str) -> Finding:
    # In a process of its own: torch is slow to import and a broken driver can end the process.
    probe = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        last = (probe.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        return Finding("Accelerator", "problem", f"torch does not work: {last}", "Run `make install` again.")
    seen = json.loads(probe.stdout.splitlines()[-1])
    cards = [f"{card['name']} ({card['gb']} GB)" for card in seen["cuda"]]
    detail = f"torch {seen['torch']}, " + (
        ", ".join(cards) if cards else "Apple GPU" if seen["mps"] else f"CPU, {seen['threads']} threads"
    )
    wanted_but_absent = (device.startswith("cuda") and not cards) or (device == "mps" and not seen["mps"])
    if wanted_but_absent:
        advice = "Set DEVICE=auto, or install the torch build for your GPU (see the README)."
        return Finding("Accelerator", "problem", f"DEVICE={device}, but {detail}", advice)
    return Finding("Accelerator", "ok", detail)


def _discord(api_url: str) -> Finding:
    address = urlsplit(api_url)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        with socket.create_connection((address.hostname or "", port), timeout=3):
            return Finding("Discord", "ok", f"{address.netloc} answers")
    except OSError as error:
        return Finding(
            "Discord", "warning", f"{address.netloc} does not answer ({error})", "Is the network up?"
        )
