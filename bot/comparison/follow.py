"""How far a clip follows its prompt: what the prompt asks for, and how much of that the judge finds in it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from bot.comparison.judge import FOLDER, Classification, Judge
from bot.engines.score.format import DRUMS
from bot.engines.score.programs import PROGRAMS
from bot.engines.score.sentences import SentenceEncoder
from bot.engines.score.steer import asked_instruments

SCENES_FILE = FOLDER / "scenes.toml"
NEAR = 0.4
"""Cosine of a prompt with a scene's nearest wording from which the prompt counts as of that scene: 43 of 60
everyday prompts in English reach it, and 93 % of these have the right scene (`training/everyday.toml`)."""
NO_SCENE = "none of them"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a prompt asks for, as far as the judge can tell.

    scene: the nearest of the judge's scenes; None where none is near.  instruments: for each instrument that
    the prompt names, the families of which any will do.
    """

    scene: str | None
    instruments: tuple[frozenset[str], ...]

    def share(self, judge: Judge, found: Classification) -> float | None:
        """Return how much of it was found, 0 to 1; None where the prompt says nothing that the judge knows.

        The mean of the scene's probability and, for each named instrument, 1 where it is heard and 0 else.
        """
        parts = [float(any(judge.has(found, family) for family in families)) for families in self.instruments]
        if self.scene is not None:
            parts.append(found.scenes[self.scene])
        return sum(parts) / len(parts) if parts else None


class PromptReader:
    """Reads prompts for what the judge can tell. Raises ModelMissing without the sentence encoder."""

    def __init__(self) -> None:
        self._encoder = SentenceEncoder()
        wordings = tomllib.loads(SCENES_FILE.read_text(encoding="utf-8"))
        self._scenes = [scene for scene, texts in wordings.items() for _ in texts]
        self._vectors = self._encoder.encode_many([text for texts in wordings.values() for text in texts])

    def expectation(self, prompt: str) -> Expectation:
        """Return what a prompt asks for. Takes any text."""
        return Expectation(self._scene(prompt), _instruments(prompt))

    def _scene(self, prompt: str) -> str | None:
        if not self._encoder.knows(prompt):
            return None
        cosines = self._vectors @ self._encoder.encode([prompt])[0]
        best = int(cosines.argmax())
        scene = self._scenes[best]
        return scene if cosines[best] >= NEAR and scene != NO_SCENE else None


def _instruments(prompt: str) -> tuple[frozenset[str], ...]:
    found = []
    for wish in asked_instruments(prompt).wishes:
        drums = wish.roles == (DRUMS,)
        found.append(
            frozenset({"drums"} if drums else {PROGRAMS[program].family for program in wish.programs})
        )
    return tuple(found)
