"""The MIDI file of a score, read back by a reader that knows the Standard MIDI File format alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
import pytest

from bot.engines.score.drums import KIT_STROKES
from bot.engines.score.format import BASS, DRUMS, ONSET, ROLES
from bot.engines.score.midi import PART_KEYS, SYNTHESISED, TICKS_PER_BEAT, _percussion_key, to_midi
from bot.engines.score.programs import PROGRAMS
from training.compose import compose
from training.scenes import SCENES


@dataclass
class Track:
    """A track: its meta events by type, and (tick, status, data) of the others."""

    meta: dict[int, bytes] = field(default_factory=dict)
    events: list[tuple[int, int, bytes]] = field(default_factory=list)
    ticks: int = 0


def number(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length quantity, and where it ends."""
    value = 0
    while True:
        value = value << 7 | data[at] & 0x7F
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def read(data: bytes) -> tuple[int, list[Track]]:
    """Ticks a beat, and the tracks."""
    assert data[:4] == b"MThd"
    size, kind, count, division = struct.unpack(">IHHH", data[4:14])
    assert (size, kind) == (6, 1)
    tracks, at = [], 14
    while at < len(data):
        assert data[at : at + 4] == b"MTrk"
        end = at + 8 + struct.unpack(">I", data[at + 4 : at + 8])[0]
        at, track, status = at + 8, Track(), 0
        while at < end:
            delta, at = number(data, at)
            track.ticks += delta
            if data[at] & 0x80:
                status, at = data[at], at + 1
            if status == 0xFF:
                length, start = number(data, at + 1)
                track.meta[data[at]] = data[start : start + length]
                at = start + length
                continue
            length = 1 if status & 0xF0 in (0xC0, 0xD0) else 2
            track.events.append((track.ticks, status, data[at : at + length]))
            at += length
        assert at == end
        assert track.meta[0x2F] == b""
        tracks.append(track)
    assert len(tracks) == count
    return division, tracks


@pytest.mark.parametrize("scene", range(0, len(SCENES), 4))
def test_a_score_is_read_back_from_its_midi_file(scene: int) -> None:
    score = compose(SCENES[scene], 12.0, np.random.default_rng(scene)).score
    division, (head, *tracks) = read(to_midi(score, "rain\non glass ☂"))
    assert division == TICKS_PER_BEAT
    assert head.meta[0x03].decode() == "rain on glass ☂"
    assert 6e7 / int.from_bytes(head.meta[0x51], "big") == pytest.approx(score.tempo, rel=1e-5)
    assert head.meta[0x58][:2] == bytes((score.metre, 2))
    sharps, minor = struct.unpack("bB", head.meta[0x59])
    tonic = (7 * sharps + (9 if minor else 0)) % 12
    assert tonic == score.key
    names = [track.meta[0x03].decode() for track in tracks]
    assert names == [
        name
        for role, name in enumerate(ROLES)
        if (score.grid[:, role] >= (1 if role == DRUMS else ONSET)).any()
    ]
    for track in tracks:
        role = ROLES.index(track.meta[0x03].decode())
        open_notes: set[int] = set()
        for tick, status, data in track.events:
            assert status & 0x0F == (9 if role == DRUMS else role)
            if status & 0xF0 == 0xC0:
                assert not open_notes
                assert role != DRUMS
                step = tick * 4 // TICKS_PER_BEAT
                program = PROGRAMS[
                    score.programs[min(step, len(score.grid) - 1) // score.steps_per_bar, role]
                ]
                assert data[0] == (program.gm if program.gm is not None else SYNTHESISED[program.name])
            elif status & 0xF0 == 0x90 and data[1]:
                open_notes.add(data[0])
            else:
                open_notes.discard(data[0])
        assert not open_notes, "every note ends"
    if "bass" in names:
        starts = [
            tick
            for tick, status, data in tracks[names.index("bass")].events
            if status & 0xF0 == 0x90 and data[1]
        ]
        assert len(starts) == int((score.grid[:, BASS] >= ONSET).sum())
        if score.swing == 0:
            assert [tick % (TICKS_PER_BEAT // 4) for tick in starts] == [0] * len(starts), "on the grid"


def test_every_instrument_and_stroke_has_a_general_midi_sound() -> None:
    assert set(SYNTHESISED) == {p.name for p in PROGRAMS[1:] if p.gm is None}
    for kit in range(1, len(KIT_STROKES)):
        for part, keys in enumerate(PART_KEYS):
            for state in range(1, len(keys)):
                assert 35 <= _percussion_key(kit, part, state) <= 81
