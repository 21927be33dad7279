"""The worker's main: owns the accelerator, loads engines, works until told to stop or the bot is gone."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import traceback
from typing import NoReturn, cast

from bot import log
from bot.engines.base import Engine, Engines
from bot.errors import ModelMissing, ModelUnusable, OutOfMemory, RenderError, SetupError
from bot.executor.context import TOO_LARGE, PipeContext
from bot.executor.protocol import Start, decode_down
from bot.hub.naming import model_name
from bot.recipe import ModelRef


class Worker:
    """Loads the engine that the next job needs, and runs it on the context.

    What fits into memory stays loaded; the least recently used models make room for another.
    """

    def __init__(self, context: PipeContext, start: Start) -> None:
        self._context = context
        self._start = start
        self._engines = cast(Engines, importlib.import_module(start.engines))
        self._installed: tuple[ModelRef, ...] = ()
        self._loaded: dict[ModelRef, Engine] = {}
        """The last used one at the end."""
        self._tried_again: set[int] = set()

    def run(self) -> None:
        """Work until the bot closes the pipe. Raises what only a new process mends, after reporting it."""
        while True:
            render = self._context.wait()
            recipe = render.recipe
            try:
                engine = self._engine(recipe.model_ref)
            except Exception as error:
                if self._engines.is_device_fault(error):
                    self._abandon(error)
                self._context.drop(render)
                self._context.fail(render.job_id, _cannot_load(recipe.model_ref, error, self._engines))
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
                self._context.fail(render.job_id, _not_set(recipe.model_ref))

    def announce(self) -> None:
        """Tell the bot which of the configured models are installed here."""
        self._installed = tuple(model for model in self._start.models if self._is_installed(model))
        self._context.available(self._installed)

    def _is_installed(self, model: ModelRef) -> bool:
        try:
            self._engines.describe(model.mode, model.name)
        except ModelMissing:
            return False
        return True

    def warm(self, model: ModelRef) -> None:
        """Load a model, and what draws pictures, before anybody asks.

        A model's failure is told to the first who does.
        """
        importlib.import_module("bot.audio.picture")
        try:
            self._engine(model)
        except Exception as error:
            print(
                f"The {model.mode} model {model_name(model.name)} cannot be loaded: {error}", file=sys.stderr
            )

    def _engine(self, model: ModelRef) -> Engine:
        if model not in self._start.models:
            raise _not_set(model)
        if model in self._loaded:
            self._loaded[model] = self._loaded.pop(model)
            return self._loaded[model]
        self._context.loading(model, finished=False)
        try:
            while self._loaded and not self._fits(model):
                self._unload(next(iter(self._loaded)))
            try:
                self._loaded[model] = self._load(model)
            except Exception as error:
                if not (self._loaded and self._engines.is_out_of_memory(error)):
                    raise
                self._unload(*self._loaded)
                self._loaded[model] = self._load(model)
        finally:
            self._resident()
            self._context.loading(model, finished=True)
        return self._loaded[model]

    def _fits(self, model: ModelRef) -> bool:
        """Tell whether a model fits in memory beside the loaded ones."""
        start = self._start
        return self._engines.fits(
            model.mode,
            model.name,
            start.device,
            start.dtype,
            loaded=tuple(self._loaded),
            memory_gb=start.memory_gb,
        )

    def _load(self, model: ModelRef) -> Engine:
        return self._engines.load(model.mode, model.name, self._start.device, self._start.dtype)

    def _unload(self, *models: ModelRef) -> None:
        for model in models:
            self._loaded.pop(model).close()
        self._engines.release()
        self._resident()

    def _resident(self) -> None:
        """Report the loaded models, and those that fit in memory beside them."""
        self._context.loaded = tuple(sorted(self._loaded))
        others = (model for model in self._installed if model not in self._loaded)
        self._context.fitting = tuple(model for model in others if self._can_fit(model))

    def _can_fit(self, model: ModelRef) -> bool:
        with contextlib.suppress(SetupError):
            return self._fits(model)
        return False  # its files are damaged or gone: the first job for it is told

    def _broke(self, error: Exception) -> None:
        """Fail what the engine was rendering, except that after out-of-memory each is tried once alone.

        A broken device fails none: the bot has a new process render them, each alone, and so finds the cause.
        """
        if self._engines.is_device_fault(error):
            self._abandon(error)
        out_of_memory = self._engines.is_out_of_memory(error)
        if out_of_memory:
            self._unload(*self._loaded)
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


def _cannot_load(model: ModelRef, cause: Exception, engines: Engines) -> RenderError:
    if isinstance(cause, ModelNotSet):
        return cause
    name = f"{model.mode} model {model_name(model.name)}"
    error: RenderError = ModelUnusable(
        f"The {name} can't be loaded. The owner of the bot finds the reason in the log and with "
        "`antiphon doctor`."
    )
    if engines.is_out_of_memory(cause):
        error = OutOfMemory(
            f"There is not enough memory to load the {name}. The owner of the bot can choose a smaller one; "
            "`antiphon doctor` lists those that fit."
        )
    error.__cause__ = cause
    return error


class ModelNotSet(ModelUnusable):
    """A clip is for a model that the settings of this worker do not name."""


def _not_set(model: ModelRef) -> ModelNotSet:
    return ModelNotSet(
        f"This clip was for the model {model_name(model.name)}, which is no longer in use here."
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]


def main() -> None:
    """Talk over stdin and stdout; whatever a library prints goes to stderr, as does the log."""
    # Ctrl-C in a terminal reaches every process there. The bot closes in order and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reading = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    writing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    match decode_down(reading.readline()):
        case Start() as start:
            try:
                context = PipeContext(reading, writing)
                log.configure(os.environ.get("LOG_LEVEL", "info"), "json", "worker", context.log_ids)
                worker = Worker(context, start)
                worker.announce()
                if start.warm is not None:
                    worker.warm(start.warm)
                worker.run()
            except BaseException:
                # At once: threads of a broken accelerator's driver may never end.
                traceback.print_exc()
                os._exit(1)
        case message:
            raise SystemExit(f"expected Start, got {type(message).__name__}")


if __name__ == "__main__":
    main()
