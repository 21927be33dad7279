"""The built-in diffusion engine: Stable Audio's transformer, denoising a score latent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bot.engines.checkpoints.weights import load_strict
from bot.engines.score.clause_encoder import ClauseEncoder, batched
from bot.engines.score.clauses import stages
from bot.engines.score.config import ADVICE, ScoreConfig
from bot.engines.score.dit import DiT
from bot.engines.score.engine import ScoreEngine, load_weights, torch_dtype
from bot.engines.score.format import HEADER_SIZES, METRES, Score, beats_in, tempo_of
from bot.engines.score.header_request import HeaderRequest, header_request, requested_header
from bot.engines.score.impose import Imposed
from bot.engines.score.instrument_planner import InstrumentPlanner, pool, read
from bot.engines.score.known import Known, bars_of, kept_bars, kept_instruments
from bot.engines.score.latent import (
    CHANNELS,
    GLOBALS,
    POSITIONS,
    ScoreAutoencoder,
    conditions,
    encoded,
    positions,
    score_of,
)
from bot.engines.score.sections import Opening, Section
from bot.engines.score.sentences import Vectors
from bot.engines.score.sizes import read_config
from bot.engines.score.staging import entrances, joined, staged
from bot.engines.score.steer import InstrumentRequest, requested_instruments
from bot.errors import ModelMissing
from bot.recipe import Recipe, Task

PLAN_TEMPERATURE, PLAN_TOP = 0.7, 8
"""How freely tempo and metre are drawn from what the planner makes of the words."""


TextStates = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""The text encoder's states of prompts [batch, n, width], which are there [batch, n], and what the planner of
instruments reads of them [batch, words]."""


class DiffusionEngine(ScoreEngine):
    """Denoises the latent of a whole score at once, then decodes and plays it."""

    def __init__(self, score_config: ScoreConfig, device: str, dtype: torch.dtype | str | None) -> None:
        super().__init__(score_config, device)
        folder = score_config.folder
        self._dtype = torch_dtype(dtype)
        self.precision = str(self._dtype).removeprefix("torch.")
        self._text, text = _built(ClauseEncoder.from_config, folder / "text_encoder" / "config.json")
        self._transformer, sizes = _built(DiT, folder / "transformer" / "config.json")
        for config, name, size in (
            (sizes, "cross_attention_input_dim", text["d_model"]),
            (sizes, "global_states_input_dim", GLOBALS),
            (sizes, "in_channels", CHANNELS + POSITIONS),
            (sizes, "out_channels", CHANNELS),
        ):
            if config[name] != size:
                raise ModelMissing(
                    f"The model in {folder} does not fit this program: in its config.json, {name} is "
                    f"{config[name]}, not {size}. To fix it, {ADVICE}."
                )
        path = folder / "text_encoder" / "model.safetensors"
        load_strict(self._text, load_weights(path), folder, "text encoder")
        path = folder / "transformer" / "diffusion_pytorch_model.safetensors"
        load_strict(self._transformer, load_weights(path), folder, "transformer")
        path = folder / "planner" / "model.safetensors"
        weights = load_weights(path)
        hidden = max(1, weights["0.bias"].numel()) if "0.bias" in weights else 1
        self._planner: Any = torch.nn.Sequential(
            torch.nn.Linear(2 * text["d_model"], hidden),
            torch.nn.GELU(),
            torch.nn.Linear(hidden, HEADER_SIZES[0]),
        )
        load_strict(self._planner, weights, folder, "planner")
        path = folder / "instruments" / "model.safetensors"
        self._instruments = InstrumentPlanner(text["d_model"])
        load_strict(self._instruments, load_weights(path), folder, "instrument planner")
        path = folder / "autoencoder" / "model.safetensors"
        self.autoencoder = ScoreAutoencoder()
        load_strict(self.autoencoder, load_weights(path), folder, "autoencoder")
        self.autoencoder.eval()
        for module in (self._text, self._planner, self._instruments):
            module.to(device).eval()
        self._transformer.to(device, self._dtype).eval()

    def heeds(self, negative: str) -> bool:
        """Tell that any negative prompt has an effect: the guidance turns away from its meaning."""
        return True

    def close(self) -> None:
        """Give the model's memory back; the engine cannot write afterwards."""
        self._text = self._transformer = self._planner = torch.nn.Identity()

    def known_of_variation(self, recipe: Recipe, source: Score) -> Known:
        """Return the source with everything free: denoising begins from it, at the recipe's strength."""
        return Known(
            score=source,
            free_programs=np.ones(source.programs.shape, bool),
            free_steps=np.ones(source.grid.shape, bool),
        )

    def write_section(
        self,
        recipe: Recipe,
        section: Section,
        step: Callable[[int, int], None],
        opening: Opening | None = None,
    ) -> Score:
        """Return a section's score; calls step(done, total) after every denoising step.

        opening: has to wait for the whole section, whose bars are denoised together.
        """
        prompt, asked, header = recipe.prompt, requested_instruments(recipe), requested_header(recipe)
        if section.later:
            prompt, asked = stages(prompt)[-1], asked.settled
        known, strength = section.known, self._strength(recipe)
        if known is not None and recipe.task is Task.VARY and strength == 0:
            # Through the latent and back, a note or two of a hundred would be others.
            step(1, 1)
            return bars_of(known.score, 0, kept_bars(len(known.score.programs), section.keep))
        text_states = self._text_states([prompt])
        if known is None:
            tempo_class, metre = self.plan([prompt], [section.seed], text_states, [header])[0]
        else:
            score = known.score
            tempo_class, metre = score.tempo_class, score.metre
            header = replace(header, key=score.key, scales=(score.scale,))
        latents = self.denoise(
            [prompt],
            [section.seed],
            tempo_class,
            metre,
            section.seconds,
            initial=encoded(self.autoencoder, known.score)[None] if known and strength < 1 else None,
            strength=strength,
            known=known,
            planned=[known.score.programs.astype(np.int64)] if known and recipe.task is Task.VARY else None,
            kept=self._kept_roles(recipe, known, asked),
            steps=int(self.option(recipe, "num_sampling_steps")),
            guidance_scale=self.option(recipe, "guidance_scale"),
            negative_prompt=recipe.text("negative_prompt"),
            asked=[asked],
            headers=[header],
            text_states=text_states,
            step=step,
        )
        written = score_of(self.autoencoder, latents[0], tempo_class, metre)
        if known is not None:
            written = known.kept_in(written)
        return bars_of(written, 0, kept_bars(len(written.programs), section.keep))

    def _kept_roles(
        self, recipe: Recipe, known: Known | None, asked: InstrumentRequest
    ) -> list[np.ndarray] | None:
        """Return the programs [bars, 5] of a source's roles that a hybrid keeps, None for other tasks."""
        if known is None or recipe.task is not Task.HYBRID:
            return None
        programs = kept_instruments(known.score, self.option(recipe, "structure"), recipe.seed)
        for role, program in asked.unwanted:
            programs[programs[:, role] == program, role] = 0
        return [programs]

    def _strength(self, recipe: Recipe) -> float:
        """Return how far a source is noised, 0 to 1; 1 begins from nothing."""
        if recipe.task is Task.VARY:
            return self.option(recipe, "strength")
        return 1 - self.option(recipe, "structure") if recipe.task is Task.HYBRID else 1.0

    @torch.inference_mode()
    def plan(
        self,
        prompts: list[str],
        seeds: list[int],
        text_states: TextStates | None = None,
        headers: list[HeaderRequest] | None = None,
    ) -> list[tuple[int, int]]:
        """Return (tempo class, metre) of each prompt, drawn with its seed.

        heard: as `denoise`.  headers: the tempo and metre to keep; what the prompts name by default.
        """
        headers = headers or [header_request(prompt) for prompt in prompts]
        states, mask, _ = text_states or self._text_states(prompts)
        logits = self._planner(pool(states, mask)).cpu().numpy()
        out = []
        for header, row, seed in zip(
            headers, logits.astype(np.float64) / PLAN_TEMPERATURE, seeds, strict=True
        ):
            wanted = header.header_tokens
            if wanted is not None:
                row = np.where(np.isin(np.arange(len(row)), wanted), row, -np.inf)
            row = np.where(row < np.sort(row)[-PLAN_TOP], -np.inf, row)
            edges = np.cumsum(np.exp(row - row.max()))
            drawn = int(
                np.searchsorted(edges, np.random.default_rng([seed, 1]).random() * edges[-1], side="right")
            )
            tempo_class, metre = divmod(min(drawn, len(edges) - 1), len(METRES))
            out.append((tempo_class, METRES[metre]))
        return out

    @torch.inference_mode()
    def denoise(
        self,
        prompts: list[str],
        seeds: list[int],
        tempo_class: int,
        metre: int,
        seconds: float,
        *,
        steps: int,
        guidance_scale: float,
        negative_prompt: str | None = None,
        initial: torch.Tensor | None = None,
        strength: float = 1.0,
        known: Known | None = None,
        planned: list[np.ndarray] | None = None,
        kept: list[np.ndarray] | None = None,
        asked: list[InstrumentRequest] | None = None,
        headers: list[HeaderRequest] | None = None,
        text_states: TextStates | None = None,
        step: Callable[[int, int], None] = lambda done, total: None,
    ) -> torch.Tensor:
        """Return latents [batch, 128, 1 + beats] for prompts of one tempo and length.

        initial: latents to start from instead of nothing; they are noised as far as `strength` (0 to 1)
        says, and only that part of the way back is walked, in `steps` steps.
        known: what all clips keep; beats of which nothing is free are set in every estimate.
        planned: programs [bars, 5] of each clip; those of the instrument planner by default.
        kept: programs [bars, 5] of each clip where a role has to play, 0 elsewhere; by the planner's
        instrument, and by this one where the planner has none.
        asked, headers: instruments, key and scale to keep, clip by clip.
        heard: what the text encoder made of the prompts, where that is known already.
        """
        beats = beats_in(seconds, tempo_of(tempo_class))
        count = len(prompts)
        noise = torch.stack(
            [
                torch.randn(CHANNELS, 1 + beats, generator=torch.Generator().manual_seed(seed))
                for seed in seeds
            ]
        ).to(self.device)
        rows, parts = staged(prompts, beats, metre)
        states, _, words = text_states if text_states and len(rows) == count else self._text_states(rows)
        clip_of = torch.tensor([clip for clip, part in enumerate(parts) for _ in part], device=self.device)
        count = len(rows)
        guided = guidance_scale != 1.0
        batches = [states]
        if guided:
            other = (
                self._text_states([negative_prompt] * count)[0]
                if negative_prompt
                else torch.zeros_like(states)
            )
            longest = max(states.shape[1], other.shape[1])
            batches = [torch.nn.functional.pad(s, (0, 0, 0, longest - s.shape[1])) for s in (states, other)]
        repeats = len(batches)
        global_states = conditions(
            [tempo_class] * count * repeats, [metre] * count * repeats, [beats] * count * repeats
        )
        clips = self._transformer.prepared(
            torch.cat(batches).to(self._dtype), global_states.to(self.device, self._dtype), 1 + beats
        )
        where = positions(beats, metre).to(self.device)[None].expand(count * repeats, -1, -1)
        unwanted = [one.unwanted for one in asked] if asked else [frozenset[tuple[int, int]]()] * len(prompts)
        bars = -(-beats // metre)
        if planned is None:
            planned = self._instruments_of(words, parts, seeds, unwanted, bars, metre, known)
        if kept is not None:
            planned = [np.where(chosen > 0, chosen, own) for chosen, own in zip(planned, kept, strict=True)]
        held, kept_latents = self._held(known, beats)
        # In a sequence every instrument plays on from its stage on, as in the pieces that the model knows.
        sequences = [len(part) > 1 for part in parts]
        playing = kept
        if kept is None and any(sequences):
            playing = [
                own if sequence else np.zeros_like(own)
                for own, sequence in zip(planned, sequences, strict=True)
            ]
        entering = [
            entrances(own) if sequence else [] for own, sequence in zip(planned, sequences, strict=True)
        ]
        imposed = Imposed(self.autoencoder, asked or [], metre, headers, planned, playing, entering)
        times = torch.linspace(strength, 0, steps + 1)
        latents = noise
        if initial is not None:
            latents = (
                math.cos(strength * math.pi / 2) * initial.to(self.device)
                + math.sin(strength * math.pi / 2) * noise
            )
        for number in range(steps):
            now, after = float(times[number]), float(times[number + 1])
            stacked = torch.cat([latents[clip_of]] * repeats)
            out = self._transformer(
                torch.cat([stacked, where], 1).to(self._dtype),
                torch.full((len(stacked),), now, device=self.device),
                clips,
            ).float()
            if guided:
                with_words, without = out.chunk(2)
                out = without + guidance_scale * (with_words - without)
            out = joined(out, parts)
            # DDIM (Song et al. 2021) in terms of v (Salimans and Ho 2022): turn by the angle between
            # the two times.
            alpha, sigma = math.cos(now * math.pi / 2), math.sin(now * math.pi / 2)
            clean = imposed(alpha * latents - sigma * out, (number + 1) / steps)
            # Inpainting by replacement in the estimate, as RePaint (Lugmayr et al. 2022) without its
            # resampling; the denoiser sees the known beats at the noise level of the step.
            clean = torch.where(held, kept_latents, clean)
            noisy = sigma * latents + alpha * out
            latents = math.cos(after * math.pi / 2) * clean + math.sin(after * math.pi / 2) * noisy
            step(number + 1, steps)
        return latents.cpu()

    def _held(self, known: Known | None, beats: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return which latent frames are known, bool [1 + beats], and the latents [128, 1 + beats]."""
        held, latents = torch.zeros(1 + beats, dtype=torch.bool), torch.zeros(CHANNELS, 1 + beats)
        if known is not None and not known.free_steps.all():
            free = known.free_steps.reshape(beats, -1).any(1)
            held[1:] = torch.from_numpy(~free)
            held[0] = True
            latents = encoded(self.autoencoder, known.score)
        return held.to(self.device), latents.to(self.device)

    def _instruments_of(
        self,
        words: torch.Tensor,
        parts: list[list[slice]],
        seeds: list[int],
        unwanted: list[frozenset[tuple[int, int]]],
        bars: int,
        metre: int,
        known: Known | None,
    ) -> list[np.ndarray]:
        """Return the planned programs [bars, 5] of each clip, drawn for each of its texts.

        words: what the planner reads of each text.
        What is known plays on where the text lets it: other instruments from bar to bar are heard as a cut.
        """
        out, first = [], 0
        for part, seed, excluded in zip(parts, seeds, unwanted, strict=True):
            programs = np.zeros((bars, 5), np.int64)
            drawn: np.ndarray | None = None
            for number, frames in enumerate(part):
                if frames.stop > 1:  # not the header's text
                    start = max(0, frames.start - 1) // metre
                    before = None if known is None else known.instruments(start)
                    drawn = self._instruments.draw(words[first + number], seed, excluded, before, drawn)
                    programs[start:] = drawn
            out.append(programs)
            first += len(part)
        return out

    @torch.inference_mode()
    def _text_states(self, prompts: list[str]) -> TextStates:
        states, mask, vectors = self._encoded([self.conditioning(prompt) for prompt in prompts])
        return states, mask, read(states, mask, vectors)

    def _encoded(
        self, rows: list[tuple[Vectors, npt.NDArray[np.int64]]]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return states [batch, n, width], mask [batch, n] and vectors [batch, n, 512] of conditionings."""
        vectors, kinds, mask = (part.to(self.device) for part in batched(rows))
        return self._text(vectors, kinds, mask), mask.long(), vectors


def _built(kind: Callable[[dict[str, Any]], torch.nn.Module], file: Path) -> tuple[Any, dict[str, Any]]:
    """Return a network of this kind, without weights, and the configuration that it was built by."""
    try:
        config = read_config(file)
        return kind(config), config
    except (OSError, ValueError) as error:
        raise ModelMissing(f"{file} cannot be used ({error}): {ADVICE}.") from error
