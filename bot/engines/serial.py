"""Engines that render one clip after another: the loop over the jobs, and the way out of a dropped render."""

from __future__ import annotations

from abc import ABC, abstractmethod

from bot.engines.base import Capabilities, RenderContext, RenderRequest
from bot.engines.checked import checked, compatible
from bot.errors import AntiphonError


class Dropped(BaseException):
    """Leaves a render whose job was cancelled; nothing that catches Exception can swallow it."""


class SerialEngine(ABC):
    """Takes a job, renders it, takes the next."""

    capabilities: Capabilities
    device: str

    def run(self, context: RenderContext) -> None:
        """Work until the context has nothing for this model left, then return.

        What is no error of the project, out of memory for one, goes up to the worker.
        """
        while job := context.next(lambda recipe: compatible(recipe, self.capabilities)):
            try:
                checked(job.recipe, self.capabilities)
                self.render(context, job)
            except Dropped:
                continue
            except AntiphonError as error:
                context.failed(job, error)

    @abstractmethod
    def render(self, context: RenderContext, job: RenderRequest) -> None:
        """Render a job and hand its wave to the context. Raises Dropped, or AntiphonError with the reason."""

    @abstractmethod
    def close(self) -> None:
        """Give the model's memory back; the engine cannot render afterwards."""


def look(context: RenderContext, job: RenderRequest) -> None:
    """Raise Dropped where somebody cancelled the job."""
    if context.cancelled(job):
        raise Dropped
