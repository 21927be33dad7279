"""The engine of a server's model: a clip a request, its answer checked before it is a wave."""

from __future__ import annotations

import base64
import binascii
import io
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from bot.engines.base import RenderContext, RenderRequest
from bot.engines.lyrics import lyrics_advice
from bot.engines.remote.families import FAMILIES, to_request
from bot.engines.remote.http import request
from bot.engines.remote.servers import RemoteModel
from bot.engines.serial import SerialEngine, raise_if_cancelled
from bot.engines.sources import continued, fitted, read_source, splice
from bot.errors import BadAudio
from bot.recipe import Recipe, Role, Task
from bot.recipe.capabilities import Capabilities

if TYPE_CHECKING:
    from bot.engines.base import Wave

RENDER_SECONDS = 3600.0
"""Longest wait for a clip: Stable Audio 3 takes minutes for one on a small processor, loading included."""
TICKS = 100
"""Steps of progress of a clip."""
MAX_ESTIMATE = 0.95
"""Where an estimated progress stops until the clip is there."""
TOLERANCE_SECONDS = 1.0
"""How much longer or shorter than ordered a clip may be: models make whole latent frames."""
OVERHEAD_BYTES = 100_000
"""Bytes of an answer beside its audio."""


class RemoteEngine(SerialEngine):
    """Renders clips on a music server.

    The server tells no progress: it is estimated from the clips before, and stands still for the first. It
    knows no cancellation either: a cancelled clip is dropped here at once, and the server finishes it before
    it begins the next.
    """

    device = "remote"
    precision = ""

    def __init__(self, model: RemoteModel, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self._model = model
        self._family = FAMILIES[model.family]
        self._real_time_factor: float | None = None

    def close(self) -> None:
        """Do nothing: the server keeps its models, and unloads them by its own configuration."""

    def render(self, context: RenderContext, job: RenderRequest) -> None:
        """Render a job on the server."""
        raise_if_cancelled(context, job)
        recipe = job.recipe
        for sentence in lyrics_advice(recipe):
            context.warn(job, sentence)
        with _source_file(job, self._family.sources.get(recipe.task), self.capabilities) as (path, source):
            ordered = to_request(self._model.family, recipe, None if path is None else str(path))
            if recipe.task is Task.CONTINUE and source is not None:
                end = source.shape[1] / self.capabilities.sample_rate
                ordered |= {"repaint_start": end, "repaint_end": recipe.seconds}
            answer = self._answer(context, job, {"model": self._model.id, "request": ordered})
        context.done(job, self._wave(context, job, answer, source))

    def _answer(self, context: RenderContext, job: RenderRequest, content: dict[str, Any]) -> dict[str, Any]:
        """Wait for the server's answer, with heartbeats, estimated progress and a look at cancellations."""
        recipe, started = job.recipe, time.monotonic()
        max_bytes = _max_bytes(recipe, self.capabilities)
        url = f"{self._model.address}/v1/tasks/run"
        context.progress(job, 0, TICKS)

        def on_wait() -> None:
            raise_if_cancelled(context, job)
            context.heartbeat()
            if self._real_time_factor is not None:
                expected = self._real_time_factor * recipe.seconds
                share = min(MAX_ESTIMATE, (time.monotonic() - started) / expected)
                context.progress(job, int(share * TICKS), TICKS)

        answer = request(
            "POST", url, seconds=RENDER_SECONDS, max_bytes=max_bytes, content=content, on_wait=on_wait
        )
        self._real_time_factor = max(1e-3, (time.monotonic() - started) / recipe.seconds)
        context.progress(job, TICKS, TICKS)
        return answer

    def _wave(
        self, context: RenderContext, job: RenderRequest, answer: dict[str, Any], source: Wave | None
    ) -> Wave:
        recipe, rate = job.recipe, self.capabilities.sample_rate
        made = read_answer(answer, rate)
        seconds = made.shape[1] / rate
        if seconds > recipe.seconds + TOLERANCE_SECONDS:
            made = made[:, : round(recipe.seconds * rate)]
        elif seconds < recipe.seconds - TOLERANCE_SECONDS:
            if source is not None or self._model.family != "heartmula":
                raise BadAudio(
                    f"The music server made {seconds:.1f} s instead of {recipe.seconds:g} s. Try again."
                )
            # HeartMuLa ends a song where it ends.
            context.warn(job, f"The song ended after {seconds:.0f} of {recipe.seconds:g} seconds.")
        samples = round(recipe.seconds * rate)
        if source is None or recipe.task not in (Task.CONTINUE, Task.REPAINT):
            return made[:, :samples]
        if recipe.task is Task.CONTINUE:
            return continued(source, fitted(made, samples), rate)
        start, end = (round(float(recipe.options[f"repaint_{edge}"]) * rate) for edge in ("start", "end"))
        return splice(fitted(source, samples), fitted(made, samples), start, end, rate)


def read_answer(answer: dict[str, Any], rate: int) -> Wave:
    """Return the audio of an answer as float32 [2, samples]. Raises BadAudio for anything but a whole WAV."""
    coded = answer.get("audio")
    if not isinstance(coded, str) or not coded:
        raise BadAudio("The music server's answer holds no audio. Try again, or ask the owner to update it.")
    try:
        with wave.open(io.BytesIO(base64.b64decode(coded, validate=True))) as file:
            channels, width, own = file.getnchannels(), file.getsampwidth(), file.getframerate()
            frames = file.getnframes()
            data = file.readframes(frames)
    except (binascii.Error, ValueError, wave.Error, EOFError, RuntimeError) as error:
        raise BadAudio("The music server's audio can't be read: it isn't a WAV, or it is damaged.") from error
    if width != 2 or channels not in (1, 2) or not frames:
        raise BadAudio("The music server's audio isn't a 16-bit mono or stereo WAV with sound in it.")
    if len(data) != frames * channels * width:
        raise BadAudio("The music server's audio is cut short. Try again.")
    if own != rate or answer.get("sample_rate", own) != own or answer.get("channels", channels) != channels:
        raise BadAudio(f"The music server's audio has {own} Hz and not the {rate} Hz of this model.")
    samples = np.frombuffer(data, "<i2").reshape(-1, channels).T.astype(np.float32) / 32_768
    return np.ascontiguousarray(np.repeat(samples, 2, 0) if channels == 1 else samples)


def _max_bytes(recipe: Recipe, capabilities: Capabilities) -> int:
    """Return the bytes that the answer to a recipe may have: 16-bit PCM of its length, in base64."""
    seconds = recipe.seconds + 60
    return round(seconds * capabilities.sample_rate * capabilities.channels * 2 * 4 / 3) + OVERHEAD_BYTES


@contextmanager
def _source_file(
    job: RenderRequest, role: Role | None, capabilities: Capabilities
) -> Iterator[tuple[Path | None, Wave | None]]:
    """Give the path of a recipe's source as the server reads it, a WAV at the model's rate, and its audio."""
    recipe, rate = job.recipe, capabilities.sample_rate
    if recipe.task is Task.TEXT or role is None:
        yield None, None
        return
    source = read_source(job.sources, recipe, role, rate)
    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        path = Path(folder, "source.wav")
        soundfile.write(path, fitted(source, round(recipe.seconds * rate)).T, rate, "PCM_16")
        yield path, source
