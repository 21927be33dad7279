"""The `ar` engine for MusicGen: T5 and EnCodec through transformers, the language model by our own loop."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bot.engines.base import RenderContext, RenderRequest
from bot.engines.checkpoints.weights import read_tensors, refuse_strangers
from bot.engines.musicgen import quantization_check
from bot.engines.musicgen.card import PARTS, PROMPT_TOKENS, read_card
from bot.engines.musicgen.codec import Codec, Stream
from bot.engines.musicgen.decoder import Conditions, Decoder, Row
from bot.engines.musicgen.linear import Precision
from bot.engines.musicgen.melody import MelodyEncoder, read_melody
from bot.engines.musicgen.model_config import STRIDE_SECONDS, WINDOW_SECONDS
from bot.engines.musicgen.network import LanguageModel
from bot.engines.musicgen.text import TextEncoder
from bot.engines.serial import RenderCancelled, raise_if_cancelled
from bot.engines.truncation import truncation_warning
from bot.errors import AntiphonError, BadAudio, ConfigError, ModelMissing
from bot.recipe import Recipe
from bot.recipe.capabilities import compatible, option
from bot.recipe.validate import validate

if TYPE_CHECKING:
    from bot.engines.base import Wave

STEPS_A_TURN = 8
"""Columns decoded between two polls of the context."""
CODEC_SHARE = 0.1
"""What the codec's part counts for in a clip's progress, against the decoding's 1."""
PRECISIONS: dict[str, Precision] = {
    "float32": "fp32",
    "float16": "fp16",
    "bfloat16": "bf16",
    "int8": "int8",
}


class _Sound:
    """A row's sound as far as its tokens are written.

    It is decoded beside the loop on a CPU, and between its steps on a GPU: that does one thing after another
    anyway, and another thread's launch could fall into a captured graph.
    """

    def __init__(self, codec: Codec, beside: Executor | None) -> None:
        self.stream = Stream(codec)
        self._beside = beside
        self._frames = 0
        self._waiting: list[Future[None]] = []
        self._parts: list[torch.Tensor] = []

    def follow(self, decoder: Decoder, row: Row, section: int) -> None:
        """Take what is complete of a row, once that is a section more."""
        if decoder.complete(row) - self._frames < section:
            return
        codes = decoder.codes(row, self._frames)
        self._frames += codes.shape[1]
        if self._beside is None:
            self._take(codes)
        else:
            self._waiting.append(self._beside.submit(self._take, codes))

    def finish(self, codes: torch.Tensor) -> Iterator[None]:
        """Decode what is left of a row's codes, pausing after each section."""
        while self._waiting:
            self._waiting.pop(0).result()
            yield
        for part in self.stream.feed(codes[:, self._frames :], last=True):
            self._parts.append(part)
            yield

    def wave(self) -> torch.Tensor:
        """Return the sections joined, [channels, samples]."""
        return torch.cat(self._parts, -1)

    def _take(self, codes: torch.Tensor) -> None:
        self._parts += self.stream.feed(codes, last=False)


class MusicgenEngine:
    """Renders recipes beside each other in the decoder's slots, each as it would be alone."""

    def __init__(self, folder: Path, model: str, device: str, dtype: str) -> None:
        self.device = device
        self.card = read_card(folder, model)
        tensors = read_tensors(folder)
        refuse_strangers(tensors, PARTS, folder)
        self.text: TextEncoder | None = TextEncoder(self.card, tensors, device, torch.float32)
        self.codec: Codec | None = Codec(self.card, tensors, device)
        self.melody: MelodyEncoder | None = None
        if self.card.chroma_length:
            self.melody = MelodyEncoder(self.card, tensors, device, torch.float32)
        precision = precision_of(dtype, device)
        if precision == "int8":
            _require_good_int8(folder, model)
        try:
            language = LanguageModel.from_weights(
                self.card.sizes, tensors, device=device, precision=precision
            )
        except ModelMissing as error:
            raise ModelMissing(f"The language model in {folder} cannot be used. {error}") from error
        except ValueError as error:
            raise ConfigError(f"DTYPE={dtype} does not work on {device}: {error}.") from error
        del tensors
        self._beside = ThreadPoolExecutor(1, "codec") if device == "cpu" else None
        self._sounds: dict[Row, _Sound] = {}
        rate = self.card.frame_rate
        self.capabilities = replace(self.card.capabilities, slots=slots_on(device))
        self.decoder: Decoder | None = Decoder(
            language,
            self.capabilities.slots,
            window=round(WINDOW_SECONDS * rate),
            stride=round(STRIDE_SECONDS * rate),
            longest=self.card.frames(self.capabilities.max_seconds),
            prefix=self.card.chroma_length + PROMPT_TOKENS if self.card.chroma_length else 0,
        )

    def run(self, context: RenderContext) -> None:
        """Work until the context has nothing for this model left and every slot is empty, then return.

        What is no error of the project, out of memory for example, goes up to the worker.
        """
        decoder = self._decoder()
        try:
            while True:
                while decoder.free and (job := context.next(self._takes)) is not None:
                    self._admit(context, job)
                if not decoder.rows:
                    return
                for row in decoder.step(STEPS_A_TURN):
                    self._finish(context, row)
                for row in decoder.rows:
                    job = job_of(row)
                    if context.cancelled(job):
                        decoder.drop(row)
                        self._sounds.pop(row, None)
                    else:
                        context.progress(job, decoder.complete(row), self.total(row))
                        self.follow(row)
        finally:
            self._sounds.clear()
            for row in decoder.rows:
                decoder.drop(row)

    def close(self) -> None:
        """Give the memory of the weights and the cache back; the engine cannot render afterwards."""
        self.text = self.codec = self.melody = self.decoder = None
        if self._beside is not None:
            self._beside.shutdown()

    def row(self, recipe: Recipe, key: RenderRequest, melody: torch.Tensor | None = None) -> Row:
        """Return what the decoder needs of a recipe.

        melody: a mono wave [samples] at the model's rate that a melody model follows. Raises InvalidRecipe.
        """
        validate(recipe, self.capabilities)
        assert self.text is not None
        words = self.text.states(recipe.prompt)

        def conditions(first_frame: int) -> Conditions:
            if self.melody is None:
                return Conditions(words)
            heard = self.melody.states(melody, first_frame * self.card.hop)
            silence = self.melody.states(None)
            return Conditions(torch.cat([heard, words]), torch.cat([silence, torch.zeros_like(words)]))

        return Row(
            conditions=conditions(0),
            later=None if melody is None else conditions,
            frames=self.card.frames(recipe.seconds),
            seed=recipe.seed,
            temperature=option(recipe, self.capabilities, "temperature"),
            top_k=int(option(recipe, self.capabilities, "top_k")),
            guidance_scale=option(recipe, self.capabilities, "guidance_scale"),
            key=key,
        )

    def total(self, row: Row) -> int:
        """Return how many steps of progress a row has: its frames, and the codec's share."""
        return row.frames + max(1, round(row.frames * CODEC_SHARE))

    def follow(self, row: Row) -> None:
        """Have the codec follow a row that is being decoded."""
        if self.codec is not None:
            sound = self._sounds.setdefault(row, _Sound(self.codec, self._beside))
            sound.follow(self._decoder(), row, self.codec.section)

    def sound(self, context: RenderContext, row: Row) -> Wave:
        """Return a finished row's codes as audio [channels, samples], reporting every section."""
        assert self.codec is not None
        assert row.codes is not None
        share = self.total(row) - row.frames
        sound = self._sounds.get(row) or _Sound(self.codec, self._beside)
        for _ in sound.finish(row.codes):
            self.report_codec_progress(context, row, round(share * sound.stream.sounded / row.frames))
        return self.cut(sound.wave(), row)

    def report_codec_progress(self, context: RenderContext, row: Row, beyond: int) -> None:
        """Report the progress of a row after its last frame, and leave where its job was cancelled."""
        job = job_of(row)
        raise_if_cancelled(context, job)
        context.progress(job, row.frames + beyond, self.total(row))

    def cut(self, wave: torch.Tensor, row: Row) -> Wave:
        """Return a wave [channels, samples] on the host, as long as its recipe says."""
        whole: Wave = wave.cpu().numpy()
        return whole[:, : self.card.samples(job_of(row).recipe.seconds)]

    def _decoder(self) -> Decoder:
        if self.decoder is None:
            raise RuntimeError("the engine is closed")
        return self.decoder

    def _admit(self, context: RenderContext, job: RenderRequest) -> None:
        try:
            melody = None
            if job.recipe.melody is not None and self.melody is not None:
                melody = read_melody(job.melody, job.recipe.melody, self.card.sample_rate)
            self._decoder().admit(self.row(job.recipe, job, melody))
            assert self.text is not None
            tokens = self.text.count(job.recipe.prompt)
            if cut := truncation_warning("prompt", tokens, PROMPT_TOKENS):
                context.warn(job, cut)
        except AntiphonError as error:
            context.failed(job, error)

    def _finish(self, context: RenderContext, row: Row) -> None:
        job = job_of(row)
        try:
            if row.error is not None:
                raise row.error
            if context.cancelled(job):
                return
            wave = self.sound(context, row)
            if not torch.from_numpy(wave).isfinite().all():
                raise BadAudio("The codec's numbers got out of range. Try another seed.")
            context.done(job, wave)
        except RenderCancelled:
            return
        except AntiphonError as error:
            context.failed(job, error)
        finally:
            self._sounds.pop(row, None)

    def _takes(self, recipe: Recipe) -> bool:
        return compatible(recipe, self.capabilities)


def precision_of(dtype: str, device: str) -> Precision:
    """Return the precision for a setting; "auto" is fp16 on a CPU, bf16 on a GPU that has it.

    fp16 on a CPU keeps the weights in fp16, as audiocraft published them, and computes in fp32.
    Raises ConfigError for a setting that is none.
    """
    if dtype == "auto":
        if device == "cpu":
            return "fp16"
        if not device.startswith("cuda"):
            return "fp32"
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    if dtype not in PRECISIONS:
        raise ConfigError(f"DTYPE={dtype} is no precision: {', '.join(PRECISIONS)} or auto is.")
    return PRECISIONS[dtype]


def _require_good_int8(folder: Path, model: str) -> None:
    found = quantization_check.stored(folder)
    if found is None:
        raise ConfigError(
            f"DTYPE=int8 was not measured on {model} yet: run `antiphon doctor --check-int8` once, or set "
            "DTYPE=auto."
        )
    if not found.good:
        raise ConfigError(f"DTYPE=int8 changes {model} too much ({found}): set DTYPE=auto.")


def slots_on(device: str) -> int:
    """Return how many clips are decoded beside each other. On a CPU even an empty slot costs time."""
    return 8 if device.startswith("cuda") else 1


def job_of(row: Row) -> RenderRequest:
    """Return the job that a row of this engine belongs to."""
    assert isinstance(row.key, RenderRequest)
    return row.key
