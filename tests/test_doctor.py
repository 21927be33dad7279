from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.config import Settings
from bot.doctor import Finding, memory
from bot.machine import Machine
from bot.memory import available_gb
from tests.engines.diffusion.checkpoints import write_pipeline

ROOT = Path(__file__).parents[1]
REGISTRY = "bot.engines.registry"


def machine(*gpus: tuple[str, float], bfloat16: bool = True) -> Machine:
    return Machine(
        torch="2.13.0", gpus=gpus, mps=False, auto="cuda" if gpus else "cpu", threads=2, bfloat16=bfloat16
    )


def said(settings: Settings, where: Machine) -> dict[str, Finding]:
    return {finding.what: finding for finding in memory(settings, REGISTRY, where)}


def test_what_each_model_takes_is_said_in_the_precision_it_would_have(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "model", "audioldm2")
    settings = Settings(diffusion_model=str(folder))
    assert said(settings, machine())[f"Memory {folder}"].detail.endswith("0.0 GB of weights in float32")
    for bfloat16, name in ((True, "bfloat16"), (False, "float16")):
        found = said(settings, machine(("A card", 24.0), bfloat16=bfloat16))
        assert found[f"Memory {folder}"].detail.endswith(f"of weights in {name}")
        assert set(found) == {f"Memory {folder}"}


def test_a_gpu_that_is_too_small_is_warned_of(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "model", "audioldm2")
    settings = Settings(diffusion_model=str(folder))
    found = said(settings, machine(("A tiny card", 1e-5)))["Memory"]
    assert (found.status, "partly in main memory" in found.detail) == ("warning", True)
    assert "antiphon models list" in found.advice


def test_below_six_gigabytes_small_models_are_proposed_by_name() -> None:
    settings = Settings()
    found = said(settings, machine(("A small card", 5.0)))["Models"]
    assert "facebook/musicgen-small, cvssp/audioldm2-music" in found.detail
    assert "Models" not in said(settings, machine(("A card", 8.0)))
    assert said(settings, machine()) == {}
    assert "the built-in ones" in said(settings, machine(("An old card", 1.0)))["Models"].detail


def test_weights_that_main_memory_cannot_take_are_warned_of(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "model", "audioldm2")
    settings = Settings(diffusion_model=str(folder))
    for where in (machine(), machine(("A card", 24.0))):
        found = {one.what: one for one in memory(settings, REGISTRY, where, main_gb=1e-5)}["Main memory"]
        assert (found.status, "os error 1455" in found.detail) == ("warning", True)
        assert "paging file" in found.advice
        assert "Main memory" not in {one.what for one in memory(settings, REGISTRY, where, main_gb=64.0)}


@pytest.mark.skipif(sys.platform != "linux", reason="limits are set as Linux has them")
def test_what_is_left_of_main_memory_respects_the_limit_of_the_process() -> None:
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9));"
        "from bot.memory import available_gb; print(available_gb())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert 0 < float(done.stdout) <= 1.0
    assert (available_gb() or 0) > 0
