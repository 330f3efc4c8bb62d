"""What other notations of a function are made with: its tree folded from the leaves, and drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from actsearch.functions.expressions import Expression
from actsearch.functions.operators import LEAF, own_operators, read_token

T = TypeVar("T")


class NotationError(ValueError):
    """A function that cannot be written in another notation; the message names the operators."""


def without_form(expression: Expression) -> list[str]:
    """Operators of a function that have no form in ONNX or SymPy, sorted: the user's own.

    Returns:
        Their names; none where it has built-in operators alone.
    """
    return sorted(expression.operators & {operator.name for operator in own_operators()})


def fold(expression: Expression, leaf: T, combine: Callable[[str, Sequence[T]], T]) -> T:
    """The value of a tree, from its leaves up; no depth is too much for it.

    Args:
        expression: the function.
        leaf: value of ``x``.
        combine: value of an operator, by its name and the values of its arguments in order.

    Returns:
        The value of the whole.
    """
    stack: list[T] = []
    for token in reversed(expression.tokens):
        if token == LEAF:
            stack.append(leaf)
        else:
            operator, count = read_token(token)
            stack.append(combine(operator.name, [stack.pop() for _ in range(count)]))
    return stack.pop()


def tree_lines(expression: Expression) -> list[str]:
    """The tree drawn, a line per node, the root first.

    Returns:
        Lines such as ``mul``, ``├── sigmoid``, ``│   └── x``.
    """
    lines: list[str] = []
    open_nodes: list[tuple[int, str]] = []  # arguments still missing, and what is before each
    for token in expression.tokens:
        before = ""
        if open_nodes:
            missing, before = open_nodes.pop()
            last = missing == 1
            if not last:
                open_nodes.append((missing - 1, before))
            lines.append(f"{before}{'└── ' if last else '├── '}{_name(token)}")
            before += "    " if last else "│   "
        else:
            lines.append(_name(token))
        if token != LEAF:
            open_nodes.append((read_token(token)[1], before))
    return lines


def _name(token: str) -> str:
    return token if token == LEAF else read_token(token)[0].name


@dataclass(frozen=True)
class Term:
    """A piece of a formula, and how tightly it binds: the more, the fewer brackets it needs."""

    text: str
    binding: int

    def within(self, binding: int, left: str = "(", right: str = ")") -> str:
        """The text, in brackets if it binds less tightly than ``binding``."""
        return self.text if self.binding >= binding else f"{left}{self.text}{right}"
