"""The operators that functions are built from: one registry, open to the user's own.

Every operator has two implementations that agree: NumPy (the reference, used to enumerate spaces)
and PyTorch (used to train). The torch side is a dotted name that is looked up at first use, so that
this module never imports torch. Those of Act-Bench are built in (`built_in_operators`).

Both sides follow IEEE arithmetic where a formula meets an infinity: ``swish(-inf)`` is NaN, being
``-inf * 0``. ``max`` and ``min`` pass NaN on, as ``numpy.maximum`` and ``torch.maximum`` do. They
differ where torch's vectorised ``sinh`` and ``cosh`` overflow a little early, for 709 < abs(x) <
710.48.
"""

from __future__ import annotations

import functools
import importlib
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from actsearch.config import FAULTS, describe_fault
from actsearch.config.base import guess
from actsearch.functions import built_in_operators

LEAF = "x"
"""The one variable of every function."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = frozenset({LEAF, "unary", "binary", "nary", "baselines", "literature"})


class OperatorError(ValueError):
    """An operator that cannot be registered or found; the message names it and what is allowed."""


@dataclass(frozen=True)
class Operator:
    """One node type of a call tree.

    Attributes:
        name: Lower-case identifier, as written in a function's name.
        arity: Number of arguments; None takes any number from two on.
        numpy: Elementwise function of ``arity`` float arrays of one shape; the same shape and dtype
            out.
        torch: The same for tensors, differentiable; a callable or its dotted name.
    """

    name: str
    arity: int | None
    numpy: Callable[..., Any]
    torch: Callable[..., Any] | str

    @functools.cached_property
    def torch_function(self) -> Callable[..., Any]:
        """The torch implementation, imported if it was given by name.

        Raises:
            OperatorError: when no such function exists.
        """
        if callable(self.torch):
            return self.torch
        parts = self.torch.split(".")
        for split in range(len(parts) - 1, 0, -1):
            try:
                target: Any = importlib.import_module(".".join(parts[:split]))
            except ModuleNotFoundError:
                continue
            target = functools.reduce(lambda t, part: getattr(t, part, None), parts[split:], target)
            if callable(target):
                return target  # type: ignore[no-any-return]
            break
        raise OperatorError(f"operator {self.name!r}: there is no function {self.torch!r}")


_registry: dict[str, Operator] = {}
_modules: dict[str, str] = {}


def register(operator: Operator) -> Operator:
    """Make ``operator`` usable in expressions and schemas.

    Args:
        operator: The operator, such as ``Operator("sine", 1, numpy=np.sin, torch="torch.sin")``.

    Returns:
        The same operator.

    Raises:
        OperatorError: for a name that is malformed, taken, reserved, or that reads like an n-ary
            operator with its argument count (``sum_n3``), since slugs would be ambiguous; for a bad
            arity; for an implementation that is neither a callable nor, for torch, a dotted name;
            for a NumPy side that does not turn ``arity`` arrays into one of their shape and dtype.
    """
    _refuse_malformed(operator)
    _refuse_broken(operator)
    _registry[operator.name] = operator
    _modules[operator.name] = _importing_module()
    return operator


def own_operators() -> list[Operator]:
    """The operators that are not built in, in the order they were registered."""
    return [operator for name, operator in _registry.items() if name not in _BUILT_IN]


def counts_of(operator: Operator) -> tuple[int, ...]:
    """Numbers of arguments to try an operator with: its arity, or 2 and 3 where it takes any."""
    return (2, 3) if operator.arity is None else (operator.arity,)


def _refuse_malformed(operator: Operator) -> None:
    name, arity = operator.name, operator.arity
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise OperatorError(
            f"operator name {name!r} is not allowed: lower-case letters, digits and underscores, "
            "a letter first"
        )
    if name in _RESERVED:
        raise OperatorError(f"operator name {name!r} is reserved ({', '.join(sorted(_RESERVED))})")
    if name in _registry:
        raise OperatorError(f"operator name {name!r} is taken")
    if arity is not None and (isinstance(arity, bool) or not isinstance(arity, int) or arity < 1):
        raise OperatorError(
            f"operator {name!r}: arity {arity!r} is not allowed: a positive integer, or None for "
            "two arguments or more"
        )
    _refuse_ambiguous(name, arity)
    if not callable(operator.numpy):
        raise OperatorError(f"operator {name!r}: numpy must be callable, got {operator.numpy!r}")
    if not callable(operator.torch) and not (
        isinstance(operator.torch, str)
        and "." in operator.torch
        and all(part.isidentifier() for part in operator.torch.split("."))
    ):
        raise OperatorError(
            f"operator {name!r}: torch must be callable or a dotted name such as 'torch.sin', "
            f"got {operator.torch!r}"
        )


def _refuse_broken(operator: Operator) -> None:
    """Try the NumPy side on a few numbers."""
    side = f"operator {operator.name!r}: the NumPy side"
    if isinstance(operator.numpy, np.ufunc) and operator.numpy.nin not in counts_of(operator):
        # A surplus array would be taken as the place to write to.
        raise OperatorError(
            f"{side}, {operator.numpy.__name__}, takes {operator.numpy.nin} argument"
            f"{'s' * (operator.numpy.nin > 1)}, not {operator.arity or 'any number'}"
        )
    for dtype in (np.float64, np.float32):
        for count in counts_of(operator):
            arguments = [np.linspace(0.5, 1 + place, 5, dtype=dtype) for place in range(count)]
            try:
                with np.errstate(all="ignore"):
                    value = operator.numpy(*arguments)
            except FAULTS as error:
                raise OperatorError(
                    f"{side} fails with {count} array{'s' * (count > 1)} of 5 numbers: "
                    f"{describe_fault(error)}"
                ) from error
            shape, kind = np.shape(value), getattr(value, "dtype", type(value).__name__)
            if shape != (5,) or kind != dtype:
                raise OperatorError(
                    f"{side} must return an array of the shape and dtype it is given, (5,) and "
                    f"{np.dtype(dtype)}; it returned {shape} and {kind}"
                )


def _importing_module() -> str:
    """Name of the module whose own lines, while it is imported, led here."""
    frame = sys._getframe(1)
    while frame.f_code.co_name != "<module>" and frame.f_back is not None:
        frame = frame.f_back
    return str(frame.f_globals.get("__name__"))


def registered() -> list[str]:
    """Names of all operators, sorted."""
    return sorted(_registry)


def modules_of(names: Iterable[str]) -> list[str]:
    """Modules of the user's that registered the operators called ``names``.

    An operator belongs to the module whose import registers it, even through a helper of another.

    Returns:
        Dotted names, sorted; operators that are built in have none.
    """
    return sorted({_modules[name] for name in names if name not in _BUILT_IN})


def _refuse_ambiguous(name: str, arity: int | None) -> None:
    """Refuse a name that, counted or not, equals another operator's token."""
    for other in _registry.values():
        longer, shorter = (name, other.name) if len(name) > len(other.name) else (other.name, name)
        counts = other.arity is None if shorter == other.name else arity is None
        if counts and longer.startswith(shorter) and longer[len(shorter) :].isdigit():
            raise OperatorError(
                f"operator name {name!r} makes slugs ambiguous: "
                f"{longer!r} reads as {shorter!r} with {longer[len(shorter) :]} arguments"
            )


def get_operator(name: str) -> Operator:
    """The operator called ``name``.

    Returns:
        The operator, built in or registered.

    Raises:
        OperatorError: listing the known ones, with the closest as a suggestion.
    """
    try:
        return _registry[name]
    except (KeyError, TypeError):
        raise OperatorError(f"unknown operator {describe_unknown(name)}") from None


def describe_unknown(name: object) -> str:
    """``'sigmod' (did you mean 'sigmoid'?); allowed: ...`` for an error message."""
    known = registered()
    text = str(name)
    text = text if len(text) <= 40 else text[:37] + "..."
    return f"{text!r}{guess(text, known)}; allowed: {', '.join(known)}"


@functools.lru_cache(maxsize=4096)
def read_token(token: str) -> tuple[Operator, int]:
    """Read a token of a slug; those of n-ary operators carry their count (``sum_n3``).

    Returns:
        The operator and its number of arguments.

    Raises:
        OperatorError: when the token names no operator, or an n-ary one without a count of at least
            two.
    """
    operator = _registry.get(token)
    if operator is not None and operator.arity is not None:
        return operator, operator.arity
    if operator is not None:
        raise OperatorError(f"n-ary operator {token!r} needs its argument count, as in '{token}3'")
    # Registered names may end in digits too, so every split of the trailing digits is tried.
    for start in range(len(token) - 1, max(len(token) - 10, 0), -1):
        if not "0" <= token[start] <= "9":
            break
        operator = _registry.get(token[:start])
        if operator is not None and operator.arity is None and token[start] != "0":
            if int(token[start:]) < 2:
                raise OperatorError(f"operator {operator.name!r} takes 2 or more arguments, not 1")
            return operator, int(token[start:])
    raise OperatorError(f"unknown operator {describe_unknown(token)}")


def make_token(name: str, count: int) -> str:
    """The token of the operator called ``name`` with ``count`` arguments."""
    return name if get_operator(name).arity is not None else f"{name}{count}"


UNARY = tuple(built_in_operators.UNARY)
"""The 27 unary operators of Act-Bench."""
EXTRA_UNARY = tuple(built_in_operators.EXTRA_UNARY)
"""Ten more, outside the standard spaces."""
BINARY = tuple(built_in_operators.BINARY)
"""The 7 binary operators."""
NARY = tuple(built_in_operators.NARY)
"""The 4 n-ary operators."""

for _arity, _table in (
    (1, built_in_operators.UNARY),
    (1, built_in_operators.EXTRA_UNARY),
    (2, built_in_operators.BINARY),
    (None, built_in_operators.NARY),
):
    for _name, (_numpy, _torch) in _table.items():
        _registry[_name] = Operator(_name, _arity, _numpy, _torch)
_BUILT_IN = frozenset(_registry)
