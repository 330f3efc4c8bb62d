"""The convolutional network of MNIST-1D (Greydanus and Kobak 2020), for signals."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from actsearch.networks.options import check_sizes, check_whole


class Conv1d(nn.Module):
    """Convolutions of stride 2 with an activation after each, and a linear layer.

    Args:
        input_shape: channels and samples.
        n_outputs: classes or numbers.
        channels: of every convolution.
        kernels: their lengths.

    Raises:
        ValueError: when an example is no signal, or too short, or an option no size.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        n_outputs: int,
        channels: int = 25,
        kernels: Sequence[int] = (5, 3, 3),
    ) -> None:
        super().__init__()
        if len(input_shape) != 2:
            said = ""
            if len(input_shape) == 1:
                said = ": for signals (N, samples) of one channel say inputs: signals of the data"
            elif len(input_shape) == 3 and input_shape[0] == 1:
                said = ": for arrays (N, channels, samples) say inputs: signals of the data"
            raise ValueError(f"conv1d takes signals (channels, samples), got {input_shape}{said}")
        check_whole(channels=channels)
        check_sizes(kernels=kernels)
        before, length = input_shape
        layers: list[nn.Module] = []
        for kernel in kernels:
            layers += [nn.Conv1d(before, channels, kernel, stride=2, padding=1), nn.ReLU()]
            before, length = channels, (length + 2 - kernel) // 2 + 1
            if length < 1:
                raise ValueError(f"{input_shape[1]} samples are too few for kernels {[*kernels]}")
        self.convolutions = nn.Sequential(*layers)
        self.head = nn.Linear(before * length, n_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (N, n_outputs) of signals (N, C, T)."""
        outputs: Tensor = self.head(self.convolutions(x).flatten(1))
        return outputs
