"""One rendered waveform to one finished clip: check, master, encode, measure, tag, draw."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.audio import lossless, mp3
from bot.audio.checks import check
from bot.audio.circle import CircularMaster
from bot.audio.diagnosis import warnings
from bot.audio.encoding import Goal, encode_until_it_fits
from bot.audio.endings import LOSSLESS
from bot.audio.master import CEILING_DB, TARGET_LUFS, Master, Mastered
from bot.audio.meter import Wave
from bot.audio.tags import Provenance, tag
from bot.errors import RenderError
from bot.recipe import Recipe
from bot.recipe.capabilities import Capabilities

ENCODER_HEADROOM_DB = 0.2
"""Below the ceiling at first: an MP3's peaks come out a little higher than the wave's. At 320 kbit/s that
is enough for tones and pads; where it is not, the overshoot is measured and the clip encoded again."""

LOUDNESS_TOLERANCE_LU = 0.3
"""A decoded clip further off than this is encoded again: low bitrates take treble, and loudness with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A finished clip. Everything measured was measured on the decoded file.

    path, picture: the file and the PNG beside it, where one was wanted.  bytes: its size with its tag.
    bitrate_kbps: of the MP3, or the mean of a lossless file.
    lufs: integrated loudness.  true_peak_db: dBTP, at most −1.
    peak_limited: its peaks keep it quieter than −14 LUFS.
    warnings: a sentence for each sign of a failed render that music can have too (bot.audio.diagnosis).
    """

    path: Path
    picture: Path | None
    bytes: int
    bitrate_kbps: int
    seconds: float
    sample_rate: int
    channels: int
    lufs: float
    true_peak_db: float
    peak_limited: bool
    warnings: tuple[str, ...] = ()


def finish(
    wave: Wave,
    recipe: Recipe,
    capabilities: Capabilities,
    out_path: Path,
    max_bytes: int,
    provenance: Provenance | None,
    *,
    score: str = "",
    with_picture: bool = True,
    on_progress: Callable[[], None] = lambda: None,
) -> Clip:
    """Write a rendered wave [channels, samples] as a file of at most max_bytes, and its picture as a PNG.

    The ending of out_path decides the format: WAV and FLAC are lossless, anything else is an MP3.

    score: its notes as text, for the tag.  on_progress is called before each encoding, which takes longest.
    A clip without a picture does not wait for the library that draws it either.

    Mono is written as two equal channels: players send it to both, where it is 3 dB louder than
    BS.1770 counts it, and would win against stereo at the same number. Without provenance the file
    carries no tag at all, for duels. Both files appear whole or not at all.

    Raises BadAudio for a wave that is no clip, and RenderError when it does not fit, or the disk is full.
    """
    rate = capabilities.sample_rate
    # What loops is as long as its bars are.
    wave = check(wave, rate, wave.shape[-1] / rate if recipe.loops else recipe.seconds)
    warning_lines = warnings(wave, rate)
    if wave.shape[0] == 1:
        wave = np.repeat(wave, 2, axis=0)
    head = b"" if provenance is None else tag(recipe, capabilities, provenance, score=score)
    ending = out_path.suffix.lower()
    is_mp3 = ending not in LOSSLESS
    kbps = mp3.best_bitrate(wave.shape[1], rate, max_bytes - len(head)) if is_mp3 else 0
    picture_path = out_path.with_suffix(".png") if with_picture else None
    with mp3.scratch_folder(beside=out_path) as scratch, ThreadPoolExecutor(1) as beside_the_encoder:
        on_progress()
        master = _Reporting((CircularMaster if recipe.loops else Master)(wave, rate), on_progress)
        encoder_gain, headroom = (mp3.gain(rate, kbps), ENCODER_HEADROOM_DB) if is_mp3 else (0.0, 0.0)
        target, ceiling = TARGET_LUFS - encoder_gain, CEILING_DB - headroom - encoder_gain
        first = master.at(target, ceiling)
        drawn = scratch / "picture.png"
        drawing = beside_the_encoder.submit(_draw, first, rate, drawn) if with_picture else None
        if is_mp3:
            goal = Goal(lufs=TARGET_LUFS, tolerance_lu=LOUDNESS_TOLERANCE_LU, ceiling_db=CEILING_DB)
            encoding = encode_until_it_fits(
                master, kbps, scratch, goal, target_lufs=target, ceiling_db=ceiling
            )
        else:
            encoding = lossless.encode(first, rate, ending, scratch)
        if drawing is not None:
            drawing.result()
            if provenance is not None:
                covered = tag(recipe, capabilities, provenance, _cover(drawn), score)
                # The bitrate goes first: without room for both, the file has no cover.
                if len(covered) + encoding.file.stat().st_size <= max_bytes:
                    head = covered
        whole = encoding.file
        if is_mp3:
            whole = scratch / "clip.mp3"
            whole.write_bytes(head + encoding.file.read_bytes())
        elif head:
            lossless.add_tag(whole, head)
        size = whole.stat().st_size
        if size > max_bytes:
            raise RenderError(
                f"The file has {size:,} bytes, more than the {max_bytes:,} that can be posted here."
            )
        targets = {whole: out_path}
        if picture_path is not None:
            targets[drawn] = picture_path
        mp3.publish(targets)
    return Clip(
        path=out_path,
        picture=picture_path,
        bytes=size,
        bitrate_kbps=kbps or round(8 * size * rate / encoding.samples / 1000),
        seconds=encoding.samples / rate,
        sample_rate=rate,
        channels=encoding.channels,
        lufs=encoding.lufs,
        true_peak_db=encoding.true_peak_db,
        peak_limited=encoding.peak_limited,
        warnings=warning_lines,
    )


class _Reporting:
    """A master that reports progress before each pass of the encode loop."""

    def __init__(self, master: Master | CircularMaster, on_progress: Callable[[], None]) -> None:
        self._master = master
        self._on_progress = on_progress
        self.rate = master.rate

    def at(self, target_lufs: float, ceiling_db: float) -> Mastered:
        self._on_progress()
        return self._master.at(target_lufs, ceiling_db)


def _draw(mastered: Mastered, rate: int, path: Path) -> None:
    from bot.audio.picture import draw_parts

    draw_parts(mastered.parts(), mastered.samples, rate, path)


def _cover(picture: Path) -> bytes:
    from bot.audio.picture import cover

    return cover(picture)
