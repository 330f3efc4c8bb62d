"""Whether an operator is one: elementwise on both sides, NumPy and torch, which agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch

from actsearch.config import FAULTS, describe_fault
from actsearch.functions.equivalence import N_SAMPLES, normal_samples
from actsearch.functions.operators import Operator, OperatorError, counts_of

Floats = npt.NDArray[np.float64]

TOLERANCE = 1e-6
"""Most that the sides may differ by in float64: absolute below 1, relative above."""
FEW = 7
"""Numbers taken by themselves, to see whether those beside them matter."""
IMAGES = (4, 5, 10, 5)
"""The samples as a batch of images."""


def check_operator(operator: Operator) -> None:
    """Try both sides of an operator on normal samples, and compare them in float64.

    Raises:
        OperatorError: when a side is not elementwise, so that a value depends on the numbers beside
            it, on their order, on the shape or on chance; when the torch side fails, does not keep
            shape or dtype (float32 too), has no gradient, or differs from the NumPy side; names the
            numbers.
    """
    for count in counts_of(operator):
        samples = [np.roll(normal_samples(), place) for place in range(count)]

        def numpy_side(arguments: list[Floats]) -> Floats:
            return _numpy_side(operator, arguments)

        def torch_side(arguments: list[Floats]) -> Floats:
            return _torch_side(operator, arguments, torch.float64).detach().numpy()

        expected, value = numpy_side(samples), torch_side(samples)
        _torch_side(operator, samples, torch.float32)
        for name, side, found in (("NumPy", numpy_side, expected), ("torch", torch_side, value)):
            _require_elementwise(
                f"operator {operator.name!r}: the {name} side", side, samples, found
            )
        _require_own_gradient(operator, samples)
        same = _same(value, expected)
        if not same.all():
            worst = int(np.flatnonzero(~same)[0])
            raise OperatorError(
                f"operator {operator.name!r}: its sides differ on {np.sum(~same)} of {len(same)} "
                f"samples; at {_at(samples, worst)} NumPy gives {expected[worst]:.6g} and torch "
                f"{value[worst]:.6g}"
            )


def _same(value: Floats, expected: Floats) -> npt.NDArray[np.bool_]:
    with np.errstate(all="ignore"):
        near = np.abs(value - expected) <= TOLERANCE * np.maximum(1, np.abs(expected))
    same: npt.NDArray[np.bool_] = near | (value == expected)
    return same | (np.isnan(value) & np.isnan(expected))


def _at(samples: list[Floats], place: int) -> str:
    return ", ".join(f"{sample[place]:.6g}" for sample in samples)


def _arrangements(
    samples: list[Floats],
) -> Iterator[tuple[str, list[Floats], npt.NDArray[np.int64]]]:
    """The samples otherwise arranged: how, the arrays, and which sample each number is."""
    whole = np.arange(N_SAMPLES)
    order = np.random.default_rng(0).permutation(N_SAMPLES)
    channels_last = whole.reshape([IMAGES[i] for i in (0, 2, 3, 1)]).transpose(0, 3, 1, 2)
    for how, places in (
        ("when it is called again", whole),
        ("in another order", order),
        (f"among {FEW}", whole[:FEW]),
        ("alone", whole[:1]),
        ("in a matrix", whole.reshape(20, 50)),
        ("in a batch of images", whole.reshape(IMAGES)),
        ("in images whose channels come last in memory", channels_last),
    ):
        yield how, [_laid_out(sample[places], places) for sample in samples], places


def _laid_out(values: Floats, places: npt.NDArray[np.int64]) -> Floats:
    """``values`` in the memory layout of ``places``."""
    laid = np.empty_like(places, dtype=np.float64)  # keeps the layout
    laid[...] = values
    return laid


def _require_elementwise(
    side: str, function: Callable[[list[Floats]], Floats], samples: list[Floats], expected: Floats
) -> None:
    for how, arguments, places in _arrangements(samples):
        before = [argument.copy() for argument in arguments]
        value = function(arguments)
        if not all(map(np.array_equal, arguments, before)):
            raise OperatorError(f"{side} changes the numbers that it is given")
        same = _same(value, expected[places])
        if not same.all():
            place = int(places[~same][0])
            here, there = f"{expected[place]:.6g}", f"{value[~same][0]:.6g}"
            raise OperatorError(
                f"{side} is not elementwise: at {_at(samples, place)} it gives {here} among "
                f"{N_SAMPLES:,} numbers, and {there} {how}; a value may depend on its own "
                "arguments alone"
            )


def _require_own_gradient(operator: Operator, samples: list[Floats]) -> None:
    """Refuse values of the torch side whose gradient lies in the arguments of others."""
    arguments = [torch.tensor(sample, requires_grad=True) for sample in samples]
    value = operator.torch_function(*arguments)
    gradients = torch.autograd.grad(value[:FEW].sum(), arguments, allow_unused=True)
    for gradient in gradients:
        beside = torch.zeros(1) if gradient is None else gradient[FEW:].nan_to_num(0.0)
        if beside.any():
            raise OperatorError(
                f"operator {operator.name!r}: the torch side is not elementwise: the gradient of a "
                "value lies in the arguments of others too"
            )


def _numpy_side(operator: Operator, samples: list[Floats]) -> Floats:
    side = f"operator {operator.name!r}: the NumPy side"
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(operator.numpy(*samples))
    except FAULTS as error:
        raise OperatorError(
            f"{side} fails with {_arrays(samples)}: {describe_fault(error)}"
        ) from error
    if value.shape != samples[0].shape or value.dtype != np.float64:
        raise OperatorError(
            f"{side} must return an array of the shape and dtype it is given, "
            f"{samples[0].shape} and float64; it returned {value.shape} and {value.dtype}"
        )
    return value


def _of_shape(samples: list[Floats]) -> str:
    shape = samples[0].shape
    return "" if len(shape) == 1 else f" of {' x '.join(map(str, shape))} numbers"


def _arrays(samples: list[Floats]) -> str:
    shape = " x ".join(map(str, samples[0].shape))
    return f"{len(samples)} array{'s' * (len(samples) > 1)} of {shape} numbers"


def _torch_side(operator: Operator, samples: list[Floats], dtype: torch.dtype) -> torch.Tensor:
    """Value of the torch side, checked for everything but its numbers."""
    side = f"operator {operator.name!r}: the torch side"
    function = operator.torch_function
    arguments = [torch.from_numpy(s).to(dtype, copy=True).requires_grad_() for s in samples]
    try:
        value = function(*arguments)
    except FAULTS as error:
        raise OperatorError(
            f"{side} fails with {len(arguments)} tensor{'s' * (len(arguments) > 1)}"
            f"{_of_shape(samples)}: {describe_fault(error)}"
        ) from error
    shape = tuple(np.shape(samples[0]))
    if not isinstance(value, torch.Tensor) or value.shape != shape or value.dtype != dtype:
        found = (
            f"{tuple(value.shape)} and {value.dtype}"
            if isinstance(value, torch.Tensor)
            else type(value).__name__
        )
        raise OperatorError(
            f"{side} must return a tensor of the shape and dtype it is given, {shape} and "
            f"{dtype}; it returned {found}"
        )
    if not value.requires_grad:
        raise OperatorError(
            f"{side} returns a tensor without a gradient: build it from torch functions of its "
            "arguments (a constant as well: 0 * x)"
        )
    return value
