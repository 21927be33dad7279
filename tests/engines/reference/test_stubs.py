"""audiocraft imports with the stubs in place, and none of them remains in sys.modules."""

from __future__ import annotations

import builtins
import importlib.util
import math
import sys

import numpy as np
import pytest
import torch

from bot.engines.reference import VERSION, stubs
from bot.engines.reference.stubs import NAMES, Spectrogram, import_audiocraft, stubbed_modules
from bot.errors import ModelMissing

RATE = 32_000


def tone(*frequencies: float, seconds: float = 2.0) -> torch.Tensor:
    time = torch.arange(int(seconds * RATE)) / RATE
    return torch.stack([torch.sin(2 * math.pi * f * time) for f in frequencies]).sum(0)


def test_audiocraft_imports_and_leaves_no_stub_behind() -> None:
    installed = [importlib.util.find_spec(name) is not None for name in NAMES]
    audiocraft = import_audiocraft()
    assert audiocraft.__version__ == VERSION
    assert audiocraft.models.MusicGen is not None
    assert audiocraft.models.MultiBandDiffusion is not None
    assert import_audiocraft() is audiocraft
    assert [importlib.util.find_spec(name) is not None for name in NAMES] == installed
    assert not [m for m in sys.modules if m in NAMES and sys.modules[m].__doc__ == stubs.MARK]


def test_what_was_imported_under_a_name_is_there_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    own = type(sys)("librosa")
    monkeypatch.setitem(sys.modules, "librosa", own)
    with pytest.raises(ZeroDivisionError), stubbed_modules():
        assert sys.modules["librosa"] is not own
        raise ZeroDivisionError
    assert sys.modules["librosa"] is own


def test_where_audiocraft_is_absent_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "audiocraft" else find(name)
    )
    with pytest.raises(
        ModelMissing, match=r"not installed.*make install-audiocraft.*--no-deps audiocraft==1\.3\.0"
    ):
        import_audiocraft()


def test_a_missing_companion_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name == "audiocraft.models":
            raise ModuleNotFoundError("No module named 'flashy'", name="flashy")
        return load(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModelMissing, match="needs flashy"):
        import_audiocraft()


@pytest.mark.parametrize(("frequency", "pitch_class"), [(440.0, 9), (261.63, 0), (311.13, 3), (987.77, 11)])
def test_audiocrafts_chroma_hears_the_pitch_class(frequency: float, pitch_class: int) -> None:
    import_audiocraft()
    from audiocraft.modules.chroma import ChromaExtractor

    chroma = ChromaExtractor(sample_rate=RATE, n_chroma=12, radix2_exp=14, argmax=True)
    heard = chroma(tone(frequency)[None, None])
    assert heard.shape == (1, 1 + 2 * RATE // 4096, 12)
    assert (heard[0].argmax(-1) == pitch_class).all()


@pytest.mark.parametrize("normalized", [False, True])
def test_the_spectrogram_keeps_a_tones_power(normalized: bool) -> None:
    spectrogram = Spectrogram(n_fft=1024, win_length=1024, hop_length=256, normalized=normalized)
    frequency = 32 * RATE / 1024
    power = spectrogram(tone(frequency)[None, None])
    assert power.shape == (1, 1, 513, 1 + 2 * RATE // 256)
    window = np.hanning(1025)[:-1]
    expected = (window.sum() / 2) ** 2 / ((window**2).sum() if normalized else 1)
    middle = power[0, 0, :, 100]
    assert int(middle.argmax()) == 32
    assert float(middle[32]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_the_textbooks(causal: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    query, key, value = (torch.randn(2, 5, 3, 4, generator=generator) for _ in range(3))
    mask = stubs.LowerTriangularMask() if causal else None
    out = stubs.memory_efficient_attention(query, key, value, mask)
    scores = torch.einsum("bthd,bshd->bhts", query, key) / 2
    if causal:
        scores = scores.masked_fill(torch.ones(5, 5).triu(1).bool(), -torch.inf)
    expected = torch.einsum("bhts,bshd->bthd", scores.softmax(-1), value)
    torch.testing.assert_close(out, expected, atol=1e-6, rtol=1e-5)


def test_in_demucs_place_the_mix_is_the_melody() -> None:
    with stubbed_modules():
        from demucs import pretrained
        from demucs.apply import apply_model
        from demucs.audio import convert_audio
    separator = pretrained.get_model("htdemucs")
    mix = torch.randn(1, 1, 100, generator=torch.Generator().manual_seed(0))
    stems = apply_model(separator, mix, device="cpu")
    kept = [separator.sources.index(name) for name in ("vocals", "other")]
    assert (stems[:, kept].sum(1) == mix).all()
    assert convert_audio(torch.ones(1, 2, 440), 44_100, 32_000, 1).shape[:2] == (1, 1)


@pytest.mark.parametrize("name", ["torchaudio.transforms", "torchmetrics", "spacy"])
def test_what_only_training_uses_refuses_to_be_called(name: str) -> None:
    with stubbed_modules():
        module = sys.modules[name]
    used = {"torchaudio.transforms": "Loudness", "torchmetrics": "Metric", "spacy": "load"}[name]
    with pytest.raises(NotImplementedError, match="training and evaluation"):
        getattr(module, used)(32_000)
    assert name.split(".")[0] in NAMES
