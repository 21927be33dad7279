"""Out of memory and broken devices, told apart in every spelling."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bot.engines.failures import is_device_fault, is_out_of_memory
from bot.errors import OutOfMemory, RenderError
from tests.error_messages import DEVICE_FAULTS, HARMLESS, OUT_OF_MEMORY


@pytest.mark.parametrize("name", OUT_OF_MEMORY)
def test_out_of_memory_is_known(name: str) -> None:
    error = OUT_OF_MEMORY[name]()
    assert is_out_of_memory(error)
    assert not is_device_fault(error)


@pytest.mark.parametrize("name", DEVICE_FAULTS)
def test_a_broken_device_is_known(name: str) -> None:
    error = DEVICE_FAULTS[name]()
    assert is_device_fault(error)
    assert not is_out_of_memory(error)


@pytest.mark.parametrize("name", HARMLESS)
def test_other_errors_are_neither(name: str) -> None:
    error = HARMLESS[name]()
    assert not is_out_of_memory(error)
    assert not is_device_fault(error)


@given(
    st.sampled_from([n for n, made in OUT_OF_MEMORY.items() if type(made()) is RuntimeError]),
    st.text(max_size=40).filter(lambda text: "(" not in text),
    st.booleans(),
)
def test_what_a_library_puts_around_the_words_does_not_hide_them(name: str, around: str, upper: bool) -> None:
    text = str(OUT_OF_MEMORY[name]())
    text = text.upper() if upper else text
    assert is_out_of_memory(RuntimeError(f"{around}\n{text}"))


def test_torchs_own_classes_are_known() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_device_fault(torch.AcceleratorError("CUDA error: an illegal memory access was encountered"))


def test_the_projects_own_errors_are_what_they_say() -> None:
    assert is_out_of_memory(OutOfMemory("too long"))
    assert not is_out_of_memory(RenderError("CUDA out of memory"))
    assert not is_device_fault(RenderError("device-side assert"))


def test_a_real_allocation_that_fails_is_known() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(raised.value)


def test_the_classifier_imports_no_torch() -> None:
    code = "import sys, bot.engines.failures; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)
