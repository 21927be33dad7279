"""Clips of the built-in models for benchmarks, rendered by an engine in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.audio.finish import finish
from bot.audio.meter import Wave
from bot.audio.mp3 import decode
from bot.audio.tags import Provenance
from bot.engines.score import BUILT_IN, load
from bot.engines.score.engine import ScoreEngine
from bot.engines.score.format import Score
from bot.engines.score.known import Mask
from bot.engines.score.sections import Section
from bot.engines.score.serialize import from_text
from bot.recipe import Mode, OptionValue, Recipe, Task
from bot.recipe.tasks import REQUIRED_SOURCE
from tests.engines.context import RecordingContext


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip. file: the FLAC, None where only the wave was wanted.  wave: float32 [2, samples].

    seams: where its sections meet, in seconds.
    """

    file: Path | None
    wave: Wave
    score: Score
    seams: tuple[float, ...]


class Studio:
    """One built-in model, and a folder for its clips."""

    def __init__(self, mode: Mode, folder: Path) -> None:
        engine = load(mode, BUILT_IN[f"antiphon-tiny-{mode}"])
        assert isinstance(engine, ScoreEngine)
        self.engine, self.mode, self._folder, self._count = engine, mode, folder, 0
        self._starts: list[int] = []
        self._watch(engine)

    def clip(
        self,
        prompt: str,
        seconds: float,
        seed: int,
        task: Task = Task.TEXT,
        source: Clip | None = None,
        options: Mapping[str, OptionValue] | None = None,
        *,
        finished: bool = False,
    ) -> Clip:
        """Render a clip from words, or do a task with a finished source, through the engine's whole way.

        finished: mastered and written to a file; else it has the engine's own level.
        """
        role = REQUIRED_SOURCE.get(task)
        recipe = Recipe(
            prompt=prompt, mode=self.mode, model=self.engine.capabilities.model, seconds=seconds, seed=seed,
            options=options or {}, task=task, sources={} if role is None else {role: 1},
        )  # fmt: skip
        files = {role: source.file} if role is not None and source and source.file else {}
        context = RecordingContext(recipe, sources=files)
        self._starts.clear()
        self.engine.run(context)
        if context.errors:
            raise context.errors[1]
        score = from_text(context.scores[1])
        bar = score.steps_per_bar * score.seconds_per_step
        seams = tuple(bar * start for start in self._starts)
        if not finished:
            return Clip(None, context.waves[1], score, seams)
        self._count += 1
        file = self._folder / f"{self.mode}-{self._count}.flac"
        finish(
            context.waves[1], recipe, self.engine.capabilities, file, 1 << 40, Provenance("cpu", 1),
            score=context.scores[1], with_picture=False,
        )  # fmt: skip
        return Clip(file, decode(file)[0], score, seams)

    def _watch(self, engine: ScoreEngine) -> None:
        """Note the bars at which sections begin that go on from another."""
        write, written = engine.write_section, 0

        def watched(
            recipe: Recipe, section: Section, step: Callable[[int, int], None], opening: object = None
        ) -> Score:
            nonlocal written
            part = write(recipe, section, step)
            begins = 0
            if section.known is not None and not section.known.free_steps.all():
                begins = _first(section.known.free_steps) // part.steps_per_bar
                if recipe.task is Task.CONTINUE and section.number == 0:
                    written = begins
                self._starts.append(written)
            elif section.number == 0:
                written = 0
            written += len(part.programs) - begins
            return part

        engine.write_section = watched  # type: ignore[method-assign]


def _first(free: Mask) -> int:
    return int(free.any(1).argmax())
