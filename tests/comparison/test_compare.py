"""`antiphon compare` over the real worker."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.command_line import Antiphon

SHORT = ["--seconds", "2", "--seconds", "4", "--seeds", "2"]


def test_it_measures_each_model_as_json_and_a_picture(antiphon: Antiphon, tmp_path: Path) -> None:
    prompt = "dark techno with drums"
    done = antiphon("compare", prompt, *SHORT, "--json", "--picture", "found.png")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["prompt"] == prompt
    assert found["seeds"] == [1, 2]
    assert [one["mode"] for one in found["models"]] == ["ar", "diffusion"]
    for one in found["models"]:
        assert {length: len(times) for length, times in one["seconds"].items()} == {"2": 2, "4": 2}
        assert all(time > 0 for times in one["seconds"].values() for time in times)
        assert one["peak_gb"] >= one["steady_gb"] > 0
        assert len(one["sounds"]) == 2
        assert all(0 <= sound["follows"] <= 1 for sound in one["sounds"]), "the judge has a say in each"
        assert one["gpu_gb"] is None
        assert one["spread"] > 0, "other seeds are other clips"
        assert one["growth_exponent"] is not None
    ar, diffusion = found["models"]
    assert ar["steps"] == []
    assert [point["steps"] for point in diffusion["steps"]] == [2, 4, 8, 16, 30, 50, 100]
    assert diffusion["steps"][-1]["distance"] == 0
    assert found["published"]["ar"]["seconds"] == {"10": 11, "20": 18.2, "30": 32}
    picture = Image.open(BytesIO((tmp_path / "found.png").read_bytes()))
    assert picture.size == (800, 840)


def test_the_table_has_the_published_figures_beside_ours(antiphon: Antiphon) -> None:
    done = antiphon("compare", "a tune", *SHORT, "--no-sweep")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1, "each row has all columns"
    [memory] = [line for line in table if line.startswith("| memory, peak")]
    assert memory.endswith("| 1.8 GB | 2.3 GB |")
    [judged] = [line for line in table if line.startswith("| follows the prompt")]
    assert judged.count("n/a") == 4
    assert any("names no scene or instrument that the judge knows" in line for line in lines)
    assert any("Memory of a GPU is left out" in line for line in lines)
    assert any("published: 37 % smaller" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a tune", "--seconds", "900"], "makes clips of 1 to 60 s here"),
        (["   "], "prompt"),
        (["a tune", *SHORT, "--no-sweep", "--picture", "no/such/folder.png"], "can't be written"),
    ],
)
def test_what_cannot_be_measured_is_said(antiphon: Antiphon, arguments: list[str], said: str) -> None:
    done = antiphon("compare", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
