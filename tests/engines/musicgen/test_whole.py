"""From a prompt to logits: our engine against transformers and audiocraft, each on the very same files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import MusicgenForConditionalGeneration, MusicgenMelodyForConditionalGeneration

from bot.engines.base import RenderRequest
from bot.engines.checkpoints.weights import read_tensors
from bot.engines.musicgen.codec import StreamingDecoder
from bot.engines.musicgen.decoder import Conditions
from bot.engines.musicgen.engine import MusicgenEngine
from bot.engines.reference.build import musicgen
from bot.engines.reference.stubs import stubbed_modules
from bot.recipe import Mode, Recipe
from tests.engines.checkpoint_files import write_musicgen
from tests.engines.musicgen.reference import forced_logits

FRAMES = 12
RATE = 32_000
KINDS: dict[str, dict[str, Any]] = {
    "mono": {},
    "stereo": {"stereo": True},
    "melody": {"melody": True},
    "stereo-melody": {"melody": True, "stereo": True},
}
TOLERANCE = 2e-5
"""The largest difference of a logit, fp32; the logits themselves spread over several units."""


class Whole:
    """One checkpoint in our engine, in transformers and in audiocraft."""

    def __init__(self, folder: Path, **kind: Any) -> None:
        write_musicgen(folder, **kind)
        self.melody = kind.get("melody", False)
        self.engine = MusicgenEngine(folder, "tiny", "cpu", "float32")
        assert self.engine.text is not None
        theirs: Any = (
            MusicgenMelodyForConditionalGeneration if self.melody else MusicgenForConditionalGeneration
        )
        self.transformers = theirs.from_pretrained(folder, local_files_only=True).eval()
        self.audiocraft = musicgen(self.engine.checkpoint, read_tensors(folder), self.engine.text, "cpu")
        self.sizes = self.engine.checkpoint.sizes
        generator = torch.Generator().manual_seed(5)
        shape = self.sizes.codebooks, FRAMES
        self.codes = torch.randint(self.sizes.vocabulary, shape, generator=generator)

    @property
    def columns(self) -> torch.Tensor:
        """The codes in the delay pattern, [columns, codebooks], the start first."""
        last = max(self.sizes.delays)
        columns = torch.full((FRAMES + last + 1, self.sizes.codebooks), self.sizes.vocabulary)
        for book, delay in enumerate(self.sizes.delays):
            columns[1 + delay : 1 + delay + FRAMES, book] = self.codes[book]
        return columns

    def aligned(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits [columns, codebooks, vocabulary] by frame: [codebooks, frames, vocabulary]."""
        books = enumerate(self.sizes.delays)
        return torch.stack([logits[delay : delay + FRAMES, book] for book, delay in books])

    def ours(
        self,
        prompt: str,
        guidance: float,
        melody: torch.Tensor | None = None,
        change: Callable[[Conditions], Conditions] = lambda conditions: conditions,
    ) -> torch.Tensor:
        recipe = Recipe(prompt=prompt, mode=Mode.AR, model="tiny", seconds=5, seed=0)
        row = self.engine.row(recipe, RenderRequest(1, recipe), melody)
        decoder = self.engine.decoder
        assert decoder is not None
        return self.aligned(forced_logits(decoder, change(row.conditions), self.columns, guidance))

    @torch.inference_mode()
    def by_transformers(
        self, prompt: str, guidance: float, chroma: torch.Tensor | None = None
    ) -> torch.Tensor:
        assert self.engine.text is not None
        ids = torch.tensor([self.engine.text.ids(prompt)])
        columns = self.columns[:-1].T

        def one(worded: bool) -> torch.Tensor:
            states = self.transformers.text_encoder(input_ids=ids).last_hidden_state
            states = self.transformers.enc_to_dec_proj(states) * float(worded)
            if self.melody:
                heard = torch.zeros(1, 1, 12) if chroma is None or not worded else chroma[None]
                if chroma is None or not worded:
                    heard[..., 0] = 1
                heard = self.transformers.audio_enc_to_dec_proj(heard)
                length = self.transformers.config.chroma_length
                heard = heard.repeat(1, -(-length // heard.shape[1]), 1)[:, :length]
                states = torch.cat([heard, states], 1)
            out = self.transformers.decoder(
                input_ids=columns, encoder_hidden_states=states, use_cache=False
            ).logits
            logits: torch.Tensor = out[:, -columns.shape[1] :].permute(1, 0, 2)
            return logits

        return self.aligned(_guided(one(True), one(False), guidance))

    @torch.inference_mode()
    def by_audiocraft(self, prompt: str, guidance: float, melody: torch.Tensor | None = None) -> torch.Tensor:
        with stubbed_modules():
            from audiocraft.modules.conditioners import ClassifierFreeGuidanceDropout

            waves = None if melody is None else [melody[None]]
            attributes, _ = self.audiocraft._prepare_tokens_and_attributes([prompt], None, waves)
            both = attributes + ClassifierFreeGuidanceDropout(p=1.0)(attributes)
            codes = self.codes[None].expand(2, -1, -1)
            logits = self.audiocraft.lm.compute_predictions(codes, both).logits
        return _guided(logits[0], logits[1], guidance)


def _guided(worded: torch.Tensor, plain: torch.Tensor, guidance: float) -> torch.Tensor:
    return plain + guidance * (worded - plain)


@pytest.fixture(scope="module", params=KINDS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(tmp_path_factory.mktemp("model") / request.param, **KINDS[request.param])


def tune() -> torch.Tensor:
    time = torch.arange(RATE * 3) / RATE
    return torch.cat([torch.sin(2 * torch.pi * f * time) for f in (440.0, 523.25, 659.26)])


def furthest(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().max())


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_logits_are_transformers_and_audiocrafts_at_every_step(whole: Whole, guidance: float) -> None:
    prompt = "calm piano and slow guitar"
    ours = whole.ours(prompt, guidance)
    assert float(ours.std()) > 0.5
    assert furthest(ours, whole.by_transformers(prompt, guidance)) < TOLERANCE
    theirs = whole.by_audiocraft(prompt, guidance)
    assert furthest(ours[~theirs.isnan()], theirs[~theirs.isnan()]) < TOLERANCE
    # audiocraft leaves out the last frames of the codebooks that wait.
    assert [int(book.isnan().any(-1).sum()) for book in theirs] == list(whole.sizes.delays)


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_melody_is_heard_as_by_both(whole: Whole, guidance: float) -> None:
    if not whole.melody:
        with pytest.raises(RuntimeError, match="doesn't support melody"):
            whole.by_audiocraft("drums", guidance, tune())
        return
    from audiocraft.modules.chroma import ChromaExtractor

    chroma = ChromaExtractor(RATE, radix2_exp=14, argmax=True)(tune()[None, None])[0]
    ours = whole.ours("drums", guidance, tune())
    assert furthest(ours, whole.by_transformers("drums", guidance, chroma)) < TOLERANCE
    theirs = whole.by_audiocraft("drums", guidance, tune())
    assert furthest(ours[~theirs.isnan()], theirs[~theirs.isnan()]) < TOLERANCE


def test_a_zeroed_prompt_melody_or_cache_would_be_noticed(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the three moves the logits by a hundred tolerances: the tests above need all three."""
    melody = tune() if whole.melody else None
    right = whole.ours("drums", 1.0, melody)
    length = whole.engine.checkpoint.chroma_length

    def without_words(conditions: Conditions) -> Conditions:
        states = conditions.states.clone()
        states[length:] = 0
        return Conditions(states, conditions.null_states)

    assert furthest(right, whole.ours("drums", 1.0, melody, without_words)) > 100 * TOLERANCE
    if whole.melody:
        assert furthest(right, whole.ours("drums", 1.0)) > 100 * TOLERANCE
    # The second half of the clip from no more than itself.
    changed = whole.codes.clone()
    changed[:, : FRAMES // 2] = (changed[:, : FRAMES // 2] + 1) % whole.sizes.vocabulary
    monkeypatch.setattr(whole, "codes", changed)
    assert furthest(right[:, -1], whole.ours("drums", 1.0, melody)[:, -1]) > 100 * TOLERANCE


@torch.inference_mode()
def test_the_codec_is_transformers_with_and_without_a_seam(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = whole.engine.codec
    assert codec is not None
    generator = torch.Generator().manual_seed(1)
    codes = torch.randint(whole.sizes.vocabulary, (whole.sizes.codebooks, 40), generator=generator)
    channels = whole.engine.checkpoint.channels
    sides = [
        whole.transformers.audio_encoder.decode(codes[None, None, side::channels], [None]).audio_values[0]
        for side in range(channels)
    ]
    told: list[tuple[int, int]] = []
    for section in (40, 7, 1):
        monkeypatch.setattr(codec, "section", section)
        told.clear()
        wave = codec.decode(codes, lambda done, total: told.append((done, total)))
        assert wave.shape == (channels, 40 * whole.engine.checkpoint.hop)
        assert furthest(wave, torch.cat(sides)) < 1e-4 * float(wave.abs().max())
        assert told[-1] == (40, 40)
        assert len(told) == -(-40 // section)

        stream = StreamingDecoder(codec)
        parts: list[torch.Tensor] = []
        ahead: list[int] = []
        for first in range(0, 40, 3):
            parts += stream.feed(codes[:, first : first + 3], last=first + 3 >= 40)
            ahead.append(min(first + 3, 40) - stream.decoded_frames)
        assert furthest(torch.cat(parts, -1), wave) < 1e-4 * float(wave.abs().max())
        assert max(ahead) <= section + codec.network.frames_behind + 2, "it waits for no more than it reaches"


def by_audiocraft_greedily(whole: Whole, prompt: str) -> Any:
    whole.audiocraft.set_generation_params(
        use_sampling=False, duration=(FRAMES + 0.5) / whole.audiocraft.frame_rate, cfg_coef=3.0
    )
    with stubbed_modules(), torch.inference_mode():
        return whole.audiocraft.generate([prompt], return_tokens=True)


def test_greedy_tokens_and_the_sound_of_them_are_audiocrafts(whole: Whole) -> None:
    wave, tokens = by_audiocraft_greedily(whole, "calm piano")
    engine = whole.engine
    recipe = Recipe(
        prompt="calm piano",
        mode=Mode.AR,
        model="tiny",
        seconds=FRAMES / engine.checkpoint.frame_rate,
        seed=0,
        options={"top_k": 1, "guidance_scale": 3.0},
    )
    row = engine.row(recipe, RenderRequest(1, recipe))
    assert engine.decoder is not None
    assert engine.codec is not None
    engine.decoder.admit(row)
    while engine.decoder.rows:
        engine.decoder.step()
    assert row.codes is not None
    assert (row.codes == tokens[0]).all()
    ours = engine.codec.decode(row.codes, lambda *_: None)
    assert furthest(ours, wave[0]) < 1e-4 * float(ours.abs().max())
