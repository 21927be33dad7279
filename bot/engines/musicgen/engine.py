"""The MusicGen engine: T5 and EnCodec through transformers, the language model by our decode loop."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bot.engines.base import RenderContext, RenderRequest
from bot.engines.checkpoints.weights import open_tensors, refuse_unexpected
from bot.engines.musicgen import quantization_check
from bot.engines.musicgen.checkpoint import (
    PROMPT_TOKENS,
    TENSOR_PREFIXES,
    read_checkpoint,
    with_continuation,
)
from bot.engines.musicgen.codec import Codec, StreamingDecoder
from bot.engines.musicgen.continuation import DEAF_TO_THE_END, Continuation, read_continuation
from bot.engines.musicgen.decoder import Conditions, Decoder, Row
from bot.engines.musicgen.linear import Precision, is_quantized
from bot.engines.musicgen.melody import MelodyEncoder, read_melody
from bot.engines.musicgen.model_config import STRIDE_SECONDS, WINDOW_SECONDS
from bot.engines.musicgen.network import LanguageModel
from bot.engines.musicgen.slots import cache_bytes, slots_for
from bot.engines.musicgen.text import TextEncoder
from bot.engines.serial import RenderCancelled, raise_if_cancelled
from bot.engines.truncation import truncation_warning
from bot.errors import AntiphonError, BadAudio, ConfigError, ModelMissing
from bot.recipe import Recipe, Role, Task
from bot.recipe.capabilities import compatible, option
from bot.recipe.validate import validate

if TYPE_CHECKING:
    from bot.engines.base import Wave

COLUMNS_PER_POLL = 8
"""Columns decoded between two polls of the context, which looks for new and cancelled jobs."""
CODEC_SHARE = 0.1
"""Weight of codec decoding in a clip's progress, relative to 1 for token decoding."""
PRECISIONS: dict[str, Precision] = {
    "float32": "fp32",
    "float16": "fp16",
    "bfloat16": "bf16",
    "int8": "int8",
    "int4": "int4",
}


class _StreamingDecode:
    """The audio of a row, decoded section by section while its later tokens are still being sampled.

    On a CPU the codec runs in a thread beside the decode loop. On a GPU it runs between the loop's steps: the
    device serialises them anyway, and a launch by another thread could fall into the capture of a CUDA graph.
    """

    def __init__(self, codec: Codec, executor: Executor | None) -> None:
        self.decoder = StreamingDecoder(codec)
        self._executor = executor
        self._frames = 0
        self._pending: list[Future[None]] = []
        self._parts: list[torch.Tensor] = []
        self._previewed = False

    def feed(self, decoder: Decoder, row: Row, section: int) -> None:
        """Decode the frames of a row that are complete, once they fill another section."""
        if decoder.complete(row) - self._frames < section:
            return
        codes = decoder.codes(row, self._frames)
        self._frames += codes.shape[1]
        if self._executor is None:
            self._decode(codes)
        else:
            self._pending.append(self._executor.submit(self._decode, codes))

    def finish(self, codes: torch.Tensor) -> Iterator[None]:
        """Decode the rest of a row's codes; yields after each section."""
        while self._pending:
            self._pending.pop(0).result()
            yield
        sections = self.decoder.feed(codes[:, self._frames :], last=True)
        while (part := self._next(sections)) is not None:
            self._parts.append(part)
            yield

    def wave(self) -> torch.Tensor:
        """Return the sections joined, [channels, samples]."""
        return torch.cat(self._parts, -1)

    def preview(self, samples: int) -> torch.Tensor | None:
        """Return the first samples [channels, samples], once, as soon as their sections are decoded."""
        parts = list(self._parts)
        if self._previewed or sum(part.shape[-1] for part in parts) < samples:
            return None
        self._previewed = True
        return torch.cat(parts, -1)[:, :samples]

    def _next(self, sections: Iterator[torch.Tensor]) -> torch.Tensor | None:
        if self._executor is None:
            return next(sections, None)
        return self._executor.submit(next, sections, None).result()

    def _decode(self, codes: torch.Tensor) -> None:
        self._parts += self.decoder.feed(codes, last=False)


class MusicgenEngine:
    """Renders several clips at once by continuous batching, each exactly as if it were alone."""

    def __init__(self, folder: Path, model: str, device: str, dtype: str) -> None:
        self.device = device
        self.checkpoint = read_checkpoint(folder, model)
        tensors = open_tensors(folder)
        refuse_unexpected(tensors, TENSOR_PREFIXES, folder)
        self.text: TextEncoder | None = TextEncoder(self.checkpoint, tensors, device, torch.float32)
        self.codec: Codec | None = Codec(self.checkpoint, tensors, device)
        self.melody: MelodyEncoder | None = None
        if self.checkpoint.chroma_length:
            self.melody = MelodyEncoder(self.checkpoint, tensors, device, torch.float32)
        precision = precision_of(dtype, device)
        self.precision = setting_of(precision)
        if is_quantized(precision):
            _require_good(folder, model, precision)
        try:
            language = LanguageModel.from_weights(
                self.checkpoint.sizes, tensors, device=device, precision=precision
            )
        except ModelMissing as error:
            raise ModelMissing(f"The language model in {folder} cannot be used. {error}") from error
        except ValueError as error:
            raise ConfigError(f"DTYPE={dtype} does not work on {device}: {error}.") from error
        del tensors
        self._codec_thread = _single_threaded() if device == "cpu" else None
        self._streams: dict[Row, _StreamingDecode] = {}
        rate = self.checkpoint.frame_rate
        window = round(WINDOW_SECONDS * rate)
        slots = slots_for(device, cache_bytes(self.checkpoint.sizes, window, precision))
        self.capabilities = replace(with_continuation(self.checkpoint.capabilities), slots=slots)
        self._continuations: dict[Row, Continuation] = {}
        self.decoder: Decoder | None = Decoder(
            language,
            slots,
            window=window,
            stride=round(STRIDE_SECONDS * rate),
            longest=self.checkpoint.frames(self.capabilities.max_seconds),
            prefix=self.checkpoint.chroma_length + PROMPT_TOKENS if self.checkpoint.chroma_length else 0,
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
                for row in decoder.step(COLUMNS_PER_POLL):
                    self._finish(context, row)
                for row in decoder.rows:
                    job = job_of(row)
                    if context.cancelled(job):
                        decoder.drop(row)
                        self._forget(row)
                    else:
                        context.progress(job, decoder.complete(row), self.total(row))
                        self.stream_codec(row)
                        self._preview(context, row)
        finally:
            self._streams.clear()
            self._continuations.clear()
            for row in decoder.rows:
                decoder.drop(row)

    def close(self) -> None:
        """Give the memory of the weights and the cache back; the engine cannot render afterwards."""
        self.text = self.codec = self.melody = self.decoder = None
        if self._codec_thread is not None:
            self._codec_thread.shutdown()

    def row(
        self,
        recipe: Recipe,
        key: RenderRequest,
        melody: torch.Tensor | None = None,
        goes_on: Continuation | None = None,
    ) -> Row:
        """Return the decoder row of a recipe.

        melody: a mono wave [samples] at the model's rate that a melody model follows.  goes_on: the source
        that the row goes on from. Raises InvalidRecipe.
        """
        validate(recipe, self.capabilities)
        assert self.text is not None
        words = self.text.states(recipe.prompt)

        def conditions(first_frame: int) -> Conditions:
            if self.melody is None:
                return Conditions(words)
            chroma = self.melody.states(melody, first_frame * self.checkpoint.hop)
            silence = self.melody.states(None)
            return Conditions(torch.cat([chroma, words]), torch.cat([silence, torch.zeros_like(words)]))

        return Row(
            conditions=conditions(0),
            conditions_at=None if melody is None else conditions,
            frames=self.checkpoint.frames(recipe.seconds) if goes_on is None else goes_on.frames,
            prompt=None if goes_on is None else goes_on.codes,
            seed=recipe.seed,
            temperature=option(recipe, self.capabilities, "temperature"),
            top_k=int(option(recipe, self.capabilities, "top_k")),
            top_p=option(recipe, self.capabilities, "top_p"),
            guidance_scale=option(recipe, self.capabilities, "guidance_scale"),
            key=key,
        )

    def total(self, row: Row) -> int:
        """Return the steps of progress of a row: its frames, and the codec's share."""
        return row.frames + max(1, round(row.frames * CODEC_SHARE))

    def stream_codec(self, row: Row) -> None:
        """Decode the complete frames of a row to audio while its later tokens are sampled."""
        if self.codec is not None:
            stream = self._streams.setdefault(row, _StreamingDecode(self.codec, self._codec_thread))
            stream.feed(self._decoder(), row, self.codec.section)

    def decode_audio(self, context: RenderContext, row: Row) -> Wave:
        """Return the audio [channels, samples] of a finished row, with progress after every section."""
        assert self.codec is not None
        assert row.codes is not None
        share = self.total(row) - row.frames
        stream = self._streams.get(row) or _StreamingDecode(self.codec, self._codec_thread)
        for _ in stream.finish(row.codes):
            self._preview(context, row)
            self.report_codec_progress(
                context, row, round(share * stream.decoder.decoded_frames / row.frames)
            )
        return self.cut(stream.wave(), row)

    def report_codec_progress(self, context: RenderContext, row: Row, codec_steps: int) -> None:
        """Report the progress of a row after its last frame, and leave where its job was cancelled."""
        job = job_of(row)
        raise_if_cancelled(context, job)
        context.progress(job, row.frames + codec_steps, self.total(row))

    def cut(self, wave: torch.Tensor, row: Row) -> Wave:
        """Return a wave [channels, samples] on the host, cut to the recipe's length."""
        whole: Wave = wave.cpu().numpy()
        goes_on = self._continuations.get(row)
        if goes_on is not None:
            return goes_on.joined(whole, self.checkpoint)
        return whole[:, : self.checkpoint.samples(job_of(row).recipe.seconds)]

    def _decoder(self) -> Decoder:
        if self.decoder is None:
            raise RuntimeError("the engine is closed")
        return self.decoder

    def _admit(self, context: RenderContext, job: RenderRequest) -> None:
        try:
            melody = None
            if job.recipe.melody is not None and self.melody is not None:
                melody = read_melody(
                    job.sources.get(Role.MELODY), job.recipe.melody, self.checkpoint.sample_rate
                )
            assert self.codec is not None
            goes_on = read_continuation(job, self.checkpoint, self.codec)
            row = self.row(job.recipe, job, melody, goes_on)
            if goes_on is not None:
                self._continuations[row] = goes_on
                if job.recipe.task is Task.REPAINT:
                    context.warn(job, DEAF_TO_THE_END)
            self._decoder().admit(row)
            assert self.text is not None
            tokens = self.text.count(job.recipe.prompt)
            if cut := truncation_warning("prompt", tokens, PROMPT_TOKENS):
                context.warn(job, cut)
        except AntiphonError as error:
            context.failed(job, error)

    def _preview(self, context: RenderContext, row: Row) -> None:
        job, stream = job_of(row), self._streams.get(row)
        if job.preview_seconds and stream is not None:
            beginning = stream.preview(self.checkpoint.samples(job.preview_seconds))
            if beginning is not None:
                context.preview(job, beginning.cpu().numpy())

    def _finish(self, context: RenderContext, row: Row) -> None:
        job = job_of(row)
        try:
            if row.error is not None:
                raise row.error
            if context.cancelled(job):
                return
            wave = self.decode_audio(context, row)
            if not torch.from_numpy(wave).isfinite().all():
                raise BadAudio("The codec's numbers got out of range. Try another seed.")
            context.done(job, wave)
        except RenderCancelled:
            return
        except AntiphonError as error:
            context.failed(job, error)
        finally:
            self._forget(row)

    def _forget(self, row: Row) -> None:
        self._streams.pop(row, None)
        self._continuations.pop(row, None)

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
        raise ConfigError(f"DTYPE={dtype} isn't a precision: {', '.join(PRECISIONS)} or auto is.")
    return PRECISIONS[dtype]


def setting_of(precision: Precision) -> str:
    """Return the value of DTYPE that names a precision."""
    return next(setting for setting, one in PRECISIONS.items() if one == precision)


def _single_threaded() -> Executor:
    """Return a thread for the codec in which torch uses no others: those are the decode loop's.

    So the audio has the same bits on any number of threads.
    """
    threads = torch.get_num_threads()
    executor = ThreadPoolExecutor(1, "codec")
    # A thread asks for torch's number once, when it first needs it: it has to have done so before.
    executor.submit(torch.get_num_threads).result()
    executor.submit(torch.set_num_threads, 1).result()
    # OpenMP keeps the number of each thread; what torch gives to new threads is one number for all.
    torch.set_num_threads(threads)
    return executor


def _require_good(folder: Path, model: str, precision: Precision) -> None:
    found = quantization_check.stored(folder, precision)
    if found is None:
        raise ConfigError(
            f"DTYPE={precision} was not measured on {model} yet: run `antiphon doctor --check-{precision}` "
            "once, or set DTYPE=auto."
        )
    if not found.good:
        raise ConfigError(f"DTYPE={precision} changes {model} too much ({found}): set DTYPE=auto.")


def job_of(row: Row) -> RenderRequest:
    """Return the job that a row of this engine belongs to."""
    assert isinstance(row.key, RenderRequest)
    return row.key
