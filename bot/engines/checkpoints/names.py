"""Conversion of tensor names between transformers' and audiocraft's layouts.

The tables are those of transformers' scripts convert_musicgen_transformers,
convert_musicgen_melody_transformers and convert_encodec_checkpoint_to_pytorch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

Tensors = dict[str, torch.Tensor]

_LANGUAGE = (
    ("decoder.model.decoder.embed_tokens.", "emb."),
    ("decoder.model.decoder.layers.", "transformer.layers."),
    ("decoder.model.decoder.layer_norm.", "out_norm."),
    ("decoder.lm_heads.", "linears."),
    ("enc_to_dec_proj.", "condition_provider.conditioners.description.output_proj."),
    ("audio_enc_to_dec_proj.", "condition_provider.conditioners.self_wav.output_proj."),
)
"""Prefixes: transformers', audiocraft's."""
_LAYER = (
    (".encoder_attn_layer_norm.", ".norm_cross."),
    (".self_attn_layer_norm.", ".norm1."),
    (".final_layer_norm.", ".norm2."),
    (".encoder_attn.", ".cross_attention."),
    (".fc1.", ".linear1."),
    (".fc2.", ".linear2."),
)
"""Names within a layer: transformers', audiocraft's."""
_FUSED, _APART = "in_proj_weight", ("q_proj.weight", "k_proj.weight", "v_proj.weight")
_COMPUTED = ("spec.window",)
"""Buffers of audiocraft that are computed from its settings."""


def to_audiocraft(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """Return the language model and projections of a checkpoint in transformers' layout, q, k, v fused."""
    out: Tensors = {}
    for name, tensor in tensors.items():
        for theirs, ours in _LANGUAGE:
            if not name.startswith(theirs):
                continue
            new = ours + name.removeprefix(theirs)
            for old, part in _LAYER:
                new = new.replace(old, part)
            if not name.endswith(_APART):
                out[new] = tensor
            elif name.endswith(_APART[0]):
                base = name.removesuffix(_APART[0])
                parts = [tensors[base + apart] for apart in _APART if base + apart in tensors]
                out[new.removesuffix(_APART[0]) + _FUSED] = torch.cat(parts)
            break
    return out


def language_to_transformers(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """Return audiocraft's language model with its conditioners' projections in transformers' layout.

    An unknown name is passed on unchanged, so that strict loading refuses it.
    """
    out: Tensors = {}
    for name, tensor in tensors.items():
        if name.endswith(_COMPUTED):
            continue
        new = name
        for theirs, ours in _LANGUAGE:
            if name.startswith(ours):
                new = theirs + name.removeprefix(ours)
        for old, part in _LAYER:
            new = new.replace(part, old)
        if new.endswith(_FUSED):
            for apart, part_of in zip(_APART, tensor.chunk(3), strict=True):
                out[new.removesuffix(_FUSED) + apart] = part_of.clone()
        else:
            out[new] = tensor
    return out


def codec_to_transformers(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """Return audiocraft's EnCodec in the layout of transformers' EncodecModel, without a prefix."""
    out: Tensors = {}
    for name, tensor in tensors.items():
        new = re.sub(r"^(encoder|decoder)\.model\.", r"\1.layers.", name)
        new = re.sub(r"\.(conv\.conv|convtr\.convtr)\.", ".conv.", new)
        new = re.sub(r"^quantizer\.vq\.layers\.(\d+)\._codebook\.", r"quantizer.layers.\1.codebook.", new)
        out[new] = tensor
    return out
