"""Stub modules for the imports of audiocraft that rendering does not need.

audiocraft imports xformers, torchaudio, spacy, librosa, torchmetrics and demucs at module level or in
constructors. Rendering calls five of their functions, which are implemented here; the rest serves training
and evaluation and raises NotImplementedError. The stubs are in `sys.modules` only inside
`stubbed_modules()`: before and after, libraries that ask for an installed package get the true answer.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import torch

from bot.engines.reference import HOW_TO_GET, require
from bot.errors import ModelMissing

NAMES = ("xformers", "torchaudio", "spacy", "librosa", "torchmetrics", "demucs")
"""Packages with stubs."""
MARK = "Stub of bot.engines.reference.stubs."

_lock = threading.RLock()


class Spectrogram(torch.nn.Module):
    """torchaudio's Spectrogram with a Hann window: [..., samples] → power [..., n_fft // 2 + 1, frames].

    With `normalized`, the spectrum is divided by the root of the window's summed squares.
    """

    def __init__(
        self,
        n_fft: int,
        win_length: int,
        hop_length: int,
        power: float = 2,
        center: bool = True,
        pad: int = 0,
        normalized: bool = False,
    ) -> None:
        super().__init__()
        if pad:
            raise NotImplementedError("the stub has no padding")
        self.n_fft, self.win_length, self.hop_length = n_fft, win_length, hop_length
        self.power, self.center, self.normalized = power, center, normalized
        self.register_buffer("window", torch.hann_window(win_length))
        self.window: torch.Tensor

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        """Return the power spectrogram of a wave."""
        flat = wave.reshape(-1, wave.shape[-1])
        spectrum = torch.stft(
            flat,
            self.n_fft,
            self.hop_length,
            self.win_length,
            self.window,
            center=self.center,
            return_complex=True,
        )
        if self.normalized:
            spectrum = spectrum / self.window.square().sum().sqrt()
        power: torch.Tensor = spectrum.abs() ** self.power
        return power.reshape(*wave.shape[:-1], *power.shape[1:])


def chroma(sr: float, n_fft: int, tuning: float = 0.0, n_chroma: int = 12) -> Any:
    """Return librosa's chroma filters, float32 [n_chroma, n_fft // 2 + 1], as transformers computes them."""
    from transformers.audio_utils import chroma_filter_bank

    filters = chroma_filter_bank(
        num_frequency_bins=n_fft, num_chroma=n_chroma, sampling_rate=int(sr), tuning=tuning
    )
    return filters.astype("float32")


class LowerTriangularMask:
    """Marker of causal attention, as xformers' class of the same name."""


def memory_efficient_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_bias: LowerTriangularMask | None = None,
    p: float = 0.0,
) -> torch.Tensor:
    """Return xformers' attention over [batch, time, heads, width], by torch's own."""
    out = torch.nn.functional.scaled_dot_product_attention(
        query.transpose(1, 2),
        key.transpose(1, 2),
        value.transpose(1, 2),
        is_causal=attn_bias is not None,
        dropout_p=p,
    )
    return out.transpose(1, 2)


class _NoSeparation(torch.nn.Module):
    """Stub of demucs: the mix as the stem that carries the melody, the other stems silent."""

    sources = ("drums", "bass", "other", "vocals")
    samplerate = 32_000
    audio_channels = 1

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        """Return the stems [batch, 4, channels, samples] of a mix [batch, channels, samples]."""
        silence = torch.zeros_like(wave)
        return torch.stack([silence, silence, wave, silence], dim=1)


def _convert_audio(wave: torch.Tensor, from_rate: int, to_rate: int, channels: int) -> torch.Tensor:
    """Resample [..., channels, samples] as demucs does, by julius, and mix down or repeat the channels."""
    from julius.resample import resample_frac

    mono: torch.Tensor = resample_frac(wave.mean(-2, keepdim=True), int(from_rate), int(to_rate))
    return mono.expand(*mono.shape[:-2], channels, mono.shape[-1])


def _unavailable(name: str) -> type:
    """Return a class that can be inherited from and refuses to be made."""

    def refuse(self: object, *_: object, **__: object) -> None:
        raise NotImplementedError(f"{name} is used for training and evaluation only, and is not installed")

    return type(name.rpartition(".")[2], (torch.nn.Module,), {"__init__": refuse})


def _modules() -> dict[str, ModuleType]:
    def pretrained(_name: str) -> torch.nn.Module:
        return _NoSeparation()

    def apply_model(
        model: Callable[[torch.Tensor], torch.Tensor], wave: torch.Tensor, **_: object
    ) -> torch.Tensor:
        return model(wave)

    contents: dict[str, dict[str, Any]] = {
        "xformers": {},
        "xformers.ops": {
            "unbind": torch.unbind,
            "memory_efficient_attention": memory_efficient_attention,
            "LowerTriangularMask": LowerTriangularMask,
        },
        "torchaudio": {},
        "torchaudio.transforms": {
            "Spectrogram": Spectrogram,
            "MelSpectrogram": _unavailable("torchaudio.transforms.MelSpectrogram"),
            "Loudness": _unavailable("torchaudio.transforms.Loudness"),
            "Resample": _unavailable("torchaudio.transforms.Resample"),
        },
        "spacy": {"load": _unavailable("spacy.load")},
        "librosa": {},
        "librosa.filters": {"chroma": chroma},
        "torchmetrics": {"Metric": _unavailable("torchmetrics.Metric")},
        "demucs": {},
        "demucs.pretrained": {"get_model": pretrained},
        "demucs.apply": {"apply_model": apply_model},
        "demucs.audio": {"convert_audio": _convert_audio},
    }
    made: dict[str, ModuleType] = {}
    for name, members in contents.items():
        module = made[name] = ModuleType(name, MARK)
        module.__spec__ = ModuleSpec(name, None, is_package="." not in name)
        module.__dict__.update(members)
        parent, _, child = name.rpartition(".")
        if parent:
            made[parent].__dict__[child] = module
    for name in NAMES:
        made[name].__path__ = []
    return made


@contextmanager
def stubbed_modules() -> Iterator[None]:
    """Put the stubs into `sys.modules` in place of any installed package, until the block ends."""
    with _lock:
        made = _modules()
        before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in NAMES}
        sys.modules.update(made)
        try:
            yield
        finally:
            for name in made:
                del sys.modules[name]
            sys.modules.update(before)


def import_audiocraft() -> ModuleType:
    """Import audiocraft with its models, once, with the stubs in place.

    Raises ModelMissing with how to get it where it, or something it needs, is not installed.
    """
    require()
    # Before the stubs: transformers caches which packages are installed.
    from transformers import T5EncoderModel, T5Tokenizer  # noqa: F401

    with stubbed_modules():
        try:
            import audiocraft.models
        except ModuleNotFoundError as error:
            raise ModelMissing(f"audiocraft needs {error.name}, which is missing. {HOW_TO_GET}") from error
    package: ModuleType = audiocraft
    return package
