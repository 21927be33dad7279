"""What Discord's markdown becomes: as an outline of elements, <> for nothing special."""

from __future__ import annotations

import pytest

from tests.sandbox.chat import Chat

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTLINE = """async (text) => {
    const { markdown } = await import(new URL("js/markdown/render.js", location.href));
    const say = (kind) => (id) => `${kind} ${id}`;
    const names = { user: say("user"), role: say("role"), channel: say("channel"), command: say("command") };
    const outline = (node) => {
        if (node.nodeType === Node.TEXT_NODE) return node.data;
        const inner = [...node.childNodes].map(outline).join("");
        const kind = [node.localName, ...node.classList].join(".");
        return `<${kind}${node.href ? " " + node.href : ""}>${inner}</>`;
    };
    return [...markdown(text, names).childNodes].map(outline).join("");
}"""
CASES = {
    "plain words": "<p>plain words</>",
    "**bold** *lean* _lean_ __under__ ~~struck~~": (
        "<p><strong>bold</> <em>lean</> <em>lean</> <u>under</> <s>struck</></>"
    ),
    "***both***": "<p><strong><em>both</></></>",
    "snake_case_name 2*3*4 a * b * c": "<p>snake_case_name 2<em>3</>4 a * b * c</>",
    r"\*not lean\*": "<p>*not lean*</>",
    "**open": "<p>**open</>",
    "`a*b*` ``x`y``": "<p><code.inline-code>a*b*</> <code.inline-code>x`y</></>",
    "one\ntwo": "<p>one\ntwo</>",
    "# Big\n## Mid\n### Small\n#no": (
        "<div.header.header-1>Big</><div.header.header-2>Mid</><div.header.header-3>Small</><p>#no</>"
    ),
    "-# tiny": "<p.subtext>tiny</>",
    "> one\n> *two*\nafter": "<blockquote><p>one\n<em>two</></></><p>after</>",
    ">>> all\nof it": "<blockquote><p>all\nof it</></>",
    "- a\n- b\n  - c\n3. d": "<ul><li>a</><li>b<ul><li>c</></></><li>d</></>",
    "2. a\n3. b": "<ol><li>a</><li>b</></>",
    "```py\nx = '**1**'\n```after": "<pre><code>x = '**1**'</></><p>after</>",
    "say ```no``` more": "<p>say </><pre><code>no</></><p> more</>",
    "||a **b**||": "<p><span.spoiler><span.spoiler-text>a <strong>b</></></></>",
    "https://example.com/a_(b), and": "<p><a https://example.com/a_(b)>https://example.com/a_(b)</>, and</>",
    "<https://example.com>": "<p><a https://example.com/>https://example.com</></>",
    "[text *lean*](https://example.com/x)": "<p><a https://example.com/x>text <em>lean</></></>",
    "[x](javascript:alert)": "<p>[x](javascript:alert)</>",
    "<@12> <@!12> <@&34> <#56> </preset save:78>": (
        "<p>user 12 user 12 role 34 channel 56 command preset save</>"
    ),
    "<:wave:123> <a:spin:4>": "<p><span.custom-emoji>:wave:</> <span.custom-emoji>:spin:</></>",
    "@everyone @here someone@here.org": (
        "<p><span.mention>@everyone</> <span.mention>@here</> someone<span.mention>@here</>.org</>"
    ),
    "<b>raw</b> &amp; <script>": "<p><b>raw</b> &amp; <script></>",
    "a\n\n\nb": "<p>a\n\n\nb</>",
    "": "",
}


@pytest.mark.parametrize(("text", "outline"), CASES.items())
async def test_markdown(window: Chat, text: str, outline: str) -> None:
    assert await window.evaluate(OUTLINE, text) == outline


async def test_times_follow_the_clock(window: Chat) -> None:
    soon = await window.evaluate("() => Math.round(Date.now() / 1000) + 3600 * 3")
    assert await window.evaluate(OUTLINE, f"<t:{soon}:R>") == "<p><time.stamp>in 3 hours</></>"
    assert await window.evaluate(OUTLINE, "<t:99999999999999999>") == "<p><t:99999999999999999></>"
    assert "2026" in await window.evaluate(OUTLINE, "<t:1780000000:D>")


async def test_a_long_line_of_marks_is_read_in_time(window: Chat) -> None:
    for marks in ("*" * 4000, "_*" * 2000, "||**" * 1000, "[" * 4000, "> " * 2000, "`" * 4000, "<t:" * 1300):
        assert isinstance(await window.evaluate(OUTLINE, marks), str)
