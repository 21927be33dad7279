"""Melody conditioning: the chroma of a reference, one pitch class a frame, without source separation."""

from __future__ import annotations

import hashlib
from math import gcd
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.signal import resample_poly
from transformers.audio_utils import chroma_filter_bank

from bot.engines.checkpoints.weights import Tensors, load_strict, with_prefix
from bot.engines.musicgen.checkpoint import Checkpoint
from bot.errors import InvalidRecipe
from bot.recipe import Source

PITCH_CLASSES = 12
FFT, HOP = 16_384, 4_096
"""Samples of a window and between two: `radix2_exp: 14` in audiocraft's chroma2music, a quarter of it."""


MAX_SECONDS = 300.0
"""Seconds read of a reference: the longest clip."""


class MelodyEncoder:
    """Turns a reference into states [chroma_length, hidden], which are prepended to the text states."""

    def __init__(self, checkpoint: Checkpoint, tensors: Tensors, device: str, dtype: torch.dtype) -> None:
        self.length, self.rate = checkpoint.chroma_length, checkpoint.sample_rate
        self._device, self._dtype = device, dtype
        self._project = torch.nn.Linear(PITCH_CLASSES, checkpoint.sizes.hidden)
        load_strict(
            self._project,
            with_prefix(tensors, "audio_enc_to_dec_proj."),
            checkpoint.folder,
            "melody projection",
        )
        self._project.to(device=device, dtype=dtype).eval()

    @torch.inference_mode()
    def states(self, wave: torch.Tensor | None, first: int = 0) -> torch.Tensor:
        """Return the states of a mono wave [samples] at the model's rate, or of no melody.

        first: sample where the window begins; a reference shorter than the clip is repeated.
        """
        if wave is None or not len(wave):
            chroma = torch.zeros(1, PITCH_CLASSES)
            chroma[:, 0] = 1  # the chroma of silence in both public implementations
        else:
            chroma = chroma_of(wave.roll(-(first % len(wave))), self.rate)
        repeats = -(-self.length // len(chroma))
        chroma = chroma.repeat(repeats, 1)[: self.length]
        states: torch.Tensor = self._project(chroma.to(self._device, self._dtype))
        return states


def read_melody(file: Path | None, source: Source, sample_rate: int) -> torch.Tensor:
    """Return an audio file as a mono wave [samples] at a rate.

    source: its SHA-256 in hex. Raises InvalidRecipe for another file, for none, and for what is no audio.
    """
    if file is None:
        raise InvalidRecipe("This clip follows a melody, and the file with it is not here: give it again.")
    try:
        with file.open("rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() != source:
                raise InvalidRecipe("The file is not the melody that this recipe was made with.")
            opened.seek(0)
            with soundfile.SoundFile(opened) as audio:
                rate = audio.samplerate
                wave = audio.read(int(MAX_SECONDS * rate), dtype="float32", always_2d=True).mean(1)
    except (OSError, soundfile.SoundFileError) as error:
        raise InvalidRecipe("The melody cannot be read as audio: attach a WAV, FLAC, OGG or MP3.") from error
    if not len(wave) or not np.isfinite(wave).all():
        raise InvalidRecipe("There is no sound in the melody.")
    common = gcd(rate, sample_rate)
    resampled = resample_poly(wave, sample_rate // common, rate // common)
    return torch.from_numpy(resampled.astype(np.float32))


def chroma_of(wave: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Return the loudest pitch class of each frame of a mono wave [samples]: one-hot [frames, 12], C first.

    As audiocraft's ChromaExtractor and transformers' MusicgenMelodyFeatureExtractor compute it: power of a
    Hann window's spectrum through librosa's chroma filters.
    """
    if len(wave) < FFT:
        missing = FFT - len(wave)
        wave = torch.nn.functional.pad(wave, (missing // 2, missing - missing // 2))
    window = torch.hann_window(FFT, device=wave.device)
    power = torch.stft(wave, FFT, HOP, window=window, return_complex=True).abs().square()
    filters = chroma_filter_bank(FFT, PITCH_CLASSES, sample_rate)
    chroma = torch.from_numpy(filters).to(power) @ power
    # Both normalise first, which moves no maximum.
    return torch.nn.functional.one_hot(chroma.argmax(0), PITCH_CLASSES).float()
