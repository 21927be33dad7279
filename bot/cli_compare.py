"""`antiphon compare`: the configured models measured on this machine."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli_settings import load_settings
from bot.errors import UserError
from bot.recipe.options import PROMPT
from bot.terminal import percentage_bar, print_json, print_line

if TYPE_CHECKING:
    from bot.comparison.results import Comparison

MAX_SEEDS = 20


async def run_comparison(
    prompt: str, engines: str, lengths: list[float], seeds: int, *, sweep: bool, quiet: bool
) -> Comparison:
    """Measure the models that the settings name, with a bar on the terminal."""
    from bot.comparison.run import compare
    from bot.engines.configured import described
    from bot.errors import ModelMissing

    settings = load_settings()
    found = [one for _, one in described(settings, importlib.import_module(engines))]
    models = [one for one in found if not isinstance(one, ModelMissing)]
    if not models:
        raise UserError("No model is installed. `antiphon doctor` says what to do.")
    with percentage_bar(quiet=quiet) as bar:
        task = bar.add_task("starting", total=1.0)
        return await compare(
            prompt,
            models,
            settings,
            engines,
            lengths=lengths,
            seeds=seeds,
            sweep=sweep,
            report=lambda name, done: bar.update(task, description=name, completed=done),
        )


Lengths = Annotated[
    list[float] | None,
    typer.Option("--seconds", help="A length to measure; give it several times. [default: 10, 20, 30, 60]"),
]
Seeds = Annotated[int, typer.Option(min=1, max=MAX_SEEDS, help="Clips at each length.")]
Picture = Annotated[Path | None, typer.Option(help="Also draw the figures to this PNG.")]
Words = Annotated[str, typer.Argument(help=f"{PROMPT.description}.")]


def show(found: Comparison, picture: Path | None, *, as_json: bool) -> None:
    """Print a comparison, and draw it where a file is named. Raises UserError for a file that can't be."""
    from bot.comparison.text import to_json, to_markdown

    if picture is not None:
        from bot.comparison.picture import draw

        try:
            picture.write_bytes(draw(found))
        except OSError as error:
            raise UserError(f"{picture} can't be written: {error.strerror}. Choose another path.") from error
    if as_json:
        print_json(to_json(found))
    else:
        for line in to_markdown(found).splitlines():
            print_line(line)
