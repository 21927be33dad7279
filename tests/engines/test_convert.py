"""audiocraft's own files become checkpoints that play the same; what is more than data is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import load_file, save_file

from bot.engines import registry
from bot.engines.checkpoints.pickled import config, read
from bot.engines.checkpoints.weights import read_tensors
from bot.engines.convert import convert, main
from bot.engines.musicgen.engine import MusicgenEngine
from bot.engines.reference.build import musicgen
from bot.engines.reference.stubs import stubbed_modules
from bot.errors import ModelMissing
from bot.hub import converted
from bot.module_run import REFUSED
from bot.recipe import Mode, Recipe
from tests.engines.audiocraft_files import codec_settings, write_audiocraft, write_codec, write_text_encoder
from tests.engines.checkpoint_files import TINY
from tests.engines.context import rendered

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated:FutureWarning")
@pytest.mark.parametrize(
    "kind", [{"pickled": True}, {"stereo": True}, {"melody": True, "pickled": True}], ids=str
)
def test_what_was_converted_is_what_audiocraft_saved(
    kind: dict[str, bool], tmp_path: Path, cache: Path
) -> None:
    source = write_audiocraft(tmp_path / "original", **kind)
    write_text_encoder(cache)
    convert(source, tmp_path / "converted")
    engine = registry.load(Mode.AR, str(tmp_path / "converted"), "cpu", "float32")
    assert isinstance(engine, MusicgenEngine)
    assert engine.capabilities.channels == 1 + kind.get("stereo", False)
    recipe = Recipe(prompt="piano", mode=Mode.AR, model=str(tmp_path / "converted"), seconds=2, seed=1)
    assert rendered(engine, recipe).waves[1].shape == (engine.capabilities.channels, 64_000)

    # Put into audiocraft's own classes, the tensors are the saved ones again.
    assert engine.text is not None
    assert engine.codec is not None
    model = musicgen(engine.checkpoint, read_tensors(tmp_path / "converted"), engine.text, "cpu")
    saved = read(source / "state_dict.bin")["best_state"]
    now = model.lm.state_dict()
    assert saved.keys() == now.keys()
    assert all((saved[name] == now[name]).all() for name in saved if not name.endswith("spec.window"))

    # audiocraft's codec, filled with what it saved, sounds as ours.
    with stubbed_modules():
        from audiocraft.models.builders import get_compression_model

        theirs = get_compression_model(OmegaConf.create(codec_settings(TINY))).eval()
    theirs.load_state_dict(read(source / "compression_state_dict.bin")["best_state"])
    codes = torch.randint(TINY["vocabulary"], (4, 30), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = theirs.decode(codes[None])[0]
    both = codes if engine.checkpoint.channels == 1 else codes.repeat_interleave(2, 0)
    ours = engine.codec.decode(both, lambda *_: None)
    assert float((ours - expected).abs().max()) < 1e-4 * float(expected.abs().max())


def test_the_command_converts_a_fetched_model_where_the_registry_finds_it(
    tmp_path: Path, cache: Path
) -> None:
    name = "somebody/their-musicgen"
    kept = cache / "models--somebody--their-musicgen"
    write_audiocraft(kept / "snapshots" / ("a" * 40), pickled=True, refers=True)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("a" * 40)
    with pytest.raises(ModelMissing, match=f"antiphon models convert {name}"):
        registry.describe(Mode.AR, name)
    with pytest.raises(ModelMissing, match="antiphon models fetch google-t5/t5-base"):
        convert(kept / "snapshots" / ("a" * 40), tmp_path / "elsewhere")
    write_text_encoder(cache)
    with pytest.raises(ModelMissing, match="antiphon models fetch facebook/encodec_32khz"):
        convert(kept / "snapshots" / ("a" * 40), tmp_path / "elsewhere")
    write_codec(cache)
    done = antiphon("models", "convert", name)
    assert done.returncode == 0, done.stderr
    found = registry.describe(Mode.AR, name)
    assert (found.sample_rate, found.channels, found.model) == (32_000, 1, name)
    assert converted.folder_of(name) == tmp_path / "antiphon" / "somebody--their-musicgen"
    assert [path.name for path in (tmp_path / "antiphon").iterdir()] == ["somebody--their-musicgen"]


def test_a_text_encoder_with_its_embedding_under_the_other_name_is_converted(
    tmp_path: Path, cache: Path
) -> None:
    source = write_audiocraft(tmp_path / "original")
    folder = write_text_encoder(cache)
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.embed_tokens.weight"] = tensors.pop("shared.weight")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    convert(source, tmp_path / "converted")
    assert "text_encoder.shared.weight" in read_tensors(tmp_path / "converted")


def antiphon(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )


class Strike:
    """What a hostile pickle holds: a call that leaves a trace when it is read carelessly."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.trace, "struck")


class Disguised(Strike):
    """The same through a name that torch alone would let pass as a function of its own."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"echo struck > {self.trace}",)


@pytest.mark.parametrize("kind", [Strike, Disguised])
@pytest.mark.parametrize("place", ["state_dict.bin", "compression_state_dict.bin"])
def test_a_hostile_pickle_is_refused_and_nothing_of_it_runs(
    kind: type[Strike], place: str, tmp_path: Path, cache: Path
) -> None:
    source = write_audiocraft(tmp_path / "original", pickled=True)
    write_text_encoder(cache)
    trace = tmp_path / "trace"
    saved = read(source / place)
    torch.save({**saved, "xp.cfg": {"a": kind(trace)}}, source / place)
    torch.load(source / place, weights_only=False)
    assert trace.exists(), "the pickle is harmless, so this test would show nothing"
    trace.unlink()
    with pytest.raises(
        ModelMissing, match=rf"{place} holds something that is neither a tensor nor a setting"
    ):
        convert(source, tmp_path / "converted")
    assert not trace.exists()
    assert not (tmp_path / "converted").exists()


def test_the_converter_is_a_process_of_its_own_and_its_refusal_comes_back(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    source = tmp_path / "original"
    source.mkdir()
    torch.save({"a": Strike(trace)}, source / "mbd_musicgen_32khz.th")
    with pytest.raises(ModelMissing, match="neither a tensor nor a setting"):
        converted.convert(str(source))
    assert not trace.exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.98])
def test_a_truncated_file_is_refused_by_name(
    share: float, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_audiocraft(tmp_path / "original")
    write_text_encoder(cache)
    whole = (source / "state_dict.bin").read_bytes()
    (source / "state_dict.bin").write_bytes(whole[: int(share * len(whole))])
    assert main(str(source), str(tmp_path / "converted")) == REFUSED
    assert "state_dict.bin is damaged or cut short" in capsys.readouterr().err
    assert not (tmp_path / "converted").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda saved: saved["best_state"].pop("emb.0.weight"),
            "hold no decoder.model.decoder.embed_tokens.0",
        ),
        (
            lambda saved: saved["best_state"].pop("transformer.layers.1.linear1.weight"),
            r"hold no decoder.model.decoder.layers.1.fc1.weight",
        ),
        (lambda saved: saved["best_state"].update(extra=torch.ones(2)), "extra"),
        (lambda saved: saved["best_state"].update({"out_norm.bias": torch.ones(3)}), "layer_norm.bias"),
        (lambda saved: saved.pop("best_state"), "no weights under best_state"),
        (lambda saved: saved.update({"xp.cfg": "a: ["}), "config in .*state_dict.bin cannot be read"),
        (lambda saved: saved.update({"xp.cfg": "a: 1"}), "not a MusicGen's"),
        (lambda saved: saved.update({"xp.cfg": "a: ${b}\nb: ${a}"}), "references go round"),
    ],
)
def test_a_file_of_another_model_is_refused(change: Any, says: str, tmp_path: Path, cache: Path) -> None:
    source = write_audiocraft(tmp_path / "original")
    write_text_encoder(cache)
    saved = read(source / "state_dict.bin")
    change(saved)
    torch.save(saved, source / "state_dict.bin")
    with pytest.raises(ModelMissing, match=says):
        convert(source, tmp_path / "converted")
    assert not (tmp_path / "converted").exists()


def test_a_folder_with_nothing_to_convert_is_told_what_would_have_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"state_dict\.bin and compression_state_dict\.bin"):
        convert(tmp_path, tmp_path / "converted")
    with pytest.raises(ModelMissing, match="antiphon models fetch some/name --audiocraft"):
        converted.convert("some/name")


def test_pickled_settings_are_read_as_yaml_ones(tmp_path: Path) -> None:
    plain = codec_settings(TINY)
    tree = OmegaConf.create(plain)
    torch.save({"xp.cfg": tree, "yaml": OmegaConf.to_yaml(tree)}, tmp_path / "file")
    found = read(tmp_path / "file")
    pickled, written = (config(found[key], tmp_path) for key in ("xp.cfg", "yaml"))
    assert pickled == written == OmegaConf.to_container(tree, resolve=True)
    assert np.isclose(pickled["rvq"]["decay"], 0.99)
