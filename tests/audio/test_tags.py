import json
import re
import zlib
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import mutagen.mp3
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mutagen.id3 import ID3, TXXX

from bot.audio import mp3
from bot.audio.picture import MAX_COVER_BYTES
from bot.audio.tags import PROVENANCE_FRAME, RECIPE_FRAME, Provenance, read_recipe, tag
from bot.errors import InvalidRecipe, UserError
from bot.hub.naming import model_name
from bot.recipe import Recipe
from tests.audio.signals import capabilities, recipe, tone
from tests.recipe.strategies import recipes

PROVENANCE = Provenance("cpu", 4, "bfloat16", {"torch": "2.13.0"})
ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@ONE_FOLDER
@given(recipes())
@example(recipe(prompt="🎹" * 1000))
@example(recipe(prompt="\u202eפסנתר שקט בגשם\u202c"))
@example(recipe(prompt="a\x00b\r\nc"))
@example(recipe(prompt="bytes that were no UTF-8: \udcff"))
def test_recipe_comes_back_whole(tmp_path: Path, made: Recipe) -> None:
    file = tmp_path / "clip.mp3"
    file.write_bytes(tag(made, capabilities(32_000), PROVENANCE))
    assert read_recipe(file) == replace(made, model=model_name(made.model))


@pytest.mark.parametrize("model", ["/home/alice/models/mine", "audiocraft:C:\\Users\\Alice\\mine", "~/mine"])
def test_a_tag_holds_the_model_s_name_and_no_path(tmp_path: Path, model: str) -> None:
    file = tmp_path / "clip.mp3"
    file.write_bytes(tag(replace(recipe(), model=model), capabilities(32_000), PROVENANCE))
    assert read_recipe(file).model.removeprefix("audiocraft:") == "mine"
    assert not re.search(rb"alice|users|models", file.read_bytes(), re.IGNORECASE)


def test_tagged_mp3_says_what_it_is_and_still_plays(tmp_path: Path) -> None:
    made = recipe(prompt="Regen auf dem Dach 🌧, “leise”")
    bare = mp3.encode(tone(32_000, 1), 32_000, 128, tmp_path)
    tagged = tmp_path / "tagged.mp3"
    tagged.write_bytes(tag(made, capabilities(32_000), PROVENANCE) + bare.read_bytes())
    frames: Any = mutagen.mp3.MP3(tagged).tags
    assert frames.version == (2, 4, 0)
    assert frames["TIT2"].text == [made.prompt]
    assert frames["TPE1"].text == ["Antiphon"]
    assert json.loads(str(frames[f"TXXX:{PROVENANCE_FRAME}"])) == {
        "model": "Test signals",
        "licence": "CC-BY-4.0",
        "device": "cpu",
        "slots": 4,
        "precision": "bfloat16",
        "versions": {"torch": "2.13.0"},
    }
    assert read_recipe(tagged) == made
    assert mp3.decode(tagged)[0].tobytes() == mp3.decode(bare)[0].tobytes()


def test_a_title_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "clip.mp3"
    file.write_bytes(tag(recipe(prompt="one\ttwo\nthree"), capabilities(32_000), PROVENANCE))
    assert ID3(file)["TIT2"].text == ["one two three"]


def test_the_cover_is_in_the_tag_and_the_longest_recipe_beside_it_is_still_found(tmp_path: Path) -> None:
    file, cover = tmp_path / "clip.mp3", bytes(range(256)) * (MAX_COVER_BYTES // 256)
    made = recipe(prompt="🎹" * 1000)
    file.write_bytes(tag(made, capabilities(32_000), PROVENANCE, cover))
    [found] = ID3(file).getall("APIC")
    assert (found.data, found.mime, found.type) == (cover, "image/jpeg", 3)
    assert read_recipe(file) == made


def test_foreign_mp3_has_no_recipe(tmp_path: Path) -> None:
    bare = mp3.encode(tone(32_000, 1), 32_000, 128, tmp_path)
    with pytest.raises(UserError, match="no Antiphon recipe"):
        read_recipe(bare)


def test_missing_file_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_recipe(tmp_path / "absent.mp3")


def frame(text: str) -> bytes:
    frames = ID3()
    frames.add(TXXX(encoding=3, desc=RECIPE_FRAME, text=text))
    file = BytesIO()
    frames.save(file)
    return file.getvalue()


GOOD = json.loads(recipe().to_json())


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "null",
        "{",
        "[" * 20_000,
        json.dumps(GOOD | {"pickle": "x"}),
        json.dumps(GOOD | {"mode": "hypnosis"}),
        json.dumps(GOOD | {"seconds": "ten"}),
        json.dumps(GOOD | {"seed": -1}),
        json.dumps(GOOD | {"seconds": float("nan")}),
        json.dumps(GOOD | {"prompt": ["x"]}),
        json.dumps({k: v for k, v in GOOD.items() if k != "model"}),
    ],
)
def test_recipe_that_cannot_be_used_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "hostile.mp3"
    file.write_bytes(frame(text))
    with pytest.raises(InvalidRecipe, match="damaged, or another version"):
        read_recipe(file)


def test_tag_that_decompresses_to_gigabytes_is_not_read(tmp_path: Path) -> None:
    """A compressed frame of 4 MiB that would be 4 GiB; only what fits a tag of ours is looked at."""
    bomb = zlib.compress(bytes(2**26), 9) * 64

    def syncsafe(n: int) -> bytes:
        return bytes((n >> shift) & 0x7F for shift in (21, 14, 7, 0))

    body = b"TXXX" + syncsafe(len(bomb) + 4) + b"\x00\x09" + syncsafe(2**27) + bomb
    file = tmp_path / "bomb.mp3"
    file.write_bytes(b"ID3\x04\x00\x00" + syncsafe(len(body)) + body)
    with pytest.raises(UserError, match="no Antiphon recipe"):
        read_recipe(file)


@ONE_FOLDER
@given(st.binary(max_size=300), st.integers(0, 400), st.booleans())
def test_damaged_tags_never_raise_anything_else(tmp_path: Path, junk: bytes, place: int, cut: int) -> None:
    whole = tag(recipe(), capabilities(32_000), PROVENANCE)
    file = tmp_path / "damaged.mp3"
    file.write_bytes(whole[:place] + junk + (b"" if cut else whole[place + len(junk) :]))
    with suppress(UserError):
        read_recipe(file)


def test_a_tag_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    stored = (
        '{"prompt": "slow piano", "mode": "ar", "model": "test", "seconds": 10.0, "seed": 7, '
        f'"temperature": 0.9, "top_k": 250, "melody": "{"a" * 64}"}}'
    )
    frames = ID3()
    frames.add(TXXX(encoding=3, desc=RECIPE_FRAME, text=stored))
    frames.save(tmp_path / "old.mp3")
    made = read_recipe(tmp_path / "old.mp3")
    assert made.options == {"temperature": 0.9, "top_k": 250}
    assert made.sources == {"melody": "a" * 64}
