"""MusicGen goes on from audio: the source stays, its end is the model's own tokens, and memory stays flat."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from bot.engines.musicgen.codec import StreamingDecoder
from bot.engines.musicgen.continuation import DEAF_TO_THE_END
from bot.engines.musicgen.engine import MusicgenEngine
from bot.engines.sources import CROSSFADE_SECONDS
from bot.errors import InvalidRecipe
from bot.recipe import Mode, Recipe, Role
from tests.engines.checkpoint_files import write_musicgen
from tests.engines.context import RecordingContext

RATE, HOP = 32_000, 3_200
SEAM = round(CROSSFADE_SECONDS * RATE)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MusicgenEngine]:
    root = tmp_path_factory.mktemp("models")
    folders = {
        "mono": write_musicgen(root / "mono"),
        "stereo": write_musicgen(root / "stereo", stereo=True),
        "melody": write_musicgen(root / "melody", melody=True),
    }
    return {name: MusicgenEngine(folder, "model", "cpu", "float32") for name, folder in folders.items()}


def tune(path: Path, seconds: float) -> Path:
    time = np.arange(round(seconds * RATE)) / RATE
    soundfile.write(path, 0.3 * np.stack([np.sin(900 * time), np.sin(1_300 * time)], 1), RATE)
    return path


def rendered(engine: MusicgenEngine, path: Path, role: str, **fields: Any) -> RecordingContext:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    known = {"prompt": "piano", "mode": Mode.AR, "model": "model", "seed": 1, "sources": {role: digest}}
    context = RecordingContext(Recipe.from_dict(known | fields), sources={Role(role): path})
    engine.run(context)
    if context.errors:
        raise context.errors[1]
    return context


def heard(path: Path, channels: int) -> np.ndarray:
    wave = soundfile.read(path, dtype="float32")[0].T
    return np.asarray(wave.mean(0, keepdims=True) if channels == 1 else wave)


@pytest.mark.parametrize("kind", ["mono", "stereo", "melody"])
@pytest.mark.parametrize("seconds", [3.0, 14.55])
def test_a_continuation_keeps_its_source_and_goes_on(
    kind: str, seconds: float, engines: dict[str, MusicgenEngine], tmp_path: Path
) -> None:
    path, engine = tune(tmp_path / "tune.flac", seconds), engines[kind]
    fields = {"task": "continue", "seconds": seconds + 4.0}
    wave = rendered(engine, path, "start", **fields).waves[1]
    source = heard(path, engine.capabilities.channels)
    end = source.shape[1]
    assert wave.shape == (len(source), round((seconds + 4) * RATE))
    assert np.array_equal(wave[:, : end - SEAM], source[:, : end - SEAM])
    assert wave[:, end:].std() > 1e-3
    assert np.array_equal(wave, rendered(engine, path, "start", **fields).waves[1])
    other = rendered(engine, path, "start", **fields, prompt="drums").waves[1]
    assert not np.array_equal(other[:, end:], wave[:, end:])


def test_a_row_goes_on_from_the_sources_last_tokens(
    engines: dict[str, MusicgenEngine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engines["stereo"]
    assert engine.codec is not None
    # What the codec decodes, it encodes to much the same tokens again: a stereo pair in its order.
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(64, (8, 60), generator=generator)
    wave = engine.codec.decode(codes, lambda *_: None)
    encoded = engine.codec.encode(wave)
    assert encoded.shape == codes.shape
    left = engine.codec.encode(wave[[0, 0]])
    assert torch.equal(left[0::2], encoded[0::2])
    assert torch.equal(left[1::2], encoded[0::2])
    admitted: list[Any] = []
    decoder = engine._decoder()
    admit = decoder.admit

    def recorded(row: Any) -> None:
        admitted.append(row)
        admit(row)

    monkeypatch.setattr(decoder, "admit", recorded)
    path = tune(tmp_path / "tune.flac", 20.0)
    rendered(engine, path, "start", task="continue", seconds=24.0)
    [row] = admitted
    # Twelve seconds of ten frames are listened to, however long the source.
    assert (tuple(row.prompt.shape), row.frames) == ((8, 120), 160)
    assert torch.equal(row.codes[:, :120], row.prompt)
    source = torch.from_numpy(heard(path, 2))
    assert torch.equal(row.prompt, engine.codec.encode(source[:, -120 * HOP :]))


def test_a_continuation_goes_past_the_models_window(
    engines: dict[str, MusicgenEngine], tmp_path: Path
) -> None:
    path = tune(tmp_path / "tune.flac", 25.0)
    wave = rendered(engines["mono"], path, "start", task="continue", seconds=60.0).waves[1]
    assert wave.shape == (1, 60 * RATE)
    for second in range(25, 60, 5):
        assert wave[:, second * RATE : (second + 5) * RATE].std() > 1e-3


def bytes_held(*objects: Any) -> int:
    """Return the bytes of the tensors and arrays that objects hold, without a network's weights."""
    count = 0
    for item in objects:
        if isinstance(item, torch.Tensor | np.ndarray):
            count += item.nbytes
        elif isinstance(item, list):
            count += bytes_held(*item)
        elif hasattr(item, "__dict__"):
            count += bytes_held(*(value for name, value in vars(item).items() if "_layer" not in name))
    return count


def test_five_minutes_keep_no_more_than_a_minute_does(
    engines: dict[str, MusicgenEngine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, path = engines["mono"], tune(tmp_path / "tune.flac", 5.0)
    feed, encode = StreamingDecoder.feed, engine.codec.encode  # type: ignore[union-attr]
    kept: list[int] = []
    encoded: list[int] = []

    def watched(self: StreamingDecoder, codes: torch.Tensor, *, last: bool) -> Iterator[torch.Tensor]:
        yield from feed(self, codes, last=last)
        kept.append(bytes_held(self._latents, self._audio, self._network))

    def counted(wave: torch.Tensor) -> torch.Tensor:
        encoded.append(wave.shape[1])
        return encode(wave)

    monkeypatch.setattr(StreamingDecoder, "feed", watched)
    monkeypatch.setattr(engine.codec, "encode", counted)
    backend: Any = engine._decoder()._backend
    cache = backend._self_kv
    most = []
    for seconds in (60.0, 300.0):
        kept.clear()
        wave = rendered(engine, path, "start", task="continue", seconds=seconds).waves[1]
        assert wave.shape == (1, round(seconds * RATE))
        assert np.array_equal(wave[:, : 5 * RATE - SEAM], heard(path, 1)[:, : 5 * RATE - SEAM])
        quiet = [wave[:, at * RATE : (at + 10) * RATE].std() for at in range(10, round(seconds), 10)]
        assert min(quiet) > 1e-3, "music until the end"
        most.append(max(kept))
    assert most[0] == most[1] <= 3 * engine.codec.section * HOP * 4  # type: ignore[union-attr]
    assert backend._self_kv is cache, "one cache of a window's length, however long the clip"
    long = tune(tmp_path / "long.flac", 120.0)
    rendered(engine, long, "start", task="continue", seconds=122.0)
    assert encoded == [5 * RATE, 5 * RATE, 12 * RATE], (
        "12 s of the source are listened to, however long it is"
    )


@pytest.mark.parametrize(("start", "end"), [(0.0, 2.0), (3.0, 5.55), (6.0, 8.0)])
def test_a_repaint_goes_on_from_its_start_and_says_so(
    start: float, end: float, engines: dict[str, MusicgenEngine], tmp_path: Path
) -> None:
    path = tune(tmp_path / "tune.flac", 8.0)
    window = {"repaint_start": start, "repaint_end": end}
    context = rendered(engines["mono"], path, "initial", task="repaint", seconds=8.0, **window)
    wave, source = context.waves[1], heard(path, 1)
    first, last = round(start * RATE), round(end * RATE)
    assert wave.shape == source.shape
    assert np.array_equal(wave[:, :first], source[:, :first])
    assert np.array_equal(wave[:, last:], source[:, last:])
    assert np.abs(wave - source)[:, first + SEAM : last - SEAM].mean() > 1e-3
    assert context.warnings[1] == [DEAF_TO_THE_END]


def test_what_does_not_fit_is_said(engines: dict[str, MusicgenEngine], tmp_path: Path) -> None:
    path = tune(tmp_path / "tune.flac", 8.0)
    with pytest.raises(InvalidRecipe, match=r"8\.0 s long, and the clip has to be at least 1 s longer"):
        rendered(engines["mono"], path, "start", task="continue", seconds=8.5)
    with pytest.raises(InvalidRecipe, match=r"is 8\.0 s long, not 20 s"):
        window = {"repaint_start": 1.0, "repaint_end": 3.0}
        rendered(engines["mono"], path, "initial", task="repaint", seconds=20.0, **window)
