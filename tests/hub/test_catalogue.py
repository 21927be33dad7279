from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ModelMissing
from bot.hub import fetch, hub_cache
from bot.hub.catalogue import UNKNOWN_LICENCE, advised, entries, licence_of, lookup
from bot.recipe import Mode


def test_every_known_model_says_where_its_facts_are_from() -> None:
    assert len({entry.name for entry in entries()}) == len(entries())
    for entry in entries():
        assert hub_cache.is_hub_name(entry.name)
        assert entry.sources
        assert all(source.startswith("https://") for source in entry.sources)
        assert ("NC" in entry.licence) is (entry.commercial is False)


@pytest.mark.parametrize("mode", list(Mode))
def test_advice_fits_the_machine(mode: Mode) -> None:
    assert advised(mode, 0) is None
    small, large = advised(mode, 5), advised(mode, 24)
    assert small is not None
    assert large is not None
    assert small.weights_gb is not None
    assert small.weights_gb < 5
    assert small.name != large.name
    assert not any(entry.gated for entry in (small, large))


@pytest.mark.parametrize(
    ("readme", "name", "licence"),
    [
        ("---\nlicense: cc-by-nc-4.0\ntags:\n- x\n---\n# A", "any/name", "CC-BY-NC-4.0"),
        ("---\nlicense: 'mit'\n---\n", "facebook/musicgen-small", "MIT"),
        ("---\nlicense: other\n---\n", "stabilityai/stable-audio-open-1.0", "Stability AI Community License"),
        ("---\nlicense: something-new-1.0\n---\n", "any/name", "something-new-1.0"),
        ("license: mit\n", "any/name", UNKNOWN_LICENCE),
        ("---\nlicense: [red]mit[/]\n---\n", "any/name", UNKNOWN_LICENCE),
        ("", "FACEBOOK/musicgen-small", "CC-BY-NC-4.0"),
    ],
)
def test_a_licence_is_what_the_files_declare(readme: str, name: str, licence: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(readme)
    assert licence_of(tmp_path, name) == licence


def test_a_folder_without_a_card_has_no_licence_that_anybody_knows(tmp_path: Path) -> None:
    assert licence_of(tmp_path, str(tmp_path)) == UNKNOWN_LICENCE


def test_of_a_pipeline_the_parts_are_taken_and_no_second_copy() -> None:
    paths = [
        "README.md",
        "LICENSE.md",
        "model.ckpt",
        "model.safetensors",
        "model_config.json",
        "model_index.json",
        "transformer/config.json",
        "transformer/diffusion_pytorch_model.safetensors",
        "transformer/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.bin",
        "tokenizer/spiece.model",
        "code/pipeline.py",
    ]
    assert fetch.select_files(paths, None) == [
        "LICENSE.md",
        "README.md",
        "model_index.json",
        "tokenizer/spiece.model",
        "transformer/config.json",
        "transformer/diffusion_pytorch_model.safetensors",
    ]


def test_audiocraft_s_files_come_where_asked_or_where_there_are_no_others() -> None:
    both = ["config.json", "model.safetensors", "state_dict.bin", "compression_state_dict.bin"]
    assert fetch.select_files(both, None) == ["config.json", "model.safetensors"]
    assert fetch.select_files(both, None, audiocraft=True) == ["compression_state_dict.bin", "state_dict.bin"]
    assert fetch.select_files(both[2:], None) == ["compression_state_dict.bin", "state_dict.bin"]
    assert fetch.select_files(
        ["mbd_comp_8.pt", "mbd_musicgen_32khz.th"], lookup("facebook/multiband-diffusion")
    ) == ["mbd_musicgen_32khz.th"]
    with pytest.raises(ModelMissing, match="no weights"):
        fetch.select_files(["config.json", "pytorch_model.bin"], None)


@pytest.mark.parametrize("name", ["..", "../x", "a/b/c", "/abs", "a", "a/..", "C:\\x", "a/b\n", "🎵/b"])
def test_what_is_no_name_on_the_hub_never_becomes_a_path(name: str) -> None:
    assert not hub_cache.is_hub_name(name)
