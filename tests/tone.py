"""Engines for tests: a chord whose pitches follow the prompt, and misbehaviour on request.

Mode ar takes a melody, whose loudest pitch is then heard instead of the chord.

Words in a prompt make it misbehave: `held` waits half-way until a test lets it through (tests/gate.py),
`stuck` says nothing for ever, `crash` ends the process, `broken` raises, `broken:SEED` with that
seed alone, `fault` leaves the device unusable,
`ravenous` runs out of memory, `memory:NAME` and `device:NAME` raise an exception of tests/error_messages.py,
`eager` asks for another job at every step, `early` hands over its first seconds half-way where they are
wanted, `verbose` warns that its prompt is cut, `chatty` reports 5,000 steps and then opens the gate,
`leaking` shows a token in its error, `quoted` refuses with mentions of everyone and of the ids in the prompt,
`narrow` is a clip in bfloat16; `nan`, `silent` and `lopsided` (one side dead) give such audio. The
model `memory:NAME` raises that as it is loaded.

The model `versatile` takes files in every use, and plays the loudest pitch of what it is given.

The models `lofi` and `hifi` are as unlike as two models can be: mono at 24 kHz, dull and with loud hits,
against stereo at 48 kHz, bright and even.

The bot's process imports this to describe the models, so what renders is imported where it renders.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import zlib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING

from bot.engines.base import RenderContext, RenderRequest
from bot.engines.failures import is_device_fault, is_out_of_memory
from bot.errors import ModelMissing, UserError
from bot.recipe import Mode, ModelRef, Recipe, Role, Task
from bot.recipe.capabilities import Bounds, Capabilities, texts
from tests import gate
from tests.error_messages import DEVICE_FAULTS, OUT_OF_MEMORY

if TYPE_CHECKING:
    import numpy as np

    from bot.engines.base import Wave

RATE = 32_000
RATES = {"lofi": 24_000, "hifi": 48_000}
STEPS = 20
VERSATILE = {
    Task.TEXT: frozenset({Role.MELODY, Role.REFERENCE}),
    Task.CONTINUE: frozenset({Role.START, Role.MELODY, Role.REFERENCE}),
    Task.COVER: frozenset({Role.MELODY, Role.REFERENCE}),
    Task.VARY: frozenset({Role.INITIAL}),
}
SECRET = "MTA5ODc2NTQzMjEwOTg3NjU0Mw.GkQ1zA.b3dWk9-LmXq_7RtYv2NcZs5PfHj8KaUo0Dg4Te"
"""A made-up token of Discord's shape."""
CUT = "The model read only the first 50 % of the prompt, which is too long for it."
CHATTY_STEPS = 5_000
"""More lines than a pipe takes before somebody reads them."""

__all__ = [
    "describe",
    "fits",
    "is_device_fault",
    "is_out_of_memory",
    "load",
    "mode_of",
    "parameters",
    "release",
]


def mode_of(model: str) -> Mode | None:
    """Names of diffusion models say so."""
    return None if model == "unheard-of" else Mode.DIFFUSION if "diffusion" in model else Mode.AR


def describe(mode: Mode, model: str) -> Capabilities:
    if model == "absent":
        raise ModelMissing("The model absent is not there.")
    options = {
        Mode.AR: {
            "temperature": Bounds(0.1, 2, 1),
            "top_k": Bounds(0, 500, 250),
            "guidance_scale": Bounds(1, 10, 3),
            "bpm": Bounds(40, 200),
            **texts("key"),
        },
        Mode.DIFFUSION: {
            "num_sampling_steps": Bounds(1, 200, 30),
            "guidance_scale": Bounds(1, 10, 3),
            **texts("negative_prompt"),
        },
    }
    return Capabilities(
        mode=mode,
        model=model,
        title="test tones",
        licence="MIT",
        sample_rate=RATES.get(model, RATE),
        channels=1 if model == "lofi" else 2,
        min_seconds=1,
        max_seconds=60,
        prompt_tokens=64,
        options=options[mode],
        tasks=VERSATILE
        if model == "versatile"
        else {Task.TEXT: frozenset({Role.MELODY} if mode is Mode.AR else ())},
        real_time_factor=50 if model == "slow" else 0.05,
    )


def load(mode: Mode, model: str, device: str, dtype: str) -> ToneEngine:
    if model == "corrupt":
        raise ModelMissing("corrupt/model.safetensors is damaged: fetch it again.")
    if model.startswith("memory:"):
        raise OUT_OF_MEMORY[model.removeprefix("memory:")]()
    return ToneEngine(describe(mode, model))


def parameters(mode: Mode, model: str) -> int | None:
    return None


def fits(
    mode: Mode, model: str, device: str, dtype: str, *, loaded: Sequence[ModelRef] = (), memory_gb: float = 0
) -> bool:
    return True


def release() -> None:
    pass


class ToneEngine:
    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.device = "cpu"
        self.precision = "float32"

    def run(self, context: RenderContext) -> None:
        while job := context.next(lambda recipe: recipe.model == self.capabilities.model):
            self._render(context, job)

    def close(self) -> None:
        pass

    def _render(self, context: RenderContext, job: RenderRequest) -> None:
        words = set(job.recipe.prompt.split())
        for step in range(STEPS):
            if context.cancelled(job):
                return
            context.progress(job, step, STEPS)
            if "eager" in words:
                assert context.next(lambda _: False) is None
            if step == STEPS // 2:
                if "early" in words and job.preview_seconds:
                    beginning = wave_for(job.recipe, words)
                    samples = round(job.preview_seconds * self.capabilities.sample_rate)
                    context.preview(job, beginning[:, :samples])
                misbehave(words)
                if f"broken:{job.recipe.seed}" in words:
                    raise ValueError("a broken engine")
                if "chatty" in words:
                    for said in range(CHATTY_STEPS):
                        context.progress(job, said, CHATTY_STEPS)
                    gate.open_for(Path(os.environ[gate.FOLDER]))
                while "held" in words and not context.cancelled(job) and not gate.passed():
                    context.progress(job, step, STEPS)
                    time.sleep(0.05)
        if "verbose" in words:
            context.warn(job, CUT)
        wave = wave_for(job.recipe, words)
        for role in job.recipe.sources:
            wave[:] = following(job.sources[role], wave.shape[1], self.capabilities.sample_rate)
        # As an engine that renders one clip in another precision hands it over.
        self.precision = "bfloat16" if "narrow" in words else "float32"
        context.done(job, wave)
        self.precision = "float32"


def misbehave(words: set[str]) -> None:
    if "stuck" in words:
        time.sleep(3600)
    if "crash" in words:
        os.kill(os.getpid(), signal.SIGKILL)
    if "broken" in words:
        raise ValueError("a broken engine")
    if "quoted" in words:
        ids = " ".join(f"<@{word}>" for word in words if word.isdecimal())
        raise UserError(f"Nobody can play @everyone {ids}.")
    if "leaking" in words:
        print(f"downloading with {SECRET}", file=sys.stderr)
        raise ValueError(f"refused: https://hub/?token={SECRET}")
    if "ravenous" in words:
        raise MemoryError
    if "fault" in words:
        raise DEVICE_FAULTS["assert"]()
    for word in words:
        kind, _, name = word.partition(":")
        if raised := {"memory": OUT_OF_MEMORY, "device": DEVICE_FAULTS}.get(kind, {}).get(name):
            raise raised()


def wave_for(recipe: Recipe, words: AbstractSet[str] = frozenset()) -> Wave:
    """A chord of three partials: the same for the same recipe, another for any other.

    They lie 110 Hz apart or more, so that no beat is slow enough to be heard as a repetition.
    """
    import numpy as np

    rate = RATES.get(recipe.model, RATE)
    samples = round(recipe.seconds * rate)
    rng = np.random.default_rng(zlib.crc32(recipe.to_json().encode()))
    time_axis = np.arange(samples) / rate
    chord = sum(np.sin(2 * np.pi * hz * time_axis) for hz in rng.uniform([110, 330, 660], [220, 550, 880]))
    wave: Wave = np.stack([chord, chord]).astype(np.float32) / np.float32(6)
    if recipe.model in RATES:
        return coloured(wave, recipe.model, rng)
    if "silent" in words:
        wave[:] = 0
    if "lopsided" in words:
        wave[1] = 0
    if "nan" in words:
        wave[0, 0] = np.nan
    return wave


def following(melody: Path, samples: int, rate: int) -> Wave:
    """A tone at the loudest frequency of an audio file."""
    import numpy as np
    import soundfile

    wave, its_rate = soundfile.read(melody, dtype="float32", always_2d=True)
    tone: Wave = np.sin(2 * np.pi * loudest(wave.mean(1), its_rate) * np.arange(samples) / rate).astype(
        np.float32
    )
    return np.asarray(tone / 5, np.float32)


def loudest(wave: Wave, rate: int) -> float:
    """The loudest frequency of a wave [samples], in Hz."""
    import numpy as np

    return float(np.abs(np.fft.rfft(wave)).argmax() * rate / len(wave))


def coloured(wave: Wave, model: str, rng: np.random.Generator) -> Wave:
    """The chord with what tells the models `lofi` and `hifi` from each other at once."""
    import numpy as np
    from scipy import signal as filters

    rate = RATES[model]
    noise = rng.standard_normal(wave.shape)
    if model == "hifi":
        bright: Wave = (wave + 0.05 * noise).astype(np.float32)
        return bright
    dull = filters.sosfilt(filters.butter(4, 5_000, fs=rate, output="sos"), noise[:1], axis=1)
    hits = np.exp(-8 * (np.arange(wave.shape[1]) / rate % 0.5))
    narrow: Wave = (0.3 * wave[:1] * hits + 0.5 * dull * hits).astype(np.float32)
    return narrow
