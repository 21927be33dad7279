import subprocess
import sys
from pathlib import Path

import mutagen.mp3
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen.id3 import ID3
from PIL import Image

from bot.audio import mp3
from bot.audio.finish import Clip, finish
from bot.audio.meter import Wave, loudness, true_peak
from bot.audio.picture import cover
from bot.audio.tags import Provenance, read_recipe
from bot.errors import BadAudio, RenderError
from bot.recipe import Recipe
from tests.audio.full_disk import files_of_at_most
from tests.audio.signals import SIGNALS, capabilities, drums, ffmpeg_measure, pad, recipe, tone

PROVENANCE = Provenance("cpu", 1)
PLENTY = 10 * 2**20
CEILING = -1.0
"""dBTP; ffmpeg's meter may read 0.1 dB above ours."""


def finished(
    wave: Wave,
    rate: int,
    tmp_path: Path,
    seconds: float = 2.0,
    max_bytes: int = PLENTY,
    provenance: Provenance | None = PROVENANCE,
) -> tuple[Clip, Recipe]:
    made = recipe(seconds)
    clip = finish(wave, made, capabilities(rate, len(wave)), tmp_path / "clip.mp3", max_bytes, provenance)
    return clip, made


@pytest.mark.parametrize("rate", [16_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("name", SIGNALS)
def test_the_file_is_what_was_promised(name: str, rate: int, tmp_path: Path) -> None:
    clip, made = finished(SIGNALS[name](rate, 4), rate, tmp_path, seconds=4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp3", "clip.png"]
    assert clip.bytes == clip.path.stat().st_size
    assert clip.bitrate_kbps == mp3.BITRATES[rate][0]
    decoded, decoded_rate = mp3.decode(clip.path)
    assert (decoded_rate, decoded.shape[0]) == (clip.sample_rate, clip.channels) == (rate, 2)
    assert decoded.shape[1] / rate == clip.seconds == pytest.approx(4, abs=0.1)
    # Not to the last digit: at 16 kHz, libsndfile's decoder rounds differently from one reading to the next.
    assert loudness(decoded, rate) == pytest.approx(clip.lufs, abs=1e-6)
    assert true_peak(decoded, rate) == pytest.approx(clip.true_peak_db, abs=1e-5)
    assert read_recipe(clip.path) == made
    assert clip.picture is not None
    with Image.open(clip.picture) as picture:
        assert picture.format == "PNG"
    [art] = ID3(clip.path).getall("APIC")
    assert art.data == cover(clip.picture)

    lufs, peak = ffmpeg_measure(clip.path)
    assert peak <= CEILING + 0.1
    assert clip.true_peak_db <= CEILING
    assert clip.peak_limited == (name in ("drums", "clicks"))
    if clip.peak_limited:
        assert lufs < -14.5
        assert peak > CEILING - 1
    else:
        assert lufs == pytest.approx(-14, abs=0.5)


def test_a_clip_without_a_picture_does_not_wait_for_what_draws_it(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from bot.audio.finish import finish;"
        "from tests.audio.signals import capabilities, pad, recipe;"
        f"out = Path({str(tmp_path / 'clip.mp3')!r});"
        "clip = finish("
        "pad(32_000, 2), recipe(2.0), capabilities(32_000, 2), out, 10**7, None, with_picture=False);"
        "print(clip.picture, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["None", "False"]
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp3"]


@pytest.mark.parametrize("kbps", [64, 128])
@pytest.mark.parametrize("name", SIGNALS)
def test_tight_limits_keep_loudness_and_ceiling(name: str, kbps: int, tmp_path: Path) -> None:
    rate, samples = 44_100, 2 * 44_100
    limit = mp3.size(samples, rate, kbps) + 400
    clip, _ = finished(SIGNALS[name](rate, 2), rate, tmp_path, max_bytes=limit)
    assert clip.bitrate_kbps == kbps
    assert clip.bytes <= limit
    assert clip.true_peak_db <= CEILING
    assert clip.peak_limited or clip.lufs == pytest.approx(-14, abs=0.5)


@st.composite
def sounding(draw: st.DrawFn) -> Wave:
    """Noise of any colour, crest, level, offset and shape, with or without stretches of silence."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    # From 0.1 s on, the shortest recipe, at the highest of the rates.
    samples = draw(st.integers(4_410, 32_000))
    wave = rng.standard_normal((draw(st.integers(1, 2)), samples)) ** draw(st.sampled_from([1, 3, 5]))
    time = np.linspace(0, 1, samples)
    bursts = draw(st.integers(1, 9))
    wave *= draw(st.sampled_from([np.ones(samples), np.exp(-20 * (time * bursts % 1)), time**2]))
    if draw(st.booleans()):
        wave = np.cumsum(wave, axis=1)
    wave = wave / np.abs(wave).max() * draw(st.sampled_from([0.02, 1.0, 50.0])) + draw(
        st.sampled_from([0, 0.5])
    )
    return np.asarray(wave, np.float32)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sounding(), st.sampled_from([16_000, 32_000, 44_100]), st.sampled_from([PLENTY, 64, 128]))
def test_anything_that_sounds_becomes_a_clip_within_the_ceiling(
    tmp_path: Path, wave: Wave, rate: int, budget: int
) -> None:
    seconds = wave.shape[1] / rate
    limit = budget if budget == PLENTY else mp3.size(wave.shape[1], rate, budget) + 400
    clip, made = finished(wave, rate, tmp_path, seconds, limit)
    decoded, _ = mp3.decode(clip.path)
    assert true_peak(decoded, rate) <= CEILING
    assert decoded.shape[1] / rate == pytest.approx(seconds, abs=0.1)
    assert read_recipe(clip.path) == made
    assert clip.peak_limited or clip.lufs == pytest.approx(-14, abs=0.5)


def test_the_same_wave_gives_the_same_files(tmp_path: Path) -> None:
    contents = []
    for _ in range(2):
        clip, _ = finished(drums(44_100, 2), 44_100, tmp_path)
        assert clip.picture is not None
        contents.append((clip.path.read_bytes(), clip.picture.read_bytes()))
    assert contents[0] == contents[1]


def test_mono_is_heard_as_loud_as_stereo(tmp_path: Path) -> None:
    rate = 44_100
    mono, _ = finished(pad(rate, 2)[:1], rate, tmp_path)
    decoded, _ = mp3.decode(mono.path)
    np.testing.assert_array_equal(decoded[0], decoded[1])
    assert mono.lufs == pytest.approx(-14, abs=0.3)


def test_a_file_for_a_duel_tells_nothing(tmp_path: Path) -> None:
    clip, made = finished(pad(32_000, 2), 32_000, tmp_path, provenance=None)
    content = clip.path.read_bytes()
    assert mutagen.mp3.MP3(clip.path).tags is None
    assert content[:2] in (b"\xff\xfb", b"\xff\xf3")
    for word in (b"ID3", b"Antiphon", made.model.encode(), made.prompt.encode()):
        assert word not in content


@pytest.mark.parametrize(
    ("wave", "reason"),
    [
        (np.full((2, 64_000), np.nan, np.float32), "NaN"),
        (np.zeros((2, 64_000), np.float32), "silent"),
        (tone(32_000, 1), "short"),
    ],
)
def test_what_is_no_clip_leaves_nothing_behind(wave: Wave, reason: str, tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match=reason):
        finished(wave, 32_000, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_clip_that_cannot_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="does not fit"):
        finished(tone(32_000, 2), 32_000, tmp_path, max_bytes=10_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("room", [0, 10_000, 100_000])
def test_full_disk_leaves_nothing_behind_and_what_was_there_alone(room: int, tmp_path: Path) -> None:
    (tmp_path / "clip.mp3").write_text("an older clip")
    mp3.gain(44_100, 320)
    with pytest.raises(RenderError, match=r"disk .* is full"), files_of_at_most(room):
        finished(drums(44_100, 2), 44_100, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp3"]
    assert (tmp_path / "clip.mp3").read_text() == "an older clip"
