"""audiocraft's own MusicGen, built from a checkpoint in transformers' layout.

Both implementations read the same files: the language model's tensors are renamed to audiocraft's layout,
the codec is wrapped in audiocraft's class, and T5 is our own engine's. No pickle is read, nothing is fetched.
"""

from __future__ import annotations

from typing import Any

import torch

from bot.engines.checkpoints.names import to_audiocraft
from bot.engines.checkpoints.weights import Tensors, load_strict
from bot.engines.musicgen.checkpoint import Checkpoint
from bot.engines.musicgen.codec import encodec
from bot.engines.musicgen.melody import FFT, PITCH_CLASSES
from bot.engines.musicgen.model_config import WINDOW_SECONDS
from bot.engines.musicgen.text import TextEncoder
from bot.engines.reference.stubs import import_audiocraft, stubbed_modules

PAD, END = 0, 1
"""T5's token ids."""


def musicgen(checkpoint: Checkpoint, tensors: Tensors, text: TextEncoder, device: str) -> Any:
    """Return audiocraft's MusicGen (audiocraft.models.MusicGen) with a checkpoint's weights on a device.

    Raises ModelMissing where audiocraft is not installed, or the weights do not fit.
    """
    import_audiocraft()
    with stubbed_modules():
        from audiocraft.models import MusicGen
        from audiocraft.models.encodec import HFEncodecCompressionModel, InterleaveStereoCompressionModel

        language = language_model(checkpoint, tensors, text, device)
        compression = HFEncodecCompressionModel(encodec(checkpoint, tensors, device))
        if checkpoint.channels == 2:
            compression = InterleaveStereoCompressionModel(compression)
        return MusicGen(checkpoint.capabilities.model, compression, language, max_duration=WINDOW_SECONDS)


def language_model(checkpoint: Checkpoint, tensors: Tensors, text: TextEncoder, device: str) -> Any:
    """Return audiocraft's LMModel with a checkpoint's weights, in fp32."""
    from audiocraft.models.lm import LMModel
    from audiocraft.modules.codebooks_patterns import DelayedPatternProvider
    from audiocraft.modules.conditioners import (
        ChromaStemConditioner,
        ConditionFuser,
        ConditioningProvider,
    )

    sizes = checkpoint.sizes
    conditioners: dict[str, Any] = {"description": _words(text, sizes.hidden)}
    prepended = ["self_wav", "description"] if sizes.prefix else []
    if sizes.prefix:
        conditioners["self_wav"] = ChromaStemConditioner(
            output_dim=sizes.hidden,
            sample_rate=checkpoint.sample_rate,
            n_chroma=PITCH_CLASSES,
            radix2_exp=FFT.bit_length() - 1,
            duration=WINDOW_SECONDS,
            argmax=True,
            # As MusicGen.get_pretrained sets it, whatever the checkpoint says.
            match_len_on_eval=True,
            device=device,
        )
    model = LMModel(
        DelayedPatternProvider(sizes.codebooks, delays=list(sizes.delays)),
        ConditioningProvider(conditioners, device=device),
        ConditionFuser(
            {
                "cross": [] if sizes.prefix else ["description"],
                "prepend": prepended,
                "sum": [],
                "input_interpolate": [],
            }
        ),
        n_q=sizes.codebooks,
        card=sizes.vocabulary,
        dim=sizes.hidden,
        num_heads=sizes.heads,
        hidden_scale=sizes.feed_forward / sizes.hidden,
        # The rest as config/model/lm/musicgen_lm.yaml has it.
        norm_first=True,
        bias_proj=False,
        num_layers=sizes.layers,
        dropout=0.0,
        activation="gelu",
        bias_ff=False,
        bias_attn=False,
        causal=True,
        memory_efficient=True,
        cross_attention=not sizes.prefix,
    )
    own = to_audiocraft(tensors)
    if sizes.prefix:
        window = "condition_provider.conditioners.self_wav.chroma.spec.window"
        own[window] = model.state_dict()[window]
    load_strict(model, own, checkpoint.folder, "language model")
    return model.to(device).eval()


def _words(text: TextEncoder, hidden: int) -> Any:
    """Return an audiocraft conditioner that runs our text encoder; the projection is its own."""
    from audiocraft.modules.conditioners import TextConditioner

    class Words(TextConditioner):  # type: ignore[misc]
        """audiocraft's T5Conditioner, with a loaded T5 instead of a download by name."""

        def tokenize(self, prompts: list[str | None]) -> tuple[torch.Tensor, torch.Tensor]:
            ids = [text.ids(prompt) if prompt else [END] for prompt in prompts]
            longest = max(map(len, ids))
            words = torch.tensor([row + [PAD] * (longest - len(row)) for row in ids], device=text.device)
            mask = torch.tensor([[n < len(row) for n in range(longest)] for row in ids], device=text.device)
            # An absent prompt is masked out, as in T5Conditioner.tokenize.
            mask[[n for n, prompt in enumerate(prompts) if not prompt]] = False
            return words, mask.long()

        def forward(self, inputs: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
            words, mask = inputs
            hidden = text.encoder(input_ids=words, attention_mask=mask).last_hidden_state
            text_states = self.output_proj(hidden.to(self.output_proj.weight))
            return text_states * mask[..., None], mask

    return Words(text.encoder.config.d_model, hidden)
