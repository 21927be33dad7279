"""A negative prompt keeps instruments out: read from words, and counted in written scores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engines.score import BUILT_IN, load
from bot.engines.score.engine import ScoreEngine
from bot.engines.score.format import DRUMS, Score
from bot.engines.score.notes import notes_of
from bot.engines.score.programs import PROGRAMS
from bot.engines.score.steer import named_instruments, requested_instruments
from bot.engines.threads import one_thread
from bot.recipe import Mode, Recipe


@pytest.fixture(scope="module", params=list(Mode))
def engine(request: pytest.FixtureRequest) -> ScoreEngine:
    found = load(request.param, BUILT_IN[f"antiphon-tiny-{request.param}"])
    assert isinstance(found, ScoreEngine)
    return found


def recipe(prompt: str, negative: str | None, mode: Mode = Mode.AR, seed: int = 1) -> Recipe:
    options = {} if negative is None else {"negative_prompt": negative}
    return Recipe(prompt=prompt, mode=mode, model="m", seconds=10, seed=seed, options=options)


def written(engine: ScoreEngine, prompt: str, negative: str | None, seed: int) -> Score:
    with one_thread():
        return engine.write(
            recipe(prompt, negative, engine.capabilities.mode, seed), lambda done, total: None
        )


def names(pairs: frozenset[tuple[int, int]]) -> set[str]:
    return {"drums" if role == DRUMS else PROGRAMS[program].name for role, program in pairs}


@pytest.mark.parametrize(
    ("negative", "named"),
    [
        ("drums", {"drums"}),
        ("no drums, please", {"drums"}),
        ("loud drums and harp", {"drums", "harp"}),
        ("rhodes", {"electric piano"}),
        ("sadness, noise", set()),
        ("", set()),
        ("🥁", {"drums"}),
    ],
)
def test_instruments_of_a_negative_prompt_are_read(negative: str, named: set[str]) -> None:
    assert names(named_instruments(negative)) == named


@pytest.mark.parametrize(
    ("negative", "some"),
    [
        ("guitar", {"nylon guitar", "distortion guitar", "muted guitar"}),
        ("bass", {"finger bass", "sub bass", "reese bass", "upright bass"}),
        ("strings", {"string ensemble", "tremolo strings", "contrabass"}),
    ],
)
def test_a_word_for_many_instruments_stands_for_all_of_them(negative: str, some: set[str]) -> None:
    assert some <= names(named_instruments(negative))


def test_the_negative_prompt_wins_over_the_prompt() -> None:
    asked = requested_instruments(recipe("start with piano, then drums, finally flute", "drums"))
    assert [PROGRAMS[wish.programs[0]].name for wish in asked.wishes] == ["piano", "flute"]
    assert ([wish.stage for wish in asked.wishes], asked.stages) == ([0, 1], 2)
    assert requested_instruments(recipe("only piano", "piano")).wishes == ()


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_words_give_a_request(prompt: str, negative: str) -> None:
    asked = requested_instruments(recipe(f"x{prompt}", f"x{negative}"))
    assert {wish.stage for wish in asked.wishes} <= set(range(asked.stages))


@pytest.mark.parametrize(
    ("prompt", "negative"),
    [
        ("driving techno", "drums"),
        ("jazz trio", "piano"),
        ("rock song with guitar", "guitar"),
        ("trap beat", "bass"),
    ],
)
def test_what_is_unwanted_is_in_no_bar_of_the_score(engine: ScoreEngine, prompt: str, negative: str) -> None:
    banned = named_instruments(negative)
    for seed in range(3):
        score = written(engine, prompt, negative, seed)
        heard = {(role, int(program)) for role in range(DRUMS + 1) for program in score.programs[:, role]}
        assert not heard & banned
        notes, hits = notes_of(score, seed)
        assert notes or hits, "nothing is left to hear"
        assert not {(note.role, note.program) for note in notes} & banned
        assert negative != "drums" or hits == []


def test_drums_that_are_unwanted_are_played_without_it(engine: ScoreEngine) -> None:
    assert notes_of(written(engine, "driving techno", None, 2), 2)[1]
