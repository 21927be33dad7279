"""The catalogues: complete, within Discord's limits, and refused with file and line where they are broken."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import discord
import pytest

from bot.catalogue_compiler import forms, placeholders, read
from bot.errors import ConfigError, InvalidRecipe, UserError
from bot.locale import ENGLISH, current, install, language_for, ntr, set_language, speaking, tr
from bot.locale.names import NATIVE_NAMES
from bot.recipe.options import OPTIONS
from bot.translations import files, load
from tests.catalogue import found, texts_of, updated, written

LANGUAGES = files()
HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'


@pytest.fixture(autouse=True)
def _languages() -> Iterator[None]:
    load()
    yield
    install({})
    set_language(ENGLISH)


def test_german_is_there() -> None:
    assert "de" in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_the_texts_of_the_program_and_no_others(language: str) -> None:
    there = LANGUAGES[language].read_text(encoding="utf-8")
    assert there == written(updated(language)), "run `python -m tests.catalogue` and translate what is empty"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    empty = [one.id for one in read(LANGUAGES[language]) if one.id and not all(forms(one.string))]
    assert empty == []
    assert [one.id for one in read(LANGUAGES[language]) if one.id and one.fuzzy] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fits_where_discord_shows_it(language: str) -> None:
    catalog = read(LANGUAGES[language])
    long = []
    for _, (text, limit) in found():
        message = catalog.get(text)
        long += [one for one in forms(message.string if message else None) if len(one) > limit]
    assert long == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_is_translated_once(language: str) -> None:
    """A text may pass `tr` on its way and again where it is shown, so a translation is no other's English."""
    with speaking(language):
        twice = {one.id: tr(tr(one.id)) for one in read(LANGUAGES[language]) if isinstance(one.id, str)}
        assert {text: twice[text] for text in twice if text and twice[text] != tr(text)} == {}


def test_a_text_is_found_wherever_it_may_stand() -> None:
    source = """
class Button:
    label = "Again"
tr("one {x}", x=1); mark("two"); ntr("{count} three", "{count} threes", 3)
raise UserError("four")
raise InvalidField("name", "five")
Field(id="id", label="six", hint="seven")
Refusal(Cause.OFF, "eight", "nine")
describe(clip="ten"); command(description="eleven"); form.open(interaction, "twelve", [])
tr(variable); raise UserError(f"{not_one}"); open("file", "w")
"""
    texts = [text for text, _ in texts_of(source)]
    assert sorted(map(str, texts)) == sorted(
        [
            *("Again", "one {x}", "two", "('{count} three', '{count} threes')", "four", "five", "six"),
            *("seven", "eight", "nine", "ten", "eleven", "twelve"),
        ]
    )


def test_errors_speak_the_language_of_whoever_reads_them() -> None:
    error = UserError("Clips in this server can be {longest:g} s at most.", longest=2.5)
    assert str(error) == "Clips in this server can be 2.5 s at most."
    with speaking("de"):
        assert str(error) == "Clips können auf diesem Server höchstens 2.5 s lang sein."
    assert current() == ENGLISH


def test_a_refused_option_is_named_in_every_language() -> None:
    with pytest.raises(InvalidRecipe) as refused:
        OPTIONS["top_k"].validate(-1)
    assert str(refused.value) == "`top-k` has to be a whole number from 0 to 100,000."
    with (
        speaking("de"),
        pytest.raises(InvalidRecipe, match=r"`top-k` muss eine ganze Zahl von 0 bis 100,000 sein\."),
    ):
        OPTIONS["top_k"].validate(-1)


def test_braces_in_a_text_without_values_stay() -> None:
    assert str(UserError("{not} a placeholder")) == "{not} a placeholder"
    assert tr("") == ""


def test_plurals() -> None:
    with speaking("de"):
        assert [ntr("{count} take", "{count} takes", n) for n in (1, 2, 1.5)] == [
            "1 Take",
            "2 Takes",
            "1.5 Takes",
        ]


def test_a_locale_is_its_language_or_english() -> None:
    assert [language_for(one) for one in ("de", "de-AT", "en-GB", "fi", "zh-CN", "")] == [
        "de",
        "de",
        "en",
        "en",
        "en",
        "en",
    ]


@pytest.mark.parametrize(
    ("body", "line", "problem"),
    [
        ('msgid "Deleted."\nmsgstr "Gelöscht.\n', 6, "is not a line of a catalogue"),
        ('msgid "Deleted."\nmgstr "Gelöscht."\n', 6, "mgstr"),
        ('msgid "Clip {id}"\nmsgstr "Clip {nummer}"\n', 5, r"other placeholders than its text: \{id\}"),
        ('msgid "Clip {id}"\nmsgstr "Clip {id"\n', 5, "expected '}'"),
        ('msgid "seed {seed}"\nmsgstr "Seed"\n', 5, "other placeholders"),
    ],
)
def test_a_broken_catalogue_is_refused_with_its_line(
    tmp_path: Path, body: str, line: int, problem: str
) -> None:
    path = tmp_path / "de.po"
    path.write_text(HEAD + body, encoding="utf-8")
    with pytest.raises(ConfigError, match=problem) as refused:
        load(tmp_path)
    assert str(refused.value).startswith(f"The translation {path}, line {line}, is broken")


def test_other_encodings_and_other_names_are_refused(tmp_path: Path) -> None:
    (tmp_path / "de.po").write_bytes((HEAD + 'msgid "Kept."\nmsgstr "Bleibt für immer."\n').encode("latin-1"))
    with pytest.raises(ConfigError, match=r"line 6, is broken: the file isn't UTF-8"):
        load(tmp_path)
    (tmp_path / "de.po").rename(tmp_path / "nowhere.po")
    with pytest.raises(
        ConfigError, match=r"nowhere\.po, line 1, is broken: Discord has no language 'nowhere'"
    ):
        load(tmp_path)


def test_a_start_without_a_folder_for_the_compiled_catalogues_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "de.po").write_text(HEAD, encoding="utf-8")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match=r"cannot be compiled: \[Errno 2\] No such file"):
        load(tmp_path)


def test_placeholders_are_told_apart_by_their_format() -> None:
    assert placeholders("{a:g} and {b}") == {"a:g!None", "b:!None"}


def test_every_language_of_discord_can_be_added() -> None:
    ours = {locale.value for locale in discord.Locale} - {"en-US"}
    assert ours <= NATIVE_NAMES.keys()
    assert {language.partition("-")[0] for language in NATIVE_NAMES} == {
        locale.partition("-")[0] for locale in ours
    }
