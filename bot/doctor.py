"""`antiphon doctor`: checks of installation, settings, models and devices, with advice for each problem."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from bot.config import Settings, unknown_names
from bot.engines.base import Engines
from bot.engines.configured import configured_models, described
from bot.errors import SetupError, StoreError
from bot.hub.catalogue import advised
from bot.machine import SMALL_GB, Machine, TorchUnavailable, probe
from bot.memory import available_gb
from bot.recipe import Mode, ModelRef
from bot.store import maintenance

Status = Literal["ok", "warning", "problem"]
Quantized = Literal["int8", "int4"]
"""Values of DTYPE that have to be measured first."""
LOW_DISK_GB = 2.0
WEIGHTS_SHARE = 0.6
"""Of the graphics memory; the engines leave the rest to activations."""
MAIN_MEMORY_SHARE = 0.8
"""Share of the free main memory for weights; the rest is for torch, audio and the bot itself."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `advice` says what to do where something is to be done."""

    what: str
    status: Status
    detail: str
    advice: str = ""


def examine(settings: Settings, engines: str) -> Iterator[Finding]:
    """Look at everything the bot needs, quickest first. Nothing is changed and no weights are loaded."""
    yield Finding("Python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _token(settings)
    yield from _unknown_names()
    yield _disk("Clips' folder", settings.clip_dir)
    yield _database(settings.database_path)
    yield _encoder()
    yield from _models(settings, engines)
    try:
        machine = probe()
    except TorchUnavailable as error:
        yield Finding("Accelerator", "problem", f"torch does not work: {error}", "Run `make install` again.")
    else:
        for device in dict.fromkeys(settings.worker_devices):
            yield _accelerator(device, machine)
        yield from memory(settings, engines, machine, available_gb())
    yield _discord(settings.discord_api_url)


def check_quantization(
    settings: Settings, precision: Quantized, on_progress: Callable[[int, int], None]
) -> Finding:
    """Measure what int8 or int4 would do to the AR model that is set.

    on_progress(done, total) is called as it goes. Raises ModelMissing where its files are damaged.
    """
    from bot.engines.musicgen import is_musicgen
    from bot.hub import converted, hub_cache

    names = [name.rpartition(":")[2] for mode, name in settings.named_models if mode is not Mode.DIFFUSION]
    found_folders = ((name, converted.folder_of(name) or hub_cache.folder_of(name)) for name in names)
    musicgens = [(name, folder) for name, folder in found_folders if folder and is_musicgen(folder)]
    if not musicgens:
        return Finding(
            precision,
            "ok",
            f"{', '.join(names)}: not a MusicGen; {precision} weights are for MusicGen on a CPU",
        )
    model, folder = musicgens[0]
    from bot.engines.musicgen.measure_quantization import measure_quantization

    found = measure_quantization(folder, model, precision, on_progress)
    if found.good:
        advice = f"You can set DTYPE={precision}, which is faster on a CPU."
        return Finding(precision, "ok", f"{model}: {found}", advice)
    advice = f"Leave DTYPE at auto: {precision} changes how this model sounds."
    return Finding(precision, "warning", f"{model}: {found}", advice)


def _token(settings: Settings) -> Finding:
    if settings.discord_token is None:
        return Finding(
            "Token", "warning", "DISCORD_TOKEN is not set", "Put it in .env. `antiphon sandbox` needs none."
        )
    return Finding("Token", "ok", "DISCORD_TOKEN is set")


def _unknown_names() -> Iterator[Finding]:
    if unknown := unknown_names():
        yield Finding(".env", "warning", " ".join(map(str, unknown)), "Compare with .env.example.")


def _disk(what: str, folder: Path) -> Finding:
    there = next(parent for parent in (folder, *folder.resolve().parents) if parent.exists())
    free = shutil.disk_usage(there).free / 1e9
    if not os.access(there, os.W_OK):
        return Finding(what, "problem", f"{folder} can't be written", "Give the bot's user write access.")
    status: Status = "ok" if free >= LOW_DISK_GB else "warning"
    return Finding(
        what, status, f"{folder}, {free:.1f} GB free", "" if status == "ok" else "Free up some space."
    )


def _database(path: Path) -> Finding:
    if not path.exists():
        return Finding("Database", "ok", f"{path} will be created at the first start")
    try:
        problems = maintenance.check(path)
    except StoreError as error:
        return Finding("Database", "problem", str(error), "Restore a backup: `antiphon db restore FILE`.")
    if problems:
        return Finding("Database", "problem", "; ".join(problems), "Stop the bot and restore a backup.")
    return Finding("Database", "ok", f"{path}, no damage found")


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
    for name in settings.superseded:
        yield Finding(
            "Models",
            "warning",
            f"{name} has no effect beside MODELS",
            "Add its model to MODELS.",
        )
    defaults: set[Mode] = set()
    for name, found in described(settings, cast(Engines, importlib.import_module(engines))):
        if isinstance(found, SetupError):
            yield Finding(f"Model {name}", "warning", str(found), "List a model that you have in MODELS.")
            continue
        default = "" if found.mode in defaults else ", the default"
        defaults.add(found.mode)
        yield Finding(
            f"Model {name}",
            "ok",
            f"mode {found.mode}{default}: {found.title}; {found.licence}; up to {found.max_seconds:g} s, "
            f"{found.sample_rate / 1000:g} kHz",
        )
    for mode in Mode:
        if mode not in defaults:
            yield Finding(f"Mode {mode}", "warning", "no model", "Name one in MODELS to have this mode.")


def memory(
    settings: Settings, engines: str, machine: Machine, main_gb: float | None = None
) -> Iterator[Finding]:
    """Say how much memory each model's weights take, and whether all stay loaded side by side.

    main_gb: what can still be had of main memory and paging file; None where that is not known.
    """
    module = cast(Engines, importlib.import_module(engines))
    on_gpu = bool(machine.gpus) and settings.worker_devices[0] != "cpu"
    auto = "float32" if not on_gpu else "bfloat16" if machine.bfloat16 else "float16"
    dtype = auto if settings.dtype == "auto" else settings.dtype
    sizes: dict[ModelRef, float] = {}
    for model in configured_models(settings, module):
        try:
            count = module.parameters(model.mode, model.name)
        except SetupError:
            continue  # told in the model's own line
        if count is not None:
            sizes[model] = count * (4 if dtype == "float32" else 2) / 1e9
            detail = f"{sizes[model]:.1f} GB of weights in {dtype}"
            yield Finding(f"Memory {model.name}", "ok", detail)
    needed = sum(sizes.values())
    budget = settings.model_memory_gb
    if len(sizes) > 1 and budget and needed > budget:
        yield Finding(
            "Memory",
            "ok",
            f"{needed:.1f} GB of weights in all, MODEL_MEMORY_GB={budget:g}: the models are loaded in turn",
        )
    elif sizes and on_gpu and needed > WEIGHTS_SHARE * machine.gpu_gb:
        how = (
            "they are loaded in turn, or stay partly in main memory"
            if len(sizes) > 1
            else "it stays partly in main memory"
        )
        yield Finding(
            "Memory",
            "warning",
            f"{needed:.1f} GB of weights on a GPU with {machine.gpu_gb:g} GB: {how}, which is slower",
            "Choose smaller models (`antiphon models list`), or DTYPE=bfloat16.",
        )
    # Weights pass through main memory on their way to a GPU, one model at a time.
    passing = (max(sizes.values()) if on_gpu else needed) if sizes else 0.0
    if main_gb is not None and passing > MAIN_MEMORY_SHARE * main_gb:
        yield Finding(
            "Main memory",
            "warning",
            f"{passing:.1f} GB of weights, and {main_gb:.1f} GB of main memory and paging file are free: "
            "loading may end with “not enough memory” or “os error 1455”",
            "Close other programs, enlarge the paging file (swap), or choose smaller models; fetching a "
            "model again does not help.",
        )
    if on_gpu and machine.gpu_gb < SMALL_GB:
        names = [entry.name for mode in Mode if (entry := advised(mode, machine.gpu_gb)) is not None]
        yield Finding(
            "Models",
            "ok",
            f"less than {SMALL_GB:g} GB of graphics memory; models that fit: "
            f"{', '.join(names) or 'the built-in ones'}",
        )


def _accelerator(device: str, machine: Machine) -> Finding:
    wanted_but_absent = (device.startswith("cuda") and not machine.gpus) or (
        device == "mps" and not machine.mps
    )
    if wanted_but_absent:
        advice = "Set DEVICE=auto, or install the torch build for your GPU (docs/install.md)."
        return Finding("Accelerator", "problem", f"DEVICE={device}, but {machine.described}", advice)
    runs_on = f"; DEVICE=auto runs on {machine.auto}" if device == "auto" else ""
    return Finding("Accelerator", "ok", f"{machine.described}{runs_on}")


def _discord(api_url: str) -> Finding:
    address = urlsplit(api_url)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        with socket.create_connection((address.hostname or "", port), timeout=3):
            return Finding("Discord", "ok", f"{address.netloc} answers")
    except OSError as error:
        return Finding(
            "Discord",
            "warning",
            f"{address.netloc} does not answer ({error})",
            "Check the network connection.",
        )
