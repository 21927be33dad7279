"""What people type is shown as typed, and nothing of it is live."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.markdown import joined_lines, one_line, plain, quoted, quoted_lines, shortened
from tests.discord_markdown import ZERO_WIDTH, live, shown
from tests.requirements import absent

Test = Callable[[str, int], None]

LIVE = (
    "[verse] beat [Free Nitro](https://evil.example)",
    "[x](https://evil.example)",
    "[a [b] c](<https://evil.example> 'title')",
    "[x](https:evil.example)",
    "](https://evil.example)",
    "<https://evil.example>",
    "https://evil.example/a_b_c?d=*e*",
    "HTTP://EVIL.EXAMPLE",
    "steam://run/1 discord://-/x",
    "discord.gg/abc discord.com/invite/abc www.evil.example evil.example/x",
    "<#123> <@123> <@!123> <@&123> </play now:123> <t:123> <t:123:R> <id:guide> <:pepe:123> <a:pepe:123>",
    "@everyone @here @\u200beveryone someone@here.example <me@evil.example> <+15551234567>",
    ":smile: :+1: ::wave::skin-tone-2:",
    "||spoiler|| **bold** __under__ *lean* _lean_ ~~gone~~ `code` ``co`de`` ```py\nfence```",
    "# heading",
    "### heading",
    "-# subtext",
    "- item",
    "* item",
    "+ item",
    "1. item",
    "12345678901. item",
    "> quote",
    ">>> quote\nmore",
    "\\ \\\\ \\* \\[x](https://evil.example)",
    "one\ntwo\r\n# three\u2028- four",
)
TRICKY = (
    r"https:\/\/evil.example",
    "https:\u200b//evil.example",
    "<\u200b@123> <@\u200b123>",
    "\\",
    "\u202eevil\u202c \u2066isolated\u2069 \u2067open",
    "Z\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308algo",
    "tag\U000e0041\U000e0042 zero\u200b\u200c\u200d\u2060\ufeffwidth \x00\x1b[0m",
    "¯\\_(ツ)_/¯",
    "مطر على سطح *x*",
)
LONG = (
    "*" * 4000,
    "_" * 999,
    "`" * 1000,
    "[" * 500 + "](https://evil.example)" * 50,
)
HOSTILE = LIVE + TRICKY + LONG
SIGNS = "\\*_~|`<>[]()#-+.:/@&!^t id1230 \n\u200b\u200d\u202e\u2066\u0301\ufe0f🎹🏽🇩ابjé"
_pieces = st.one_of(st.sampled_from(LIVE + TRICKY), st.text(alphabet=SIGNS, max_size=4))
typed = st.one_of(st.text(), st.text(alphabet=SIGNS, max_size=80), st.lists(_pieces, max_size=6).map("".join))
limits = st.integers(1, 300)


def examples(test: Test) -> Test:
    for text in HOSTILE:
        test = example(text, 300)(test)
    return test


@pytest.mark.parametrize("text", LIVE)
def test_as_it_was_typed_it_would_be_live(text: str) -> None:
    assert live(text) != []


@given(typed, limits)
@settings(max_examples=1_000, deadline=None)
@examples
def test_nothing_typed_is_live_and_all_of_it_reads_as_typed(text: str, limit: int) -> None:
    rendered = quoted(text, limit)
    assert live(rendered) == []
    assert len(rendered) <= limit
    rendered.encode()

    visible, read = one_line(text), shown(rendered)
    whole = len(quoted(text, 10**6)) <= limit
    assert read == visible if whole else visible.startswith(read.removesuffix("…"))


@given(typed, limits)
@settings(max_examples=500, deadline=None)
@examples
def test_it_stays_so_beside_the_bots_own_words(text: str, limit: int) -> None:
    rendered = quoted(text, limit)
    assert [one.kind for one in live(f"**Duel 3** {rendered} · 10 s")] == ["bold"]
    assert [one.kind for one in live(f"> {rendered}")] == ["quote"]
    assert [one.kind for one in live(f"- {rendered}.")] == ["list"]
    # The text of a masked link reaches to the last “](” that fits.
    assert "](" not in rendered


@given(typed, limits)
@settings(max_examples=500, deadline=None)
@examples
def test_no_escape_and_no_character_is_cut_in_half(text: str, limit: int) -> None:
    whole, cut = quoted(text, 10**6), quoted(text, limit)
    if cut == whole:
        return
    kept = cut.rstrip("\u2069").removesuffix("…")
    assert (len(kept) - len(kept.rstrip("\\"))) % 2 == 0
    rest = whole[len(kept) :].lstrip(ZERO_WIDTH)
    assert not (kept and rest) or unicodedata.category(rest[0])[0] != "M"
    assert not kept.endswith("\u200d")


@given(st.text(), limits)
@settings(deadline=None)
def test_bidirectional_isolates_are_balanced(text: str, limit: int) -> None:
    rendered = shortened(f"{quoted(text, 400)} {quoted('مطر ' + text, 400)}", limit)
    assert rendered.count("\u2068") == rendered.count("\u2069")
    assert not set(rendered) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u200e\u200f\u061c")


SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize("text", ["🧑🏽‍🚀", "🇩🇪", SCOTLAND, "1️⃣", "q\u0307\u0323", "각"])
def test_a_grapheme_cluster_stays_whole(text: str) -> None:
    for limit in range(1, len(text) + 1):
        assert quoted(text + "abc", limit + 1) in ("…", f"{text}…")


def test_words_without_signs_cost_nothing() -> None:
    for text in ("slow piano, 90 bpm (soft)", "lo-fi & jazz: 3/4", "雨の東京", "🎹🌧️🔥", "می‌خواهم"[:2]):
        assert quoted(text, 100).strip(ZERO_WIDTH) == text


@given(st.text(max_size=80))
@settings(deadline=None)
def test_short_text_is_left_alone(text: str) -> None:
    assert shortened(text, 80) == text


@given(st.text(), st.integers(1, 60))
@settings(deadline=None)
def test_text_never_exceeds_its_limit(text: str, limit: int) -> None:
    assert len(shortened(text, limit)) <= limit
    assert len(plain(text, limit)) <= limit


@given(st.lists(st.text(alphabet="ab ", max_size=30), max_size=12), st.integers(20, 120))
def test_a_list_drops_whole_lines_and_says_how_many(lines: list[str], limit: int) -> None:
    text = joined_lines(lines, limit)
    assert len(text) <= limit
    shown_lines = text.split("\n")
    if text != "\n".join(lines) and len(lines) > 1:
        assert shown_lines[-1] == f"… and {len(lines) - len(shown_lines) + 1} more"
        assert shown_lines[1:-1] == lines[1 : len(shown_lines) - 1]


def test_lines_are_quoted_each_for_itself() -> None:
    assert quoted_lines("# a\n- *b*", 100) == "\\# a\n\\- \\*b\\*"


PAGE = Path(__file__).parents[1] / "sandbox/page/js/markdown"
PARSE = """
import { parse } from "./blocks.js";
const texts = JSON.parse(await new Response(process.stdin).text());
console.log(JSON.stringify(texts.map((text) => parse(text))));
"""


def test_the_sandboxs_page_finds_nothing_live_either(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        absent("node", "node runs the page's parser")
    for name in ("blocks.js", "inline.js"):
        shutil.copy(PAGE / name, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "parse.js").write_text(PARSE)
    rng = random.Random(5)
    pieces = [*LIVE, *TRICKY, *SIGNS]
    texts = [*HOSTILE, *("".join(rng.choices(pieces, k=rng.randint(1, 5))) for _ in range(2_000))]
    rendered = [quoted(text, 4_000) for text in texts]
    done = subprocess.run(
        ["node", "parse.js"],
        cwd=tmp_path,
        input=json.dumps(rendered),
        capture_output=True,
        text=True,
        check=True,
    )
    for text, markdown, blocks in zip(texts, rendered, json.loads(done.stdout), strict=True):
        nodes = [node for block in blocks for node in block["children"]]
        said = [node["text"] for node in nodes]
        assert {one["type"] for one in (*blocks, *nodes)} <= {"paragraph", "text"}, text
        assert "".join(said) == re.sub(r"\\([^0-9A-Za-z\s])", r"\1", markdown), text
