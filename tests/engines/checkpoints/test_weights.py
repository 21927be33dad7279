"""Weights are read as data alone; whatever is missing, extra, damaged or executable is refused by name."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bot.engines import registry
from bot.engines.checkpoints.weights import read_tensors
from bot.engines.musicgen import load
from bot.errors import ModelMissing
from bot.recipe import Mode, Recipe
from tests.engines.checkpoint_files import manifest, shapes, write_musicgen
from tests.engines.context import rendered


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_musicgen(tmp_path / "model")


def opened(folder: Path) -> Any:
    return load(Mode.AR, "model", folder, "cpu", "float32")


def sharded(folder: Path) -> dict[str, str]:
    """Split a folder's weights into three files with an index, as the larger models are published."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    weight_map: dict[str, str] = {}
    for number in range(3):
        shard = f"model-{number + 1:05}-of-00003.safetensors"
        part = dict(sorted(tensors.items())[number::3])
        save_file(part, folder / shard, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, shard)
    write_index(folder, weight_map)
    return weight_map


def write_index(folder: Path, weight_map: dict[str, str]) -> None:
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_shards_and_a_pickle_of_tensors_play_as_the_one_file(folder: Path) -> None:
    recipe = Recipe(prompt="piano", mode=Mode.AR, model="model", seconds=1, seed=0)
    whole = rendered(opened(folder), recipe).waves[1]
    tensors = load_file(folder / "model.safetensors")
    sharded(folder)
    assert (rendered(opened(folder), recipe).waves[1] == whole).all()
    (folder / "model.safetensors.index.json").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    assert (rendered(opened(folder), recipe).waves[1] == whole).all()


def test_pickled_shards_play_as_the_one_file(folder: Path) -> None:
    recipe = Recipe(prompt="piano", mode=Mode.AR, model="model", seconds=1, seed=0)
    whole = rendered(opened(folder), recipe).waves[1]
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    weight_map = {name: f"pytorch_model-0000{1 + n % 2}-of-00002.bin" for n, name in enumerate(names)}
    for shard in set(weight_map.values()):
        torch.save({name: tensors[name] for name in names if weight_map[name] == shard}, folder / shard)
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    assert (rendered(opened(folder), recipe).waves[1] == whole).all()
    index.write_text(json.dumps({"weight_map": weight_map | {names[0]: "../model.bin"}}))
    with pytest.raises(ModelMissing, match="isn't in this folder"):
        opened(folder)


@pytest.mark.parametrize("names", [["shared"], ["encoder.embed_tokens"], ["shared", "encoder.embed_tokens"]])
def test_a_tied_embedding_is_read_under_either_name(folder: Path, names: list[str]) -> None:
    recipe = Recipe(prompt="piano", mode=Mode.AR, model="model", seconds=1, seed=0)
    whole = rendered(opened(folder), recipe).waves[1]
    file = folder / "model.safetensors"
    tensors = load_file(file)
    embedding = tensors.pop("text_encoder.shared.weight")
    save_file(tensors | {f"text_encoder.{name}.weight": embedding.clone() for name in names}, file)
    assert (rendered(opened(folder), recipe).waves[1] == whole).all()


def test_an_upload_without_the_codecs_training_statistics_plays_the_same(folder: Path) -> None:
    recipe = Recipe(prompt="piano", mode=Mode.AR, model="model", seconds=1, seed=0)
    whole = rendered(opened(folder), recipe).waves[1]
    file = folder / "model.safetensors"
    tensors = load_file(file)
    kept = {n: t for n, t in tensors.items() if not n.endswith(("embed_avg", "cluster_size", "inited"))}
    assert len(kept) == len(tensors) - 3 * 4
    save_file(kept, file)
    assert (rendered(opened(folder), recipe).waves[1] == whole).all()


def test_a_stereo_melody_upload_is_complete_or_refused_with_what_to_do(tmp_path: Path) -> None:
    """Two uploads of musicgen-stereo-melody-large differ by T5's embedding and the codec's statistics."""
    sizes = dict(manifest("musicgen_melody")["published"]["facebook/musicgen-stereo-melody"])
    large = shapes("musicgen_melody", sizes | {"hidden": 2048, "middle": 8192, "heads": 32})
    later = {"text_encoder.shared.weight"} | {
        name for name in large if name.endswith(("embed_avg", "cluster_size", "inited"))
    }
    complete = sum(4 * math.prod(shape) for shape in large.values())
    early = sum(4 * math.prod(shape) for name, shape in large.items() if name not in later)
    assert (round(complete / 1e9, 2), round(early / 1e9, 2)) == (10.63, 10.53), "as on the hub"

    folder = write_musicgen(tmp_path / "model", melody=True, stereo=True)
    opened(folder)
    tensors = load_file(folder / "model.safetensors")
    save_file({n: t for n, t in tensors.items() if n not in later}, folder / "model.safetensors")
    with pytest.raises(ModelMissing, match=r"no embedding of its text encoder.*fetch NAME --audiocraft"):
        opened(folder)
    kept = {"text_encoder.encoder.embed_tokens.weight": tensors["text_encoder.shared.weight"].clone()}
    save_file(kept | {n: t for n, t in tensors.items() if n not in later}, folder / "model.safetensors")
    opened(folder)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_named(share: float, folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(ModelMissing, match=r"model\.safetensors is damaged or cut short"):
        opened(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop("decoder.lm_heads.2.weight"), r"decoder\.lm_heads\.2\.weight"),
        (lambda t: t.pop("enc_to_dec_proj.bias"), "text projection .* bias missing"),
        (lambda t: t.pop("text_encoder.encoder.final_layer_norm.weight"), "text encoder .* missing"),
        (lambda t: t.pop("audio_encoder.quantizer.layers.0.codebook.embed"), "codec .* missing"),
        (lambda t: t.update({"decoder.extra": torch.ones(1)}), r"decoder\.extra"),
        (lambda t: t.update({"audio_encoder.extra": torch.ones(1)}), "codec .* extra"),
        (lambda t: t.update({"stranger": torch.ones(1)}), "stranger extra"),
        (
            lambda t: t.update({"text_encoder.shared.weight": torch.ones(3, 3)}),
            r"is \(3, 3\), not \(300, 24\)",
        ),
        (lambda t: t.update({"decoder.model.decoder.layer_norm.bias": torch.ones(3)}), "layer_norm.bias"),
    ],
)
def test_missing_extra_and_misshapen_tensors_are_named(
    change: Callable[[dict[str, torch.Tensor]], object], says: str, folder: Path
) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelMissing, match=says) as refused:
        opened(folder)
    assert str(folder) in str(refused.value)


def test_a_shard_that_is_missing_or_elsewhere_is_named(folder: Path, tmp_path: Path) -> None:
    weight_map = sharded(folder)
    name = next(iter(weight_map))
    for shard in ("../secret.safetensors", str(tmp_path / "x.safetensors"), "model.bin", ""):
        write_index(folder, {**weight_map, name: shard})
        with pytest.raises(ModelMissing, match="isn't in this folder"):
            read_tensors(folder)
    write_index(folder, {**weight_map, "one.more": weight_map[name]})
    with pytest.raises(ModelMissing, match=r"promises one\.more"):
        read_tensors(folder)
    write_index(folder, {other: shard for other, shard in weight_map.items() if other != name})
    with pytest.raises(ModelMissing, match="does not say"):
        read_tensors(folder)
    write_index(folder, weight_map)
    (folder / weight_map[name]).unlink()
    with pytest.raises(ModelMissing, match=f"{weight_map[name]} is missing"):
        read_tensors(folder)
    (folder / "model.safetensors.index.json").write_text("[1, 2]")
    with pytest.raises(ModelMissing, match="not the index"):
        read_tensors(folder)


class Strike:
    """A pickle that leaves a trace when it is read carelessly."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def test_a_hostile_pickle_is_refused_and_does_not_run(folder: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    tensors: dict[str, Any] = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save({**tensors, "x": Strike(trace)}, folder / "pytorch_model.bin")
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert trace.exists(), "the pickle is harmless, so this test would show nothing"
    trace.rmdir()
    with pytest.raises(
        ModelMissing, match=r"pytorch_model\.bin holds more than tensors.*antiphon models convert"
    ):
        opened(folder)
    assert not trace.exists()
    for content, says in ((b"", "damaged"), (b"PK\x03\x04nonsense", "damaged")):
        (folder / "pytorch_model.bin").write_bytes(content)
        with pytest.raises(ModelMissing, match=says):
            opened(folder)


def test_a_folder_without_weights_says_what_would_be_there(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelMissing, match=r"There are no weights in .* neither model\.safetensors nor"):
        opened(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.update(model_type="llama"), "no model that this program knows"),
        (lambda c: c.pop("decoder"), "not the config of a MusicGen"),
        (lambda c: c["decoder"].update(hidden_size="wide"), "not the config of a MusicGen"),
        (lambda c: c["decoder"].update(num_attention_heads=5), "not the config of a MusicGen"),
        (lambda c: c["audio_encoder"].update(codebook_size=128), "vocabularies of different sizes"),
        (lambda c: c["audio_encoder"].update(sampling_rate=0), "rates have to be positive"),
        (lambda c: c["audio_encoder"].update(model_type="dac"), "not a mono EnCodec"),
    ],
)
def test_a_config_of_something_else_is_refused_before_weights_are_read(
    change: Callable[[dict[str, Any]], object], says: str, folder: Path
) -> None:
    (folder / "model.safetensors").unlink()
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelMissing, match=says):
        registry.describe(Mode.AR, str(folder))


def test_a_tokenizer_that_is_missing_or_broken_is_named(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ModelMissing, match=r"tokenizer in .* cannot be read"):
        opened(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelMissing, match=r"tokenizer is missing .* tokenizer\.json or spiece\.model"):
        opened(folder)


@pytest.mark.parametrize("name", ["musicgen", "musicgen_melody"])
def test_the_manifests_are_the_public_classes(name: str) -> None:
    """At every published size, transformers' own model has exactly the manifest's tensors."""
    import transformers

    from tests.engines.checkpoint_files import config

    melody = name == "musicgen_melody"
    kind = "MusicgenMelody" if melody else "Musicgen"
    for sizes in manifest(name)["published"].values():
        settings = getattr(transformers, f"{kind}Config").from_dict(config(sizes, melody=melody))
        with torch.device("meta"):
            model = getattr(transformers, f"{kind}ForConditionalGeneration")(settings)
        norm = ".parametrizations.weight.original"
        public = {
            tensor.replace(f"{norm}0", ".weight_g").replace(f"{norm}1", ".weight_v"): tuple(value.shape)
            for tensor, value in model.state_dict().items()
        }
        # Tied to text_encoder.shared, and stored by files of an older transformers.
        del public["text_encoder.encoder.embed_tokens.weight"]
        public["decoder.model.decoder.embed_positions.weights"] = (sizes["positions"], sizes["hidden"])
        assert shapes(name, sizes) == public
