from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.coach import SETS, Labelled, Score, labelled, table
from bot.coach.rules import rules
from bot.recipe import Mode

PROMPTS = {name: labelled(name) for name in SETS}


def test_there_are_enough_prompts_good_and_bad_for_each_mode() -> None:
    assert sum(map(len, PROMPTS.values())) >= 200
    for prompts in PROMPTS.values():
        kinds = Counter((p.mode, bool(p.fires)) for p in prompts)
        assert all(kinds[mode, bad] >= 20 for mode in Mode for bad in (True, False))


@pytest.mark.parametrize("name", ["seen", "kept_apart"])
def test_every_rule_is_labelled_in_both_sets(name: str) -> None:
    counts = Counter(rule for prompt in PROMPTS[name] for rule in prompt.fires)
    assert all(counts[rule.id] >= 3 for rule in rules())
    for prompt in PROMPTS[name]:
        assert all(prompt.mode in rule.modes for rule in rules() if rule.id in prompt.fires)


def test_no_prompt_is_in_two_sets() -> None:
    texts = [(p.text, p.mode) for prompts in PROMPTS.values() for p in prompts]
    assert len(set(texts)) == len(texts)


def test_what_members_type_raises_no_false_alarm_about_voices() -> None:
    assert len(PROMPTS["chat"]) == 120
    judged = [("vocals" in p.fires, "vocals" in p.fired()) for p in PROMPTS["chat"]]
    right = sum(label and fired for label, fired in judged)
    assert right >= 0.95 * sum(fired for _, fired in judged)
    assert right >= 0.95 * sum(label for label, _ in judged)


def test_the_rules_still_do_what_they_were_written_for() -> None:
    judged = [(p.fires, p.fired()) for p in PROMPTS["seen"]]
    right = sum(len(labels & fired) for labels, fired in judged)
    assert right >= 0.95 * sum(len(labels) for labels, _ in judged)
    assert right >= 0.95 * sum(len(fired) for _, fired in judged)


def test_the_table_counts_labels_findings_and_what_is_right() -> None:
    prompts = [
        Labelled("flawless piano solo that climbs", Mode.AR, frozenset({"absolutes"})),
        Labelled("soft  piano plays", Mode.AR, frozenset({"absolutes"})),
        Labelled("soft piano plays", Mode.AR, frozenset()),
    ]
    lines = table(prompts)
    assert "| `absolutes` | 2 | 1 | 1 | 100% | 50% |" in lines
    assert "| `doubled-spaces` | 0 | 1 | 0 | 0% | – |" in lines
    assert "| all rules | 2 | 2 | 1 | 50% | 50% |" in lines
    assert lines[-1].startswith("2 of 3 prompts got exactly their labels. Of 1 with nothing to say, 1 were")
    assert Score(0, 0, 0).row("x") == "| x | 0 | 0 | 0 | – | – |"
