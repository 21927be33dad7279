from __future__ import annotations

from pathlib import Path

from bot.config import Settings
from bot.doctor import Finding, memory
from bot.models.machine import Machine
from tests.engines.diffusion.checkpoints import write_pipeline

REGISTRY = "bot.engines.registry"


def machine(*gpus: tuple[str, float], bfloat16: bool = True) -> Machine:
    return Machine(
        torch="2.13.0", gpus=gpus, mps=False, auto="cuda" if gpus else "cpu", threads=2, bfloat16=bfloat16
    )


def said(settings: Settings, where: Machine) -> dict[str, Finding]:
    return {finding.what: finding for finding in memory(settings, REGISTRY, where)}


def test_what_each_model_takes_is_said_in_the_precision_it_would_have(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "model", "audioldm2")
    settings = Settings(_env_file=None, diffusion_model=str(folder))
    assert said(settings, machine())["Memory diffusion"].detail.endswith("0.0 GB of weights in float32")
    for bfloat16, name in ((True, "bfloat16"), (False, "float16")):
        found = said(settings, machine(("A card", 24.0), bfloat16=bfloat16))
        assert found["Memory diffusion"].detail.endswith(f"of weights in {name}")
        assert set(found) == {"Memory diffusion"}


def test_a_gpu_that_is_too_small_is_warned_of(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "model", "audioldm2")
    settings = Settings(_env_file=None, diffusion_model=str(folder))
    found = said(settings, machine(("A tiny card", 1e-5)))["Memory"]
    assert (found.verdict, "partly in main memory" in found.detail) == ("warning", True)
    assert "antiphon models list" in found.advice


def test_below_six_gigabytes_small_models_are_proposed_by_name() -> None:
    settings = Settings(_env_file=None)
    found = said(settings, machine(("A small card", 5.0)))["Models"]
    assert "facebook/musicgen-small, cvssp/audioldm2-music" in found.detail
    assert "Models" not in said(settings, machine(("A card", 8.0)))
    assert said(settings, machine()) == {}
    assert "the built-in ones" in said(settings, machine(("An old card", 1.0)))["Models"].detail
