"""Functions as call trees over the one variable x: parse, print, slug, evaluate.

An `Expression` is its tokens in prefix order, at most `MOST_NODES` of them. Nothing here recurses,
so that depth is bounded by size alone, and every operation takes linear time.

Name:  ``mul(sigmoid(x),erf(x))``, the notation of Act-Bench.
Slug:  ``mul.sigmoid.x.erf.x``, the tokens joined by dots: safe in paths and shells, and reversible.
N-ary: ``sum_n(x,x,x)`` has the token and slug form ``sum_n3``, which carries the argument count.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

import numpy as np

from actsearch.functions.operators import (
    LEAF,
    Operator,
    OperatorError,
    get_operator,
    make_token,
    read_token,
)
from actsearch.functions.syntax import MOST_NODES, parse_calls, shorten
from actsearch.functions.syntax import ExpressionError as ExpressionError

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")


def arity_of(token: str) -> int:
    """Number of arguments of a token, 0 for the leaf ``x``."""
    return 0 if token == LEAF else read_token(token)[1]


class Expression:
    """An immutable activation function f(x), compared and hashed by its tokens.

    Args:
        tokens: The tree in prefix order, such as ``("mul", "sigmoid", "x", "erf", "x")``.

    Raises:
        ExpressionError: when the tokens are not exactly one complete tree of known operators, or
            are too many.
    """

    tokens: tuple[str, ...]

    def __init__(self, tokens: Iterable[str]) -> None:
        tokens = tuple(tokens)
        if len(tokens) > MOST_NODES:
            raise ExpressionError(
                f"{len(tokens):,} operators and x's; allowed: at most {MOST_NODES:,}"
            )
        missing = 1
        for index, token in enumerate(tokens):
            if missing == 0:
                raise ExpressionError(f"tokens after the end of the function, from {token!r} on")
            try:
                missing += arity_of(token) - 1
            except (OperatorError, TypeError) as error:
                raise ExpressionError(f"token {index}: {error}") from None
        if missing:
            raise ExpressionError(
                f"the tokens end too early: {missing} more argument{'s' * (missing > 1)} needed"
                if tokens
                else "empty: a function is needed, such as relu(x)"
            )
        self.__dict__["tokens"] = tokens

    @classmethod
    def from_slug(cls, slug: str) -> Expression:
        """The expression of a slug such as ``mul.sigmoid.x.erf.x``.

        Returns:
            The expression; its slug is ``slug`` again.

        Raises:
            ExpressionError: when the slug is none.
        """
        if not isinstance(slug, str):
            raise ExpressionError(f"a slug must be a string, got {type(slug).__name__}")
        try:
            return cls(slug.split("."))
        except ExpressionError as error:
            raise ExpressionError(f"bad slug {shorten(slug)!r}: {error}") from None

    @functools.cached_property
    def name(self) -> str:
        """Canonical name, without whitespace."""
        parts: list[str] = []
        open_calls: list[int] = []  # arguments still missing, of every open call
        for token in self.tokens:
            if token != LEAF:
                operator, count = read_token(token)
                parts += (operator.name, "(")
                open_calls.append(count)
                continue
            parts.append(LEAF)
            while open_calls:
                open_calls[-1] -= 1
                if open_calls[-1]:
                    parts.append(",")
                    break
                open_calls.pop()
                parts.append(")")
        return "".join(parts)

    @functools.cached_property
    def slug(self) -> str:
        """Tokens joined by dots."""
        return ".".join(self.tokens)

    @property
    def operators(self) -> frozenset[str]:
        """Names of its operators."""
        return frozenset(read_token(token)[0].name for token in self.tokens if token != LEAF)

    @property
    def size(self) -> int:
        """Number of operators, as the spaces count nodes: 3 for ``add(relu(x),exp(x))``."""
        return len(self.tokens) - self.tokens.count(LEAF)

    @property
    def depth(self) -> int:
        """Number of operators on the longest path to a leaf: 2 for ``add(relu(x),exp(x))``."""
        return self._fold(0, lambda _, arguments: 1 + max(arguments))

    def _fold(self, leaf: T, combine: Callable[[Operator, Sequence[T]], T]) -> T:
        """Value of the tree from its leaves up, on a stack."""
        stack: list[T] = []
        for token in reversed(self.tokens):
            if token == LEAF:
                stack.append(leaf)
            else:
                operator, count = read_token(token)
                arguments = [stack.pop() for _ in range(count)]
                stack.append(combine(operator, arguments))
        return stack.pop()

    @overload
    def __call__(self, x: np.ndarray) -> np.ndarray: ...
    @overload
    def __call__(self, x: Tensor) -> Tensor: ...
    def __call__(self, x: Any) -> Any:
        """Evaluate elementwise.

        Args:
            x: Floating-point array or torch tensor of any shape.

        Returns:
            The same type, shape and dtype; ``x`` and ``identity(x)`` may return the input itself,
            not a copy. NumPy gives no warnings: what is undefined is NaN or inf.

        Raises:
            TypeError: for anything else.
        """
        if isinstance(x, np.ndarray):
            if not np.issubdtype(x.dtype, np.floating):
                raise TypeError(f"expected a floating-point array, got dtype {x.dtype}")
            with np.errstate(all="ignore"):
                value = self._fold(x, lambda operator, arguments: operator.numpy(*arguments))
            return np.asarray(value, dtype=x.dtype)
        if not hasattr(x, "is_floating_point"):
            raise TypeError(f"expected a NumPy array or a torch tensor, got {type(x).__name__}")
        if not x.is_floating_point():
            raise TypeError(f"expected a floating-point tensor, got dtype {x.dtype}")
        return self._fold(x, lambda operator, arguments: operator.torch_function(*arguments))

    def __setattr__(self, attribute: str, value: object) -> NoReturn:
        raise AttributeError(f"an Expression is immutable: cannot set {attribute!r}")

    def __delattr__(self, attribute: str) -> NoReturn:
        raise AttributeError(f"an Expression is immutable: cannot delete {attribute!r}")

    def __eq__(self, other: object) -> bool:
        return self.tokens == other.tokens if isinstance(other, Expression) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.tokens)

    def __reduce__(self) -> tuple[type[Expression], tuple[tuple[str, ...]]]:
        return Expression, (self.tokens,)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Expression({self.name!r})"


def parse(text: str) -> Expression:
    """Read a function's name, such as ``mul(sigmoid(x), erf(x))``; blanks are skipped.

    Returns:
        The expression; its name is ``text`` without blanks.

    Raises:
        ExpressionError: with the position and what is allowed there.
    """
    nodes = parse_calls(text, lambda name: get_operator(name).arity)
    return Expression(LEAF if name == LEAF else make_token(name, count) for name, count in nodes)


def operators_of(expressions: Iterable[Expression]) -> set[str]:
    """Names of all operators in some expressions."""
    return {name for expression in expressions for name in expression.operators}
