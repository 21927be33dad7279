"""int8 and int4 are measured on the very checkpoint first, and refused where they change too much."""

from pathlib import Path

import pytest

from bot.config import Settings
from bot.doctor import Quantized, check_quantization
from bot.engines.musicgen import quantization_check
from bot.engines.musicgen.engine import MusicgenEngine
from bot.engines.musicgen.linear import Precision
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


@pytest.mark.parametrize(("precision", "other"), [("int8", "int4"), ("int4", "int8")])
def test_a_precision_is_refused_until_it_was_measured_and_found_good(
    precision: Precision, other: Precision, folder: Path
) -> None:
    good = QuantizationReport(0.001, 0.1, 0.99, 100)
    quantization_check.store(folder, other, good)
    with pytest.raises(ConfigError, match=f"antiphon doctor --check-{precision}"):
        MusicgenEngine(folder, "tiny", "cpu", precision)
    quantization_check.store(folder, precision, QuantizationReport(0.5, 2.0, 0.8, 100))
    with pytest.raises(ConfigError, match=f"DTYPE={precision} changes tiny too much"):
        MusicgenEngine(folder, "tiny", "cpu", precision)
    quantization_check.store(folder, precision, good)
    MusicgenEngine(folder, "tiny", "cpu", precision).close()


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_the_doctor_measures_the_model_that_is_set_and_remembers(precision: Quantized, folder: Path) -> None:
    told = []
    settings = Settings(ar_model=str(folder))
    finding = check_quantization(settings, precision, lambda done, total: told.append((done, total)))
    assert "KL divergence" in finding.detail
    assert told[-1] == (8, 8)
    found = quantization_check.stored(folder, precision)
    assert found is not None
    assert found.tokens == 4 * 4 * 20, "four prompts, four codebooks, two seconds"
    assert 0 < found.kl < 1
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b" ")
    assert quantization_check.stored(folder, precision) is None, "other weights were never measured"


def test_a_built_in_model_has_nothing_to_measure() -> None:
    assert "not a MusicGen" in check_quantization(Settings(), "int8", untold).detail
