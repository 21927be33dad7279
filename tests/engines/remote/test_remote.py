"""A music server's models: described, rendered, and every way in which the server can fail them."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from bot.engines import registry
from bot.engines.remote import http
from bot.engines.remote.engine import RemoteEngine
from bot.engines.remote.families import to_request
from bot.errors import (
    InvalidRecipe,
    ModelMissing,
)
from bot.recipe import Mode, Task
from tests.engines.context import RecordingContext
from tests.engines.remote.conftest import PROMPT, engine, recipe, rendered
from tests.engines.remote.server import Server, result, tone, wav

ROOT = Path(__file__).parents[3]


def test_a_clip_is_what_the_server_made(server: Server) -> None:
    order = recipe(negative_prompt="drums", num_sampling_steps=4)
    wave = rendered(order, engine())
    expected = tone(2, 44_100, 7).T.astype(np.float32) / 32_768
    assert np.array_equal(wave, expected)
    assert server.received == [
        {
            "model": "sa3-small",
            "request": {
                "text": PROMPT,
                "duration_seconds": 2.0,
                "seed": 7,
                "num_inference_steps": 4,
                "options": {"negative_prompt": "drums"},
            },
        }
    ]


def test_capabilities_follow_the_family(server: Server) -> None:
    small, ace = (registry.describe(Mode.DIFFUSION, f"remote:{name}") for name in ("sa3-small", "ace"))
    assert (small.sample_rate, small.max_seconds, small.title) == (44_100, 120, "Stable Audio 3 (sa3-small)")
    assert small.licence == "Stability AI Community License"
    assert {Task.VARY, Task.REPAINT} < set(small.tasks)
    assert {"bpm", "key", "lyrics", "vocal_language", "shift"} <= set(ace.options)
    assert {Task.CONTINUE, Task.COVER, Task.REPAINT} < set(ace.tasks)
    assert "lyrics" in registry.describe(Mode.AR, "remote:mula").options
    modes = [registry.mode_of(f"remote:{name}") for name in ("ace", "mula", "newer", "other")]
    assert modes == [Mode.DIFFUSION, Mode.AR, None, None]
    assert registry.parameters(Mode.DIFFUSION, "remote:ace") is None
    assert registry.fits(Mode.DIFFUSION, "remote:ace", "cpu", "auto")


@pytest.mark.parametrize(
    ("mode", "name", "says"),
    [
        (Mode.AR, "remote:ace", "a model of mode diffusion, not of mode ar"),
        (
            Mode.DIFFUSION,
            "remote:other",
            "There is remote:sa3-small, remote:ace",
        ),
        (Mode.DIFFUSION, "remote:whisper", "No music server has a model whisper"),
        (Mode.DIFFUSION, "remote:newer", "family 'minimax_music', which is not known here"),
    ],
)
def test_a_model_that_is_not_there_or_not_of_music_is_refused(
    mode: Mode, name: str, says: str, server: Server
) -> None:
    with pytest.raises(ModelMissing, match=says):
        registry.describe(mode, name)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "REMOTE_ENGINES names no server"),
        ("http://127.0.0.1:9", "does not answer. The owner has to start it"),
        ("http://10.0.0.5:8080", "names another machine"),
        ("ftp://127.0.0.1", "isn't an address"),
        ("http://127.0.0.1:99999", "isn't an address"),
    ],
)
def test_servers_that_cannot_be_asked(address: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMOTE_ENGINES", address)
    monkeypatch.delenv("REMOTE_ENGINES_ANYWHERE", raising=False)
    with pytest.raises(ModelMissing, match=says):
        registry.describe(Mode.DIFFUSION, "remote:ace")


def test_another_machines_models_take_no_sources(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.engines.remote.servers.is_loopback", lambda address: False)
    with pytest.raises(ModelMissing, match="set REMOTE_ENGINES_ANYWHERE=true"):
        registry.describe(Mode.DIFFUSION, "remote:ace")
    monkeypatch.setenv("REMOTE_ENGINES_ANYWHERE", "true")
    assert set(registry.describe(Mode.DIFFUSION, "remote:ace").tasks) == {Task.TEXT}


@pytest.mark.parametrize(
    "listed", [{"models": []}, [], {"data": [{"id": "x"}]}, {"data": [{"id": "../x", "family": "f"}]}]
)
def test_a_list_in_another_form_is_another_version(listed: Any, server: Server) -> None:
    server.models = listed
    with pytest.raises(ModelMissing, match=r"another version|can't be read"):
        registry.describe(Mode.DIFFUSION, "remote:ace")


def test_ace_step_is_asked_in_its_terms(server: Server) -> None:
    order = recipe("ace", seconds=10.0, bpm=90, key="F# minor", time_signature="6/8", vocal_language="German",
                   lyrics="la la", shift=2.0, guidance_scale=3.0)  # fmt: skip
    rendered(order, engine("ace"))
    assert server.received[0]["request"] == {
        "text": PROMPT,
        "duration_seconds": 10.0,
        "seed": 7,
        "guidance_scale": 3.0,
        "lyrics": "la la",
        "task_route": "text2music",
        "language": "de",
        "options": {"bpm": "90", "keyscale": "F# minor", "timesignature": "6", "shift": "2.0"},
    }
    rendered(recipe("ace", seconds=10.0), engine("ace"))
    assert server.received[1]["request"]["lyrics"] == "[Instrumental]"


def test_heartmula_gets_the_prompt_as_tags_and_may_end_early(server: Server) -> None:
    mula = engine("mula", Mode.AR)
    server.answer = lambda body: (200, result(wav(tone(1, 48_000, 1), 48_000), 48_000))
    context = RecordingContext(recipe("mula", Mode.AR, seconds=5.0, lyrics="la la"))
    mula.run(context)
    assert server.received[0]["request"]["options"] == {"tags": PROMPT}
    assert context.waves[1].shape == (2, 48_000)
    assert context.warnings[1] == ["The song ended after 1 of 5 seconds."]


def test_a_large_seed_goes_as_text() -> None:
    order = recipe()
    object.__setattr__(order, "seed", 2**53 + 1)
    assert to_request("stable_audio", order, None)["seed"] == str(2**53 + 1)
    assert to_request("stable_audio", recipe(), None)["seed"] == 7


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    path = tmp_path / "tune.flac"
    soundfile.write(path, 0.3 * np.sin(np.arange(6 * 48_000) / 30), 48_000)
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_continuation_gives_the_server_the_source_and_keeps_it(server: Server, tune: Path) -> None:
    order = recipe("ace", seconds=10.0, task="continue", sources={"start": digest(tune)})
    wave = rendered(order, engine("ace"), start=tune)
    asked = server.received[0]["request"]
    assert (asked["task_route"], asked["repaint_start"], asked["repaint_end"]) == ("repaint", 6.0, 10.0)
    given, rate = soundfile.read(io.BytesIO(server.heard[0]))
    assert (given.shape, rate) == ((480_000, 2), 48_000)
    assert np.abs(given[300_000:]).max() == 0
    source = soundfile.read(tune, dtype="float32")[0]
    kept = 6 * 48_000 - 2_400
    assert np.array_equal(wave[0, :kept], source[:kept])
    assert wave[:, 7 * 48_000 :].std() > 0.1
    assert not Path(asked["audio"]).exists(), "the file is gone with its clip"
    with pytest.raises(InvalidRecipe, match="has to be at least 1 s longer"):
        again = recipe("ace", seconds=10.0, task="continue", sources={"start": digest(tune)})
        object.__setattr__(again, "seconds", 6.5)
        loaded = engine("ace")
        object.__setattr__(loaded.capabilities, "min_seconds", 1.0)
        rendered(again, loaded, start=tune)


@pytest.mark.parametrize(
    ("model", "task", "role", "more", "expected"),
    [
        ("ace", "repaint", "initial", {"repaint_start": 2.0, "repaint_end": 4.0},
         {"task_route": "repaint", "repaint_start": 2.0, "repaint_end": 4.0}),
        ("ace", "cover", "melody", {"structure": 0.4}, {"task_route": "cover"}),
        ("sa3-small", "vary", "initial", {"strength": 0.5}, {}),
        ("sa3-small", "repaint", "initial", {"repaint_start": 2.0, "repaint_end": 4.0}, {}),
    ],
)  # fmt: skip
def test_tasks_in_the_servers_terms(
    model: str,
    task: str,
    role: str,
    more: dict[str, Any],
    expected: dict[str, Any],
    server: Server,
    tune: Path,
) -> None:
    order = recipe(model, seconds=10.0, task=task, sources={role: digest(tune)}, **more)
    wave = rendered(order, engine(model), **{role: tune})
    asked = server.received[0]["request"]
    assert expected.items() <= asked.items()
    options = {
        ("ace", "cover"): {"audio_cover_strength": "0.4"},
        ("sa3-small", "vary"): {"audio_input_kind": "init_audio", "init_noise_level": "0.5"},
        ("sa3-small", "repaint"): {
            "audio_input_kind": "inpaint_audio",
            "inpaint_mask_start_seconds": "2.0",
            "inpaint_mask_end_seconds": "4.0",
        },
    }.get((model, task), {})
    assert options.items() <= asked["options"].items()
    if task == "repaint" and model == "ace":
        source = soundfile.read(tune, dtype="float32")[0]
        assert np.array_equal(wave[0, : 2 * 48_000], source[: 2 * 48_000])
        assert np.array_equal(wave[0, 4 * 48_000 : 6 * 48_000], source[4 * 48_000 :])


def test_a_longer_clip_is_cut_and_a_mono_one_doubled(server: Server) -> None:
    server.answer = lambda body: (200, result(wav(tone(9, 44_100, 7), 44_100), 44_100))
    assert rendered(recipe(), engine()).shape == (2, 88_200)
    server.answer = lambda body: (200, result(wav(tone(2, 44_100, 7)[:, :1], 44_100), 44_100, 1))
    wave = rendered(recipe(), engine())
    assert np.array_equal(wave[0], wave[1])


def test_a_cancelled_clip_is_dropped_at_once_though_the_server_goes_on(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.gate = threading.Event()
    monkeypatch.setattr(http, "POLL_SECONDS", 0.01)

    class Cancelling(RecordingContext):
        def cancelled(self, job: Any) -> bool:
            return job.id == 1 and server.begun.is_set()

        def next(self, compatible: Any) -> Any:
            if len(self.waiting) == 1:
                server.gate.set()  # type: ignore[union-attr]
            return super().next(compatible)

    context = Cancelling(recipe(), recipe(seed=8))
    engine().run(context)
    assert list(context.waves) == [2]
    assert context.errors == {}
    assert context.heartbeats > 0


def test_progress_is_estimated_from_the_clips_before(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "POLL_SECONDS", 0.005)
    sound: RemoteEngine = engine()
    first = RecordingContext(recipe())
    sound.run(first)
    assert first.updates[1] == [(0, 100), (100, 100)], "nothing is known for the first"
    assert sound._real_time_factor is not None
    sound._real_time_factor = 0.05  # 2 s of audio in 0.1 s
    server.gate = threading.Event()
    threading.Timer(0.2, server.gate.set).start()
    second = RecordingContext(recipe())
    sound.run(second)
    shares = [done for done, _ in second.updates[1]]
    assert shares == sorted(shares)
    assert shares[-1] == 100
    assert 0 < shares[len(shares) // 4] <= 95
    assert max(shares[:-1]) <= 95


def test_neither_describing_nor_rendering_imports_torch(server: Server) -> None:
    program = (
        "import sys; from bot.engines import registry; from bot.recipe import Mode, Recipe\n"
        "from tests.engines.context import RecordingContext\n"
        "engine = registry.load(Mode.DIFFUSION, 'remote:sa3-small', 'auto', 'auto')\n"
        "fields = dict(prompt='x', mode='diffusion', model='remote:sa3-small', seconds=1.0, seed=1)\n"
        "context = RecordingContext(Recipe.from_dict(fields))\n"
        "engine.run(context)\n"
        "print(context.waves[1].shape, {'torch', 'diffusers', 'transformers'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "(2, 44100) set()\n"), done.stderr
