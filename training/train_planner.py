"""Train the choice of instruments of a diffusion model: `python -m training.train_planner MODEL`.

MODEL is the folder of the model's files; its text encoder and its reader of styles stay as they are, and
`instruments/model.safetensors` is written. It learns from pieces of its own seeds. The target of a role is
the program that it has in most bars of its piece or, where the caption tells a sequence, of the stage, in
view of the stage before.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bot.engines.score.clause_encoder import ClauseEncoder, batched
from bot.engines.score.clauses import clauses, stages
from bot.engines.score.format import PROGRAM_SIZES
from bot.engines.score.instrument_planner import InstrumentPlanner, read
from bot.engines.score.sentences import SentenceEncoder
from bot.engines.score.sizes import read_config
from bot.engines.score.styles import StyleReader
from training.captions import caption
from training.compose import Piece, Settings, compose
from training.scenes import SCENES
from training.train_styles import wordings
from training.train_text import noisy

FIRST_SEED = 3_000_000
SETTINGS = Settings(guests=0.3, sequences=0.45, solos=0.06)
SECONDS = (8.0, 16.0)
CAPTIONS, WORDINGS = 2, 2
"""Captions a piece, and texts put together from its scene's wordings."""
LANGUAGES = ("en", "en", "en", "de", "fr", "es", "zh", "ja", "ru")
BATCH, RATE, DECAY = 192, 2e-3, 0.05

Example = tuple[str, np.ndarray, np.ndarray]
"""A text, the programs [5] of the stage before, and those [5] that are to be drawn."""


def examples(piece: Piece, text: str) -> list[Example]:
    """Return what a caption of a piece teaches: one example, or one for each stage of a sequence."""
    programs, nothing = piece.score.programs.astype(np.int64), np.zeros(len(PROGRAM_SIZES), np.int64)
    texts = stages(text)
    if len(texts) == 1:
        return [(text, nothing, _most(programs, playing=True))]
    # The caption names the instruments of the first four bars in which any enters.
    edges = [*sorted({bar for bar, _, _ in piece.entries})[:4], len(programs)]
    if len(texts) != len(edges) - 1:
        return []
    out, before = [], nothing
    for stage, first, last in zip(texts, edges[:-1], edges[1:], strict=True):
        wanted = _most(programs[first:last], playing=False)
        out.append((stage, before, wanted))
        before = wanted
    return out


def _most(programs: np.ndarray, playing: bool) -> np.ndarray:
    """Return what each role has in most bars of programs [bars, 5]; playing: of those in which it plays."""
    out = np.zeros(programs.shape[1], np.int64)
    for role, column in enumerate(programs.T):
        counts = np.bincount(column, minlength=PROGRAM_SIZES[role])
        if playing:
            counts[0] = 0
        out[role] = int(counts.argmax())
    return out


def composed(pieces: int) -> list[Example]:
    """Return the examples of captions of new pieces."""
    out: list[Example] = []
    said: dict[tuple[int, str], list[str]] = {}
    alone = wordings()
    for text, style, language in zip(alone.texts, alone.styles, alone.languages, strict=True):
        said.setdefault((style, language), []).append(text)
    for number in range(pieces):
        rng = np.random.default_rng(FIRST_SEED + number)
        piece = compose(SCENES[number % len(SCENES)], float(rng.uniform(*SECONDS)), rng, SETTINGS)
        for text in {caption(piece, rng) for _ in range(CAPTIONS)}:
            out += examples(piece, text)
        if not piece.guests and len(piece.instruments) > 1:
            # What members say and no caption does: a situation, in any of seven languages.
            for _ in range(WORDINGS):
                some = said[number % len(SCENES), str(rng.choice(LANGUAGES))]
                out += examples(piece, ", ".join(rng.choice(some, int(rng.integers(1, 3)))))
    return out


def conditionings(
    texts: list[str], sentences: SentenceEncoder, styles: StyleReader
) -> tuple[Tensor, Tensor, Tensor]:
    """Return vectors, kinds and mask of texts as the engine conditions on them."""
    found = [clauses(text) for text in texts]
    all_texts = list(dict.fromkeys(c.text for row in found for c in row))
    vector = dict(zip(all_texts, sentences.encode_many(all_texts), strict=True))
    rows = []
    for row in found:
        vectors = np.stack([vector[c.text] for c in row]) if row else np.zeros((0, 512), np.float32)
        rows.append(styles.with_style(vectors, np.array([c.kind for c in row], np.int64)))
    return batched(rows)


def main() -> None:
    """Train as the command line asks."""
    parser = argparse.ArgumentParser(description="Train the choice of instruments of a diffusion model.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--pieces", type=int, default=6_000)
    parser.add_argument("--steps", type=int, default=2_000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(4)
    rng, generator = np.random.default_rng(4), torch.Generator().manual_seed(4)
    encoder = ClauseEncoder.from_config(read_config(args.model / "text_encoder" / "config.json"))
    encoder.load_state_dict(_floats(args.model / "text_encoder" / "model.safetensors"))
    encoder.eval().requires_grad_(False)
    styles = StyleReader()
    styles.load_state_dict(_floats(args.model / "styles" / "model.safetensors"))
    styles.eval()
    data = composed(args.pieces)
    vectors, kinds, mask = conditionings([text for text, _, _ in data], SentenceEncoder(), styles)
    before, wanted = (torch.from_numpy(np.stack([e[n] for e in data])) for n in (1, 2))
    held_out = len(data) // 20
    print(len(data), "examples", flush=True)
    planner = InstrumentPlanner(encoder.width)
    optimiser = torch.optim.AdamW(planner.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, args.steps)

    def losses(rows: Tensor, noise: bool) -> list[Tensor]:
        given = noisy(vectors[rows], generator) if noise else vectors[rows]
        given = given * mask[rows][..., None]
        with torch.no_grad():
            words = read(encoder(given, kinds[rows], mask[rows]), mask[rows].long(), given)
        logits = planner(words, before[rows], wanted[rows])
        return [nn.functional.cross_entropy(part, wanted[rows, role]) for role, part in enumerate(logits)]

    for number in range(1, args.steps + 1):
        rows = torch.from_numpy(rng.integers(held_out, len(data), size=BATCH))
        loss = torch.stack(losses(rows, noise=True)).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if number % 200 == 0:
            planner.eval()
            with torch.no_grad():
                apart = [round(float(part), 3) for part in losses(torch.arange(held_out), noise=False)]
            planner.train()
            print(number, round(float(loss.detach()), 3), "kept apart", apart, flush=True)
    (args.model / "instruments").mkdir(parents=True, exist_ok=True)
    halves = {name: value.detach().half().contiguous() for name, value in planner.state_dict().items()}
    save_file(halves, args.model / "instruments" / "model.safetensors", {"format": "pt"})


def _floats(path: Path) -> dict[str, Tensor]:
    return {name: value.float() for name, value in load_file(path).items()}


if __name__ == "__main__":
    main()
