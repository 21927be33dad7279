"""Writes manifests/*.json: names and shapes of every weight of small pipelines, as diffusers saves them.

    python -m tests.engines.diffusion.make_manifests

The parts are diffusers' and transformers' public classes at the versions that each manifest names, built
small and written by their own save_pretrained; nothing of the project's loader is used. Only names, shapes
and configs are kept: the tests fill in numbers.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import transformers
from safetensors import safe_open

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    import diffusers

FOLDER = Path(__file__).parent / "manifests"
RATE = 16_000
T5: dict[str, Any] = {
    "vocab_size": 200,
    "d_kv": 8,
    "d_ff": 37,
    "num_layers": 2,
    "num_heads": 4,
    "feed_forward_proj": "relu",
}


def oobleck(rate: int, ratios: list[int], latents: int) -> Any:
    return diffusers.AutoencoderOobleck(
        # As in the published ones: the encoder's last layer gives mean and deviation of each latent.
        encoder_hidden_size=2 * latents,
        downsampling_ratios=ratios,
        channel_multiples=[1, 2, 2, 4],
        decoder_channels=4,
        decoder_input_channels=latents,
        audio_channels=2,
        sampling_rate=rate,
    )


def stable_audio() -> dict[str, Any]:
    return {
        "vae": oobleck(RATE, [2, 4, 8, 8], 6),
        "text_encoder": transformers.T5EncoderModel(transformers.T5Config(d_model=32, **T5)),
        "projection_model": diffusers.StableAudioProjectionModel(
            text_encoder_dim=32, conditioning_dim=8, min_value=0, max_value=512
        ),
        "transformer": diffusers.StableAudioDiTModel(
            sample_size=64,
            in_channels=6,
            out_channels=6,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            num_key_value_attention_heads=2,
            cross_attention_dim=8,
            time_proj_dim=8,
            global_states_input_dim=16,
            cross_attention_input_dim=8,
        ),
        "scheduler": diffusers.CosineDPMSolverMultistepScheduler(
            solver_order=2, prediction_type="v_prediction", sigma_data=1.0, sigma_schedule="exponential"
        ),
    }


def ace_step() -> dict[str, Any]:
    attention: dict[str, Any] = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
    return {
        "vae": oobleck(8_000, [2, 4, 4, 10], 8),
        "text_encoder": transformers.Qwen3Model(
            transformers.Qwen3Config(
                vocab_size=300, hidden_size=16, intermediate_size=32, num_hidden_layers=2, **attention
            )
        ),
        "transformer": diffusers.AceStepTransformer1DModel(
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            in_channels=24,
            audio_acoustic_hidden_dim=8,
            encoder_hidden_size=16,
            **attention,
        ),
        "condition_encoder": diffusers.AceStepConditionEncoder(
            hidden_size=16,
            intermediate_size=32,
            text_hidden_dim=16,
            timbre_hidden_dim=8,
            num_lyric_encoder_hidden_layers=2,
            num_timbre_encoder_hidden_layers=2,
            **attention,
        ),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        # Published with the base and sft models, not with turbo.
        "audio_tokenizer": diffusers.AceStepAudioTokenizer(
            hidden_size=16, intermediate_size=32, audio_acoustic_hidden_dim=8, fsq_dim=16, **attention
        ),
        "audio_token_detokenizer": diffusers.AceStepAudioTokenDetokenizer(
            hidden_size=16, intermediate_size=32, audio_acoustic_hidden_dim=8, **attention
        ),
    }


def stable_audio_3() -> dict[str, Any]:
    """As scripts/convert_stable_audio_3_to_diffusers.py of diffusers writes the medium model."""
    attention = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
    text = {
        "vocab_size": 300,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        **attention,
    }
    config = transformers.T5GemmaConfig(encoder=text, decoder=text, is_encoder_decoder=False)
    return {
        "vae": diffusers.AutoencoderSAME(
            patch_size=8,
            encoder_channels=4,
            encoder_c_mults=[4],
            encoder_strides=[4],
            encoder_transformer_depths=[2],
            latent_dim=6,
            dim_heads=8,
            sampling_rate=1_600,
        ),
        "text_encoder": transformers.T5GemmaEncoderModel(config),
        "duration_embedder": diffusers.StableAudio3DurationEmbedder(output_dim=16, fourier_dim=16),
        "transformer": diffusers.StableAudio3DiTModel(
            io_channels=6,
            embed_dim=16,
            depth=2,
            num_heads=2,
            cond_token_dim=16,
            global_cond_dim=16,
            local_add_cond_dim=7,
            timestep_features_dim=16,
            num_memory_tokens=4,
        ),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(
            num_train_timesteps=1, shift=1.0, stochastic_sampling=True
        ),
    }


def audioldm2() -> dict[str, Any]:
    clap = transformers.ClapConfig(
        text_config={
            "vocab_size": 300, "hidden_size": 8, "intermediate_size": 37, "num_hidden_layers": 1,
            "num_attention_heads": 2, "projection_dim": 16, "pad_token_id": 1, "max_position_embeddings": 66,
        },
        audio_config={
            "spec_size": 8, "window_size": 4, "num_mel_bins": 8, "patch_embeds_hidden_size": 8,
            "depths": [1, 1], "num_attention_heads": [1, 1], "num_hidden_layers": 2, "patch_size": 2,
            "patch_stride": 2, "hidden_size": 16, "projection_dim": 16,
        },
        projection_dim=16,
    )  # fmt: skip
    # As cvssp/audioldm2 and its kin were published, not as the pipeline of today wants it.
    older: dict[str, Any] = {"max_new_tokens": 8}
    return {
        "vae": diffusers.AutoencoderKL(
            in_channels=1,
            out_channels=1,
            block_out_channels=[8, 16],
            down_block_types=["DownEncoderBlock2D", "DownEncoderBlock2D"],
            up_block_types=["UpDecoderBlock2D", "UpDecoderBlock2D"],
            latent_channels=4,
            norm_num_groups=8,
        ),
        "text_encoder": transformers.ClapModel(clap),
        "text_encoder_2": transformers.T5EncoderModel(transformers.T5Config(d_model=32, **T5)),
        "projection_model": diffusers.AudioLDM2ProjectionModel(
            text_encoder_dim=16, text_encoder_1_dim=32, langauge_model_dim=16
        ),
        "language_model": transformers.GPT2Model(
            transformers.GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=99, vocab_size=99, **older)
        ),
        "unet": diffusers.AudioLDM2UNet2DConditionModel(
            sample_size=128,
            in_channels=4,
            out_channels=4,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=8,
            attention_head_dim=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=[[None, 16, 32], [None, 16, 32]],
        ),
        "scheduler": diffusers.DDIMScheduler(
            beta_start=0.0015,
            beta_end=0.0195,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        "vocoder": transformers.SpeechT5HifiGan(
            transformers.SpeechT5HifiGanConfig(
                model_in_dim=8,
                sampling_rate=RATE,
                upsample_initial_channel=16,
                upsample_rates=[5, 4, 8],
                upsample_kernel_sizes=[10, 8, 16],
                resblock_kernel_sizes=[3],
                resblock_dilation_sizes=[[1, 3]],
                normalize_before=False,
            )
        ),
        "feature_extractor": transformers.ClapFeatureExtractor(feature_size=8),
    }


TOKENIZERS = {
    "AceStepPipeline": {"tokenizer": "Qwen2TokenizerFast"},
    "StableAudioPipeline": {"tokenizer": "T5TokenizerFast"},
    "StableAudio3Pipeline": {"tokenizer": "GemmaTokenizerFast"},
    "AudioLDM2Pipeline": {"tokenizer": "RobertaTokenizerFast", "tokenizer_2": "T5TokenizerFast"},
}
PIPELINES: dict[str, tuple[str, dict[str, Any]]] = {
    "ace_step": ("AceStepPipeline", ace_step()),
    "stable_audio": ("StableAudioPipeline", stable_audio()),
    "stable_audio_3": ("StableAudio3Pipeline", stable_audio_3()),
    "audioldm2": ("AudioLDM2Pipeline", audioldm2()),
}


def library(part: object) -> str:
    """The name that a model index gives to a class's library: the pipeline's own module for its own parts."""
    path = type(part).__module__.split(".")
    return path[-2] if "pipelines" in path else path[0]


def described(part: Any, folder: Path) -> dict[str, Any]:
    part.save_pretrained(folder)
    files = {
        path.name: json.loads(path.read_text())
        for path in sorted(folder.glob("*.json"))
        if not path.name.endswith(".index.json")
    }
    weights: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="np") as tensors:
            names = sorted(tensors.keys())
            weights[path.name] = {name: tensors.get_slice(name).get_shape() for name in names}
    return {"class": [library(part), type(part).__name__], "files": files, "weights": weights}


def lines(value: Any, depth: int = 0) -> str:
    """JSON with a line for each weight and each field of a config."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value)
    inside = ",\n".join(
        f"{' ' * (depth + 1)}{json.dumps(k)}: {lines(value[k], depth + 1)}" for k in sorted(value)
    )
    return f"{{\n{inside}\n{' ' * depth}}}"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, (kind, parts) in PIPELINES.items():
        with tempfile.TemporaryDirectory() as folder:
            manifest = {
                "source": f"save_pretrained of diffusers {diffusers.__version__}, "
                f"transformers {transformers.__version__}",
                "pipeline": kind,
                "tokenizers": TOKENIZERS[kind],
                "parts": {part: described(parts[part], Path(folder, part)) for part in parts},
            }
        (FOLDER / f"{name}.json").write_text(lines(manifest) + "\n")


if __name__ == "__main__":
    main()
