"""`.env` as people write it: understood, or refused by the number of the line and never by its content."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError
from bot.settings_file import parse, read

KNOWN = {"NAME", "OTHER", "DISCORD_TOKEN"}


def value_of(text: str) -> str:
    [setting] = parse(text, KNOWN)
    assert setting.name.upper() == "NAME"
    return setting.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NAME=value", "value"),
        ("  NAME =  value  ", "value"),
        ("name=value", "value"),
        ("NAME: value", "value"),
        ("NAME:C:\\clips", "C:\\clips"),
        ("NAME＝value", "value"),
        ("export NAME=value", "value"),
        ("set NAME=value", "value"),
        ('$env:NAME = "value"', "value"),
        ("NAME=value # why", "value"),
        ("NAME=a#b", "a#b"),
        ("NAME= # nothing yet", ""),
        ("NAME=", ""),
        ("NAME='a # b'", "a # b"),
        ('NAME="a # b" # why', "a # b"),
        ('NAME="say \\"so\\" twice"', 'say "so" twice'),
        ('NAME="C:\\new\\table"', "C:\\new\\table"),
        ('NAME="C:\\music\\"', "C:\\music\\"),
        ("NAME=bob's", "bob's"),
        ("NAME=“value”", "value"),
        ("NAME=„value“", "value"),
        ("NAME=‘value’", "value"),
        ("NAME=«value»", "value"),
        ("NAME=`value`", "value"),
        ("NAME=a=b", "a=b"),
        ("\u200bNAME=value\u200b", "value"),
        ("NAME=7,5", "7,5"),
    ],
)
def test_what_people_write_is_understood(text: str, value: str) -> None:
    assert value_of(text) == value
    assert value_of(f"# first\r\n\r\n{text}\r\n") == value
    assert value_of(f"# first\r{text}\r") == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("NAME=\nMTAw.secret.x", "Line 2 of .env is not NAME=value."),
        ("NAME='open", "The value in line 1 of .env opens a quote that is not closed."),
        ("NAME=“open", "The value in line 1 of .env opens a quote that is not closed."),
        ("NAME=\"one'", "The value in line 1 of .env opens a quote that is not closed."),
        ('NAME="a" b', "The value in line 1 of .env goes on after its closing quote."),
        ('\nNAME="a\nb"', "The value in line 2 of .env spans several lines; put it on one line."),
        ("NAME=a\0b", "The value in line 1 of .env holds a control character; type it again by hand."),
        ("[settings]", "Line 1 of .env is not NAME=value."),
        ('{"NAME": "value"}', "Line 1 of .env is not NAME=value."),
        ("NOT A NAME=value", "Line 1 of .env is not NAME=value."),
        ("ELSE: value", "Line 1 of .env is not NAME=value."),
        ("a b\nNAME=1\nc d", "Line 1 of .env is not NAME=value. Line 3 of .env is not NAME=value."),
    ],
)
def test_what_is_not_understood_is_refused_by_its_line(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, KNOWN)
    assert str(caught.value) == sentence


def test_other_programs_may_have_values_of_several_lines() -> None:
    found = parse('KEY="-----BEGIN\nabc=\n-----END"\nNAME=value', KNOWN)
    assert [(one.name, one.line) for one in found] == [("KEY", 1), ("NAME", 4)]


def test_references_are_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "/music")
    found = parse("NAME=${PLACE}/a\nOTHER='${PLACE}'\nNAME=${OTHER}${ABSENT:-b}${ABSENT}", KNOWN)
    assert [one.value for one in found] == ["/music/a", "${PLACE}", "${PLACE}b"]


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_every_editor_s_encoding_is_read(tmp_path: Path, mark: bytes, encoding: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(mark + "# café ♪\r\nNAME=value\r\n".encode(encoding))
    [setting] = read(path, KNOWN)
    assert (setting.name, setting.value, setting.line) == ("NAME", "value", 2)


@pytest.mark.parametrize(
    "content", [b"NAME=a\nOTHER=caf\xe9\n", codecs.BOM_UTF16_LE + "N=1\n".encode("utf-16-le") + b"\x00\xd8"]
)
def test_another_encoding_is_refused_by_the_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ConfigError, match=r"Line 2 of .* isn't UTF-8 text"):
        read(tmp_path / ".env", KNOWN)


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path, KNOWN)
    assert read(tmp_path / "absent", KNOWN) == []


@given(
    before=st.lists(st.text(max_size=20), max_size=3),
    after=st.lists(st.text(max_size=20), max_size=3),
    around=st.tuples(*[st.sampled_from(["", '"', "'", "“", "NAME=", "X=", "x: ", " ", "\ufeff"])] * 2),
)
def test_no_refusal_shows_what_the_file_holds(
    before: list[str], after: list[str], around: tuple[str, str]
) -> None:
    secret = "MTAwMDAwMDAw.GaBcDe.q1w2e3"
    refused = ""
    try:
        parse("\n".join([*before, f"{around[0]}{secret}{around[1]}", *after]), KNOWN)
    except ConfigError as error:
        refused = f"{error} {error.__context__!r}"
    assert "MTAw" not in refused
    assert "q1w2" not in refused
