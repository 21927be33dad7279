"""The codec on a CPU: its compiled kernels and its layers, held to torch's and transformers'."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bot.engines.checkpoints.weights import read_tensors
from bot.engines.musicgen import codec_cpu, codec_kernels
from bot.engines.musicgen.checkpoint import Checkpoint, read_checkpoint
from bot.engines.musicgen.codec import Codec, OverlappingNetwork, StreamingDecoder, encodec
from bot.engines.musicgen.codec_cpu import CPUNetwork
from bot.engines.musicgen.engine import MusicgenEngine
from bot.recipe import Mode, Recipe
from tests.engines.checkpoint_files import TINY, write_musicgen
from tests.engines.context import rendered
from tests.engines.musicgen.test_processors import HERE

FRAMES = 47


@pytest.fixture(scope="module", params=["mono", "stereo"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    # Three upsamplings of odd and even strides in the order of no published model.
    sizes = TINY | {"filters": 6, "ratio0": 5, "ratio1": 4, "ratio2": 8, "ratio3": 2}
    folder = tmp_path_factory.mktemp("codec") / "model"
    return read_checkpoint(write_musicgen(folder, sizes=sizes, stereo=request.param == "stereo"), "tiny")


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def codes(checkpoint: Checkpoint, frames: int = FRAMES) -> torch.Tensor:
    shape = checkpoint.sizes.codebooks, frames
    return torch.randint(checkpoint.sizes.vocabulary, shape, generator=torch.Generator().manual_seed(3))


def made(checkpoint: Checkpoint) -> Codec:
    return Codec(checkpoint, read_tensors(checkpoint.folder), "cpu")


def theirs(checkpoint: Checkpoint, given: torch.Tensor) -> torch.Tensor:
    """Return the audio of all codes in one piece by transformers, [channels, samples]."""
    model = encodec(checkpoint, read_tensors(checkpoint.folder), "cpu")
    sides = [given[None, None, side :: checkpoint.channels] for side in range(checkpoint.channels)]
    return torch.cat([model.decode(side, [None]).audio_values[0] for side in sides])


def differs(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the largest difference as a share of the loudest sample."""
    assert one.shape == other.shape
    return float((one - other).abs().max() / other.abs().max())


def whole(codec: Codec, given: torch.Tensor) -> torch.Tensor:
    return codec.decode(given, lambda *_: None)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, FRAMES])
def test_the_layers_sound_as_transformers_own(checkpoint: Checkpoint, frames: int) -> None:
    given = codes(checkpoint, frames)
    codec = made(checkpoint)
    assert isinstance(codec.network, CPUNetwork)
    assert differs(whole(codec, given), theirs(checkpoint, given)) < 1e-5


@pytest.mark.parametrize("section", [1, 6, FRAMES])
def test_the_pieces_in_which_tokens_come_change_no_bit(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, section: int
) -> None:
    codec, given = made(checkpoint), codes(checkpoint)
    codec.section = section
    pushed: list[int] = []
    push = codec_cpu._RunningNetwork.push

    def watched(self: codec_cpu._RunningNetwork, latents: torch.Tensor, *, last: bool) -> torch.Tensor:
        pushed.append(latents.shape[-1])
        return push(self, latents, last=last)

    monkeypatch.setattr(codec_cpu._RunningNetwork, "push", watched)
    expected, at_once = whole(codec, given), list(pushed)
    for size in (1, 5, 19):
        pushed.clear()
        stream = StreamingDecoder(codec)
        parts: list[torch.Tensor] = []
        for first in range(0, FRAMES, size):
            parts += stream.feed(given[:, first : first + size], last=False)
        parts += stream.feed(given[:, FRAMES:], last=True)
        assert torch.equal(torch.cat(parts, -1), expected)
        # oneDNN may sum in another order for another number of frames.
        assert [count for count in pushed if count] == at_once


def test_two_clips_decoded_in_turns_are_each_as_if_alone(checkpoint: Checkpoint) -> None:
    codec = made(checkpoint)
    codec.section = 6
    clips = [codes(checkpoint), codes(checkpoint).flip(1)]
    streams = [StreamingDecoder(codec) for _ in clips]
    parts: list[list[torch.Tensor]] = [[], []]
    for first in range(0, FRAMES, 8):
        for stream, clip, own in zip(streams, clips, parts, strict=True):
            own += stream.feed(clip[:, first : first + 8], last=first + 8 >= FRAMES)
    for clip, own in zip(clips, parts, strict=True):
        assert torch.equal(torch.cat(own, -1), whole(codec, clip))


@pytest.mark.parametrize(
    ("name", "value", "frames"),
    [
        ("PIECE_BYTES", 1, 2),
        ("PIECE_BYTES", 900, FRAMES),
        ("HEAVY_WEIGHTS", 1, FRAMES),
        ("HEAVY_WEIGHTS", 10**9, FRAMES),
    ],
)
def test_how_the_work_is_divided_changes_nothing_audible(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, name: str, value: int, frames: int
) -> None:
    monkeypatch.setattr(codec_cpu, name, value)
    given = codes(checkpoint, frames)
    assert differs(whole(made(checkpoint), given), theirs(checkpoint, given)) < 1e-5


def test_a_torch_without_onednn_decodes_the_same(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.setattr(codec_cpu, "HEAVY_WEIGHTS", 1)
    monkeypatch.setattr(torch, "mkldnn_convolution", None)
    given = codes(checkpoint)
    assert differs(whole(made(checkpoint), given), theirs(checkpoint, given)) < 1e-5


def test_another_kind_of_encodec_is_decoded_by_transformers_layers(checkpoint: Checkpoint) -> None:
    checkpoint.config["audio_encoder"]["pad_mode"] = "replicate"
    try:
        codec, given = made(checkpoint), codes(checkpoint)
        codec.section = 6
        assert isinstance(codec.network, OverlappingNetwork)
        assert differs(whole(codec, given), theirs(checkpoint, given)) < 1e-5
    finally:
        checkpoint.config["audio_encoder"]["pad_mode"] = "reflect"


@pytest.mark.parametrize(("rows", "width"), [(1, 96), (2, 96), (1, 8)])
def test_the_recurrence_is_torchs(rows: int, width: int) -> None:
    torch.manual_seed(0)
    lstm, x = nn.LSTM(width, width), torch.randn(30, rows, width)
    enter, recurrent, *biases = (value.detach() for value in lstm.parameters())
    state = np.zeros((2, rows, width), np.float32)
    form = codec_kernels.ONE if rows == 1 else codec_kernels.TWO
    parts = []
    for piece in (x[:11], x[11:]):
        gates = nn.functional.linear(piece, enter, biases[0] + biases[1])
        out = np.empty((rows, len(piece), width), np.float32)
        codec_kernels.recur(
            gates.transpose(0, 1).contiguous().numpy(), *codec_kernels.pack(recurrent), state[0],
            state[1], out, form,
        )  # fmt: skip
        parts.append(torch.from_numpy(out).transpose(0, 1))
    expected, (hidden, cell) = lstm(x)
    assert float((torch.cat(parts) - expected).abs().max()) < 2e-5
    for own, its in ((state[0], hidden[0]), (state[1], cell[0])):
        assert float((torch.from_numpy(own) - its).abs().max()) < 5e-5


def test_elu_is_torchs_from_tiny_to_huge() -> None:
    sizes = torch.logspace(-30, 30, 600)
    x = torch.cat([sizes, -sizes, torch.zeros(16)]).view(-1, 16)
    out = torch.empty_like(x)
    codec_kernels.elu(x.numpy(), out.numpy())
    assert torch.equal(out[x > 0], x[x > 0])
    assert float((out - nn.functional.elu(x))[x <= 0].abs().max()) < 2e-7


@pytest.mark.parametrize("width", [32, 64])
@pytest.mark.parametrize("frames", [1, 7, 8, 9, 50])
def test_a_convolution_to_one_channel_is_torchs(width: int, frames: int) -> None:
    torch.manual_seed(0)
    weight, bias = torch.randn(1, width, 7), torch.randn(1)
    product = codec_cpu._Product(weight, bias, 1)
    x = torch.randn(2, frames + 6, width)
    assert product._to_one is not None
    found = product(x)
    expected = nn.functional.conv1d(x.transpose(1, 2).double(), weight.double(), bias.double())
    assert float((found[..., 0] - expected[:, 0]).abs().max()) < 1e-6 * 7 * width
    for frame in range(frames):
        assert torch.equal(product(x[:, frame : frame + 7]), found[:, frame : frame + 1])


def digest(folder: str) -> str:
    """Return the SHA-256 of what the LSTM makes of random frames."""
    with torch.inference_mode():
        codec = made(read_checkpoint(Path(folder), "tiny"))
        assert isinstance(codec.network, CPUNetwork)
        recurrent = codec.network.layers[1]
        x = torch.randn(codec.channels, 9, recurrent.width, generator=torch.Generator().manual_seed(1))
        given = recurrent.start(codec.channels).push(x, last=True)
        return hashlib.sha256(given.numpy().tobytes()).hexdigest()


def test_the_recurrence_has_the_same_bits_with_fewer_instructions(checkpoint: Checkpoint) -> None:
    features = "+avx2,+fma,+f16c"
    if not set(features.split(",")) <= HERE:
        pytest.skip(f"this processor has not {features}")
    program = f"from {__name__} import digest; print(digest({str(checkpoint.folder)!r}))"
    elsewhere = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True,
        env=os.environ | {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": features},
    )  # fmt: skip
    assert elsewhere.stdout.strip() == digest(str(checkpoint.folder))


def test_the_codecs_thread_leaves_the_other_cores_to_the_decode_loop(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        engine = MusicgenEngine(checkpoint.folder, "tiny", "cpu", "float32")
        with ThreadPoolExecutor(1) as another:
            assert another.submit(torch.get_num_threads).result() == torch.get_num_threads() == 3
        decoded_with: list[int] = []
        latents = engine.codec.latents  # type: ignore[union-attr]

        def watched(codes: torch.Tensor) -> torch.Tensor:
            decoded_with.append(torch.get_num_threads())
            return latents(codes)

        monkeypatch.setattr(engine.codec, "latents", watched)
        recipe = Recipe(prompt="calm piano", mode=Mode.AR, model="tiny", seconds=5, seed=0)
        assert not rendered(engine, recipe).errors
        engine.close()
        assert len(decoded_with) > 1, "a part beside the decode loop, and the rest behind it"
        assert set(decoded_with) == {1}
    finally:
        torch.set_num_threads(before)
