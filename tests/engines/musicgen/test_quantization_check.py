"""int8 is measured on the very checkpoint before it is used, and refused where it changes too much."""

from pathlib import Path

import pytest

from bot.config import Settings
from bot.doctor import check_int8
from bot.engines.musicgen import quantization_check
from bot.engines.musicgen.engine import MusicgenEngine
from bot.engines.musicgen.network import LanguageModel
from bot.engines.musicgen.quantization_check import QuantizationReport, measure
from bot.errors import ConfigError
from tests.engines.checkpoint_files import write_musicgen
from tests.engines.musicgen.reference import TINY, reference


def untold(done: int, total: int) -> None:
    """Nobody listens."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache" / "hub"))
    write_musicgen(tmp_path / "model")
    return tmp_path / "model"


def test_a_model_is_no_different_from_itself_and_very_different_from_another() -> None:
    one = reference(**TINY)
    other = {name: value.flip(0) for name, value in one.tensors.items()}
    same = measure(one.ours(), one.ours(), [one.conditions] * 2, 8, 3.0, untold)
    assert same == QuantizationReport(0.0, 0.0, 1.0, 2 * 4 * 8)
    assert same.good
    changed = LanguageModel.from_weights(one.sizes, other)
    different = measure(one.ours(), changed, [one.conditions] * 2, 8, 3.0, untold)
    assert different.kl > 0.1
    assert different.agreement < 0.9
    assert not different.good


def test_int8_is_refused_until_it_was_measured_and_found_good(folder: Path) -> None:
    with pytest.raises(ConfigError, match="antiphon doctor --check-int8"):
        MusicgenEngine(folder, "tiny", "cpu", "int8")
    quantization_check.store(folder, QuantizationReport(0.5, 2.0, 0.8, 100))
    with pytest.raises(ConfigError, match="changes tiny too much"):
        MusicgenEngine(folder, "tiny", "cpu", "int8")
    quantization_check.store(folder, QuantizationReport(0.001, 0.1, 0.99, 100))
    MusicgenEngine(folder, "tiny", "cpu", "int8").close()


def test_the_doctor_measures_the_model_that_is_set_and_remembers(folder: Path) -> None:
    told = []
    settings = Settings(ar_model=str(folder))
    finding = check_int8(settings, lambda done, total: told.append((done, total)))
    assert "KL divergence" in finding.detail
    assert told[-1] == (8, 8)
    found = quantization_check.stored(folder)
    assert found is not None
    assert found.tokens == 4 * 4 * 20, "four prompts, four codebooks, two seconds"
    assert 0 < found.kl < 1
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b" ")
    assert quantization_check.stored(folder) is None, "other weights were never measured"


def test_a_built_in_model_has_nothing_to_measure() -> None:
    assert "not a MusicGen" in check_int8(Settings(), untold).detail
