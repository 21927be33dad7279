"""Fetching a model from a hub over real sockets."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from typer.testing import CliRunner

from bot.cli_models import models, rows_for
from bot.config import Settings
from bot.errors import ModelMissing, SetupError, UserError
from bot.hub import fetch, hub_cache, integrity
from tests.hub.server import COMMIT, Hub, serving

NAME = "someone/small-model"
WEIGHTS = bytes(range(256)) * 4_000
ROOT = Path(__file__).parents[2]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub(
        NAME,
        {
            "README.md": b"---\nlicense: cc-by-nc-4.0\n---\n",
            "config.json": b"{}",
            "model.safetensors": WEIGHTS,
            "pytorch_model.bin": b"a pickle",
            "state_dict.bin": b"another",
            "code.py": b"import os",
        },
        large={"model.safetensors", "pytorch_model.bin", "state_dict.bin"},
    )
    with serving(hub) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        monkeypatch.delenv("HF_HUB_CACHE", raising=False)
        yield hub


def fetched(token: str | None = None) -> tuple[Path, list[tuple[int, int]]]:
    said: list[tuple[int, int]] = []
    folder = fetch.fetch(fetch.plan_fetch(NAME, token), token, lambda done, total: said.append((done, total)))
    return folder, said


def test_what_is_needed_comes_and_nothing_else(hub: Hub) -> None:
    assert hub_cache.folder_of(NAME) is None
    folder, said = fetched()
    assert hub_cache.folder_of(NAME) == folder
    there = sorted(path.name for path in folder.iterdir())
    assert there == ["README.md", integrity.MANIFEST, "config.json", "model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    done = [so_far for so_far, _ in said]
    total = len(WEIGHTS) + 2 + len(hub.files["README.md"])
    assert done == sorted(done)
    assert said[-1] == (total, total)
    assert [problem for _, problem in integrity.verify(folder)] == ["", "", ""]
    assert hub_cache.fetched() == [NAME]


def test_a_second_fetch_asks_for_no_file_again(hub: Hub) -> None:
    fetched()
    hub.asked.clear()
    assert fetch.plan_fetch(NAME, None).remaining == 0
    fetched()
    assert hub.asked == []


def test_a_fetch_that_was_cut_goes_on_where_it_broke_off(hub: Hub) -> None:
    content = hub.files["model.safetensors"] = WEIGHTS * 20
    hub.cut["model.safetensors"] = 15_000_000
    hub.fail["model.safetensors"] = 1
    with pytest.raises(ModelMissing, match=r"answered 500.*continues where this one stopped"):
        fetched()
    assert hub_cache.folder_of(NAME) is None
    planned = fetch.plan_fetch(NAME, None)
    come = planned.total - planned.remaining
    assert 14_000_000 < come <= 15_000_000 + 2 + len(hub.files["README.md"])
    hub.asked.clear()
    folder, _ = fetched()
    offset = come - 2 - len(hub.files["README.md"])
    assert hub.asked == [("model.safetensors", f"bytes={offset}-")]
    assert (folder / "model.safetensors").read_bytes() == content


def test_a_connection_that_ends_early_is_opened_again_at_the_next_byte(hub: Hub) -> None:
    hub.cut["model.safetensors"] = 700_000
    folder, said = fetched()
    assert hub.asked[-2:] == [("model.safetensors", None), ("model.safetensors", "bytes=700000-")]
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert [done for done, _ in said] == sorted(done for done, _ in said)


def test_connections_that_bring_nothing_end_the_fetch(hub: Hub) -> None:
    hub.forged["model.safetensors"] = b""
    with pytest.raises(ModelMissing, match=r"model\.safetensors .* was cut off"):
        fetched()
    assert hub.asked.count(("model.safetensors", None)) == 1


def test_a_server_without_ranges_sends_the_whole_file_again(hub: Hub) -> None:
    hub.knows_ranges = False
    hub.cut["model.safetensors"] = 700_000
    folder, _ = fetched()
    assert hub.asked[-1] == ("model.safetensors", "bytes=700000-")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


def test_no_byte_beyond_the_announced_size_is_stored(hub: Hub) -> None:
    hub.forged["model.safetensors"] = WEIGHTS + b"\0" * 10_000_000
    folder, said = fetched()
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert max(done for done, _ in said) == said[-1][1]


def test_huggingface_hub_is_used_by_its_public_interface() -> None:
    for path in [*ROOT.glob("bot/**/*.py"), *ROOT.glob("cogs/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("huggingface_hub"):
                assert node.module == "huggingface_hub", path
                assert {alias.name for alias in node.names} <= {*huggingface_hub.__all__, "errors"}, path


def test_another_content_than_announced_is_thrown_away(hub: Hub) -> None:
    hub.forged["model.safetensors"] = WEIGHTS[:-1] + b"!"
    with pytest.raises(ModelMissing, match=r"model\.safetensors .* differs from"):
        fetched()
    assert hub_cache.folder_of(NAME) is None
    hub.forged.clear()
    folder, _ = fetched()
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


def test_a_disk_that_is_too_small_is_noticed_before_anything_comes(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, fetch.SPARE_BYTES + len(WEIGHTS)))
    with pytest.raises(SetupError, match=r"needs 0\.5 GB, and .* make room, or set HF_HOME"):
        fetched()
    assert hub.asked == []


def test_a_gated_model_says_how_to_get_in(hub: Hub) -> None:
    hub.token = "hf_right"
    for token in (None, "hf_wrong"):
        with pytest.raises(ModelMissing, match=r"gated: open https://huggingface\.co/someone.*HF_TOKEN"):
            fetched(token)
    folder, _ = fetched("hf_right")
    assert (folder / "config.json").read_bytes() == b"{}"


def test_without_a_network_the_way_by_hand_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelMissing, match=r"cannot be reached.*By hand: .*name that folder in MODELS"):
        fetch.plan_fetch(NAME, None)
    with pytest.raises(ModelMissing, match="name that folder in MODELS"):
        fetch.plan_fetch("facebook/musicgen-small", None)


def test_names_that_are_wrong_are_told_from_models_that_are_not_there(hub: Hub) -> None:
    with pytest.raises(UserError, match="isn't a name on the hub"):
        fetch.plan_fetch("musicgen", None)
    with pytest.raises(ModelMissing, match="knows no someone/else"):
        fetch.plan_fetch("someone/else", None)


def test_a_file_that_would_land_elsewhere_is_refused(hub: Hub) -> None:
    hub.files["../../outside.json"] = b"{}"
    with pytest.raises(ModelMissing, match="it is not fetched"):
        fetch.plan_fetch(NAME, None)


def test_damage_is_found_by_verifying(hub: Hub) -> None:
    folder, _ = fetched()
    weights = folder / "model.safetensors"
    damaged = bytearray(WEIGHTS)
    damaged[500_000] ^= 1
    weights.write_bytes(damaged)
    (folder / "config.json").unlink()
    found = {entry.path: problem for entry, problem in integrity.verify(folder) if problem}
    assert found == {
        "config.json": "is missing",
        "model.safetensors": "has another content than was published",
    }
    weights.write_bytes(WEIGHTS[:-5])
    assert {k.path: p for k, p in integrity.verify(folder)}["model.safetensors"].startswith("has 1,023,995")


def test_removing_gives_the_disk_back_and_touches_nothing_else(hub: Hub, tmp_path: Path) -> None:
    fetched()
    assert integrity.size_of(NAME) > len(WEIGHTS)
    integrity.remove(NAME)
    assert hub_cache.fetched() == []
    assert not hub_cache.repo_folder(NAME).exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in (str(mine), NAME, "../mine/x", "antiphon-tiny-ar"):
        with pytest.raises(UserError, match="nothing to remove"):
            integrity.remove(name)
    assert mine.is_dir()


def test_what_another_program_fetched_is_verified_by_the_cache_s_own_names(hub: Hub) -> None:
    folder, _ = fetched()
    (folder / integrity.MANIFEST).unlink()
    assert sorted(entry.path for entry, problem in integrity.verify(folder) if not problem) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    (folder / "config.json").write_bytes(b"[]")
    assert [entry.path for entry, problem in integrity.verify(folder) if problem] == ["config.json"]


def test_the_list_says_what_is_here_what_is_advised_and_what_it_may_be_used_for(hub: Hub) -> None:
    fetched()
    settings = Settings(ar_model="facebook/musicgen-small")
    rows = {row["model"]: row for row in rows_for(settings, 24)}
    assert (rows[NAME]["licence"], rows[NAME]["state"]) == ("CC-BY-NC-4.0", ["fetched"])
    musicgen = rows["facebook/musicgen-small"]
    assert (musicgen["licence"], musicgen["use"]) == ("CC-BY-NC-4.0", "Not for commercial use.")
    assert musicgen["state"] == ["in use"]
    assert rows["facebook/musicgen-medium"]["state"] == ["recommended"]
    assert rows["stabilityai/stable-audio-open-1.0"]["state"] == ["gated"]
    without = {row["model"]: row for row in rows_for(settings, 0)}
    assert without["antiphon-tiny-diffusion"]["state"] == ["built in", "recommended", "in use"]
    assert not any("recommended" in row["state"] for row in without.values() if "/" in row["model"])


def test_the_command_line_verifies_and_removes(hub: Hub) -> None:
    folder, _ = fetched()

    def said(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(models, list(words))
        return done.exit_code, done.output

    assert said("verify") == (0, f"{NAME}: 3 files, all as published\n")
    (folder / "config.json").unlink()
    code, words = said("verify", NAME)
    assert code == 1
    assert f"{NAME}: config.json is missing" in words
    assert said("remove", NAME) == (0, f"Removed {NAME} (0.00 GB).\n")
    assert said("verify") == (
        0,
        "No model has been fetched yet. `antiphon models list` shows what there is.\n",
    )


def test_the_command_line_shows_the_licence_first_and_never_the_token(hub: Hub, tmp_path: Path) -> None:
    hub.token = "hf_secret_of_mine"

    def run(token: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bot", "models", "fetch", NAME],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "HF_TOKEN": token},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    refused, got = run("hf_secret_of_another"), run("hf_secret_of_mine")
    assert refused.returncode == 1
    assert "gated" in refused.stderr
    assert got.returncode == 0, got.stderr
    assert got.stdout.index("cc-by-nc-4.0") < got.stdout.index("is ready")
    assert COMMIT in got.stdout
    assert "hf_secret" not in refused.stdout + refused.stderr + got.stdout + got.stderr
