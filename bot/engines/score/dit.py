"""Stable Audio's diffusion transformer, for rendering alone, without importing diffusers.

Importing diffusers takes seconds, which the first clip of every start would wait for. Training keeps its
StableAudioDiTModel, and what that saves is read here as it is. Sources: arXiv:2404.10301 (the network),
diffusers 0.42.1 (names of the parameters, order of operations), arXiv:2104.09864 (rotary positions),
arXiv:2002.05202 (SwiGLU), arXiv:2305.13245 (keys and values shared by several heads).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from bot.engines.score.sizes import MAX_LAYERS, MAX_WIDTH, size_in

ROTARY_BASE = 10_000.0
"""As in arXiv:2104.09864, and what Stable Audio's pipeline in diffusers takes."""

KeyValue = tuple[Tensor, Tensor]
"""Keys and values [batch, heads, words, head width]."""
Rotation = tuple[Tensor, Tensor]
"""Cosine and sine of every position's angles, float32 [positions, head width / 4]."""


@dataclass(frozen=True, slots=True)
class Clips:
    """What stays the same while clips are denoised, computed once and not at every step.

    words: what each layer's cross-attention reads of the prompts.  conditions: projected [batch, 1, width].
    rotation: one position for the conditions, then one for each frame.
    """

    words: list[KeyValue]
    conditions: Tensor
    rotation: Rotation


class DiT(nn.Module):
    """Predicts a denoising step's target from noisy latents, time, text states and global conditions.

    config: config.json of diffusers' StableAudioDiTModel; `sample_size` does not matter here. The
    parameters take no memory until weights are assigned to them (`load_state_dict(…, assign=True)`).
    Raises ValueError for a size that is missing or cannot be.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        layers = size_in(config, "num_layers", MAX_LAYERS)
        heads, key_heads = (size_in(config, f"num_{of}attention_heads") for of in ("", "key_value_"))
        head_width, waves = size_in(config, "attention_head_dim"), size_in(config, "time_proj_dim")
        channels, out_channels = size_in(config, "in_channels"), size_in(config, "out_channels")
        text_width, context = (
            size_in(config, "cross_attention_input_dim"),
            size_in(config, "cross_attention_dim"),
        )
        global_width = size_in(config, "global_states_input_dim")
        width = heads * head_width
        if width > MAX_WIDTH or heads % key_heads or head_width % 4 or waves % 2:
            raise ValueError(
                f"{heads} heads of width {head_width}, {key_heads} heads of keys and {waves} waves of time "
                "are too many or do not divide"
            )
        self._head_width = head_width
        with torch.device("meta"):
            self.time_proj = nn.Module()
            self.time_proj.weight = nn.Parameter(torch.empty(waves // 2))
            self.timestep_proj = nn.Sequential(nn.Linear(waves, width), nn.SiLU(), nn.Linear(width, width))
            self.global_proj = _two_layers(global_width, width)
            self.cross_attention_proj = _two_layers(text_width, context)
            self.preprocess_conv = nn.Conv1d(channels, channels, 1, bias=False)
            self.proj_in = nn.Linear(channels, width, bias=False)
            self.transformer_blocks = nn.ModuleList(
                _Block(heads, key_heads, head_width, context) for _ in range(layers)
            )
            self.proj_out = nn.Linear(width, out_channels, bias=False)
            self.postprocess_conv = nn.Conv1d(out_channels, out_channels, 1, bias=False)

    def prepared(self, states: Tensor, conditions: Tensor, frames: int) -> Clips:
        """Return what stays the same while clips of so many latent frames are denoised.

        states: of the prompts [batch, words, cross_attention_input_dim].
        conditions: [batch, 1, global_states_input_dim].
        """
        context = self.cross_attention_proj(states)
        blocks: Any = self.transformer_blocks
        return Clips(
            words=[block.attn2.key_value(context) for block in blocks],
            conditions=self.global_proj(conditions),
            rotation=rotation_of(1 + frames, self._head_width // 2, states.device),
        )

    def forward(self, latents: Tensor, times: Tensor, clips: Clips, present: Tensor | None = None) -> Tensor:
        """Return [batch, out_channels, frames] for noisy latents [batch, in_channels, frames].

        times: float32 [batch], 0 to 1.
        present: bool [batch, frames], false for frames that pad a shorter clip; None where there are none.
        """
        frequencies: Any = self.time_proj.weight
        angles = 2 * math.pi * times[:, None] * frequencies
        waves = torch.cat([angles.cos(), angles.sin()], -1).to(latents.dtype)
        first = clips.conditions + self.timestep_proj(waves)[:, None]
        x = self.proj_in((self.preprocess_conv(latents) + latents).transpose(1, 2))
        x = torch.cat([first, x], 1)
        mask = None if present is None else nn.functional.pad(present, (1, 0), value=True)[:, None, None]
        for block, words in zip(self.transformer_blocks, clips.words, strict=True):
            x = block(x, words, clips.rotation, mask)
        x = self.proj_out(x[:, 1:]).transpose(1, 2)
        out: Tensor = self.postprocess_conv(x) + x
        return out


def rotation_of(positions: int, width: int, device: torch.device) -> Rotation:
    """Return the angles of rotary positions from 0 on, for `width` dimensions turned in pairs."""
    frequencies = 1 / ROTARY_BASE ** (torch.arange(0, width, 2, device=device) / width)
    angles = torch.arange(positions, device=device)[:, None] * frequencies
    return angles.cos(), angles.sin()


def rotated(x: Tensor, rotation: Rotation) -> Tensor:
    """Return queries or keys [batch, heads, positions, head width], the first dimensions of each turned.

    A pair is a dimension and the one `head width / 4` after it, not its neighbour.
    """
    cosine, sine = rotation
    pairs = cosine.shape[-1]
    one, other, rest = x[..., :pairs], x[..., pairs : 2 * pairs], x[..., 2 * pairs :]
    return torch.cat([one * cosine - other * sine, other * cosine + one * sine, rest], -1).to(x.dtype)


def _two_layers(taken: int, given: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(taken, given, bias=False), nn.SiLU(), nn.Linear(given, given, bias=False))


class _Block(nn.Module):
    def __init__(self, heads: int, key_heads: int, head_width: int, context: int) -> None:
        super().__init__()
        width = heads * head_width
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.attn1 = _Attention(heads, heads, head_width, width)
        self.attn2 = _Attention(heads, key_heads, head_width, context)
        # The second module is dropout's in training, which has no parameters.
        net = nn.Sequential(_SwiGlu(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width))
        self.ff = nn.Sequential(OrderedDict(net=net))

    def forward(self, x: Tensor, words: KeyValue, rotation: Rotation, mask: Tensor | None) -> Tensor:
        normed = self.norm1(x)
        key, value = self.attn1.key_value(normed)
        x = x + self.attn1(normed, (rotated(key, rotation), value), rotation, mask)
        x = x + self.attn2(self.norm2(x), words)
        out: Tensor = x + self.ff(self.norm3(x))
        return out


class _Attention(nn.Module):
    def __init__(self, heads: int, key_heads: int, head_width: int, context: int) -> None:
        super().__init__()
        self._heads, self._head_width = heads, head_width
        width = heads * head_width
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k, self.to_v = (nn.Linear(context, key_heads * head_width, bias=False) for _ in range(2))
        self.to_out = nn.ModuleList([nn.Linear(width, width, bias=False)])

    def key_value(self, states: Tensor) -> KeyValue:
        """Return keys and values of states [batch, length, context], a head of them for every query's."""
        key, value = (self._split(part(states)) for part in (self.to_k, self.to_v))
        repeats = self._heads // key.shape[1]
        return key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1)

    def forward(
        self, x: Tensor, read: KeyValue, rotation: Rotation | None = None, mask: Tensor | None = None
    ) -> Tensor:
        query = self._split(self.to_q(x))
        if rotation is not None:
            query = rotated(query, rotation)
        mixed = scaled_dot_product_attention(query, *read, attn_mask=mask)
        out: Tensor = self.to_out[0](mixed.transpose(1, 2).flatten(2))
        return out

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], -1, self._head_width).transpose(1, 2)


class _SwiGlu(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        wide, gate = self.proj(x).chunk(2, -1)
        out: Tensor = wide * silu(gate)
        return out
