"""What prompts say of instruments, and what is kept of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engines.score.bits import from_bits, onset_bits, program_bits, programs_of, to_bits
from bot.engines.score.format import BASS, DRUMS, ONSET, PROGRAM_SIZES, REST
from bot.engines.score.impose import chances
from bot.engines.score.programs import KIT_ID, KITS, PROGRAM_ID, PROGRAMS
from bot.engines.score.steer import MAX_WISHES, NOTHING, InstrumentRequest, Steering, asked_instruments
from training.captions import KIT_WORDS, SPOKEN

EVEN = [np.full(size, 1 / size) for size in PROGRAM_SIZES]


def stages(prompt: str) -> list[set[str]]:
    """Return the instruments of each stage, drums as their kits' names."""
    asked = asked_instruments(prompt)
    out: list[set[str]] = [set() for _ in range(asked.stages)]
    for wish in asked.wishes:
        names = KITS if wish.roles == (DRUMS,) else [p.name for p in PROGRAMS]
        out[wish.stage] |= {names[program] for program in wish.programs}
    return out


ANY_KIT = set(KITS[1:])
STRINGS = {"string ensemble", "slow strings", "tremolo strings"}


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        (
            "Start with a melancholy cello, then add harp; strings at the end!",
            [{"cello"}, {"harp"} | STRINGS],
        ),
        (
            "start with a cello, then add harp, build to full strings",
            [{"cello"}, {"harp"}, {"string ensemble"}],
        ),
        ("begins with drums, followed by slap bass. Finally flutes", [ANY_KIT, {"slap bass"}, {"flute"}]),
        ("first the music box and harp, and then choir", [{"music box", "harp"}, {"choir"}]),
        ("ends with choir, starts with piano", [{"piano"}, {"choir"}]),
        ("piano solo first, then drums", [{"piano"}, ANY_KIT]),
        ("a harp before the violin", [{"harp"}, {"violin"}]),
        ("folk with banjo, starts with harmonica, then add flute", [{"harmonica"}, {"flute"}, {"banjo"}]),
        ("lofi with good vibes", [set()]),
        ("lofi, start with the beat, then vibes", [ANY_KIT, {"vibraphone"}]),
        ("fast drum and bass", [set()]),
        ("drum and bass with flute", [{"flute"}]),
        ("steel drums and a french horn", [{"steel drums", "french horn"}]),
        ("FRENCH-HORN", [{"french horn"}]),
        ("start with nothing at all, then something", [set()]),
        ("first person shooter music with organ", [{"organ", "church organ"}]),
    ],
)
def test_instruments_and_their_order_are_read(prompt: str, wanted: list[set[str]]) -> None:
    assert stages(prompt) == wanted


@pytest.mark.parametrize(
    "prompt", ["no drums", "sad song without percussion", "beatless", "no bass or drums"]
)
def test_what_is_not_wanted_is_read(prompt: str) -> None:
    asked = asked_instruments(prompt)
    assert not asked.wishes
    assert {(DRUMS, kit) for kit in range(1, len(KITS))} <= asked.unwanted


def test_a_denial_ends_where_something_else_begins() -> None:
    asked = asked_instruments("no drums, piano. without bass but with cello")
    assert {w.programs for w in asked.wishes} == {(PROGRAM_ID["piano"],), (PROGRAM_ID["cello"],)}
    assert (BASS, PROGRAM_ID["finger bass"]) in asked.unwanted


def test_the_words_of_the_captions_name_what_they_name_there() -> None:
    for name, options in (SPOKEN | {p.name: (p.name,) for p in PROGRAMS[1:]}).items():
        for spoken in options:
            if name in ("glitch", "drone") or spoken in ("vibes", "beat"):
                continue
            (wish,) = asked_instruments(f"quiet {spoken}").wishes
            assert wish.roles == (DRUMS,) if name == "drums" else PROGRAM_ID[name] in wish.programs, spoken
    for kit, spoken in KIT_WORDS.items():
        if spoken != "rolling hi hats":
            assert asked_instruments(spoken).wishes[0].programs == (KIT_ID[kit],)


WORDS = st.sampled_from(
    [
        "start",
        "with",
        "then",
        "add",
        "finally",
        "no",
        ",",
        ".",
        "piano",
        "drums",
        "bass",
        "french",
        "horn",
        "🎻",
    ]
)


@given(st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=40).map(" ".join)))
def test_any_text_can_be_read_and_kept(prompt: str) -> None:
    asked = asked_instruments(prompt)
    assert len(asked.wishes) <= MAX_WISHES
    assert {w.stage for w in asked.wishes} == set(range(asked.stages)) or asked.wishes == ()
    for bars in (1, 2, 3, 9):
        programs, entrances = Steering(asked, bars).imposed(EVEN, bars)
        assert programs.shape == (bars, 5)
        assert ((programs >= -1) & (programs < np.array(PROGRAM_SIZES))).all()
        for bar, role in entrances:
            assert programs[bar, role] > 0


def test_a_prompt_without_instruments_leaves_the_model_free() -> None:
    assert asked_instruments("dreary rain over the city") == NOTHING
    steering = Steering(NOTHING, 4)
    assert all(steering.allowed(bar, role, EVEN[role]).all() for bar in range(4) for role in range(5))


def entrances_of(asked: InstrumentRequest, bars: int, likely: list[np.ndarray]) -> dict[int, tuple[int, int]]:
    """Return program → (bar, role) of what enters when the likeliest is taken that is allowed."""
    steering = Steering(asked, bars)
    out: dict[int, tuple[int, int]] = {}
    for bar in range(bars):
        for role in range(5):
            program = int(np.argmax(np.where(steering.allowed(bar, role, likely[role]), likely[role], -1)))
            if steering.took(bar, role, program):
                out[program] = bar, role
    return out


def test_instruments_enter_in_their_order_and_nothing_else_before_the_last() -> None:
    asked = asked_instruments("start with cello, then add flute, finally harpsichord")
    for bars in (3, 5, 12, 40):
        entered = entrances_of(asked, bars, EVEN)
        at = [entered[PROGRAM_ID[name]][0] for name in ("cello", "flute", "harpsichord")]
        assert at == sorted(set(at))
        assert at[0] == 0
        programs, _ = Steering(asked, bars).imposed(EVEN, bars)
        assert ((programs[: at[1]] > 0).sum(1) == 1).all()
        assert (programs[-1] == -1).any()


def test_a_role_that_the_model_would_give_an_instrument_takes_it() -> None:
    asked = asked_instruments("house with piano")
    piano = PROGRAM_ID["piano"]
    by_itself = [*EVEN]
    by_itself[0] = np.full(PROGRAM_SIZES[0], 1e-4)
    by_itself[0][piano] = 0.9
    assert entrances_of(asked, 4, by_itself)[piano] == (0, 0)
    never = [np.full(size, 1e-4) for size in PROGRAM_SIZES]
    assert entrances_of(asked, 4, never)[piano][1] != 0


def test_more_instruments_than_roles_are_no_trouble() -> None:
    asked = asked_instruments("violin, cello, flute, oboe, trumpet, saxophone, koto and sitar")
    programs, entrances = Steering(asked, 6).imposed(EVEN, 6)
    assert len({role for _, role in entrances}) == len(entrances) == 3
    assert (programs[0, [0, 2, 3]] > 0).all()


@given(st.lists(st.tuples(*(st.integers(0, size - 1) for size in PROGRAM_SIZES)), min_size=1, max_size=4))
def test_bits_of_instruments_are_read_back(programs: list[tuple[int, ...]]) -> None:
    bits = program_bits(np.array(programs))
    assert (programs_of(bits) == programs).all()
    for role, likely in enumerate(chances(bits[0])):
        assert likely.argmax() == programs[0][role]
        assert likely.sum() == pytest.approx(1)


def test_a_role_whose_onset_bits_are_set_begins_a_note() -> None:
    bits = to_bits(np.full((1, 4, 5), REST), np.zeros((1, 5), int), np.zeros(1, int))
    for role in range(5):
        for place, sign in onset_bits(role).items():
            bits[0, place] = sign
    steps, _ = from_bits(bits, 0)
    assert (steps[0, 0, :DRUMS] >= ONSET).all()
    assert steps[0, 0, DRUMS] > 0
    assert (steps[0, 1:] == REST).all()
