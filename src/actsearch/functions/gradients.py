"""The gradient of a function from its input alone, number by number.

Values are computed anew on the way up its tree, where something reads them, and gradients on the
way down. It is what autograd does, but for the values that it keeps from the forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from torch import Tensor

from actsearch.functions.derivatives import BINARY, NARY, UNARY, Binary
from actsearch.functions.expressions import Expression
from actsearch.functions.operators import LEAF, Operator, read_token

TILES = 75
"""What taking a function in tiles costs beside its operators, as `derivatives.Unary` counts."""
DEEPEST = 100
"""Levels of a tree: a level is a few calls within each other, of which Python allows a thousand.
An operator of n arguments is a chain of n - 1 of two."""
Pull = Callable[[Tensor], Tensor]
"""Gradient of x of the gradient of a value; it may return the tensor that it is given."""


class GradientRule(NamedTuple):
    """How a function is differentiated.

    Attributes:
        gradient: Of x and the output's gradient g (float32, any shape): g f'(x), maybe g itself; or
            None where f is constant.
        pays: Whether that takes no longer than autograd, which computes no value anew.
    """

    gradient: Callable[[Tensor, Tensor], Tensor | None]
    pays: bool


def gradient_rule(expression: Expression, divisor: float = 1.0) -> GradientRule | None:
    """The rule of f / ``divisor``, where all operators of f have one and it is not too deep."""
    others = expression.operators - UNARY.keys() - BINARY.keys() - NARY.keys()
    if others or _levels(expression) > DEEPEST:
        return None
    costs = _Costs()
    top = _node(iter(expression.tokens), costs, wanted=False)

    def gradient(x: Tensor, g: Tensor) -> Tensor | None:
        if top.constant:
            return None
        return top.run(x)[1](g if divisor == 1 else g / divisor)

    return GradientRule(gradient, costs.spared >= costs.again + TILES)


def _levels(expression: Expression) -> int:
    stack: list[int] = []
    for token in reversed(expression.tokens):
        count = 0 if token == LEAF else read_token(token)[1]
        below = [stack.pop() for _ in range(count)]
        stack.append(max(count - 1, 1) + max(below) if below else 0)
    return stack.pop()


class _Costs:
    """What is spared, and what is computed again."""

    spared = again = 0


class _Node(NamedTuple):
    """A subtree: its value, None unless it is wanted, and how gradients go down it."""

    run: Callable[[Tensor], tuple[Tensor, Pull]]
    constant: bool = False


def _node(tokens: Iterator[str], costs: _Costs, wanted: bool) -> _Node:
    """The next subtree of tokens in prefix order; ``wanted`` says whether its value is read."""
    token = next(tokens)
    if token == LEAF:
        return _Node(lambda x: (x, _same))
    operator, count = read_token(token)
    if count == 1:
        return _unary(operator, tokens, costs, wanted)
    name = NARY.get(operator.name, operator.name)
    rule, function = BINARY[name], read_token(name)[0].torch_function
    reads = wanted or rule.reads
    found = _node(tokens, costs, reads)
    for place in range(1, count):
        last = place == count - 1
        found = _binary(
            function if wanted or (reads and not last) else None,
            rule,
            found,
            _node(tokens, costs, reads),
        )
        costs.spared += rule.spared
    return found


def _same(g: Tensor) -> Tensor:
    return g


def _unary(operator: Operator, tokens: Iterator[str], costs: _Costs, wanted: bool) -> _Node:
    rule = UNARY[operator.name]
    value, gradient = rule.value or operator.torch_function, rule.gradient
    reads_value = wanted or rule.reads_value
    costs.spared += rule.spared
    costs.again += rule.again if reads_value else 0
    reads_input = gradient is not None and rule.reads_input
    inner = _node(tokens, costs, wanted=reads_input or reads_value)

    def run(x: Tensor) -> tuple[Tensor, Pull]:
        inside, pull = inner.run(x)
        y: Any = value(inside) if reads_value else None
        return y, _same if gradient is None else lambda g: pull(gradient(g, inside, y))

    return _Node(run, inner.constant or gradient is None)


def _binary(
    function: Callable[[Tensor, Tensor], Tensor] | None, rule: Binary, left: _Node, right: _Node
) -> _Node:
    """A pair; its value by ``function`` if it is wanted."""

    def run(x: Tensor) -> tuple[Tensor, Pull]:
        a, pull_left = left.run(x)
        b, pull_right = right.run(x)
        y: Any = None if function is None else function(a, b)

        def pull(g: Tensor) -> Tensor:
            to_left, to_right = rule.gradients(g, a, b)
            if right.constant:
                return pull_left(to_left())
            if left.constant:
                return pull_right(to_right())
            return pull_left(to_left()) + pull_right(to_right())

        return y, pull

    return _Node(run, left.constant and right.constant)
