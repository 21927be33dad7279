"""Offload mode and precision, from sizes alone: no machine of the tests has a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engines.diffusion.offload import BYTES, WEIGHTS_SHARE, Offload, choose_offload, chosen_dtype
from bot.engines.diffusion.pipelines import read_pipeline
from tests.engines.diffusion.checkpoints import write_pipeline


@pytest.mark.parametrize(
    ("asked", "device", "has_bfloat16", "chosen"),
    [
        ("auto", "cpu", True, "float32"),
        ("auto", "mps", True, "float32"),
        ("auto", "cuda", True, "bfloat16"),
        ("auto", "cuda:1", False, "float16"),
        ("float16", "cpu", True, "float16"),
        ("float32", "cuda", True, "float32"),
    ],
)
def test_precision_follows_the_device_unless_asked(
    asked: str, device: str, has_bfloat16: bool, chosen: str
) -> None:
    assert chosen_dtype(asked, device, has_bfloat16=has_bfloat16) == chosen


def test_a_pipeline_published_in_one_precision_runs_in_it_on_a_gpu_unless_asked(tmp_path: Path) -> None:
    spec = read_pipeline("x", write_pipeline(tmp_path / "model", "stable_audio")).spec
    usual = spec.cuda_dtype
    assert chosen_dtype("auto", "cuda", has_bfloat16=True, usual=usual) == "float16"
    assert chosen_dtype("auto", "cpu", has_bfloat16=True, usual=usual) == "float32"
    assert chosen_dtype("auto", "cpu", has_bfloat16=True, usual=usual, narrow_on_cpu=True) == "bfloat16"
    assert chosen_dtype("auto", "cpu", has_bfloat16=False, usual=usual, narrow_on_cpu=True) == "float32"
    assert chosen_dtype("float32", "cpu", has_bfloat16=True, usual=usual, narrow_on_cpu=True) == "float32"
    assert chosen_dtype("bfloat16", "cuda", has_bfloat16=True, usual=usual) == "bfloat16"


SIZES = st.integers(1, 10**10)


@given(st.lists(SIZES, min_size=1, max_size=8), st.sampled_from(sorted(BYTES)), st.integers(0, 10**11))
def test_no_offload_asks_for_more_than_there_is_and_more_memory_is_never_worse(
    components: list[int], dtype: str, free: int
) -> None:
    chosen = choose_offload(sum(components), max(components), dtype, free)
    needed = {Offload.NONE: sum(components), Offload.MODEL: max(components), Offload.SEQUENTIAL: 0}
    assert needed[chosen] * BYTES[dtype] <= WEIGHTS_SHARE * free
    order = list(Offload)
    assert order.index(choose_offload(sum(components), max(components), dtype, 2 * free)) <= order.index(
        chosen
    )
