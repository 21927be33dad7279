"""The everyday prompts stay as they were before any training, and no training caption says them."""

import hashlib
import re
from collections import Counter

from training.captions import WORDS
from training.evaluate import EVERYDAY, SEEDS, tasks
from training.scenes import SCENES
from training.train_styles import wordings

SHA256 = "c88ed290ef3f2bd29737cc0011cdceb0299e196059fc1387127c0e41b49942fb"
LONGEST_SHARED = 3
"""Words in a row that a prompt may share with the wordings of its scene's captions: names of styles."""


def test_the_prompts_are_frozen() -> None:
    assert hashlib.sha256(EVERYDAY.read_bytes()).hexdigest() == SHA256


def test_half_are_english_and_six_languages_share_the_rest() -> None:
    work = tasks(("everyday",))
    languages = Counter(language for language, _ in {(task.language, task.prompt) for task in work})
    assert languages == {"en": 60} | dict.fromkeys(("de", "fr", "es", "zh", "ja", "ru"), 10)
    assert {task.scene for task in work} == set(WORDS)
    assert len(work) == 120 * SEEDS["everyday"]


def runs(text: str) -> set[tuple[str, ...]]:
    """Return every run of words that is longer than prompts and captions may share."""
    words, length = re.findall(r"\w+", text.lower()), LONGEST_SHARED + 1
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def test_no_prompt_quotes_a_training_caption() -> None:
    for task in tasks(("everyday",)):
        assert task.scene is not None
        words = WORDS[task.scene]
        for wording in (*words.names, *words.settings):
            assert not runs(task.prompt) & runs(wording), (task.prompt, wording)


def test_no_prompt_kept_apart_is_quoted_by_what_the_reader_of_styles_learns_from() -> None:
    learnt = {text.lower(): SCENES[style].name for text, style in zip(*_learnt(), strict=True)}
    for task in tasks(("everyday", "far")):
        assert task.prompt.lower() not in learnt
        for text, scene in learnt.items():
            assert scene != task.scene or not runs(task.prompt) & runs(text), (task.prompt, text)


def _learnt() -> tuple[list[str], list[int]]:
    found = wordings()
    return found.texts, found.styles
