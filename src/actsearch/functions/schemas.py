"""Schemas: call trees whose names may be placeholders for every operator of a kind.

``binary(unary(x),unary(x))`` stands for 7 * 27^2 functions. A schema lists nothing: function number
i is read off the digits of i, the first placeholder in prefix order being the slowest.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from actsearch.functions.expressions import Expression
from actsearch.functions.operators import LEAF, Operator, OperatorError, get_operator, make_token
from actsearch.functions.syntax import ExpressionError, parse_calls, shorten

UNARY_PLACEHOLDER, BINARY_PLACEHOLDER, NARY_PLACEHOLDER = "unary", "binary", "n-ary"
ARITIES: dict[str, int | None] = {
    UNARY_PLACEHOLDER: 1,
    BINARY_PLACEHOLDER: 2,
    NARY_PLACEHOLDER: None,
}
"""Placeholders and the arity of what they stand for."""


MOST_SCHEMA_NODES = 100
"""Placeholders, operators and x's in a schema: each placeholder multiplies the space."""


class SpaceError(ValueError):
    """A space that cannot be built or does not hold what is asked of it."""


class Schema:
    """One schema, read and filled.

    Args:
        text: Call tree over placeholders and operators.
        operators: Operator names for every placeholder.

    Attributes:
        nodes: Operators that may stand at each node, and the number of arguments, in prefix order;
            a leaf has none of either.

    Raises:
        SpaceError: when the text is no schema, or a placeholder has nothing to stand for.
    """

    nodes: tuple[tuple[tuple[Operator, ...], int], ...]

    def __init__(self, text: str, operators: Mapping[str, Sequence[str]]) -> None:
        try:
            calls = parse_calls(text, _arity, what="schema", most=MOST_SCHEMA_NODES)
        except ExpressionError as error:
            raise SpaceError(f"bad schema: {error}") from None
        nodes: list[tuple[tuple[Operator, ...], int]] = []
        for name, count in calls:
            if name == LEAF:
                nodes.append(((), 0))
                continue
            names = operators[name] if name in ARITIES else (name,)
            if not names:
                raise SpaceError(
                    f"schema {shorten(text)!r} is empty: no operators are given for {name!r}"
                )
            nodes.append((tuple(get_operator(n) for n in names), count))
        self.text = text
        self.nodes = tuple(nodes)

    @functools.cached_property
    def size(self) -> int:
        """Number of functions."""
        return math.prod(len(operators) for operators, count in self.nodes if count)

    def expression(self, index: int) -> Expression:
        """Function number ``index``, from 0 to ``size - 1``."""
        tokens = []
        for operators, count in reversed(self.nodes):
            if not count:
                tokens.append(LEAF)
                continue
            index, digit = divmod(index, len(operators))
            tokens.append(make_token(operators[digit].name, count))
        return Expression(reversed(tokens))

    def names(self) -> Iterator[list[str]]:
        """Names of all functions in order, a list for each operator at the root."""
        return self._spell(",", lambda operator, _, inner: f"{operator.name}({inner})")

    def slugs(self) -> Iterator[list[str]]:
        """Slugs of all functions in order, a list for each operator at the root."""
        return self._spell(
            ".", lambda operator, count, inner: f"{make_token(operator.name, count)}.{inner}"
        )

    def name_lengths(self) -> npt.NDArray[np.int64]:
        """Characters of all names in order, shape (size,)."""
        stack: list[npt.NDArray[np.int64]] = []
        for operators, count in reversed(self.nodes):
            if not count:
                stack.append(np.array([len(LEAF)]))
                continue
            outer = np.array([len(operator.name) for operator in operators])
            lengths = outer + len("()") + (count - 1) * len(",")
            for _ in range(count):
                lengths = np.add.outer(lengths, stack.pop()).ravel()
            stack.append(lengths)
        return stack.pop()

    def _spell(
        self, separator: str, call: Callable[[Operator, int, str], str]
    ) -> Iterator[list[str]]:
        """Texts of all functions in order, from the leaves up: much faster than one by one."""
        stack: list[list[str]] = []
        for operators, count in reversed(self.nodes[1:]):
            inner = self._joined(stack, separator, count)
            stack.append([call(op, count, text) for op in operators for text in inner] or inner)
        operators, count = self.nodes[0]
        inner = self._joined(stack, separator, count)
        if not count:
            yield inner
        for op in operators:
            yield [call(op, count, text) for text in inner]

    @staticmethod
    def _joined(stack: list[list[str]], separator: str, count: int) -> list[str]:
        """Texts of all combinations of ``count`` arguments, which are taken off the stack."""
        if not count:
            return [LEAF]
        arguments = [stack.pop() for _ in range(count)]
        return [separator.join(parts) for parts in itertools.product(*arguments)]


def _arity(name: str) -> int | None:
    if name in ARITIES:
        return ARITIES[name]
    try:
        return get_operator(name).arity
    except OperatorError as error:
        raise OperatorError(f"{error}; placeholders: {', '.join(ARITIES)}") from None
