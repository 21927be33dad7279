"""The facts that torch knows of this machine, as one JSON object: `python -m bot.engines.probe`."""

from __future__ import annotations

import json

import torch

from bot.engines.accelerator import resolved


def main() -> None:
    """Print the fields of bot.machine.Machine: torch's version, GPUs with gigabytes of memory, and so on."""
    cuda = torch.cuda.is_available()
    properties = (
        [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())] if cuda else []
    )
    facts = {
        "torch": torch.__version__,
        "gpus": [[gpu.name, round(gpu.total_memory / 1e9, 1)] for gpu in properties],
        "mps": torch.backends.mps.is_available(),
        "auto": resolved("auto"),
        "threads": torch.get_num_threads(),
        "bfloat16": cuda and torch.cuda.is_bf16_supported(including_emulation=False),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
