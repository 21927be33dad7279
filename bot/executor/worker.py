"""The worker's main: owns the accelerator, loads engines, works until told to stop or the bot is gone."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from typing import NoReturn, cast

from bot.engines.base import Engine, Engines
from bot.errors import ModelMissing, ModelUnusable, OutOfMemory, RenderError
from bot.executor.context import TOO_LARGE, PipeContext
from bot.executor.protocol import Start, decode_down
from bot.recipe import Mode, Recipe


class Worker:
    """Loads the engine that the next job needs, keeps it, and runs it on the context."""

    def __init__(self, context: PipeContext, start: Start) -> None:
        self._context = context
        self._start = start
        self._engines = cast(Engines, importlib.import_module(start.engines))
        self._loaded: dict[Mode, Engine] = {}
        self._tried_again: set[int] = set()

    def run(self) -> None:
        """Work until the bot closes the pipe. Raises what only a new process mends, after reporting it."""
        while True:
            render = self._context.wait()
            recipe = render.recipe
            mode = recipe.mode
            try:
                engine = self._engine(mode)
            except Exception as error:
                if self._engines.is_device_fault(error):
                    self._abandon(error)
                self._context.drop(render)
                self._context.fail(render.job_id, self._cannot_load(mode, error))
                continue
            self._context.serve(engine, alone=render.job_id in self._tried_again)
            try:
                engine.run(self._context)
            except Exception as error:
                self._broke(error)
                continue
            if self._context.waits(render):
                # The engine looked at it and left it: asked again, it would do so for ever.
                self._context.drop(render)
                self._context.fail(render.job_id, _not_loaded(recipe, engine))

    def announce(self) -> None:
        """Tell the bot which of the configured models are installed here."""
        self._context.available([Mode(mode) for mode in self._start.models if self._is_installed(Mode(mode))])

    def _is_installed(self, mode: Mode) -> bool:
        try:
            self._engines.describe(mode, self._start.models[mode])
        except ModelMissing:
            return False
        return True

    def warm(self, mode: Mode) -> None:
        """Load a model, and what draws pictures, before anybody asks.

        A model's failure is told to the first who does.
        """
        importlib.import_module("bot.audio.picture")
        try:
            self._engine(mode)
        except Exception as error:
            print(f"The {mode} model cannot be loaded: {error}", file=sys.stderr)

    def _engine(self, mode: Mode) -> Engine:
        if mode not in self._loaded:
            self._context.loading(mode, finished=False)
            self._make_room(mode)
            try:
                self._loaded[mode] = self._load(mode)
            except Exception as error:
                if not (self._loaded and self._engines.is_out_of_memory(error)):
                    raise
                self._unload()
                self._loaded[mode] = self._load(mode)
            finally:
                self._context.loading(mode, finished=True)
        return self._loaded[mode]

    def _make_room(self, mode: Mode) -> None:
        """Unload the other mode's model where both together would not fit; where they do, both stay."""
        start = self._start
        if self._loaded and not self._engines.fits(mode, start.models[mode], start.device, start.dtype):
            self._unload()

    def _load(self, mode: Mode) -> Engine:
        start = self._start
        engine = self._engines.load(mode, start.models[mode], start.device, start.dtype)
        self._context.loaded = (*self._loaded, mode)
        return engine

    def _unload(self) -> None:
        for engine in self._loaded.values():
            engine.close()
        self._loaded.clear()
        self._context.loaded = ()
        self._engines.release()

    def _broke(self, error: Exception) -> None:
        """Fail what the engine was rendering, except that after out-of-memory each is tried once alone.

        A broken device fails none: the bot has a new process render them, each alone, and so finds the cause.
        """
        if self._engines.is_device_fault(error):
            self._abandon(error)
        out_of_memory = self._engines.is_out_of_memory(error)
        if out_of_memory:
            self._unload()
        for job in reversed(self._context.taken()):
            if out_of_memory and job.id not in self._tried_again:
                self._tried_again.add(job.id)
                self._context.give_back(job)
            elif out_of_memory:
                self._context.failed(job, OutOfMemory(TOO_LARGE))
            else:
                self._context.failed(job, error)

    def _abandon(self, error: Exception) -> NoReturn:
        """Finish what is rendered, which needs no device, say why this process ends, and raise `error`."""
        self._context.finish_pending()
        self._context.fatal(f"The accelerator stopped working ({_first_line(error)}).")
        raise error

    def _cannot_load(self, mode: Mode, cause: Exception) -> RenderError:
        error: RenderError = ModelUnusable(
            f"The {mode} model cannot be loaded. The owner finds the reason in the log and with "
            "`antiphon doctor`."
        )
        if self._engines.is_out_of_memory(cause):
            error = OutOfMemory(
                f"There is not enough memory to load the {mode} model. The owner can choose a smaller one: "
                "`antiphon doctor` says which fit."
            )
        error.__cause__ = cause
        return error


def _not_loaded(recipe: Recipe, engine: Engine) -> ModelUnusable:
    return ModelUnusable(
        f"This clip was for the model {recipe.model}, and mode {recipe.mode} now runs "
        f"{engine.capabilities.model}."
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]


def main() -> None:
    """Talk over stdin and stdout; whatever a library prints goes to stderr."""
    # Ctrl-C in a terminal reaches every process there. The bot closes in order and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reading = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    writing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    match decode_down(reading.readline()):
        case Start() as start:
            try:
                worker = Worker(PipeContext(reading, writing), start)
                worker.announce()
                if start.warm is not None:
                    worker.warm(Mode(start.warm))
                worker.run()
            except BaseException:
                # At once: threads of a broken accelerator's driver may never end.
                traceback.print_exc()
                os._exit(1)
        case message:
            raise SystemExit(f"expected Start, got {type(message).__name__}")


if __name__ == "__main__":
    main()
