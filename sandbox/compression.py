"""Transport compression of the gateway."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

Stream = Callable[[bytes], bytes]
"""Turns each message into the next bytes of one compressed stream."""

_BLOCK = 128 * 1024


def stream(name: str | None) -> Stream | None:
    """The compression a client asked for; ValueError for an unknown one."""
    if name is None:
        return None
    if name == "zlib-stream":
        packer = zlib.compressobj()
        return lambda message: packer.compress(message) + packer.flush(zlib.Z_SYNC_FLUSH)
    if name == "zstd-stream":
        return _zstd()
    raise ValueError(f"No compression is called {name!r}.")


def _zstd() -> Stream:
    """A valid zstd frame that never ends, in raw blocks: right for loopback, and without a library.

    Layout (RFC 8878): magic number, a descriptor without content size or checksum, a window of 8 MiB, then
    blocks with a 3-byte header of size << 3 | type << 1 | last.
    """
    begun = False

    def pack(message: bytes) -> bytes:
        nonlocal begun
        head = b"" if begun else struct.pack("<IBB", 0xFD2FB528, 0, 13 << 3)
        begun = True
        blocks = [message[at : at + _BLOCK] for at in range(0, len(message), _BLOCK)]
        return head + b"".join(struct.pack("<I", len(block) << 3)[:3] + block for block in blocks)

    return pack
