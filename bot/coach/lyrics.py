"""Advice on lyrics: their length against the clip's, section tags, words on a tag's line, the language."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_WORDS_A_SECOND = 3.0
"""Faster than this is rap at its usual pace; sung lines have one to two words a second."""
MIN_WORDS_A_SECOND = 0.2
"""Slower than this, most of the clip has no words left to sing."""
SCRIPT_CHARACTERS_A_WORD = 1.5
"""Characters of a script without spaces (Chinese, Japanese) that are sung in the time of a word."""
TAGS = frozenset(
    {
        "intro", "verse", "pre-chorus", "chorus", "post-chorus", "hook", "bridge", "drop", "build",
        "breakdown", "instrumental", "inst", "interlude", "solo", "guitar solo", "piano solo", "outro",
        "end", "fade out", "silence", "rap", "spoken", "refrain",
    }
)  # fmt: skip
"""Section tags without their numbers: ACE-Step's docs/en/Tutorial.md, and names of the same kind."""
_TAG = re.compile(r"\[([^\[\]\n]*)\]")
_OTHER_TAG = re.compile(r"^\s*[({<]\s*([A-Za-z][A-Za-z -]*?)\s*\d*\s*[)}>]\s*:?\s*$", re.MULTILINE)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_SCRIPTS = {
    "Japanese": re.compile(r"[\u3040-\u30ff]"),
    "Korean": re.compile(r"[\uac00-\ud7af]"),
    "Russian": re.compile(r"[\u0400-\u04ff]"),
    "Arabic": re.compile(r"[\u0600-\u06ff]"),
    "Hebrew": re.compile(r"[\u0590-\u05ff]"),
    "Hindi": re.compile(r"[\u0900-\u097f]"),
    "Thai": re.compile(r"[\u0e00-\u0e7f]"),
    "Chinese": re.compile(r"[\u4e00-\u9fff]"),
}
"""Scripts by the language that a singer takes them for; Japanese before Chinese, whose characters it has."""
_SHARED = {
    "Russian": {"Russian", "Ukrainian"},
    "Chinese": {"Chinese", "Cantonese", "Japanese"},
}
"""Further languages of a script."""


def advise_lyrics(lyrics: str, seconds: float, language: str | None = None) -> list[str]:
    """Return advice on lyrics for a clip of so many seconds, a sentence or two each, what matters most first.

    language: the one that was set, by its English name (bot.recipe.languages).
    """
    return [*_tags(lyrics), *_length(lyrics, seconds), *_language(lyrics, language)]


def count_words(lyrics: str) -> float:
    """Return the number of sung words without tags; a script without spaces is counted by characters."""
    sung = _TAG.sub(" ", lyrics)
    unspaced = len(_UNSPACED.findall(sung))
    return len(re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", _UNSPACED.sub(" ", sung))) + (
        unspaced / SCRIPT_CHARACTERS_A_WORD
    )


def _length(lyrics: str, seconds: float) -> Iterator[str]:
    words = count_words(lyrics)
    if words > MAX_WORDS_A_SECOND * seconds:
        needed = -(-words // MAX_WORDS_A_SECOND)
        yield (
            f"The lyrics have about {words:.0f} words for {seconds:g} seconds, more than anybody sings. "
            f"Shorten them, or set at least {needed:.0f} seconds."
        )
    elif 0 < words < MIN_WORDS_A_SECOND * seconds:
        yield (
            f"The lyrics have about {words:.0f} words for {seconds:g} seconds. Add lines, or a part such as "
            "[instrumental], or make the clip shorter."
        )
    if not words and lyrics.strip():
        yield "The lyrics hold tags alone, and no words to sing. Add lines below the tags."


def _tags(lyrics: str) -> Iterator[str]:
    for number, line in enumerate(lyrics.splitlines(), 1):
        tags = _TAG.findall(line)
        rest = _TAG.sub("", line).strip()
        if tags and rest:
            yield (
                f"Line {number} has words beside the tag [{_shown(tags[0])}]. Put the tag on a line of its "
                "own: words beside it may be read as part of it."
            )
            break
    if other := _OTHER_TAG.search(lyrics):
        name = other[1].strip()
        if _plain(name) in TAGS:
            yield f"“{other[0].strip()}” is sung as a word. Write [{name.lower()}] for a section."
    unknown = [tag for tag in _TAG.findall(lyrics) if not _is_known(tag)]
    if unknown:
        yield (
            f"[{_shown(unknown[0])}] isn't a usual section. [verse], [chorus], [bridge], [intro] and [outro] "
            "are understood best."
        )
    if lyrics.count("[") != lyrics.count("]"):
        yield "A bracket of a section tag is missing: write [verse], with both."


def _language(lyrics: str, language: str | None) -> Iterator[str]:
    sung = _TAG.sub(" ", lyrics)
    found = next((name for name, script in _SCRIPTS.items() if len(script.findall(sung)) >= 3), None)
    if found is None or language is None or language in _SHARED.get(found, {found}):
        return
    yield (
        f"The lyrics look {found}, and the language is set to {language}. Set `language` to {found}, or "
        "leave it out."
    )


def _is_known(tag: str) -> bool:
    # A tag may say more behind a dash or a colon: [chorus - anthemic].
    return _plain(re.split(r"\s+[-–—:]\s*|:", tag)[0]) in TAGS


def _plain(tag: str) -> str:
    return re.sub(r"\s*\d+$", "", tag.strip().casefold())


def _shown(tag: str) -> str:
    return tag.strip()[:30]
