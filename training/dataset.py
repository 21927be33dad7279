"""Compose what the models learn from: `python -m training.dataset OUT_FOLDER --pieces 48000 --jobs 2`.

Every piece is stored as token frames with several captions, these as sentence embeddings; nothing is rendered
to audio. Seeds run from 1
million
on, the last 1,000 pieces are kept apart as `held_out`. Shards that are already there are left alone.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.engines.score.clauses import MAX_CLAUSES, clauses
from bot.engines.score.format import to_frames
from bot.engines.score.sentences import SentenceEncoder
from training.captions import caption
from training.compose import GUEST_CHANCE, Settings, random_piece
from training.scenes import SCENES

FIRST_SEED = 1_000_000
SHARD = 2_000
CAPTIONS = 6
TEXTS = 1 + MAX_CLAUSES
"""Texts of a caption: itself and its clauses."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Pieces in memory.

    frames: int16 [6, total].  starts: int64 [pieces + 1] into it.  seconds: float32 [pieces].  scenes: int16
    [pieces].
    captions: int32 [pieces, 6, 9], rows of `vectors`, −1 past the last clause.
    kinds: int8 [pieces, 6, 9], the clauses' kinds.
    vectors: float16 [texts, 512], sentence embeddings.
    """

    frames: npt.NDArray[np.int16]
    starts: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float32]
    scenes: npt.NDArray[np.int16]
    captions: npt.NDArray[np.int32]
    kinds: npt.NDArray[np.int8]
    vectors: npt.NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.seconds)

    def piece(self, index: int) -> npt.NDArray[np.int16]:
        """Return the frames of one piece, int16 [6, n]."""
        return self.frames[:, self.starts[index] : self.starts[index + 1]]


def load(folder: Path, held_out: bool = False) -> Shard:
    """Return all shards of a folder as one, or the held-out one."""
    paths = sorted(folder.glob("held_out.npz" if held_out else "shard_*.npz"))
    if not paths:
        raise FileNotFoundError(f"no shards in {folder}: run `python -m training.dataset {folder}` first")
    parts = [np.load(path) for path in paths]
    lengths = np.concatenate([np.diff(part["starts"]) for part in parts])
    firsts = np.cumsum([0, *(len(part["vectors"]) for part in parts)])
    captions = [
        np.where(part["captions"] < 0, -1, part["captions"] + first)
        for part, first in zip(parts, firsts, strict=False)
    ]
    return Shard(
        frames=np.concatenate([part["frames"] for part in parts], axis=1),
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        captions=np.concatenate(captions),
        **{
            name: np.concatenate([part[name] for part in parts])
            for name in ("seconds", "scenes", "kinds", "vectors")
        },
    )


def write_shard(path: Path, first_seed: int, pieces: int, settings: Settings) -> Path:
    """Compose `pieces` pieces, one a seed, into one file."""
    names = [scene.name for scene in SCENES]
    frames, seconds, scenes = [], np.zeros(pieces, np.float32), np.zeros(pieces, np.int16)
    captions = np.full((pieces, CAPTIONS, TEXTS), -1, np.int32)
    kinds = np.zeros((pieces, CAPTIONS, TEXTS), np.int8)
    texts: dict[str, int] = {}
    for number in range(pieces):
        rng = np.random.default_rng(first_seed + number)
        piece = random_piece(rng, settings)
        frames.append(to_frames(piece.score, piece.seconds))
        seconds[number], scenes[number] = piece.seconds, names.index(piece.scene.name)
        for which in range(CAPTIONS):
            found = clauses(caption(piece, rng))
            captions[number, which, : len(found)] = [texts.setdefault(c.text, len(texts)) for c in found]
            kinds[number, which, : len(found)] = [c.kind for c in found]
    temporary = path.with_suffix(".tmp.npz")
    np.savez(
        temporary,
        frames=np.concatenate(frames, axis=1),
        starts=np.concatenate([[0], np.cumsum([f.shape[1] for f in frames])]),
        seconds=seconds,
        scenes=scenes,
        captions=captions,
        kinds=kinds,
        vectors=SentenceEncoder().encode_many(list(texts)).astype(np.float16),
    )
    return temporary.replace(path)


def main() -> None:
    """Compose as the command line asks."""
    parser = argparse.ArgumentParser(description="Compose what the models learn from.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pieces", type=int, default=48_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--first", type=int, default=0, help="number of the first piece: other pieces")
    parser.add_argument("--guests", type=float, default=GUEST_CHANCE, help="chance of a guest, each role")
    parser.add_argument("--sequences", type=float, default=Settings().sequences, help="share of sequences")
    parser.add_argument("--solos", type=float, default=0.06, help="share of pieces for one instrument")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(guests=args.guests, sequences=args.sequences, solos=args.solos)
    work = [(args.folder / "held_out.npz", FIRST_SEED - 1_000, 1_000, settings)]
    work += [
        (args.folder / f"shard_{i:04d}.npz", FIRST_SEED + args.first + i * SHARD, SHARD, settings)
        for i in range(args.pieces // SHARD)
    ]
    work = [job for job in work if not job[0].exists()]
    with ProcessPoolExecutor(args.jobs) as pool:
        for path in pool.map(write_shard, *zip(*work, strict=True)):
            print(path.name, flush=True)


if __name__ == "__main__":
    main()
