"""What decoding MusicGen's tokens to audio costs, on random weights of EnCodec's published shapes.

`python -m benchmarks.codec [--threads 1 2] [--seconds 2 10 30]` prints the median seconds of processor time a
thread by the seconds of audio, and the most memory, each row in a process of its own. "transformers" decodes
a clip in one piece, as its `generate` does; "transformers in sections" is its layers in sections of 2 s with
their receptive field on both sides, as a GPU decodes here.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from bot.engines.checkpoints.weights import read_tensors
from bot.engines.musicgen.checkpoint import read_checkpoint
from bot.engines.musicgen.codec import Codec, OverlappingNetwork, encodec
from tests.engines.checkpoint_files import manifest, write_musicgen

ROWS = ("transformers", "transformers in sections", "ours")
REST = {"hidden": 32, "middle": 64, "layer": 1, "heads": 2, "t5_width": 24, "t5_middle": 32, "t5_layer": 1}
"""Sizes of the language model and the text encoder, which no row runs."""
RUNS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=int, nargs="+", default=[2, 10, 30])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(_measured(args.child, args.seconds))
        return
    for threads in args.threads:
        print(f"{threads} thread(s)", flush=True)
        for row in ROWS:
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.codec", "--child", row, "--seconds"]
            ran = subprocess.run(
                [*command, *map(str, args.seconds)], capture_output=True, text=True, check=True,
                env=os.environ | {"OMP_NUM_THREADS": str(threads)},
            )  # fmt: skip
            print(f"  {row:26}{ran.stdout.strip()}", flush=True)


def _measured(row: str, lengths: list[int]) -> str:
    with tempfile.TemporaryDirectory() as temporary, torch.inference_mode():
        sizes = manifest("musicgen")["published"]["facebook/musicgen-small"] | REST
        checkpoint = read_checkpoint(write_musicgen(Path(temporary) / "small", sizes=sizes), "small")
        tensors = read_tensors(checkpoint.folder)
        codec, theirs = Codec(checkpoint, tensors, "cpu"), encodec(checkpoint, tensors, "cpu")
    if row == "transformers in sections":
        codec.network = OverlappingNetwork(theirs.decoder.layers, checkpoint.hop)

    @torch.inference_mode()
    def decode(codes: torch.Tensor) -> object:
        if row == "transformers":
            return theirs.decode(codes[None, None], [None]).audio_values
        return codec.decode(codes, lambda *_: None)

    found = []
    for seconds in lengths:
        codes = torch.randint(2048, (4, round(checkpoint.frame_rate * seconds)))
        times = []
        for _ in range(RUNS + 1):
            started = time.process_time()
            decode(codes)
            times.append(time.process_time() - started)
        median = statistics.median(times[1:]) / torch.get_num_threads()
        found.append(f"{seconds} s: {median:.2f} s")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return "   ".join([*found, f"{memory:.1f} GB"])


if __name__ == "__main__":
    main()
