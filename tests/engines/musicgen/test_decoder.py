"""Rows share a decoder and nothing else: each is the clip that it is alone."""

from typing import Any

import pytest
import torch

from bot.engines.musicgen.cpu.backend import CPUBackend
from bot.engines.musicgen.cpu.columns import ColumnArrays
from bot.engines.musicgen.decoder import Conditions, Decoder, Row
from bot.engines.musicgen.linear import Precision, precisions_on
from bot.engines.musicgen.network import LanguageModel
from bot.errors import BadAudio
from tests.engines.musicgen.reference import TINY, Forced, Reference, codes_of, decoded, reference

WIDE: dict[str, Any] = {"hidden_size": 1024, "num_hidden_layers": 1, "ffn_dim": 4096, "vocab_size": 2048}
"""MusicGen-small's own widths: what kernels do with rows depends on them."""


@pytest.fixture(scope="module")
def tiny() -> Reference:
    return reference(**TINY)


@pytest.fixture(scope="module")
def wide() -> Reference:
    return reference(**WIDE)


def words(number: int, hidden: int) -> Conditions:
    generator = torch.Generator().manual_seed(number)
    return Conditions(torch.randn(3 + 2 * number, hidden, generator=generator))


def row(model: Reference, number: int, **changes: object) -> Row:
    """One of a set of rows that differ in everything."""
    values = {
        "conditions": words(number, model.sizes.hidden),
        "frames": 5 + 3 * number,
        "seed": number,
        "temperature": 0.7 + 0.1 * number,
        "top_k": 5 * number,
        "top_p": 0.8 if number % 2 else 0.0,
        "guidance_scale": 1.0 + number,
    }
    return Row(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("slots", [4, 8])
@pytest.mark.parametrize("precision", precisions_on("cpu"))
def test_every_logit_in_a_batch_is_that_of_the_clip_alone(
    precision: Precision, slots: int, wide: Reference
) -> None:
    model, columns = wide.ours(precision), wide.columns(6)
    alone = Forced(columns)
    decoded(Decoder(model, slots, window=40, stride=20), row(wide, 2, sampler=alone))

    among = Forced(columns)
    decoder = Decoder(model, slots, window=40, stride=20)
    for number in range(slots - 1):
        decoder.admit(row(wide, number))
    decoder.step(2)
    decoded(decoder, row(wide, 2, sampler=among))
    assert len(alone.logits) == len(among.logits) == len(columns) - 1
    for here, there in zip(alone.logits, among.logits, strict=True):
        assert (here == there).all()


@pytest.mark.parametrize("precision", precisions_on("cpu"))
def test_rows_come_and_go_and_stay_the_clips_they_are_alone(precision: Precision, tiny: Reference) -> None:
    model = tiny.ours(precision)
    alone = []
    for number in range(9):
        one = row(tiny, number)
        decoded(Decoder(model, 4, window=20, stride=12), one)
        alone.append(codes_of(one))

    decoder, waiting = Decoder(model, 4, window=20, stride=12), [row(tiny, number) for number in range(9)]
    rows = list(waiting)
    while waiting or decoder.rows:
        if waiting and decoder.free:
            decoder.admit(waiting.pop(0))
        decoder.step()
    for number, one in enumerate(rows):
        assert codes_of(one).shape == (4, 5 + 3 * number)
        assert torch.equal(codes_of(one), alone[number])
    assert len({tuple(codes_of(one)[0, :5].tolist()) for one in rows}) > 1


@pytest.mark.parametrize("count", [2, 8, 100])
@pytest.mark.parametrize("tied", [False, True])
def test_columns_decoded_at_once_are_those_one_by_one(tied: bool, count: int, tiny: Reference) -> None:
    tensors, clips = tiny.tensors, []
    if tied:
        # Two tokens of each logit, so that the loop leaves every draw undecided.
        heads = [name for name in tensors if "lm_heads" in name]
        tensors |= {name: tensors[name][::2].repeat_interleave(2, 0) for name in heads}
        assert len(heads) == tiny.sizes.codebooks
    model = LanguageModel.from_weights(tiny.sizes, tensors)
    for columns in (1, count):
        decoder = Decoder(model, 4, window=14, stride=9)
        rows = [row(tiny, number) for number in range(7)]
        waiting = list(rows)
        while waiting or decoder.rows:
            while waiting and decoder.free:
                decoder.admit(waiting.pop(0))
            decoder.step(columns)
        clips.append([codes_of(one) for one in rows])
    assert all(torch.equal(one, at_once) for one, at_once in zip(*clips, strict=True))


def test_what_the_loop_leaves_undecided_is_drawn_by_the_definition(
    tiny: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, expected, found = tiny.ours(), [row(tiny, n) for n in (1, 4)], [row(tiny, n) for n in (1, 4)]
    decoded(Decoder(model, 4, window=14, stride=9), *expected)
    decode, left = CPUBackend.decode, []

    def undecided(self: CPUBackend, arrays: ColumnArrays, slots: Any, count: int) -> int:
        before = arrays.codes.copy()
        assert decode(self, arrays, slots, 1) == 1
        arrays.undecided[:] = (arrays.codes != before).any(2)
        arrays.codes[:] = before
        left.append(arrays.undecided.sum())
        return 1

    monkeypatch.setattr(CPUBackend, "decode", undecided)
    decoded(Decoder(model, 4, window=14, stride=9), *found)
    assert sum(left) == 4 * sum(one.frames for one in found)
    for one, other in zip(expected, found, strict=True):
        assert torch.equal(codes_of(one), codes_of(other))


@pytest.mark.parametrize("precision", precisions_on("cpu"))
def test_a_cancelled_and_a_failing_row_leave_the_others_alone(precision: Precision, tiny: Reference) -> None:
    class Failing(Forced):
        def next_tokens(self, logits: object, place: int) -> list[int]:
            raise RuntimeError("no choice")

    model = tiny.ours(precision)
    alone = row(tiny, 5)
    decoded(Decoder(model, 4, window=40, stride=20), alone)

    decoder = Decoder(model, 4, window=40, stride=20)
    survivor, cancelled = row(tiny, 5), row(tiny, 6)
    failing = row(tiny, 7, sampler=Failing(tiny.columns(5)))
    lost = row(tiny, 4, conditions=Conditions(torch.full((3, tiny.sizes.hidden), torch.nan)))
    for one in (failing, cancelled, lost, survivor):
        decoder.admit(one)
    assert decoder.free == 0
    assert decoder.step(3) == [failing]
    decoder.drop(cancelled)
    assert decoder.free == 2
    ended = decoder.step(100)
    assert set(ended) == {lost, survivor}
    assert isinstance(failing.error, RuntimeError)
    assert isinstance(lost.error, BadAudio)
    assert lost.codes is None
    assert torch.equal(codes_of(survivor), codes_of(alone))
    assert cancelled.codes is None
    with pytest.raises(ValueError, match="in no slot"):
        decoder.drop(cancelled)


def test_complete_frames_can_be_had_while_the_rest_decodes(tiny: Reference) -> None:
    decoder, one = Decoder(tiny.ours(), window=12, stride=8), row(tiny, 7)
    decoder.admit(one)
    parts, at = [], 0
    while not decoder.step(3):
        assert decoder.complete(one) >= at
        parts.append(decoder.codes(one, at))
        at += parts[-1].shape[1]
    early = torch.cat(parts, 1)
    assert at > one.frames - 8
    assert torch.equal(early, codes_of(one)[:, :at])


@pytest.mark.parametrize("melody", [False, True])
def test_a_long_clip_goes_on_from_the_end_of_each_window(melody: bool) -> None:
    model = reference(melody=melody, **TINY)
    window, stride, frames = 14, 9, 37
    rolled = Conditions(model.conditions.states.flip(0), model.conditions.null_states)
    one = Row(
        conditions=model.conditions,
        frames=frames,
        seed=0,
        top_k=1,
        conditions_at=lambda first: model.conditions if first // stride % 2 == 0 else rolled,
    )
    decoder = Decoder(model.ours(), window=window, stride=stride, prefix=len(model.states))
    decoded(decoder, one)

    expected, origin = model.greedy(window, 3.0), 0
    while expected.shape[1] < frames:
        origin += stride
        states = model.states if origin // stride % 2 == 0 else model.states.flip(0)
        turned = Reference(model.model, model.sizes, states, model.null_states)
        again = turned.greedy(min(window, frames - origin), 3.0, expected[:, origin:])
        expected = torch.cat([expected[:, :origin], again], 1)
    assert torch.equal(codes_of(one), expected)


def test_a_prompt_is_gone_on_from(tiny: Reference) -> None:
    prompt = torch.randint(24, (4, 6), generator=torch.Generator().manual_seed(1))
    one = Row(conditions=tiny.conditions, frames=15, seed=0, top_k=1, prompt=prompt)
    decoded(Decoder(tiny.ours(), window=20, stride=12), one)
    assert one.codes is not None
    assert torch.equal(one.codes[:, :6], prompt)
    assert torch.equal(one.codes, tiny.greedy(15, 3.0, prompt))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"prompt": torch.zeros(3, 4, dtype=torch.long)}, "prompt"),
        ({"prompt": torch.zeros(4, 50, dtype=torch.long)}, "prompt"),
        ({"frames": 0}, "frames"),
        ({"frames": 101}, "frames"),
        ({"conditions": Conditions(torch.zeros(3, 7))}, "states are"),
        ({"conditions": Conditions(torch.zeros(0, 32))}, "states are"),
        ({"temperature": 0.0}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(changes: dict[str, object], says: str, tiny: Reference) -> None:
    decoder = Decoder(tiny.ours(), window=20, stride=12, longest=100)
    with pytest.raises(ValueError, match=says):
        decoder.admit(row(tiny, 3, **changes))
    assert decoder.free == 1


def test_a_full_decoder_and_a_strange_slot_count_are_refused(tiny: Reference) -> None:
    decoder = Decoder(tiny.ours(), window=20, stride=12)
    decoder.admit(row(tiny, 1))
    with pytest.raises(ValueError, match="no slot is free"):
        decoder.admit(row(tiny, 2))
    with pytest.raises(ValueError, match="3 slots"):
        Decoder(tiny.ours(), 3)


@pytest.mark.parametrize("melody", [False, True])
def test_static_shapes_make_the_same_clips(melody: bool) -> None:
    tiny = reference(melody=melody, **TINY)
    model, clips = tiny.ours(), []
    conditions = {"conditions": tiny.conditions} if melody else {}
    for static in (False, True):
        decoder = Decoder(model, 4, window=14, stride=9, prefix=len(tiny.states), words=20, static=static)
        rows = [row(tiny, number, **conditions) for number in range(1, 6)]
        waiting = list(rows)
        while waiting or decoder.rows:
            if waiting and decoder.free:
                decoder.admit(waiting.pop(0))
            decoder.step()
        clips.append([one.codes for one in rows])
    assert all(torch.equal(slot_by_slot, at_once) for slot_by_slot, at_once in zip(*clips, strict=True))


def test_static_shapes_have_room_for_so_many_words(tiny: Reference) -> None:
    decoder = Decoder(tiny.ours(), window=14, stride=9, words=5, static=True)
    with pytest.raises(ValueError, match="room for 5"):
        decoder.admit(row(tiny, 3))
