"""The command line: run, sandbox, generate, score, doctor, models, db, votes, privacy.

bot/program.py starts it, and has the exit codes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import cli_compare
from bot.cli_database import db, sandbox_folder, votes
from bot.cli_models import models
from bot.cli_options import with_options
from bot.cli_privacy import privacy
from bot.cli_recipe import digest, recipe_for, recipe_of
from bot.cli_score import Midi, Stems, score, write_score
from bot.cli_settings import load_settings
from bot.cli_source import numbered, read_source, role_of
from bot.config import Settings
from bot.errors import UserError
from bot.jobs.takes import recipes_of
from bot.recipe import Mode, Recipe, Role, Task
from bot.recipe.options import OPTIONS, PROMPT, SECONDS, SEED
from bot.redact import redact_all
from bot.running import ENGINES, run_bot, until_ended
from bot.terminal import err, out, percentage_bar, print_json, print_line

# Without rich's markup: its boxes fold a value that was typed in the wrong place, and a folded secret passes
# the redaction; its tracebacks show local variables.
app = typer.Typer(
    name="antiphon",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(models, name="models")
app.add_typer(db, name="db")
app.add_typer(votes, name="votes")
app.add_typer(privacy, name="privacy")


@dataclass(frozen=True)
class Parts:
    """What a process is made with: the module that describes and loads models, and the bot's clock."""

    engines: str = ENGINES
    clock: Callable[[], float] = time.time


def _print_version(wanted: bool) -> None:
    if wanted:
        print_line(f"antiphon {metadata.version('antiphon')}")
        raise typer.Exit


@app.callback()
def antiphon(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """A Discord bot that makes music. Without Discord: `antiphon sandbox` and `antiphon generate`."""


@app.command()
def run(context: typer.Context) -> None:
    """Run the bot on Discord with the token in .env."""
    run_bot(load_settings(), context.obj.engines, context.obj.clock)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port of the page; 0 is any free one.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Don't open the page in a browser.")] = False,
) -> None:
    """Try the bot in your browser, in a local stand-in for Discord. No account, no token."""
    _sandbox(load_settings(), port, no_open=no_open)


@app.command()
def start() -> None:
    """Run the bot if a token is set, and the sandbox if not. This is what `make run` does."""
    settings = load_settings()
    if settings.discord_token is not None:
        run_bot(settings)
        return
    err.print("DISCORD_TOKEN is not set, so this starts the sandbox.")
    _sandbox(settings, port=0, no_open=False)


def generate(
    context: typer.Context,
    prompt: Annotated[str | None, typer.Argument(help=f"{PROMPT.description}.")] = None,
    mode: Annotated[
        Mode | None, typer.Option(help="How it is made. [default: DEFAULT_MODE in .env, else ar]")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="One of the models in MODELS, which also decides the mode. [default: the mode's]"),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help=f"{SECONDS.description}. [default: DEFAULT_SECONDS in .env, else 10]"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help=f"{SEED.description}. [default: random]")] = None,
    melody: Annotated[
        Path | None, typer.Option(help="An audio file with a tune to follow; needs a melody model.")
    ] = None,
    task: Annotated[
        Task | None,
        typer.Option(help="What to do with --source: go on from it, change it in part, and so on."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            help="An audio file to make the clip from; the built-in models want one of their clips."
        ),
    ] = None,
    takes: Annotated[
        int, typer.Option(min=1, max=4, help="How many clips with consecutive seeds: clip-1.mp3, clip-2.mp3.")
    ] = 1,
    like: Annotated[
        Path | None, typer.Option(help="Make a clip again from an Antiphon MP3, WAV, FLAC or recipe file.")
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The file to write: .mp3, .wav or .flac.")
    ] = Path("clip.mp3"),
    picture: Annotated[
        Path | None, typer.Option(help="Also draw waveform and spectrogram to this PNG.")
    ] = None,
    midi: Midi = None,
    stems: Stems = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print recipe and measurements as JSON.")] = False,
    **options: Any,
) -> None:
    """Make one clip as a file, exactly as the bot makes it, without Discord."""
    settings, files = load_settings(), {Role.MELODY: melody} if melody else {}
    if like is not None:
        if task is not None:
            raise UserError("Use --task or --like, not both: the file's tags already hold what was done.")
        recipe = recipe_of(like, prompt, settings, context.obj.engines)
        if source is not None:
            files[role_of(recipe)] = source
    else:
        given = until_ended(read_source(task, source))
        if given is not None:
            files[given.role] = given.path
            prompt = given.prompt() if prompt is None else prompt
            seconds = given.seconds(settings) if seconds is None else seconds
        recipe = recipe_for(
            context.obj.engines,
            settings,
            mode,
            model,
            given,
            prompt=prompt or "",
            seconds=seconds,
            seed=seed,
            options={option.name: options[option.parameter] for option in OPTIONS.values()},
            task=task or Task.TEXT,
            sources={role: digest(file) for role, file in files.items()},
        )
    found = []
    for take, one in enumerate(recipes_of(recipe, takes), 1):
        paths = [
            None if path is None else numbered(path, take, takes) for path in (output, picture, midi, stems)
        ]
        found.append(_make(one, files, paths, context.obj.engines, settings, quiet=as_json))
    if as_json:
        print_json(found[0] if takes == 1 else found)


def _make(
    recipe: Recipe,
    sources: Mapping[Role, Path],
    paths: Sequence[Path | None],
    engines: str,
    settings: Settings,
    *,
    quiet: bool,
) -> dict[str, Any]:
    """Make one clip, and say so unless `quiet`; return recipe and measurements.

    paths: of the clip, its picture, MIDI file and stems.
    """
    from bot.generate import generate as render

    output, picture, midi, stems = paths
    assert output is not None
    with percentage_bar(quiet=quiet) as bar:
        task = bar.add_task("starting", total=1.0)

        def report(phase: str, fraction: float) -> None:
            bar.update(task, description=phase, completed=fraction)

        made = until_ended(render(recipe, output, picture, settings, engines, report, sources))
    written: list[str] = []
    if midi is not None or stems is not None:
        written = write_score(made.path, midi, stems)
    facts = made.facts
    if not quiet:
        print_line(
            f"{made.path}: {facts['seconds']:.5g} s, {recipe.mode}, seed {recipe.seed}, "
            f"{facts['lufs']:.1f} LUFS, made in {facts['render_seconds']:.1f} s"
            + (f", {facts['precision']}" if "precision" in facts else "")
        )
        for line in (*facts["warnings"], *written):
            print_line(line)
    return {"file": str(made.path), "recipe": recipe.to_dict(), **facts}


app.command()(with_options(generate))
app.command()(score)


@app.command()
def compare(
    context: typer.Context,
    prompt: cli_compare.Words,
    seconds: cli_compare.Lengths = None,
    seeds: cli_compare.Seeds = 5,
    picture: cli_compare.Picture = None,
    no_sweep: Annotated[bool, typer.Option("--no-sweep", help="Leave out steps against time.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Measure the models in use on this machine: time, memory and sound, beside published figures."""
    from bot.comparison.results import LENGTHS

    lengths = sorted(set(seconds or LENGTHS))
    found = until_ended(
        cli_compare.run_comparison(
            prompt, context.obj.engines, lengths, seeds, sweep=not no_sweep, quiet=as_json
        )
    )
    cli_compare.show(found, picture, as_json=as_json)


@app.command()
def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    check_int8: Annotated[
        bool, typer.Option("--check-int8", help="First measure whether DTYPE=int8 suits the ar model.")
    ] = False,
    check_int4: Annotated[
        bool, typer.Option("--check-int4", help="First measure whether DTYPE=int4 suits the ar model.")
    ] = False,
) -> None:
    """Check the installation and say what to fix. Exits with 1 if something is broken."""
    from rich.markup import escape
    from rich.progress import Progress, TaskID
    from rich.table import Table

    from bot import doctor

    settings, findings = load_settings(), []
    precisions: tuple[tuple[doctor.Quantized, bool], ...] = ("int8", check_int8), ("int4", check_int4)
    with Progress(console=err.rich, transient=True, disable=as_json or not err.is_terminal) as bar:
        for precision in (name for name, is_asked in precisions if is_asked):
            task = bar.add_task(f"measuring {precision}", total=None)

            def tell(done: int, total: int, task: TaskID = task) -> None:
                bar.update(task, completed=done, total=total)

            findings.append(doctor.check_quantization(settings, precision, tell))
    findings += doctor.examine(settings, context.obj.engines)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        table = Table(box=None, show_header=False, pad_edge=False)
        signs = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "problem": "[red]✗[/]"}
        for finding in findings:
            shown = redact_all(asdict(finding))
            advice = f"\n[bold]{escape(shown['advice'])}[/]" if finding.advice else ""
            table.add_row(signs[finding.status], escape(shown["what"]), f"{escape(shown['detail'])}{advice}")
        out.print(table)
    if any(finding.status == "problem" for finding in findings):
        raise typer.Exit(1)


def _sandbox(settings: Settings, port: int, *, no_open: bool) -> None:
    from bot.local import WELCOME, bot_program, run_sandbox
    from sandbox.resolve import ActionError
    from sandbox.server import Sandbox

    if "clip_dir" in settings.given:
        own = f"The sandbox keeps its clips in {sandbox_folder(settings) / 'clips'}."
        err.print(f"CLIP_DIR is for the clips of your own server. {own}", soft_wrap=True)
    code = until_ended(
        run_sandbox(
            lambda history, port: Sandbox(history, port=port, welcome=WELCOME),
            ActionError,
            sandbox_folder(settings),
            port,
            open_page=not no_open,
            program=bot_program(),
            say=print_line,
        )
    )
    if code:
        raise typer.Exit(code)
