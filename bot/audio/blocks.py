"""A wave in blocks: what is worked on at once, so that memory does not grow with a clip's length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

BLOCK_SECONDS = 5.0
"""Long against what begins anew in each block, such as a window over its spectrum; short against the rest of
a worker: with 30 s, the copies in double precision take 150 MB more."""
Part = npt.NDArray[np.float32]
"""Consecutive samples of a wave, float32 [channels, n]."""


def blocks(
    samples: int, rate: int, multiple: int = 1, seconds: float | None = None
) -> Iterator[tuple[int, int]]:
    """Yield each block of a wave, from a sample up to another; all begin at a multiple of `multiple`.

    seconds: of a block, where it is not BLOCK_SECONDS.
    """
    size = max(1, round((seconds or BLOCK_SECONDS) * rate / multiple)) * multiple
    for start in range(0, samples, size):
        yield start, min(start + size, samples)


def with_margins(parts: Iterable[Part], margin: int) -> Iterator[tuple[Part, int, int]]:
    """Yield parts with samples of their neighbours, and how many of them are at its beginning and its end.

    What is left between both are all samples of the wave, each once. A part has at least `margin` samples,
    or is the last one.
    """
    before = None
    coming = iter(parts)
    part = next(coming, None)
    while part is not None:
        following = next(coming, None)
        joined = part if before is None else np.concatenate([before, part], axis=1)
        last = following is None
        yield joined, 0 if before is None else margin, 0 if last else margin
        before, part = joined[:, -2 * margin :].copy(), following
