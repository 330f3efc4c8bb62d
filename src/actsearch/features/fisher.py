"""Spectra of the Fisher information matrix at given weights, by K-FAC.

F = E over x of the data and y of the model's predictive distribution of g g^T with g the gradient
of log p(y | x) (see ``outcomes``), approximated by a block a layer with weights and each block by a
Kronecker product of an input factor A and a gradient factor G (Martens & Grosse 2015; convolutions:
Grosse & Martens 2016). The conventions of the factors stand in ``factors``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain, pairwise
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from actsearch.config.data import Targets
from actsearch.features import factors
from actsearch.features.cores import on_all_cores
from actsearch.features.derivatives import keep_derivatives
from actsearch.features.factors import Layer
from actsearch.features.layers import evaluation_mode, fisher_layers
from actsearch.features.outcomes import OUTCOMES, Kind, Outcomes
from actsearch.features.recomputation import without_recomputation
from actsearch.features.spectra import LayerSpectrum

FLOOR = torch.finfo(torch.float32).eps ** 2
"""Eigenvalues of a factor are told from zero down to this fraction of its largest (1.4e-14).

Activations and gradients in float32 carry relative errors of about eps = 1.2e-7; in a matrix of
second moments these appear as spurious directions of about eps^2 of the largest eigenvalue. The
error of the float64 eigensolver lies below that. What is smaller, or negative, is raised to the
floor rather than dropped or set to zero: a feature then does not jump where an eigenvalue sinks
into the noise.
"""


def fisher_spectrum(
    model: nn.Module,
    x: Tensor,
    y: Tensor | None = None,
    kind: Kind = "true",
    generator: torch.Generator | None = None,
    examples_at_once: int = 128,
    layers: Sequence[str] | None = None,
    targets: Targets = "classes",
) -> list[LayerSpectrum]:
    """Eigenvalues of the Kronecker factors of every layer's Fisher block.

    Forward and backward passes run in the model's dtype, factors and eigenvalues in float64. The
    model runs in evaluation mode and is left as it was; batch norm must have its statistics fixed
    already (``calibrate_batch_norm``). An ``Activation`` is taken to act on each number alone. Rows
    of a layer's input are examples times positions: all axes of a linear layer's input but the last
    are one or the other, in any order, as are a convolution's outputs, and further calls of the
    same layer add positions. Checkpointed parts are run without checkpointing.

    Args:
        model: maps (N, ...) to outputs: logits (N, classes), logits (N, ..., classes) at positions,
            or numbers (N, d).
        x: (N, ...) inputs on the model's device.
        y: the targets, (N,) or (N, ...) int64 or (N, d); only ``kind="empirical"`` reads them, and
            positions, to tell which of them count.
        kind: whose targets: ``true`` is the exact expectation over the predictive distribution (one
            forward pass, and the backward passes of ``outcomes.backward_passes``), ``sampled``
            draws one target an outcome from it, ``empirical`` takes ``y``.
        generator: draws the targets of ``kind="sampled"``; torch's global one when None.
        examples_at_once: examples in one pass, whose activations bound the memory. Sums are rounded
            in another order with another number, and nothing else changes.
        layers: names of the layers to cover; those that ``fisher_layers`` finds when None.
        targets: what the outputs are for: with ``numbers`` they are means of a Gaussian of unit
            variance. With ``positions`` each that counts is an outcome of its own, and the matrix
            is the mean over them.

    Returns:
        One spectrum a covered layer, in the network's order. A layer that
        the output does not depend on has zero gradient eigenvalues; of other factors, what lies in
        the noise is raised to ``FLOOR`` and counted. A layer whose activations or gradients are not
        finite is marked missing, as is one of ``layers`` that the network did not call. All are
        when a logit is not finite.

    Raises:
        ValueError: for an unknown kind, targets that are missing or do not fit, batch norm without
            fixed statistics, an output of another shape, or no layer to cover.
    """
    _check_targets(x, y, kind, targets)
    covered = fisher_layers(model, x).covered if layers is None else layers
    if layers is None and not covered:
        raise ValueError(
            "the model calls no linear layer or convolution with examples, hence no Fisher blocks"
        )
    if examples_at_once < 1:
        raise ValueError(f"examples_at_once must be at least 1, got {examples_at_once}")
    sums = [_Sums(name, model.get_submodule(name), x.device) for name in covered]  # type: ignore[arg-type]
    outcomes = OUTCOMES[targets](kind, y, generator, len(x))
    with (
        evaluation_mode(model),
        without_recomputation(),
        _full_precision(x),
        torch.enable_grad(),
    ):
        for start in range(0, len(x), examples_at_once):
            part = slice(start, start + examples_at_once)
            _accumulate(model, x[part], outcomes, part, sums)
    return _spectra(sums, len(x), x.device)


class _Sums:
    """What is gathered for one layer over all examples."""

    def __init__(self, name: str, layer: Layer, device: torch.device) -> None:
        self.name, self.layer = name, layer
        shapes = factors.factor_shapes(layer)
        self.inputs, self.gradients = (
            torch.zeros(shape, dtype=torch.float64, device=device) for shape in shapes
        )
        self.rows = 0
        self.edges: list[GradientEdge] = []  # one a call in the current graph

    def record(self, x: Tensor, output: Tensor) -> Tensor:
        """Take in one call; returns the output, made part of the graph if it was not."""
        self.inputs += factors.input_sum(self.layer, x.detach())
        self.rows += factors.positions(self.layer, output)
        if not output.requires_grad:  # frozen weights, or a part of the network without a graph
            with torch.enable_grad():
                output = output + torch.zeros_like(output[:1], requires_grad=True)
        # an edge, since the tensor itself changes its history if it is modified in place later
        self.edges.append(get_gradient_edge(output))
        return output

    def factors(self, examples: int) -> tuple[Tensor, Tensor]:
        """A and G, (groups, k, k) float64 each."""
        if not self.rows:  # never called: nothing is known, which is not the same as zero
            self.inputs.fill_(math.nan)
            self.gradients.fill_(math.nan)
        return self.inputs / examples, self.gradients / max(self.rows, 1)

    def n_weights(self) -> int:
        parameters = (self.layer.weight, self.layer.bias)
        return sum(p.numel() for p in parameters if p is not None)


def _spectra(sums: Sequence[_Sums], examples: int, device: torch.device) -> list[LayerSpectrum]:
    """Eigenvalues of all factors: a core each, which is faster than all cores for one."""
    matrices = [factor for entry in sums for factor in entry.factors(examples)]
    costs = [len(factor) * float(factor.shape[-1]) ** 3 for factor in matrices]
    found = iter(on_all_cores(_eigenvalues, matrices, costs, device))
    spectra = []
    for entry, (inputs, inputs_under), (gradients, gradients_under) in zip(
        sums, found, found, strict=True
    ):
        under = (inputs_under, gradients_under)
        spectra.append(LayerSpectrum(entry.name, entry.n_weights(), inputs, gradients, under))
    return spectra


def _accumulate(
    model: nn.Module, x: Tensor, outcomes: Outcomes, part: slice, sums: list[_Sums]
) -> None:
    """Add one chunk of examples, ``part`` of all, to the sums."""

    def hook(entry: _Sums) -> Any:
        def record(_: nn.Module, args: Any, kwargs: Any, output: Tensor) -> Tensor:
            return entry.record(args[0] if args else kwargs["input"], output)

        return entry.layer.register_forward_hook(record, with_kwargs=True)

    handles = [*(hook(entry) for entry in sums), *keep_derivatives(model)]
    try:
        outputs = model(x)
    finally:
        for handle in handles:
            handle.remove()
    if not isinstance(outputs, Tensor) or not outcomes.fits(outputs, len(x)):
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ValueError(f"the model must return {outcomes.form}, got {shape} for N = {len(x)}")
    edges = [(entry, edge) for entry in sums for edge in entry.edges]
    for entry in sums:
        entry.edges = []
    if not outputs.isfinite().all():
        for entry in sums:
            entry.gradients.fill_(math.nan)
        return
    if not outputs.requires_grad:  # no layer reaches the output
        return
    if not edges:  # nothing was asked for, or called
        return
    directions = outcomes.directions(outputs.detach().double(), part)
    for direction, following in pairwise(chain(directions, [None])):
        assert direction is not None
        gradients = torch.autograd.grad(
            outputs,
            [edge for _, edge in edges],
            direction.to(outputs.dtype),
            retain_graph=following is not None,
            allow_unused=True,
        )
        _add_gradients([entry for entry, _ in edges], gradients)


def _add_gradients(entries: Sequence[_Sums], gradients: Sequence[Tensor | None]) -> None:
    """Add the products of gradients, None where a layer has none, to their layers' sums."""
    found = [(e, g) for e, g in zip(entries, gradients, strict=True) if g is not None]
    products = on_all_cores(
        lambda pair: factors.gradient_sum(pair[0].layer, pair[1]),
        found,
        [float(g.numel() * e.gradients.shape[-1]) for e, g in found],
        entries[0].gradients.device,
    )
    for (entry, _), sums in zip(found, products, strict=True):
        entry.gradients += sums


def _eigenvalues(matrices: Tensor) -> tuple[NDArray[np.float64], int]:
    """Eigenvalues of symmetric matrices (groups, k, k).

    Returns:
        The eigenvalues, ascending: (k,) for one group, else (groups, k), all NaN when an entry is
        not finite; and how many were raised to the floor.
    """
    # By Cauchy and Schwarz, what is not finite in a matrix of moments reaches its diagonal.
    if not matrices.diagonal(dim1=1, dim2=2).isfinite().all():
        shape = matrices.shape[1:2] if len(matrices) == 1 else matrices.shape[:2]
        return np.full(shape, np.nan), 0
    values = torch.linalg.eigvalsh(matrices).squeeze(0).cpu().numpy()
    floor = FLOOR * max(values.max(), 0.0)
    return np.maximum(values, floor), int((values <= floor).sum())


def _check_targets(x: Tensor, y: Tensor | None, kind: Kind, targets: Targets) -> None:
    if kind not in get_args(Kind):
        raise ValueError(f"unknown kind {kind!r}; allowed: {', '.join(get_args(Kind))}")
    if len(x) == 0:
        raise ValueError("x holds no example")
    if y is None:
        if kind == "empirical" or targets == "positions":
            raise ValueError(f"kind={kind!r} needs the targets y of {targets}")
        return
    if targets == "classes" and kind != "empirical":
        return
    form, fits = {
        "classes": ("integers ({n},)", y.dim() == 1 and not y.is_floating_point()),
        "positions": ("integers ({n}, ...)", y.dim() > 1 and not y.is_floating_point()),
        "numbers": ("numbers ({n}, d)", y.dim() == 2),
    }[targets]
    if not fits or len(y) != len(x):
        raise ValueError(f"y must be {form.format(n=len(x))}, got {y.dtype} {tuple(y.shape)}")


def _full_precision(x: Tensor) -> AbstractContextManager[Any]:
    """Without TF32, a GPU's default for convolutions: its relative errors are 1e-3."""
    if not x.is_cuda:
        return nullcontext()
    flags: AbstractContextManager[Any] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags
