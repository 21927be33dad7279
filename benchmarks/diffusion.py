"""Diffusion engines against the libraries as they come: `python -m benchmarks.diffusion [--threads 1]`.

Pipelines: random weights at a size that a CPU can wait for (the true VAE ratios, a far narrower network), the
same files, seeds and steps for both. "as it comes" is diffusers' own pipeline, loaded and called as its
documentation shows. "decoded" is the part after the last step. The difference is the largest one between the
two waves, as a share of the peak. Decoding weighs far more in the published sizes: look at each part's ratio.

Built-in model: its shipped weights in our engine; "as it comes" has diffusers' transformer in it, with all of
it computed at every step. The difference counts the steps of the score that differ.

Each figure is the least of several runs, taken in turns, in seconds of processor time, which other work on
the machine changes less than the clock.

With --published: what a clip of the published models takes on this CPU, by arithmetic from parts measured at
their true shapes (_published_diffusion.py), in seconds of the clock:
text + steps × (the rest of the denoiser + layers × a layer) + VAE and vocoder.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from safetensors.torch import load_file

warnings.simplefilter("ignore", FutureWarning)
warnings.filterwarnings("ignore", "Should have t[ab]")

import diffusers  # noqa: E402

from benchmarks import _published_diffusion  # noqa: E402
from bot.engines import registry  # noqa: E402
from bot.engines.base import RenderRequest  # noqa: E402
from bot.engines.score import BUILT_IN as FOLDERS  # noqa: E402
from bot.machine import processor  # noqa: E402
from bot.recipe import Mode, Recipe  # noqa: E402
from tests.engines.context import RecordingContext  # noqa: E402
from tests.engines.diffusion import make_manifests as small  # noqa: E402
from tests.engines.diffusion.checkpoints import write_tokenizer  # noqa: E402
from tests.engines.score import diffusers_dit  # noqa: E402

PROMPT = "slow piano in the rain"
LONG_PROMPT = " ".join(["slow sad piano and warm strings in the rain at night"] * 8)
LYRICS = "\n".join(["[verse]", *["rain on the window, rain on the sea"] * 80])
BUILT_IN = "antiphon-tiny-diffusion"


def oobleck(rate: int, ratios: list[int]) -> Any:
    return diffusers.AutoencoderOobleck(
        encoder_hidden_size=4,
        downsampling_ratios=ratios,
        channel_multiples=[1, 2, 4, 8, 16],
        decoder_channels=8,
        decoder_input_channels=64,
        audio_channels=2,
        sampling_rate=rate,
    )


def stable_audio() -> dict[str, Any]:
    components = small.stable_audio()
    return components | {
        "vae": oobleck(44_100, [2, 4, 4, 8, 8]),
        "projection_model": diffusers.StableAudioProjectionModel(
            text_encoder_dim=32, conditioning_dim=256, min_value=0, max_value=512
        ),
        "transformer": diffusers.StableAudioDiTModel(
            sample_size=1024,
            num_layers=4,
            attention_head_dim=64,
            num_attention_heads=4,
            num_key_value_attention_heads=4,
            cross_attention_dim=256,
            global_states_input_dim=512,
            cross_attention_input_dim=256,
        ),
    }


def ace_step() -> dict[str, Any]:
    components = small.ace_step()
    attention = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64}
    return components | {
        "vae": oobleck(48_000, [2, 4, 4, 6, 10]),
        "transformer": diffusers.AceStepTransformer1DModel(
            hidden_size=256,
            intermediate_size=768,
            num_hidden_layers=6,
            encoder_hidden_size=256,
            model_version="base",
            **attention,
        ),
        "condition_encoder": diffusers.AceStepConditionEncoder(
            hidden_size=256,
            intermediate_size=768,
            text_hidden_dim=16,
            num_lyric_encoder_hidden_layers=2,
            num_timbre_encoder_hidden_layers=2,
            **attention,
        ),
    }


def audioldm2() -> dict[str, Any]:
    components = small.audioldm2()
    unet = diffusers.AudioLDM2UNet2DConditionModel(
        sample_size=512,
        in_channels=4,
        out_channels=4,
        block_out_channels=(32, 64),
        layers_per_block=2,
        norm_num_groups=8,
        attention_head_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=[[None, 16, 32], [None, 16, 32]],
    )
    return components | {"unet": unet}


PIPELINES: dict[str, tuple[str, Callable[[], dict[str, Any]], dict[str, Any], int]] = {
    "ACE-Step": ("AceStepPipeline", ace_step, {"lyrics": "[Instrumental]", "vocal_language": "unknown"}, 8),
    "ACE-Step, long lyrics": (
        "AceStepPipeline",
        ace_step,
        {"lyrics": LYRICS, "vocal_language": "unknown"},
        8,
    ),
    "Stable Audio": ("StableAudioPipeline", stable_audio, {}, 8),
    "AudioLDM 2": ("AudioLDM2Pipeline", audioldm2, {}, 6),
}
"""Name → class, parts, what else it is called with, steps."""
LENGTH = {
    "AceStepPipeline": "audio_duration",
    "StableAudioPipeline": "audio_end_in_s",
    "AudioLDM2Pipeline": "audio_length_in_s",
}


class Timed(RecordingContext):
    """Keeps when the last denoising step was done."""

    denoised = 0.0

    def progress(self, job: RenderRequest, done: int, total: int) -> None:
        """Look at the clock."""
        if done == total - 1:
            self.denoised = time.process_time()


def written(folder: Path, kind: str, components: dict[str, Any]) -> Path:
    torch.manual_seed(0)
    index: dict[str, Any] = {"_class_name": kind}
    for name, component in components.items():
        component.save_pretrained(folder / name)
        index[name] = [small.library(component), type(component).__name__]
    for name, tokenizer in small.TOKENIZERS[kind].items():
        write_tokenizer(folder / name, tokenizer)
        index[name] = ["transformers", tokenizer]
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def as_it_comes(kind: str, folder: Path) -> Any:
    own: dict[str, Any] = {}
    if kind == "AudioLDM2Pipeline":
        own["language_model"] = transformers.GPT2LMHeadModel.from_pretrained(folder / "language_model")
    pipe = getattr(diffusers, kind).from_pretrained(folder, **own)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def compare(name: str, runs: int, seconds: float, dtype: str) -> None:
    kind, make, others, steps = PIPELINES[name]
    with tempfile.TemporaryDirectory() as scratch:
        folder = written(Path(scratch, "model"), kind, make())
        theirs = as_it_comes(kind, folder)
        ours = registry.load(Mode.DIFFUSION, str(folder), "cpu", dtype)
    recipe = Recipe(
        prompt=PROMPT,
        mode=Mode.DIFFUSION,
        model=str(folder),
        seconds=seconds,
        seed=3,
        options={"num_sampling_steps": steps, **{k: v for k, v in others.items() if k == "lyrics"}},
    )
    guidance = ours.capabilities.options["guidance_scale"].default
    best = {"theirs": (1e9, 0.0), "ours": (1e9, 0.0)}
    for _ in range(runs):
        ends = [0.0]
        called: dict[str, Any] = {
            "callback": lambda *step, ends=ends: ends.append(time.process_time()),
            "generator": torch.Generator().manual_seed(recipe.seed),
            LENGTH[kind]: seconds,
        }
        start = time.process_time()
        audio = theirs(PROMPT, num_inference_steps=steps, guidance_scale=guidance, **others, **called).audios
        end = time.process_time()
        best["theirs"] = min(best["theirs"], (end - start, end - ends[-1]))
        context = Timed(recipe)
        start = time.process_time()
        ours.run(context)
        end = time.process_time()
        best["ours"] = min(best["ours"], (end - start, end - context.denoised))
    wave = np.asarray(audio[0] if audio.ndim == 3 else audio, np.float32)
    apart = np.abs(wave - context.waves[1]).max() / np.abs(wave).max()
    row(f"{name}, {seconds:g} s, {steps} steps", best["theirs"], best["ours"], f"{apart:.0e}")


def row(name: str, theirs: tuple[float, float], ours: tuple[float, float], apart: str) -> None:
    print(
        f"{name:34}{theirs[0]:9.2f}{theirs[1]:9.2f}{ours[0]:9.2f}{ours[1]:9.2f}"
        f"{theirs[0] / ours[0]:8.2f}×  {apart}",
        flush=True,
    )


class _AsItComes:
    """diffusers' transformer where our engine has its own."""

    def __init__(self, folder: Path) -> None:
        self._model = diffusers_dit.stable_audio(json.loads((folder / "config.json").read_text()))
        self._model.load_state_dict(load_file(folder / "diffusion_pytorch_model.safetensors"))
        self._model.eval()

    def prepared(self, states: torch.Tensor, conditions: torch.Tensor, frames: int) -> dict[str, Any]:
        return {
            "encoder_hidden_states": states,
            "global_hidden_states": conditions,
            "rotary_embedding": diffusers_dit.rotary(self._model, frames),
        }

    def __call__(self, latents: torch.Tensor, times: torch.Tensor, given: dict[str, Any]) -> torch.Tensor:
        out: torch.Tensor = self._model(latents, times, **given, return_dict=False)[0]
        return out


def built_in(runs: int, seconds: float, prompt: str, words: str) -> None:
    ours: Any = registry.load(Mode.DIFFUSION, BUILT_IN, "cpu", "auto")
    theirs: Any = registry.load(Mode.DIFFUSION, BUILT_IN, "cpu", "auto")
    theirs._transformer = _AsItComes(FOLDERS[BUILT_IN] / "transformer")
    recipe = Recipe(prompt=prompt, mode=Mode.DIFFUSION, model=BUILT_IN, seconds=seconds, seed=3)
    best = {"theirs": 1e9, "ours": 1e9}
    for _ in range(runs):
        start = time.process_time()
        one = theirs.write(recipe, lambda done, total: None)
        best["theirs"] = min(best["theirs"], time.process_time() - start)
        start = time.process_time()
        other = ours.write(recipe, lambda done, total: None)
        best["ours"] = min(best["ours"], time.process_time() - start)
    differing = int((one.grid != other.grid).any(1).sum())
    row(f"built-in, {seconds:g} s, {words}", (best["theirs"], 0), (best["ours"], 0), f"{differing} steps")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=["built-in", *PIPELINES, *_published_diffusion.MODELS])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--dtype", default="float32", help="of the pipelines in our engine")
    parser.add_argument("--published", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.published:
        print(f"{processor()}, {arguments.threads} threads, torch {torch.__version__}", flush=True)
        for line in _published_diffusion.rows(
            arguments.only or list(_published_diffusion.MODELS), [arguments.seconds]
        ):
            print(line, flush=True)
        return
    print(
        f"torch {torch.__version__}, diffusers {diffusers.__version__}, CPU, {arguments.threads} threads\n"
        f"{'':34}{'as it comes':>18}{'ours':>18}\n{'':34}{'all':>9}{'decoded':>9}{'all':>9}{'decoded':>9}"
    )
    for seconds, prompt, words in (
        (10, PROMPT, "short prompt"),
        (10, LONG_PROMPT, "long"),
        (60, PROMPT, "short"),
    ):
        if "built-in" in (arguments.only or "built-in"):
            built_in(3 * arguments.runs, seconds, prompt, words)
    for name in PIPELINES:
        if name in (arguments.only or PIPELINES):
            compare(name, arguments.runs, arguments.seconds, arguments.dtype)


if __name__ == "__main__":
    main()
