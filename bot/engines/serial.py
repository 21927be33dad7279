"""The base of engines that render one clip at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod

from bot.engines.base import RenderContext, RenderRequest
from bot.errors import AntiphonError
from bot.recipe.capabilities import Capabilities, compatible
from bot.recipe.validate import validate


class RenderCancelled(BaseException):
    """Leaves a cancelled render: a BaseException, which no `except Exception` of a library swallows."""


class SerialEngine(ABC):
    """An engine without batching: takes a job, renders it, takes the next."""

    capabilities: Capabilities
    device: str
    precision: str

    def run(self, context: RenderContext) -> None:
        """Work until the context has nothing for this model left, then return.

        What is no error of the project, out of memory for example, goes up to the worker.
        """
        while job := context.next(lambda recipe: compatible(recipe, self.capabilities)):
            try:
                validate(job.recipe, self.capabilities)
                self.render(context, job)
            except RenderCancelled:
                continue
            except AntiphonError as error:
                context.failed(job, error)

    @abstractmethod
    def render(self, context: RenderContext, job: RenderRequest) -> None:
        """Render a job and hand over its wave by context.done. Raises RenderCancelled or AntiphonError."""

    @abstractmethod
    def close(self) -> None:
        """Give the model's memory back; the engine cannot render afterwards."""


def raise_if_cancelled(context: RenderContext, job: RenderRequest) -> None:
    """Raise RenderCancelled where the job was cancelled."""
    if context.cancelled(job):
        raise RenderCancelled
