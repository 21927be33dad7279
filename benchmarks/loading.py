"""Peak memory of loading MusicGen-small by precision: `python -m benchmarks.loading [--rows int8]`.

Writes a language model of the true shapes with random weights in fp16, loads it in a process of its own for
each precision, and prints what the process grew by at its peak, and that over the packed weights and
embeddings that it holds afterwards. What torch and numba take whatever the model is left out: a model of one
layer is loaded before.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import MusicgenForCausalLM
from transformers.initialization import no_init_weights
from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig

from bot.engines.checkpoints.weights import open_tensors
from bot.engines.musicgen.linear import precisions_on
from bot.engines.musicgen.model_config import ModelConfig
from bot.engines.musicgen.network import LanguageModel
from bot.machine import processor


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", default=list(precisions_on("cpu")), help="which precisions")
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(_growth(args.rows[0], *args.child)))
        return
    print(f"{processor()}\n\n| precision | held | peak of loading | peak / held |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        small, large = (_write(Path(temporary) / str(layers), layers) for layers in (1, 24))
        for row in args.rows:
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.loading", "--rows", row]
            ran = subprocess.run(
                [*command, "--child", small, large], capture_output=True, text=True, check=True
            )
            held, peak = json.loads(ran.stdout.splitlines()[-1])
            print(f"| {row} | {held:,.0f} MB | {peak:,.0f} MB | {peak / held:.2f} |", flush=True)


def _write(folder: Path, layers: int) -> Path:
    """Write a checkpoint of MusicGen-small's shapes, with so many layers, and return its folder."""
    folder.mkdir()
    with no_init_weights():
        model = MusicgenForCausalLM(MusicgenDecoderConfig(num_hidden_layers=layers))
    noise = torch.randn(8_000_009) * 0.02
    tensors = {
        f"decoder.{name}": noise[: tensor.numel()].view(tensor.shape).half()
        for name, tensor in model.state_dict().items()
    }
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(model.config.to_dict()))
    return folder


def _growth(precision: str, small: Path, large: Path) -> tuple[float, float]:
    """Return the megabytes that a loaded model holds, and by how many the process had grown at the peak."""
    _load(small, precision)
    # What is free in the heap would hide as much of the growth.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is resident now
    before = _megabytes("VmRSS")
    model = _load(large, precision)
    assert model._packed is not None
    held = model._packed.size + model.embeddings.numel() * model.embeddings.element_size()
    return held / 1e6, _megabytes("VmHWM") - before


def _load(folder: Path, precision: str) -> LanguageModel:
    config = {"model_type": "musicgen", "decoder": json.loads((folder / "config.json").read_text())}
    return LanguageModel.from_weights(
        ModelConfig.from_transformers(config),
        open_tensors(folder),
        precision=precision,  # type: ignore[arg-type]
    )


def _megabytes(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1.024e-3 for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
