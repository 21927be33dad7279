"""`antiphon models`: what there is, and what each may be used for; fetch, verify, remove."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli_settings import load_settings
from bot.config import BUILTIN_AR, BUILTIN_DIFFUSION, Settings
from bot.engines.remote import servers
from bot.engines.remote.families import FAMILIES
from bot.errors import UserError
from bot.hub import converted, hub_cache, integrity
from bot.hub.catalogue import UNKNOWN_LICENCE, CatalogueEntry, advised, entries, licence_of, lookup
from bot.hub.fetch import FetchPlan
from bot.hub.install import install, plan_installation
from bot.machine import TorchUnavailable, probe
from bot.recipe import Mode
from bot.redact import redact_all
from bot.terminal import err, out, print_json, print_line, wide

if TYPE_CHECKING:
    from rich.table import Table

models = typer.Typer(no_args_is_help=True, help="List, fetch, check and remove models.")

Name = Annotated[str, typer.Argument(help="A model's name on the hub, such as facebook/musicgen-small.")]
_BUILT_IN = {BUILTIN_AR: Mode.AR, BUILTIN_DIFFUSION: Mode.DIFFUSION}


@models.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print the models as JSON.")] = False,
) -> None:
    """List the models, how large they are, and what their licences allow."""
    settings = load_settings()
    try:
        gpu_gb = probe().gpu_gb
    except TorchUnavailable as error:
        gpu_gb = 0.0
        out.print(f"torch doesn't work here ({error}), so only the built-in models are recommended.")
    rows = rows_for(settings, gpu_gb)
    if as_json:
        print_json(rows)
        return
    console = wide(out)
    for mode in ("ar", "diffusion", ""):
        shown = [redact_all(row) for row in rows if row["mode"] == mode]
        if shown:
            console.print(_table(f"Mode {mode}" if mode else "Other models", shown))
    console.print("Get a model with `antiphon models fetch NAME`. Read its licence first: it decides.")


@models.command()
def fetch(
    model: Name,
    audiocraft: Annotated[
        bool, typer.Option("--audiocraft", help="Fetch audiocraft's own files instead of safetensors.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Download a model from the Hugging Face hub. An interrupted download continues where it stopped."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    settings = load_settings()
    token = settings.hf_token.get_secret_value() if settings.hf_token else os.environ.get("HF_TOKEN")
    planned = plan_installation(model, token, audiocraft=audiocraft)
    for plan in planned.plans:
        _show_licence(plan)
    out.print(f"To download: {planned.remaining / 1e9:.2f} GB of {planned.total / 1e9:.2f} GB.")
    if planned.converts:
        out.print(
            "Its weights are then converted to safetensors, which takes up to as much disk space again."
        )
    if sys.stdin.isatty() and not yes:
        typer.confirm("Download it?", default=True, abort=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err.rich, disable=not err.is_terminal) as bar:
        task = bar.add_task(model, total=planned.total)
        folder = install(
            planned,
            token,
            lambda done, total: bar.update(task, completed=done),
            lambda: bar.update(task, description=f"{model}: converting"),
        )
    print_line(f"{model} is ready, in {folder}.")
    print_line(f"To use it, add {model} to MODELS in .env.")


@models.command()
def verify(
    model: Annotated[str | None, typer.Argument(help="A fetched model or a folder. [default: all]")] = None,
) -> None:
    """Compare the files of fetched models with their checksums. Exits with 1 if one is damaged or missing."""
    names = [model] if model is not None else hub_cache.fetched()
    if not names:
        out.print("No model has been fetched yet. `antiphon models list` shows what there is.")
    damaged = False
    for name in names:
        folder = hub_cache.folder_of(name)
        if folder is None:
            raise UserError(f"{name} isn't on this computer. Get it with `antiphon models fetch {name}`.")
        looked = list(integrity.verify(folder))
        for entry, problem in looked:
            if problem:
                out.print_plain(f"{name}: {entry.path} {problem}", style="red")
                damaged = True
        if not looked:
            print_line(f"{name}: not checked, because its folder has no list of checksums")
        elif not any(problem for _, problem in looked):
            print_line(f"{name}: {len(looked)} files, all as published")
    if damaged:
        out.print("Remove a damaged model with `antiphon models remove NAME`, then fetch it again.")
        raise typer.Exit(1)


@models.command()
def convert(
    model: Annotated[str, typer.Argument(help="A fetched model, or a folder with audiocraft's own files.")],
    target: Annotated[
        Path | None,
        typer.Argument(help="The folder to write. [default: beside the models]"),
    ] = None,
) -> None:
    """Convert audiocraft's own files to safetensors, without running any code in them."""
    load_settings()
    folder = converted.convert(model, target)
    print_line(f"Wrote {folder}.")
    if target is not None or hub_cache.folder_of(model) == Path(model):
        print_line(f"To use it, add {folder} to MODELS in .env.")


@models.command()
def remove(
    model: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Delete a fetched model from this computer."""
    settings = load_settings()
    if model in _BUILT_IN:
        raise UserError(f"{model} is built in and can't be removed.")
    size = integrity.size_of(model)
    if sys.stdin.isatty() and not yes:
        typer.confirm(f"Delete {model} ({size / 1e9:.2f} GB)?", abort=True)
    integrity.remove(model)
    print_line(f"Removed {model} ({size / 1e9:.2f} GB).")
    if model in settings.files_of:
        out.print("It is still set in .env. Change that, or its mode stays unavailable.")


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    # A name is copied into a command, so it is never broken.
    table.add_column("Model", no_wrap=True)
    table.add_column("Download", justify="right", no_wrap=True)
    table.add_column("State")
    table.add_column("Licence and what it allows")
    for row in rows:
        size = f"{row['gigabytes']:.1f} GB" if row["gigabytes"] else ""
        state = f"[green]{escape(', '.join(row['state']))}[/]"
        table.add_row(escape(row["model"]), size, state, escape(f"{row['licence']}: {row['use']}"))
    return table


def rows_for(settings: Settings, gpu_gb: float) -> list[dict[str, Any]]:
    """Return what `list` shows on a machine with so much graphics memory."""
    best = {mode: advised(mode, gpu_gb) for mode in Mode}
    here = set(hub_cache.fetched())
    rows = []
    for name, mode in _BUILT_IN.items():
        state = ["built in"] + (["recommended"] if best[mode] is None else [])
        rows.append(_row(settings, name, mode, None, "MIT", "Free to use, commercially too.", state))
    for entry in entries():
        state = ["fetched"] if entry.name in here else []
        state += ["recommended"] if best[entry.mode] is entry else []
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
    for model in servers.available():
        family = FAMILIES.get(model.family)
        if family is not None:
            use = "See its page."
            rows.append(_row(settings, model.name, family.mode, None, family.licence, use, ["on a server"]))
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
    stated = planned.licence or "none stated"
    out.print(f"Licence on the page of {planned.model}: {stated}. Read it before you use the model.")
