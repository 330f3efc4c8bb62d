"""What a network's outputs are for: the loss, the score, and what a failed run counts with.

Classes are learned by cross-entropy and scored by accuracy; so are classes at positions, each of
which is an outcome of its own. Numbers are learned by squared error and scored by R2, the share of
the variance that is explained, as a mean over the numbers of an example.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from actsearch.config.data import IGNORED
from actsearch.data.dataset import DataShape


class Measured(NamedTuple):
    """A network measured on a part of the data."""

    score: float
    """Accuracy in [0, 1]; or R2, at most 1, and not below that of the mean predictor."""
    loss: float
    """Mean cross-entropy in nats, or mean squared error of numbers with deviation 1; not finite
    when an output is not."""
    squared_errors: tuple[float, ...] = ()
    """Mean squared error of each number."""


class Outcome(Protocol):
    """One kind of targets."""

    score: str
    """Name of the score, of which more is better."""
    n_sums: int
    """Length of what is summed up."""

    def size(self, targets: Tensor) -> int:
        """Number of outcomes that the mean of a loss is over."""
        ...

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        """Mean loss over the outcomes of ``targets``, on the device of both."""
        ...

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What is summed up over a part: (n_sums,) float64, of float64 outputs."""
        ...

    def measured(self, sums: Tensor, targets: Tensor) -> Measured:
        """The measures of a part, from the sums over all of its ``targets``, on the CPU."""
        ...

    def failed(self, targets: Tensor) -> float:
        """The score of a run that diverged: that of a network which knows nothing."""
        ...


class Classes:
    """A class (N,) an example, of ``n``."""

    score = "accuracy"
    n_sums = 2

    def __init__(self, n: int) -> None:
        self.n = n

    def size(self, targets: Tensor) -> int:
        """Examples."""
        return len(targets)

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        """Cross-entropy."""
        return functional.cross_entropy(outputs, targets, label_smoothing=smoothing)

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Number of right ones, and cross-entropy."""
        right = (outputs.argmax(dim=1) == targets).sum()
        loss = functional.cross_entropy(outputs, targets, ignore_index=IGNORED, reduction="sum")
        loss = torch.where(outputs.isfinite().all(), loss, math.nan)
        return torch.stack([right.double(), loss])

    def measured(self, sums: Tensor, targets: Tensor) -> Measured:
        """Shares of all."""
        right, loss = (sums / self.size(targets)).tolist()
        return Measured(right, loss)

    def failed(self, targets: Tensor) -> float:
        """Chance."""
        return 1 / self.n


class Positions(Classes):
    """A class (N, ...) at every position of an example; those that are ``IGNORED`` do not count."""

    def size(self, targets: Tensor) -> int:
        """Positions that count, at least 1."""
        return max(int((targets != IGNORED).sum()), 1)

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        """Cross-entropy, a mean over the positions that count."""
        _require_shape(outputs[..., 0], targets)
        summed = functional.cross_entropy(
            outputs.flatten(0, -2),
            targets.flatten(),
            ignore_index=IGNORED,
            label_smoothing=smoothing,
            reduction="sum",
        )
        return summed / (targets != IGNORED).sum().clamp(min=1)

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Number of right ones, and cross-entropy, over the positions that count."""
        _require_shape(outputs[..., 0], targets)
        return super().sums(outputs.flatten(0, -2), targets.flatten())


class Numbers:
    """Real numbers (N, d), with mean 0 and deviation 1 over the training part."""

    score = "R2"

    def __init__(self, n: int) -> None:
        self.n_sums = n

    def size(self, targets: Tensor) -> int:
        """Examples."""
        return len(targets)

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        """Squared error, a mean over examples and their numbers."""
        _require_shape(outputs, targets)
        return functional.mse_loss(outputs, targets)

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Squared errors of each number."""
        _require_shape(outputs, targets)
        return (outputs - targets).square().sum(dim=0)

    def measured(self, sums: Tensor, targets: Tensor) -> Measured:
        """R2 as in ``sklearn.metrics.r2_score``, but not below that of the mean predictor."""
        errors = sums / len(targets)
        score = _explained(sums, targets)
        if math.isfinite(score):
            score = max(score, self.failed(targets))
        return Measured(score, errors.mean().item(), tuple(errors.tolist()))

    def failed(self, targets: Tensor) -> float:
        """R2 of the mean of the training part as prediction; 0 where it is that of this part."""
        return _explained(targets.double().square().sum(dim=0), targets)


def _require_shape(outputs: Tensor, targets: Tensor) -> None:
    """Raise ValueError for outputs that torch would fit to the targets by repeating them."""
    if outputs.shape != targets.shape:
        raise ValueError(
            f"outputs of {tuple(outputs.shape)} do not fit targets of {tuple(targets.shape)}"
        )


def _explained(squared_errors: Tensor, targets: Tensor) -> float:
    """R2 by summed squared errors (d,) over targets (N, d)."""
    y = targets.double()
    spread = (y - y.mean(dim=0)).square().sum(dim=0)
    return (1 - squared_errors.cpu() / spread).mean().item()


def outcome_of(shape: DataShape) -> Outcome:
    """What the outputs of a network on data of ``shape`` are for."""
    if shape.targets == "numbers":
        return Numbers(shape.n_outputs)
    return (Classes if shape.targets == "classes" else Positions)(shape.n_outputs)
