"""Train the reader of styles: `python -m training.train_styles OUT.safetensors`.

It learns from the wordings of all scenes, by themselves and put together as in captions, in seven languages,
and from prompts that name no style. A fifth of the wordings is kept apart first, to print how many of them
are read right.
"""

from __future__ import annotations

import argparse
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bot.engines.score.sentences import SentenceEncoder
from bot.engines.score.styles import STYLES, StyleReader
from training.captions import SPOKEN, TEMPO_WORDS, WORDS
from training.scenes import SCENES
from training.train_text import INSTRUMENTS, TRANSLATIONS

SITUATIONS = Path(__file__).parent / "situations.toml"
TOGETHER = 60
"""Captions of two or three wordings a scene and language."""
NAMELESS = 700
"""Prompts without a style."""
MAX_NOISE = 1.0
"""Length of the longest noise added to an embedding of length 1."""
RATE, DECAY, SMOOTHING = 2e-3, 0.1, 0.05
BATCH, STEPS = 512, 800
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts, the number of their style each (28 for none), and their languages."""

    texts: list[str]
    styles: list[int]
    languages: list[str]

    def add(self, text: str, style: int, language: str) -> None:
        """Append one text."""
        self.texts.append(text)
        self.styles.append(style)
        self.languages.append(language)


def wordings() -> Texts:
    """Return every wording of every scene, by itself."""
    translations = tomllib.loads(TRANSLATIONS.read_text(encoding="utf-8"))
    situations = tomllib.loads(SITUATIONS.read_text(encoding="utf-8"))
    out = Texts([], [], [])
    for number, scene in enumerate(SCENES):
        words = WORDS[scene.name]
        for text in (*words.names, *words.settings):
            out.add(text, number, "en")
        for table in (translations[scene.name], situations[scene.name]):
            for language, texts in table.items():
                for text in texts:
                    out.add(text, number, language)
    return out


def together(rng: np.random.Generator, alone: Texts) -> Texts:
    """Return wordings of one scene put together, with moods, or with an instrument from anywhere."""
    out = Texts([], [], [])
    by_place: dict[tuple[int, str], list[str]] = {}
    for text, style, language in zip(alone.texts, alone.styles, alone.languages, strict=True):
        by_place.setdefault((style, language), []).append(text)
    instruments = tomllib.loads(TRANSLATIONS.read_text(encoding="utf-8"))[INSTRUMENTS]
    english = [name for names in SPOKEN.values() for name in names]
    for (style, language), texts in by_place.items():
        moods = WORDS[SCENES[style].name].moods if language == "en" else ()
        named = english if language == "en" else list(instruments[language].values())
        for _ in range(TOGETHER if language == "en" else TOGETHER // 6):
            parts = [str(rng.choice(texts))]
            if rng.random() < 0.5:
                parts.append(str(rng.choice(texts)))
            if moods and rng.random() < 0.5:
                parts[0] = f"{rng.choice(moods)} {parts[0]}"
            if rng.random() < 0.3:
                parts.append(str(rng.choice(named)))
            out.add(str(rng.choice((", ", " "))).join(parts), style, language)
    return out


def nameless(rng: np.random.Generator, count: int) -> Texts:
    """Return prompts that name instruments or a tempo, and no style."""
    instruments = tomllib.loads(TRANSLATIONS.read_text(encoding="utf-8"))[INSTRUMENTS]
    english = [name for names in SPOKEN.values() for name in names] + list(SPOKEN)
    tempi = [word for _, words in TEMPO_WORDS for word in words]
    forms = (
        "{}",
        "{} only",
        "just {}",
        "start with {}",
        "then {}",
        "music with {}",
        "a song",
        "a {} melody",
        "finally {}",
        "music",
    )
    out = Texts([], [], [])
    for _ in range(count):
        language = str(rng.choice(["en", "en", *instruments]))
        if language == "en":
            some = [str(n) for n in rng.choice(english, int(rng.integers(1, 3)))]
            if rng.random() < 0.25:
                some.append(str(rng.choice(tempi)))
            text = str(rng.choice(forms)).format(" and ".join(some))
        else:
            text = str(rng.choice(list(instruments[language].values())))
        out.add(text, STYLES, language)
    return out


def fitted(vectors: Tensor, styles: Tensor, steps: int = STEPS) -> StyleReader:
    """Return a reader fitted on embeddings [n, 512] and their styles [n]."""
    torch.manual_seed(6)
    generator = torch.Generator().manual_seed(6)
    reader = StyleReader()
    optimiser = torch.optim.AdamW(reader.read.parameters(), RATE, weight_decay=DECAY)
    for _ in range(steps):
        rows = torch.randint(len(vectors), (BATCH,), generator=generator)
        noise = torch.randn(BATCH, vectors.shape[1], generator=generator) / vectors.shape[1] ** 0.5
        length = MAX_NOISE * torch.rand(BATCH, 1, generator=generator)
        moved = nn.functional.normalize(vectors[rows] + length * noise, dim=-1)
        loss = nn.functional.cross_entropy(reader(moved), styles[rows], label_smoothing=SMOOTHING)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return reader.eval()


def main() -> None:
    """Train as the command line asks."""
    parser = argparse.ArgumentParser(description="Train the reader of styles.")
    parser.add_argument("out", type=Path, nargs="+", help="safetensors files to write, all the same")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rng, encoder = np.random.default_rng(6), SentenceEncoder()
    alone = wordings()
    fold = rng.integers(FOLDS, size=len(alone.texts))
    vectors = torch.from_numpy(encoder.encode_many(alone.texts))
    styles, languages = torch.tensor(alone.styles), np.array(alone.languages)
    train = torch.from_numpy(fold != 0)
    reader = fitted(vectors[train], styles[train])
    with torch.no_grad():
        read = reader(vectors[~train])[:, :STYLES].argmax(1)
    right = (read == styles[~train]).numpy()
    print(f"of {len(right)} wordings kept apart, {right.mean():.3f} are read right")
    print({str(k): round(float(right[languages[~train] == k].mean()), 2) for k in sorted(set(languages))})
    more = [together(rng, alone), nameless(rng, NAMELESS)]
    vectors = torch.cat([vectors, *(torch.from_numpy(encoder.encode_many(m.texts)) for m in more)])
    styles = torch.cat([styles, *(torch.tensor(m.styles) for m in more)])
    reader = fitted(vectors, styles)
    names = encoder.encode([WORDS[scene.name].names[0] for scene in SCENES])
    reader.names.data[:] = torch.from_numpy(names)
    weights = {name: value.detach().half().contiguous() for name, value in reader.state_dict().items()}
    for path in args.out:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(weights, path, {"format": "pt"})


if __name__ == "__main__":
    main()
