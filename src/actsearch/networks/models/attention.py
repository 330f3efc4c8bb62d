"""Blocks of transformers (Vaswani et al. 2017; norms before, as in Radford et al. 2019)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Self-attention of several heads, from plain linear layers so that hooks see every weight.

    Args:
        width: numbers a token, a multiple of ``heads``.
        heads: their number.
        causal: whether a token sees no later ones.
    """

    def __init__(self, width: int, heads: int, causal: bool = False) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, got {width} and {heads}")
        self.heads, self.causal = heads, causal
        self.qkv = glorot_linear(width, 3 * width)
        self.out = glorot_linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (N, T, width) to tokens of the same shape."""
        n, tokens, width = x.shape
        qkv = self.qkv(x).view(n, tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(n, tokens, width))
        return out


class Block(nn.Module):
    """Attention and a multilayer perceptron, each behind a layer norm and around a shortcut."""

    def __init__(self, width: int, heads: int, hidden: int, causal: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            glorot_linear(width, hidden), nn.GELU(), glorot_linear(hidden, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (N, T, width) to tokens of the same shape."""
        x = x + self.attention(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


def glorot_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer with Glorot uniform weights and without bias at the start."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
