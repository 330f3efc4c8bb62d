"""What a Fisher matrix is an expectation over: the outcomes that outputs are a distribution of.

Classes: p(y | x) is the softmax of the logits. Numbers: a Gaussian of unit variance around the
outputs, whose -log p is half the squared error. Positions: each is an outcome of its own, a class
given all that the network saw; the matrix is the mean over the positions that count, so its size
does not grow with their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor

from actsearch.config.data import IGNORED, Targets

Kind = Literal["true", "sampled", "empirical"]


class Outcomes(Protocol):
    """One kind of targets."""

    form: str
    """Shape of the outputs, in words."""

    def fits(self, outputs: Tensor, n: int) -> bool:
        """Whether outputs have the shape for ``n`` examples."""
        ...

    def directions(self, outputs: Tensor, part: slice) -> Iterator[Tensor]:
        """Vectors v in the space of outputs whose v v^T sum to the Fisher of the outputs.

        Each is to be taken back to the weights by itself. Those of other kinds than ``true`` have
        it as their expectation, or are the gradients of -log p(y) themselves.

        Args:
            outputs: of examples, float64.
            part: which examples these are.

        Yields:
            Vectors of the outputs' shape.
        """
        ...


class Classes:
    """Logits (N, classes)."""

    form = "logits (N, classes)"

    def __init__(
        self, kind: Kind, y: Tensor | None, generator: torch.Generator | None, n: int
    ) -> None:
        self._kind, self._y, self._generator = kind, y, generator

    def fits(self, outputs: Tensor, n: int) -> bool:
        """Whether outputs are (n, classes)."""
        return outputs.dim() == 2 and len(outputs) == n

    def directions(self, outputs: Tensor, part: slice) -> Iterator[Tensor]:
        """See :meth:`Outcomes.directions`; ValueError for targets that are no classes."""
        y = self._y[part] if self._kind == "empirical" and self._y is not None else None
        return class_directions(outputs, y, self._kind, self._generator)


class Positions:
    """Logits (N, ..., classes)."""

    form = "logits (N, ..., classes) at the positions of the targets"

    def __init__(
        self, kind: Kind, y: Tensor | None, generator: torch.Generator | None, n: int
    ) -> None:
        if y is None:
            raise ValueError("positions need their targets, which say which of them count")
        self._kind, self._y, self._generator = kind, y.flatten(1), generator
        self._shape = tuple(y.shape[1:])
        counted = int((self._y != IGNORED).sum())
        # Positions of an example, in the mean over all that count.
        self._scale = 1 / math.sqrt(max(counted, 1) / len(y))

    def fits(self, outputs: Tensor, n: int) -> bool:
        """Whether outputs are (n, ..., classes)."""
        return tuple(outputs.shape[:-1]) == (n, *self._shape)

    def directions(self, outputs: Tensor, part: slice) -> Iterator[Tensor]:
        """See :meth:`Outcomes.directions`.

        Samples of all positions go back together: they are independent, so that products of two
        positions have no mean. Else positions go back one by one.

        Yields:
            Vectors of the outputs' shape.
        """
        flat = outputs.flatten(1, -2)
        y = self._y[part].to(outputs.device)
        counts = (y != IGNORED).to(flat.dtype) * self._scale
        if self._kind == "sampled":
            [both] = class_directions(flat.flatten(0, 1), None, self._kind, self._generator)
            yield (both.view_as(flat) * counts[..., None]).view_as(outputs)
            return
        for place in range(flat.shape[1]):
            labels = y[:, place].clamp(min=0) if self._kind == "empirical" else None
            for direction in class_directions(flat[:, place], labels, self._kind, None):
                whole = torch.zeros_like(flat)
                whole[:, place] = direction * counts[:, place, None]
                yield whole.view_as(outputs)


class Numbers:
    """Numbers (N, d)."""

    form = "numbers (N, d)"

    def __init__(
        self, kind: Kind, y: Tensor | None, generator: torch.Generator | None, n: int
    ) -> None:
        self._kind, self._y, self._generator, self._n = kind, y, generator, n
        self._noise: Tensor | None = None

    def fits(self, outputs: Tensor, n: int) -> bool:
        """Whether outputs are (n, d), with the d of the targets where these are known."""
        like = self._y is None or outputs.shape[1:] == self._y.shape[1:]
        return outputs.dim() == 2 and len(outputs) == n and like

    def directions(self, outputs: Tensor, part: slice) -> Iterator[Tensor]:
        """See :meth:`Outcomes.directions`: the Fisher of the outputs is the identity."""
        if self._kind == "true":
            for column in range(outputs.shape[1]):
                direction = torch.zeros_like(outputs)
                direction[:, column] = 1
                yield direction
        elif self._kind == "sampled":
            yield self._drawn(outputs)[part].to(outputs.device)
        else:
            assert self._y is not None
            yield outputs - self._y[part].to(outputs)

    def _drawn(self, outputs: Tensor) -> Tensor:
        """Noise of all examples (n, d), drawn once."""
        # Torch draws fewer than 16 numbers in another way than more: blocks would differ.
        if self._noise is None:
            device = outputs.device if self._generator is None else self._generator.device
            self._noise = torch.randn(
                (self._n, outputs.shape[1]),
                dtype=outputs.dtype,
                device=device,
                generator=self._generator,
            )
        return self._noise


OUTCOMES: dict[Targets, type[Classes] | type[Positions] | type[Numbers]] = {
    "classes": Classes,
    "positions": Positions,
    "numbers": Numbers,
}
"""Outcomes by what the targets are."""


def backward_passes(targets: Targets, kind: Kind, outputs: Sequence[int]) -> int:
    """Backward passes that a chunk of examples takes: the number of :meth:`Outcomes.directions`.

    Args:
        targets: what the outputs are for.
        kind: of the Fisher matrix.
        outputs: shape of the outputs of one example: (classes,), (..., classes) or (d,).

    Returns:
        One for ``sampled``. For ``true`` as many as classes less one, at each position where they
        are at positions, or as numbers; for ``empirical`` as many as positions, else one.
    """
    *positions, n = outputs
    outcomes = 1 if kind == "sampled" else math.prod(positions)
    if kind != "true":
        return outcomes
    return outcomes * (n if targets == "numbers" else n - 1)


def class_directions(
    logits: Tensor, y: Tensor | None, kind: Kind, generator: torch.Generator | None
) -> Iterator[Tensor]:
    """Vectors v in logit space whose v v^T sum to the Fisher of the logits.

    The gradient of -log p(c) is p - e_c. Its covariance under p, diag(p) - p p^T, has rank
    classes - 1, so that many vectors do: with B = [sqrt(p_c) (e_c - p)] and H the Householder
    reflection that takes sqrt(p) to the last axis, B H has a last column B sqrt(p) = 0, and
    (B H)(B H)^T = B B^T.

    Args:
        logits: (N, classes).
        y: (N,) classes, of the kind ``empirical``.
        kind: of the Fisher matrix.
        generator: draws the classes of the kind ``sampled``.

    Yields:
        Vectors (N, classes).

    Raises:
        ValueError: for targets that are no classes.
    """
    p = logits.softmax(-1)
    if kind == "true":
        identity = torch.eye(p.shape[1], dtype=p.dtype, device=p.device)
        root = p.sqrt()
        last = root[:, -1:]
        shared = last / (1 + last) * (identity[-1] - p)
        for c in range(p.shape[1] - 1):
            yield root[:, c : c + 1] * (identity[c] - p - shared)
        return
    if kind == "sampled":
        device = p.device if generator is None else generator.device
        y = torch.multinomial(p.to(device), 1, generator=generator)[:, 0].to(p.device)
    assert y is not None
    if not 0 <= int(y.min()) <= int(y.max()) < p.shape[1]:
        raise ValueError(
            f"labels must lie in [0, {p.shape[1]}), got {int(y.min())} to {int(y.max())}"
        )
    yield p.scatter_add(1, y[:, None].long(), p.new_full((len(p), 1), -1.0))
