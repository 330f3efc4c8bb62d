"""A small causal transformer for tokens, as GPT-2 (Radford et al. 2019) in small."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from actsearch.networks.models.attention import Block, glorot_linear
from actsearch.networks.options import check_truth, check_whole


class Transformer(nn.Module):
    """Tokens and learned positions, pre-norm blocks in which none sees later ones, a linear head.

    Args:
        input_shape: number of tokens (T,).
        n_outputs: classes.
        n_tokens: different tokens.
        width: numbers a token.
        depth: blocks.
        heads: of attention.
        pooled: one output an example, from its last token, in place of one at each position.

    Raises:
        ValueError: when the width is not a multiple of the heads, or an option of another kind.
    """

    def __init__(
        self,
        input_shape: tuple[int],
        n_outputs: int,
        n_tokens: int,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
        pooled: bool = False,
    ) -> None:
        super().__init__()
        check_whole(width=width, depth=depth, heads=heads)
        check_truth(pooled=pooled)
        self.pooled = pooled
        self.embed = nn.Embedding(n_tokens, width)
        self.position = nn.Parameter(0.02 * torch.randn(input_shape[0], width))
        nn.init.normal_(self.embed.weight, std=0.02)
        blocks = (Block(width, heads, 4 * width, causal=True) for _ in range(depth))
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(width)
        self.head = glorot_linear(width, n_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (N, T, n_outputs) of tokens (N, T); (N, n_outputs) where they are pooled."""
        tokens = self.norm(self.blocks(self.embed(x) + self.position))
        outputs: Tensor = self.head(tokens[:, -1] if self.pooled else tokens)
        return outputs
