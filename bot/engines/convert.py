"""`antiphon models convert`: audiocraft's pickled checkpoints become safetensors with a config.json.

It runs as a process of its own: `python -m bot.engines.convert SOURCE TARGET`. What is read
there is data alone (see pickled), and a file that breaks the reader breaks that process and nothing else.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from bot.engines.checkpoints import pickled
from bot.engines.checkpoints.names import codec_to_transformers, language_to_transformers
from bot.engines.checkpoints.weights import WHOLE, read_tensors, refuse_unexpected
from bot.errors import AntiphonError, ModelMissing
from bot.hub import hub_cache
from bot.hub.converted import AUDIOCRAFT_FILES, MULTIBAND_FILE
from bot.module_run import REFUSED

Tensors = dict[str, torch.Tensor]

TEXT_ENCODERS = {
    "t5-base": "google-t5/t5-base",
    "t5-small": "google-t5/t5-small",
    "t5-large": "google-t5/t5-large",
}
"""audiocraft's name of a text encoder → where the hub has it now."""
TOKENIZER = ("tokenizer.json", "spiece.model", "tokenizer_config.json", "special_tokens_map.json")
CHROMA_LENGTH = 235
"""Frames of 30 s of melody; what transformers' config of the melody models has."""


def convert(source: Path, target: Path) -> None:
    """Read audiocraft's files in a folder and write a checkpoint into another, whole or not at all.

    Raises ModelMissing with the file's name and the reason, or what else is needed.
    """
    if (source / MULTIBAND_FILE).is_file():
        config, tensors, tokenizer = *_multiband(source / MULTIBAND_FILE), None
    elif all((source / name).is_file() for name in AUDIOCRAFT_FILES):
        config, tensors, tokenizer = _musicgen(source)
    else:
        missing = [name for name in AUDIOCRAFT_FILES if not (source / name).is_file()]
        raise ModelMissing(
            f"{source} holds nothing to convert: {' and '.join(missing)} of a MusicGen, or {MULTIBAND_FILE} "
            "of MultiBandDiffusion, would have to be there."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as made:
        folder = Path(made) / target.name
        folder.mkdir()
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / WHOLE)
        (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
        for name in TOKENIZER:
            if tokenizer is not None and (tokenizer / name).is_file():
                shutil.copyfile(tokenizer / name, folder / name)
        if (source / "README.md").is_file():
            shutil.copyfile(source / "README.md", folder / "README.md")
        _check(folder, config)
        if target.exists():
            shutil.rmtree(target)
        folder.rename(target)


def _musicgen(source: Path) -> tuple[dict[str, Any], Tensors, Path]:
    language, compression = (source / name for name in AUDIOCRAFT_FILES)
    saved = pickled.read(language)
    settings = pickled.config(saved.get("xp.cfg"), language)
    tensors = language_to_transformers(_state(saved, "best_state", language))
    del saved
    try:
        model = settings["transformer_lm"]
        prepended = list(settings["fuser"]["prepend"])
        named = str(settings["conditioners"]["description"]["t5"]["name"])
        delays = list(settings["codebooks_pattern"]["delay"]["delays"])
        stereo = bool((settings.get("interleave_stereo_codebooks") or {}).get("use"))
        sizes = {
            "hidden_size": int(model["dim"]),
            "num_hidden_layers": int(model["num_layers"]),
            "num_attention_heads": int(model["num_heads"]),
            "ffn_dim": int(model["hidden_scale"] * model["dim"]),
            "num_codebooks": int(model["n_q"]),
            "vocab_size": int(model["card"]),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ModelMissing(f"The config in {language} is not a MusicGen's: {error} is missing.") from error
    channels = 2 if stereo else 1
    if delays != [book // channels for book in range(sizes["num_codebooks"])]:
        raise ModelMissing(f"The config in {language} has delays {delays}, which MusicGen has not.")
    kind = "musicgen_melody" if "self_wav" in prepended else "musicgen"
    text_folder = _text_encoder(named)
    codec_config, codec = _codec(compression)
    tensors |= {f"audio_encoder.{name}": tensor for name, tensor in codec.items()}
    # Imported here: transformers is for MusicGen's parts alone.
    from bot.engines.musicgen.text import tied_embeddings

    text = tied_embeddings(read_tensors(text_folder))
    tensors |= {
        f"text_encoder.{name}": tensor
        for name, tensor in text.items()
        if name.startswith(("shared.", "encoder.")) and name != "encoder.embed_tokens.weight"
    }
    config: dict[str, Any] = {
        "model_type": kind,
        "text_encoder": _json(text_folder / "config.json"),
        "audio_encoder": codec_config,
        "decoder": {
            "model_type": f"{kind}_decoder",
            **sizes,
            "audio_channels": channels,
            "pad_token_id": sizes["vocab_size"],
            "bos_token_id": sizes["vocab_size"],
            "activation_function": "gelu",
        },
    }
    if kind == "musicgen_melody":
        config |= {"num_chroma": 12, "chroma_length": CHROMA_LENGTH}
    return config, tensors, text_folder


def _codec(file: Path) -> tuple[dict[str, Any], Tensors]:
    """Return the codec's config and tensors as transformers has them, without a prefix."""
    saved = pickled.read(file)
    if isinstance(reference := saved.get("pretrained"), str):
        name = reference.removeprefix("//pretrained/")
        folder = hub_cache.folder_of(name)
        if folder is None:
            raise ModelMissing(f"{file} refers to {name}: run `antiphon models fetch {name}` first.")
        return _json(folder / "config.json"), read_tensors(folder)
    settings = pickled.config(saved.get("xp.cfg"), file)
    tensors = codec_to_transformers(_state(saved, "best_state", file))
    try:
        seanet, rvq, rate = settings["seanet"], settings["rvq"], int(settings["sample_rate"])
        ratios = [int(ratio) for ratio in seanet["ratios"]]
        bits = (int(rvq["bins"]) - 1).bit_length()
        config = {
            "model_type": "encodec",
            "sampling_rate": rate,
            "audio_channels": int(settings["channels"]),
            "hidden_size": int(seanet["dimension"]),
            "codebook_dim": int(seanet["dimension"]),
            "codebook_size": int(rvq["bins"]),
            # All its codebooks, in kbit/s, as EncodecConfig counts them.
            "target_bandwidths": [int(rvq["n_q"]) * bits * -(-rate // prod(ratios)) / 1000],
            "num_filters": int(seanet["n_filters"]),
            "num_residual_layers": int(seanet["n_residual_layers"]),
            "upsampling_ratios": ratios,
            "kernel_size": int(seanet["kernel_size"]),
            "last_kernel_size": int(seanet["last_kernel_size"]),
            "residual_kernel_size": int(seanet["residual_kernel_size"]),
            "dilation_growth_rate": int(seanet["dilation_base"]),
            "use_causal_conv": bool(seanet["causal"]),
            "use_conv_shortcut": not seanet["true_skip"],
            "pad_mode": str(seanet["pad_mode"]),
            "norm_type": str(seanet["norm"]),
            "compress": int(seanet["compress"]),
            "num_lstm_layers": int(seanet["lstm"]),
            "normalize": bool((settings.get("encodec") or {}).get("renormalize", False)),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ModelMissing(f"The config in {file} is not an EnCodec's: {error} is missing.") from error
    return config, tensors


def _multiband(file: Path) -> tuple[dict[str, Any], Tensors]:
    saved = pickled.read(file)
    tensors: Tensors = {}
    bands = []
    try:
        for number in range(int(saved["n_bands"])):
            band = saved[number]
            settings = pickled.config(band["cfg"], file)
            bands.append(
                {key: settings[key] for key in ("channels", "schedule", "diffusion_unet", "processor")}
            )
            for part in ("model", "processor"):
                state = _state(band, f"{part}_state", file)
                tensors |= {f"bands.{number}.{part}.{name}": tensor for name, tensor in state.items()}
        config = {
            "model_type": "multiband_diffusion",
            "sample_rate": int(saved["sample_rate"]),
            "bands": bands,
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ModelMissing(f"{file} is not a MultiBandDiffusion: {error} is missing.") from error
    return config, tensors


def _state(saved: dict[Any, Any], key: str, file: Path) -> Tensors:
    state = saved.get(key)
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in state.items()
    ):
        raise ModelMissing(f"{file} holds no weights under {key}.")
    return dict(state)


def _text_encoder(named: str) -> Path:
    """Return the folder of the text encoder that a model was trained with."""
    current = TEXT_ENCODERS.get(named, named)
    folder = hub_cache.folder_of(current) or hub_cache.folder_of(named)
    if folder is None:
        raise ModelMissing(
            f"The text encoder {current} is not on this machine: run `antiphon models fetch {current}` first."
        )
    return folder


def _json(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelMissing(f"{file} cannot be read.") from error
    return found


def _check(folder: Path, config: dict[str, Any]) -> None:
    """Load what was written as the engines will. Raises ModelMissing where it does not fit."""
    tensors = read_tensors(folder)
    if config["model_type"] == "multiband_diffusion":
        return
    from bot.engines.musicgen.checkpoint import TENSOR_PREFIXES, read_checkpoint
    from bot.engines.musicgen.codec import Codec
    from bot.engines.musicgen.text import TextEncoder
    from bot.engines.musicgen.weights import read

    refuse_unexpected(tensors, TENSOR_PREFIXES, folder)
    checkpoint = read_checkpoint(folder, folder.name)
    TextEncoder(checkpoint, tensors, "cpu", torch.float32)
    Codec(checkpoint, tensors, "cpu")
    read(checkpoint.sizes, tensors)


def main(source: str, target: str) -> int:
    """Convert, and return the exit code: 0, or REFUSED with the sentence of the refusal on stderr."""
    try:
        convert(Path(source), Path(target))
    except AntiphonError as error:
        print(error, file=sys.stderr)
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
