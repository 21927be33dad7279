"""What takes in a batch save: n takes beside each other against the same n one after another, in one run.

    python -m benchmarks.takes [--takes 4] [--seconds 5] [--rounds 3] [--only musicgen]

Each pair is rendered in turns in this process, and the ratio of the medians is printed: 1 is no gain, n is n
clips for the time of one. MusicGen has its true shapes and random weights. The built-in model is the one that
ships; its score is decoded in slots, and played without a batch.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from bot.engines.base import Engine
from bot.engines.musicgen import slots
from bot.engines.musicgen.engine import MusicgenEngine
from bot.engines.score import BUILT_IN, load
from bot.engines.score.ar import ArEngine
from bot.engines.score.engine import finished
from bot.engines.score.format import from_frames
from bot.engines.score.sections import Section
from bot.engines.threads import one_thread
from bot.jobs.takes import recipes_of
from bot.recipe import Mode, Recipe
from tests.engines.checkpoint_files import manifest, write_musicgen
from tests.engines.context import rendered


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--takes", type=int, choices=[2, 4, 8], default=4)
    parser.add_argument("--seconds", type=float, default=5.0, help="5 or more, for the built-in model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=MEASURES)
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(
        f"{arguments.takes} takes of {arguments.seconds:g} s on {device}, {torch.get_num_threads()} threads"
    )
    for name, measure in MEASURES.items():
        if arguments.only not in (None, name):
            continue
        measure(arguments.takes, arguments.seconds, arguments.rounds, device)


def _built_in(takes: int, seconds: float, rounds: int, device: str) -> None:
    engine = load(Mode.AR, BUILT_IN["antiphon-tiny-ar"], device)
    assert isinstance(engine, ArEngine)
    recipes = recipes_of(_recipe(engine.capabilities.model, seconds), takes)

    def alone() -> None:
        for recipe in recipes:
            _rendered(engine, recipe)

    def together() -> None:
        rows = [engine.row(one, Section(seconds=one.seconds, seed=one.seed)) for one in recipes]
        with one_thread():
            guidance = engine.option(recipes[0], "guidance_scale")
            engine.decode([one.prompt for one in recipes], rows, guidance, lambda done, total: None)
        for one, row in zip(recipes, rows, strict=True):
            engine.sampler.render(finished(from_frames(row.result())), one.seconds, one.seed)

    _tell("built-in ar", takes, rounds, alone, together)


def _musicgen(takes: int, seconds: float, rounds: int, device: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        sizes = manifest("musicgen")["published"]["facebook/musicgen-small"]
        folder = write_musicgen(Path(temporary, "small"), sizes=sizes, dtype=torch.float16)
        engines, usual = [], slots.MOST
        for most in (1, usual):
            slots.MOST = most
            engines.append(MusicgenEngine(folder, str(folder), device, "auto"))
        recipes = recipes_of(_recipe(str(folder), seconds), takes)

        def alone() -> None:
            for recipe in recipes:
                _rendered(engines[0], recipe)

        _tell("MusicGen-small's shapes", takes, rounds, alone, lambda: _rendered(engines[1], *recipes))


def _rendered(engine: Engine, *recipes: Recipe) -> None:
    """Render clips in one run. Raises what refuses one."""
    for error in rendered(engine, *recipes).errors.values():
        raise error


def _recipe(model: str, seconds: float) -> Recipe:
    return Recipe(prompt="calm piano", mode=Mode.AR, model=model, seconds=seconds, seed=1)


def _tell(
    name: str, takes: int, rounds: int, alone: Callable[[], object], together: Callable[[], object]
) -> None:
    times: dict[str, list[float]] = {"alone": [], "together": []}
    alone(), together()
    for _ in range(rounds):
        for way, render in (("alone", alone), ("together", together)):
            started = time.perf_counter()
            render()
            times[way].append(time.perf_counter() - started)
    one, batch = (statistics.median(times[way]) for way in ("alone", "together"))
    print(f"{name}: {takes} alone {one:.2f} s, in a batch {batch:.2f} s, ratio {one / batch:.2f}", flush=True)


MEASURES = {"built-in": _built_in, "musicgen": _musicgen}


if __name__ == "__main__":
    main()
