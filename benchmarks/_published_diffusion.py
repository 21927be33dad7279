"""What a clip of a published diffusion model takes on a CPU: arithmetic from parts at their true shapes.

The weights are random, which changes no time. Of a transformer two and four layers are measured, as the
engine runs them, and the rest follows: all layers are alike, but for ACE-Step's pairs of a sliding window and
a full one. Not counted: reading the files, mastering, the MP3.

Sources of the shapes: the config.json files of Runware/acestep-v15-turbo-diffusers and -sft-diffusers,
ACE-Step/Ace-Step1.5 (vae), stabilityai/stable-audio-open-1.0, cvssp/audioldm2, Qwen/Qwen3-Embedding-0.6B,
t5-base; ACE-Step/acestep-v15-xl-base-diffusers (model card; the width of its feed-forward follows from the
files' size, 11.1 GB).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
import transformers
from diffusers.models.embeddings import get_1d_rotary_pos_embed

from bot.engines.cached_layer import cache_cross_attention
from bot.engines.diffusion import oobleck
from bot.engines.diffusion.packed_linear import pack_linears

RUNS = 3
Tensors = dict[str, Any]
PROMPT_TOKENS = 128
"""Of a prompt of ordinary length with ACE-Step's template, and of Stable Audio, which pads to it."""


@dataclass(frozen=True)
class Estimate:
    """The parts of a clip's time, in seconds.

    ends, layer: of one step outside of the layers, and in one of them.  once: text encoders.  decoded: VAE
    and vocoder.  output: of one evaluation, of four layers where there are layers.
    """

    once: float
    steps: int
    ends: float
    layers: int
    layer: float
    decoded: float
    output: torch.Tensor

    @property
    def seconds(self) -> float:
        """The sum."""
        return self.once + self.steps * (self.ends + self.layers * self.layer) + self.decoded

    def __str__(self) -> str:
        step = f"{self.ends:.3f} + {self.layers} × {self.layer:.4f}" if self.layers else f"{self.ends:.3f}"
        return f"{self.once:.2f} text + {self.steps} steps × ({step}) + {self.decoded:.2f} decoded"


@torch.inference_mode()
def best_of(call: Callable[[], Any], runs: int = RUNS) -> float:
    """Return the shortest of several runs after one to warm up, in seconds of the clock."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def packed(model: Any, dtype: torch.dtype) -> Any:
    """Return a network as the engine runs it on a CPU."""
    model = model.eval()
    cache_cross_attention(model)
    pack_linears(model, dtype)
    return model


def of_layers(
    make: Callable[[int], Any], given: Tensors, dtype: torch.dtype
) -> tuple[float, float, torch.Tensor]:
    """Return the seconds of an evaluation outside of the layers and in one layer, and four layers' output."""

    def measured(count: int) -> tuple[float, torch.Tensor]:
        model = packed(make(count), dtype)
        seconds = best_of(lambda: model(**given))
        with torch.inference_mode():
            return seconds, model(**given, return_dict=False)[0]

    (few, _), (more, output) = measured(2), measured(4)
    each = (more - few) / 2
    return few - 2 * each, each, output


def ace_step(
    seconds: float, dtype: torch.dtype, layers: int, steps: int, guided: bool, **shape: int
) -> Estimate:
    """Estimate ACE-Step 1.5: latents at 25 Hz, two in a token; guidance is a batch of two."""
    frames, batch = round(25 * seconds), 2 if guided else 1
    given = {
        "hidden_states": torch.randn(batch, frames, 64),
        "context_latents": torch.randn(batch, frames, 128),
        "timestep": torch.full((batch,), 0.5),
        "timestep_r": torch.full((batch,), 0.5),
        "encoder_hidden_states": torch.randn(batch, PROMPT_TOKENS, 2048),
    }
    ends, layer, output = of_layers(
        lambda count: diffusers.AceStepTransformer1DModel(
            num_hidden_layers=count, encoder_hidden_size=2048, **shape
        ),
        given,
        dtype,
    )
    attention: dict[str, Any] = {"num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128}
    text = of_layers(
        lambda count: transformers.Qwen3Model(
            transformers.Qwen3Config(
                vocab_size=1_000,
                hidden_size=1024,
                intermediate_size=3072,
                num_hidden_layers=count,
                **attention,
            )
        ),
        {"input_ids": torch.zeros(1, PROMPT_TOKENS, dtype=torch.long)},
        dtype,
    )
    once = text[0] + 28 * text[1] + conditions(dtype, attention)
    return Estimate(once, steps, ends, layers, layer, vae(48_000, [2, 4, 4, 6, 10], frames), output)


def conditions(dtype: torch.dtype, attention: dict[str, Any]) -> float:
    """Return the seconds of ACE-Step's condition encoder: a prompt, no lyrics, 30 s of silence as timbre."""
    model = packed(
        diffusers.AceStepConditionEncoder(
            hidden_size=2048,
            intermediate_size=6144,
            text_hidden_dim=1024,
            num_lyric_encoder_hidden_layers=8,
            num_timbre_encoder_hidden_layers=4,
            **attention,
        ),
        dtype,
    )
    lyrics = 10
    given = {
        "text_hidden_states": torch.randn(1, PROMPT_TOKENS, 1024),
        "text_attention_mask": torch.ones(1, PROMPT_TOKENS),
        "lyric_hidden_states": torch.randn(1, lyrics, 1024),
        "lyric_attention_mask": torch.ones(1, lyrics),
        "refer_audio_acoustic_hidden_states_packed": torch.randn(1, 750, 64),
        "refer_audio_order_mask": torch.zeros(1, dtype=torch.long),
    }
    return best_of(lambda: model(**given), 1)


def stable_audio(seconds: float, dtype: torch.dtype) -> Estimate:
    """Estimate Stable Audio Open: 1,024 latents whatever was asked for; guidance is a batch of two."""
    given = {
        "hidden_states": torch.randn(2, 64, 1024),
        "timestep": torch.full((2,), 0.5),
        "encoder_hidden_states": torch.randn(2, PROMPT_TOKENS + 2, 768),
        "global_hidden_states": torch.randn(2, 1, 1536),
        "rotary_embedding": get_1d_rotary_pos_embed(32, 1025, use_real=True, repeat_interleave_real=False),
    }
    ends, layer, output = of_layers(
        lambda count: diffusers.StableAudioDiTModel(num_layers=count), given, dtype
    )
    text = of_layers(
        lambda count: transformers.T5EncoderModel(
            transformers.T5Config(vocab_size=1_000, d_model=768, d_ff=3072, num_layers=count, num_heads=12)
        ),
        {"input_ids": torch.zeros(2, PROMPT_TOKENS, dtype=torch.long)},
        dtype,
    )
    decoded = vae(44_100, [2, 4, 4, 8, 8], round(seconds * 44_100 / 2048))
    return Estimate(text[0] + 12 * text[1], 100, ends, 24, layer, decoded, output)


def vae(rate: int, ratios: list[int], frames: int) -> float:
    """Return the seconds in which the engine decodes so many latent frames."""
    model: Any = diffusers.AutoencoderOobleck(
        encoder_hidden_size=4,
        downsampling_ratios=ratios,
        channel_multiples=[1, 2, 4, 8, 16],
        decoder_channels=128,
        decoder_input_channels=64,
        audio_channels=2,
        sampling_rate=rate,
    )
    model.eval()
    oobleck.fuse_weight_norm(model)
    piece = min(frames, oobleck.SLICE_FRAMES)
    latents = torch.randn(1, 64, piece)
    return best_of(lambda: oobleck.decode(model, latents, 10**9), 1) * frames / piece


def audioldm2(seconds: float, dtype: torch.dtype) -> Estimate:
    """Estimate AudioLDM 2: mel frames of 10 ms, four in a latent. Its text encoders are left out."""
    frames = -(-round(100 * seconds) // 4)
    width: list[Any] = [None, 768, 1024]
    blocks = ["CrossAttn{}Block2D"] * 3
    unet: Any = diffusers.AudioLDM2UNet2DConditionModel(
        sample_size=256,
        in_channels=8,
        out_channels=8,
        block_out_channels=(128, 256, 384, 640),
        attention_head_dim=8,
        down_block_types=("DownBlock2D", *(block.format("Down") for block in blocks)),
        up_block_types=(*(block.format("Up") for block in blocks), "UpBlock2D"),
        cross_attention_dim=[width] * 4,
    )
    mel: Any = diffusers.AutoencoderKL(
        in_channels=1,
        out_channels=1,
        latent_channels=8,
        block_out_channels=(128, 256, 512),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=2,
    )
    mel.eval()
    vocoder = transformers.SpeechT5HifiGan(
        transformers.SpeechT5HifiGanConfig(
            model_in_dim=64,
            upsample_initial_channel=1024,
            upsample_rates=[5, 4, 2, 2, 2],
            upsample_kernel_sizes=[16, 16, 8, 4, 4],
            normalize_before=False,
        )
    ).eval()
    given = {
        "sample": torch.randn(2, 8, -(-frames // 8) * 8, 16),
        "encoder_hidden_states": torch.randn(2, 8, 768),
        "encoder_hidden_states_1": torch.randn(2, 16, 1024),
        "encoder_attention_mask_1": torch.ones(2, 16),
    }
    latents, spectrogram = torch.randn(1, 8, frames, 16), torch.randn(4 * frames, 64)
    if dtype is torch.float32:
        unet = packed(unet, dtype)
    else:
        # DTYPE=bfloat16 is the whole model's here: its work is in convolutions.
        unet, mel, vocoder = (model.eval().to(dtype) for model in (unet, mel, vocoder))
        given = {name: tensor.to(dtype) for name, tensor in given.items()}
        latents, spectrogram = latents.to(dtype), spectrogram.to(dtype)
    step = best_of(lambda: unet(timestep=torch.tensor(500), **given))
    decoded = best_of(lambda: mel.decode(latents), 1) + best_of(lambda: vocoder(spectrogram), 1)
    with torch.inference_mode():
        output = unet(timestep=torch.tensor(500), **given).sample
    return Estimate(0.0, 200, step, 0, 0.0, decoded, output)


XL = {
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
}
MODELS: dict[str, Callable[[float, torch.dtype], Estimate]] = {
    "ACE-Step 1.5 turbo": lambda seconds, dtype: ace_step(seconds, dtype, 24, 8, guided=False),
    "ACE-Step 1.5 base": lambda seconds, dtype: ace_step(seconds, dtype, 24, 50, guided=True),
    "ACE-Step 1.5 XL turbo": lambda seconds, dtype: ace_step(seconds, dtype, 32, 8, guided=False, **XL),
    "Stable Audio Open": stable_audio,
    "AudioLDM 2": audioldm2,
}
"""The published models by name, with the steps and the guidance that the bot asks them for by default."""


def rows(names: list[str], lengths: list[float]) -> Iterator[str]:
    """Yield a row a model, length and precision as it is measured, and by how much an evaluation differs."""
    for name in names:
        for seconds in lengths:
            outputs = []
            for dtype in (torch.float32, torch.bfloat16):
                torch.manual_seed(0)
                found = MODELS[name](seconds, dtype)
                precision = str(dtype).removeprefix("torch.")
                outputs.append(found.output.float())
                yield f"{name}, {seconds:g} s, {precision}: {found.seconds:.0f} s = {found}"
            right, narrow = outputs
            apart = 100 * float((narrow - right).norm() / right.norm())
            yield f"    an evaluation differs by {apart:.2f} % of its RMS"
