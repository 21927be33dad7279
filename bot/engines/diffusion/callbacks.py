"""What a pipeline's call gets beside the pipeline and the job."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.recipe import Recipe

if TYPE_CHECKING:
    import torch

OnStep = Callable[[int, "torch.Tensor"], None]
"""Called after each denoising step with the number of finished steps and the latents; may raise to abort."""
Option = Callable[[Recipe, str], float]
"""Returns one of a recipe's options, or the model's default."""
