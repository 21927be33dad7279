"""`antiphon models`: what there is, and what each may be used for; fetch, verify, remove."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from bot import log
from bot.config import BUILTIN_AR, BUILTIN_DIFFUSION, Settings
from bot.errors import UserError
from bot.hub import converted, hub_cache, integrity
from bot.hub.catalogue import UNKNOWN_LICENCE, CatalogueEntry, advised, entries, licence_of, lookup
from bot.hub.fetch import FetchPlan
from bot.hub.install import install, plan_installation
from bot.machine import TorchUnavailable, probe
from bot.recipe import Mode
from bot.terminal import err, out, print_json, print_line

models = typer.Typer(no_args_is_help=True, help="The models: what there is, and what each may be used for.")

Name = Annotated[str, typer.Argument(help="A model's name on the hub, such as facebook/musicgen-small.")]
_BUILT_IN = {BUILTIN_AR: Mode.AR, BUILTIN_DIFFUSION: Mode.DIFFUSION}


@models.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print the models as JSON.")] = False,
) -> None:
    """Show the built-in, fetched and advised models, their size, their licence and what it allows."""
    settings = _settings()
    try:
        gpu_gb = probe().gpu_gb
    except TorchUnavailable as error:
        gpu_gb = 0.0
        out.print(f"torch does not work here ({error}), so nothing but the built-in models is advised.")
    rows = rows_for(settings, gpu_gb)
    if as_json:
        print_json(rows)
        return
    for mode in ("ar", "diffusion", ""):
        if any(row["mode"] == mode for row in rows):
            out.print(f"[bold]{mode or 'other'}[/]")
        for row in (row for row in rows if row["mode"] == mode):
            size = f"{row['gigabytes']:.1f} GB" if row["gigabytes"] else ""
            state = f"[green]{', '.join(row['state'])}[/]" if row["state"] else ""
            out.print(f"  {row['model']:42} {size:>8}  {state}", soft_wrap=True)
            out.print(f"      {row['licence']}: {row['use']}", style="dim", soft_wrap=True)
    out.print(
        "The licence itself decides; each clip's card names it. `antiphon models fetch NAME` gets a model."
    )


@models.command()
def fetch(
    model: Name,
    audiocraft: Annotated[
        bool, typer.Option("--audiocraft", help="Take audiocraft's own files instead of safetensors.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Get a model from the Hugging Face hub; a fetch that was cut goes on where it broke off."""
    settings = _settings()
    token = settings.hf_token.get_secret_value() if settings.hf_token else os.environ.get("HF_TOKEN")
    planned = plan_installation(model, token, audiocraft=audiocraft)
    for plan in planned.plans:
        _show_licence(plan)
    out.print(f"{planned.remaining / 1e9:.2f} GB of {planned.total / 1e9:.2f} GB are to come.")
    if planned.converts:
        out.print(
            "Its weights are then converted to safetensors, which takes up to as much again on the disk."
        )
    if sys.stdin.isatty() and not yes:
        typer.confirm("Fetch it?", default=True, abort=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(model, total=planned.total)
        folder = install(
            planned,
            token,
            lambda done, total: bar.update(task, completed=done),
            lambda: bar.update(task, description=f"{model}: converting"),
        )
    print_line(f"{model} is here: {folder}")
    print_line(f"Add {model} to MODELS in .env to use it.")


@models.command()
def verify(
    model: Annotated[str | None, typer.Argument(help="A fetched model, or a folder; all without it.")] = None,
) -> None:
    """Hash what was fetched again. Exits with 1 where something is damaged or missing."""
    names = [model] if model is not None else hub_cache.fetched()
    if not names:
        out.print("Nothing was fetched yet.")
    damaged = False
    for name in names:
        folder = hub_cache.folder_of(name)
        if folder is None:
            raise UserError(f"{name} is not on this machine: fetch it with `antiphon models fetch {name}`.")
        looked = list(integrity.verify(folder))
        for entry, problem in looked:
            if problem:
                out.print(escape(f"{name}: {entry.path} {problem}"), style="red", soft_wrap=True)
                damaged = True
        if not looked:
            print_line(f"{name}: its folder does not say what belongs there, so nothing was compared")
        elif not any(problem for _, problem in looked):
            print_line(f"{name}: {len(looked)} files, all as published")
    if damaged:
        out.print("Remove what is damaged with `antiphon models remove NAME`, then fetch it again.")
        raise typer.Exit(1)


@models.command()
def convert(
    model: Annotated[str, typer.Argument(help="A fetched model, or a folder with audiocraft's own files.")],
    target: Annotated[
        Path | None, typer.Argument(help="The folder to write; one of its own if none.")
    ] = None,
) -> None:
    """Turn audiocraft's own files into safetensors, reading them as data alone."""
    _settings()
    folder = converted.convert(model, target)
    print_line(f"wrote {folder}")
    if target is not None or hub_cache.folder_of(model) == Path(model):
        print_line(f"Add {folder} to MODELS in .env to use it.")


@models.command()
def remove(
    model: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a fetched model from this machine."""
    settings = _settings()
    if model in _BUILT_IN:
        raise UserError(f"{model} is built in and stays.")
    size = integrity.size_of(model)
    if sys.stdin.isatty() and not yes:
        typer.confirm(f"Delete {model} ({size / 1e9:.2f} GB)?", abort=True)
    integrity.remove(model)
    print_line(f"removed {model}, {size / 1e9:.2f} GB")
    if model in settings.files_of:
        out.print("It is still set in .env: until that changes, its mode is not available.")


def rows_for(settings: Settings, gpu_gb: float) -> list[dict[str, Any]]:
    """Return what `list` shows on a machine with so much graphics memory."""
    best = {mode: advised(mode, gpu_gb) for mode in Mode}
    here = set(hub_cache.fetched())
    rows = []
    for name, mode in _BUILT_IN.items():
        state = ["built in"] + (["advised here"] if best[mode] is None else [])
        rows.append(_row(settings, name, mode, None, "MIT", "Free to use, commercially too.", state))
    for entry in entries():
        state = ["fetched"] if entry.name in here else []
        state += ["advised here"] if best[entry.mode] is entry else []
        state += ["gated"] if entry.gated else []
        rows.append(
            _row(settings, entry.name, entry.mode, _gigabytes(entry, here), entry.licence, entry.use, state)
        )
    known_names = {entry.name for entry in entries()}
    for name in sorted(here - known_names):
        folder = hub_cache.folder_of(name)
        licence = licence_of(folder, name) if folder else UNKNOWN_LICENCE
        rows.append(
            _row(settings, name, None, integrity.size_of(name) / 1e9, licence, "See its page.", ["fetched"])
        )
    return rows


def _row(
    settings: Settings,
    name: str,
    mode: Mode | None,
    gigabytes: float | None,
    licence: str,
    use: str,
    state: list[str],
) -> dict[str, Any]:
    used = ["in use"] if name in settings.files_of else []
    return {
        "model": name,
        "mode": mode.value if mode else "",
        "gigabytes": gigabytes,
        "licence": licence,
        "use": use,
        "state": [*state, *used],
    }


def _gigabytes(entry: CatalogueEntry, here: set[str]) -> float | None:
    return integrity.size_of(entry.name) / 1e9 if entry.name in here else entry.download_gb


def _show_licence(planned: FetchPlan) -> None:
    entry = lookup(planned.model)
    if entry is not None:
        out.print(f"[bold]{entry.title}[/]: {entry.note}")
        out.print(f"Licence: {entry.licence}. {entry.use}", style=None if entry.commercial else "yellow")
    stated = planned.licence or "none is stated"
    out.print(f"{planned.model} states as licence: {stated}. Read its page before you choose the model.")


def _settings() -> Settings:
    settings = Settings.load()
    log.configure(settings.log_level)
    return settings
