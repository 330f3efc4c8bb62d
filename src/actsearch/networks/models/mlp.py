"""A multilayer perceptron, for examples of any shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from actsearch.networks.options import check_sizes


class MLP(nn.Module):
    """Linear layers with an activation between them; of an example all numbers are put in a row.

    By default that of MNIST-1D (Greydanus and Kobak 2020): two hidden layers of 100. Weights are
    drawn as torch draws them.

    Args:
        input_shape: of an example.
        n_outputs: classes or numbers.
        widths: of the hidden layers.

    Raises:
        ValueError: when ``widths`` are no sizes; without one there would be no activation.
    """

    def __init__(
        self, input_shape: tuple[int, ...], n_outputs: int, widths: Sequence[int] = (100, 100)
    ) -> None:
        super().__init__()
        check_sizes(widths=widths)
        layers: list[nn.Module] = [nn.Flatten()]
        before = math.prod(input_shape)
        for width in widths:
            layers += [nn.Linear(before, width), nn.ReLU()]
            before = width
        self.layers = nn.Sequential(*layers, nn.Linear(before, n_outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (N, n_outputs) of examples (N, ...)."""
        outputs: Tensor = self.layers(x)
        return outputs
