"""What decoding MusicGen-small costs: ours, transformers', audiocraft's, on random weights of its shapes.

`python -m benchmarks.ar_decode [--quick] [--threads 1 2]` prints, side by side and each in a
process of its own, milliseconds a step at several contexts with the share of the memory's bandwidth that
reading the weights alone accounts for, and the most memory; then clips per minute by how many are decoded
beside each other; then whole clips, codec included, from a checkpoint that it writes; then the KL divergence
of each precision from fp32 on the shipped, trained model. A step is one clip with guidance: two rows, 10
words. transformers and audiocraft are timed in their own step, without their sampling and their `generate`;
"compiled" is the model by torch.compile, warmed up, in transformers with its static cache, of 30 s.
A step's milliseconds are the median of processor time divided by the threads, which is the wall clock's on a
machine with nothing else to do and stays near it where others compute beside; with --rounds, the least of
several rounds, taken in turns, since a neighbour in the memory only ever adds. Whole clips are in seconds of
the wall clock.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bot.engines.musicgen.cpu.backend import CPUBackend

CONTEXTS = (50, 500, 1_000, 1_480)
WORDS = 10
ROWS = (
    "audiocraft fp32",
    "audiocraft bf16",
    "audiocraft fp32 compiled",
    "transformers fp32",
    "transformers bf16",
    "transformers fp32 compiled",
    "transformers bf16 compiled",
    "ours fp32",
    "ours fp16",
    "ours bf16",
    "ours int8",
    "ours int4",
)
PARAMETERS = 24 * 14 * 1024**2 + 4 * 2048 * 1024
"""Weights that a step reads: 24 layers of 14 squares of 1,024 (no cross-attention keys), and four heads."""
BYTES = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 1, "int4": 0.57}
"""Bytes of a weight that a step reads; in int4 with a scale for 32, and the heads in int8."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="contexts 50 and 500, one and eight slots")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), help="which rows to measure")
    parser.add_argument("--only", choices=["steps", "slots", "clips", "trained"], help="one part alone")
    parser.add_argument("--rounds", type=int, default=1, help="how often steps are measured, in turns")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(PARTS[args.child](args.rows[0], args.quick)))
        return
    print(_processor())
    parts = [args.only] if args.only else ["steps", "slots", "clips", "trained"]
    for part in parts:
        if part == "trained":
            for precision in ("fp16", "bf16", "int8", "int4"):
                print(f"{precision} against fp32, trained: {_child('trained', precision, 1, args.quick)}")
            continue
        for threads in args.threads:
            speed = _child("bandwidth", "", threads, args.quick)["GB/s"]
            print(f"\n{part}, {threads} thread(s); memory reads {speed:.1f} GB/s", flush=True)
            rows = [row for row in args.rows if part == "steps" or row.startswith("ours")]
            whole = ("transformers fp32", "transformers bf16")
            rows += [row for row in whole if part == "clips" and row in args.rows]
            rounds = args.rounds if part == "steps" else 1
            measured = [{row: _child(part, row, threads, args.quick) for row in rows} for _ in range(rounds)]
            for row in rows:
                print(f"  {row:26} {_told(row, _least([once[row] for once in measured]), speed)}", flush=True)


def _processor() -> str:
    """Return the processor's name and the features that the kernels' vectors depend on."""
    from llvmlite import binding

    from bot.engines.musicgen.cpu.processor import target_features

    vectors = ("+avx2", "+fma", "+f16c", "+avx512bw", "+avx512vnni", "+avx512bf16", "+avxvnni", "+neon")
    present = set(target_features().split(","))
    return f"{binding.get_host_cpu_name()}: {' '.join(name for name in vectors if name in present)}"


def _child(part: str, row: str, threads: int, quick: bool) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.ar_decode", "--child", part, "--rows", row]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    ran = subprocess.run(
        [*command, *(["--quick"] if quick else [])],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    if ran.returncode:
        return {"failed": (ran.stderr.strip().splitlines() or ["ended without a word"])[-1]}
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def _least(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The first round, with the least milliseconds of all at each context."""
    first = rounds[0]
    if "steps" not in first:
        return first
    others = [other["steps"] for other in rounds if "steps" in other]
    return first | {"steps": {context: min(o[context] for o in others) for context in first["steps"]}}


def _told(row: str, found: dict[str, Any], speed: float) -> str:
    if "steps" not in found:
        return "  ".join(f"{name} {value}" for name, value in found.items())
    first = next(iter(found["steps"].values()))
    share = PARAMETERS * BYTES[row.split()[1]] / (first / 1e3) / (speed * 1e9)
    steps = "  ".join(f"{context}: {ms:6.1f} ms" for context, ms in found["steps"].items())
    return f"{steps}   {share:.0%} of the bandwidth at the first   {found['GB']:.1f} GB"


def _tensors() -> dict[str, Any]:
    """Random weights in transformers' names at MusicGen-small's shapes."""
    import torch
    from transformers import MusicgenForCausalLM
    from transformers.initialization import no_init_weights
    from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig

    torch.manual_seed(0)
    with no_init_weights():
        model = MusicgenForCausalLM(MusicgenDecoderConfig()).eval()
    noise = torch.randn(8_000_009)
    for parameter in model.parameters():
        own = noise[: parameter.numel()].view(parameter.shape)
        parameter.detach().copy_(own).mul_(1.0 if parameter.ndim == 1 else 0.02)
    return {"model": model, "tensors": {f"decoder.{n}": t for n, t in model.state_dict().items()}}


def _median(action: Callable[[], object], runs: int) -> float:
    """The median of several runs, after two to warm up: milliseconds of processor time over all threads."""
    times = []
    for run in range(runs + 2):
        started = time.process_time()
        action()
        if run >= 2:
            times.append(1e3 * (time.process_time() - started))
    return round(statistics.median(times) / int(os.environ["OMP_NUM_THREADS"]), 1)


def _steps(row: str, quick: bool) -> dict[str, Any]:
    import torch

    contexts, runs = (CONTEXTS[:2], 5) if quick else (CONTEXTS, 7)
    who, precision, *how = row.split()
    maker = {"ours": _ours, "transformers": _transformers, "audiocraft": _audiocraft}[who]
    with torch.inference_mode():
        prepare = maker(precision, *how)
        steps = {context: _median(prepare(context), runs) for context in contexts}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"steps": steps, "GB": peak}


def _ours(precision: str) -> Callable[..., Callable[[], object]]:
    import torch

    from bot.engines.musicgen.decoder import SLOT_COUNTS, Conditions, Decoder, Row
    from bot.engines.musicgen.model_config import ModelConfig
    from bot.engines.musicgen.network import LanguageModel

    made = _tensors()
    config = {"model_type": "musicgen", "decoder": made["model"].config.to_dict()}
    model = LanguageModel.from_weights(
        ModelConfig.from_transformers(config),
        made.pop("tensors"),
        precision=precision,  # type: ignore[arg-type]
    )
    del made

    def prepare(context: int, clips: int = 1) -> Callable[[], object]:
        decoder = Decoder(model, next(count for count in SLOT_COUNTS if count >= clips))
        for seed in range(clips):
            decoder.admit(Row(conditions=Conditions(torch.randn(WORDS, 1024)), frames=1_500, seed=seed))
        assert isinstance(decoder._backend, CPUBackend)
        # As if so many columns had been decoded: what is in the cache changes no timing.
        for cache in (decoder._backend._self_kv.keys, decoder._backend._self_kv.values):
            cache[:] = 1
        for slot in decoder._slots:
            if slot is not None:
                slot.column = context
        decoder._state.counters[0] = decoder._state.counters[3] = context
        return decoder.step

    return prepare


def _peer_dtype(precision: str) -> Any:
    """Return the dtype of a peer implementation. Raises ValueError for an unsupported precision."""
    import torch

    if precision not in ("fp32", "bf16"):
        raise ValueError(f"no {precision} on a CPU: fp32 or bf16")
    return torch.float32 if precision == "fp32" else torch.bfloat16


def _compiled(model: Any) -> Any:
    """Return a model by torch.compile. Raises RuntimeError where a CPU has no C++ compiler for it."""
    import torch
    from torch._inductor.cpp_builder import get_cpp_compiler

    get_cpp_compiler()
    return torch.compile(model)


def _transformers(precision: str, how: str = "") -> Callable[[int], Callable[[], object]]:
    import torch
    from transformers.cache_utils import DynamicCache, EncoderDecoderCache, StaticCache

    dtype = _peer_dtype(precision)
    model = _tensors()["model"].to(dtype)
    call = _compiled(model) if how else model
    states = torch.randn(2, WORDS, 1024, dtype=dtype)
    mask = torch.ones(2, WORDS, dtype=torch.long)

    def prepare(context: int) -> Callable[[], object]:
        def filled(length: int, *, is_own: bool = False) -> DynamicCache | StaticCache:
            cache: DynamicCache | StaticCache = DynamicCache(config=model.config)
            if is_own and how:
                cache = StaticCache(config=model.config, max_cache_len=1_503)
            for layer in range(24):
                part = torch.full((2, 16, length, 64), 0.01, dtype=dtype)
                cache.update(part, part.clone(), layer)
            return cache

        cache = EncoderDecoderCache(filled(context, is_own=True), filled(WORDS))

        def step() -> object:
            return call(
                input_ids=torch.zeros(8, 1, dtype=torch.long), encoder_hidden_states=states,
                encoder_attention_mask=mask, past_key_values=cache, use_cache=True,
            ).logits  # fmt: skip

        return step

    return prepare


def _audiocraft(precision: str, how: str = "") -> Callable[[int], Callable[[], object]]:
    import torch

    from bot.engines.reference.stubs import import_audiocraft, stubbed_modules

    dtype = _peer_dtype(precision)
    import_audiocraft()
    with stubbed_modules():
        from audiocraft.models.lm import LMModel
        from audiocraft.modules.codebooks_patterns import DelayedPatternProvider
        from audiocraft.modules.conditioners import ConditionFuser, ConditioningProvider

        fuse = {"cross": ["description"], "prepend": [], "sum": [], "input_interpolate": []}
        # As the published checkpoints' own configuration has it.
        model = LMModel(
            DelayedPatternProvider(4), ConditioningProvider({}), ConditionFuser(fuse), n_q=4, card=2048,
            dim=1024, num_heads=16, num_layers=24, hidden_scale=4, norm_first=True, causal=True,
            bias_proj=False, bias_ff=False, bias_attn=False, activation="gelu", dropout=0.0,
            cross_attention=True, custom=False, memory_efficient=True,
        ).eval().to(dtype)  # fmt: skip
    call = _compiled(model) if how else model
    states = torch.randn(2, WORDS, 1024, dtype=dtype), torch.ones(2, WORDS, dtype=dtype)
    streams = ExitStack()

    def prepare(context: int) -> Callable[[], object]:
        streams.close()
        streams.enter_context(model.streaming())
        tokens = torch.zeros(2, 4, 1, dtype=torch.long)

        def step() -> object:
            with stubbed_modules():
                return call(tokens, conditions=[], condition_tensors={"description": states})

        step()
        for module in model.modules():
            state = getattr(module, "_streaming_state", None)
            for name in ("past_keys", "past_values"):
                if state and name in state:
                    shape = list(state[name].shape)
                    shape[shape.index(1, 1)] = context
                    state[name] = torch.full(shape, 0.01, dtype=dtype)
        return step

    return prepare


def _slots(row: str, quick: bool) -> dict[str, Any]:
    """Clips of 10 s a minute, from a step in their middle, by how many are decoded beside each other."""
    import torch

    found: dict[str, Any] = {}
    with torch.inference_mode():
        prepare = _ours(row.split()[1])
        for clips in (1, 8) if quick else (1, 2, 4, 8, 16):
            step = _median(prepare(250, clips), 5)
            found[f"{clips}:"] = f"{step:.0f} ms, {60_000 * clips / (503 * step):.1f} clips/min "
    return found


def _clips(row: str, quick: bool) -> dict[str, Any]:
    """Seconds for whole clips of MusicGen-small, codec included, and the most memory, loading included."""
    import torch

    from bot.engines.musicgen import engine as module
    from bot.recipe import Mode, Recipe
    from tests.engines.checkpoint_files import manifest, write_musicgen
    from tests.engines.context import rendered

    lengths = (5,) if quick or row.startswith("transformers") else (5, 10, 30)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        sizes = manifest("musicgen")["published"]["facebook/musicgen-small"]
        folder = write_musicgen(Path(temporary) / "small", sizes=sizes, dtype=torch.float16)
        if row.startswith("transformers"):
            from transformers import MusicgenForConditionalGeneration

            model = MusicgenForConditionalGeneration.from_pretrained(
                folder, dtype=_peer_dtype(row.split()[1])
            )
            words: dict[str, Any] = {
                "input_ids": torch.arange(WORDS)[None],
                "attention_mask": torch.ones(1, WORDS),
            }

            def render(seconds: int) -> object:
                return model.generate(**words, max_new_tokens=50 * seconds + 3, guidance_scale=3.0)
        else:
            # What it says of random weights is of no interest here.
            module._require_good = lambda *_: None
            names = {short: name for name, short in module.PRECISIONS.items()}
            ours = module.MusicgenEngine(folder, str(folder), "cpu", names[row.split()[1]])  # type: ignore[index]

            def render(seconds: int) -> object:
                recipe = Recipe(prompt="calm piano", mode=Mode.AR, model=str(folder), seconds=seconds, seed=0)
                return rendered(ours, recipe)

        render(1)
        for seconds in lengths:
            started = time.perf_counter()
            render(seconds)
            found[f"{seconds} s:"] = f"{time.perf_counter() - started:.1f} s "
    found["GB"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 1)
    return found


def _trained(precision: str, quick: bool) -> dict[str, Any]:
    """How far a precision moves the shipped model's distributions, token by token of its own scores."""
    from bot.engines.musicgen.decoder import Conditions
    from bot.engines.musicgen.network import LanguageModel
    from bot.engines.musicgen.quantization_check import compare
    from bot.engines.score import BUILT_IN
    from bot.engines.score.ar import ArEngine
    from bot.engines.score.config import read_config
    from bot.engines.score.decode import Row
    from bot.engines.score.engine import load_weights
    from bot.recipe import Mode

    folder = BUILT_IN["antiphon-tiny-ar"]
    engine = ArEngine(read_config(Mode.AR, folder), "cpu", None)
    assert engine.model is not None
    weights = load_weights(folder / "model.safetensors")
    other = LanguageModel.from_weights(engine.model.sizes, weights, precision=precision)  # type: ignore[arg-type]
    prompts = ("slow piano in the rain", "fast techno, 140 bpm", "sad violin waltz", "funky bass and drums")
    seconds = 10.0 if quick else 30.0
    writers = [(Conditions(engine.text_states(p)), Row(seconds, n, 0.95, 40)) for n, p in enumerate(prompts)]
    return {"found": str(compare(engine.model, other, writers, 2.5, lambda done, total: None))}


def _bandwidth(row: str, quick: bool) -> dict[str, Any]:
    """What one pass over 256 MB reads a second."""
    import torch

    numbers = torch.ones(64_000_000)
    return {"GB/s": 0.256 / (_median(numbers.sum, 15) / 1e3)}


PARTS: dict[str, Callable[[str, bool], dict[str, Any]]] = {
    "steps": _steps,
    "slots": _slots,
    "clips": _clips,
    "trained": _trained,
    "bandwidth": _bandwidth,
}


if __name__ == "__main__":
    main()
