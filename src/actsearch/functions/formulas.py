"""A function as people write it, in the notation of Python."""

from __future__ import annotations

from collections.abc import Sequence

from actsearch.functions.expressions import Expression
from actsearch.functions.trees import Term, fold

SUM, PRODUCT, MINUS, ATOM = range(4)
"""How tightly Python's operators bind."""
INFIX = {
    "add": ("+", SUM),
    "sub": ("-", SUM),
    "mul": ("*", PRODUCT),
    "div": ("/", PRODUCT),
    "sum_n": ("+", SUM),
    "prod_n": ("*", PRODUCT),
}
"""Operators that are written between their arguments, and how tightly these bind."""


def plain_formula(expression: Expression) -> str:
    """The function as people write it: ``sigmoid(x) * erf(x)``."""
    return fold(expression, Term("x", ATOM), _write).text


def _write(name: str, arguments: Sequence[Term]) -> Term:
    if name == "identity":
        return arguments[0]
    if name == "negative":
        return Term(f"-{arguments[0].within(ATOM)}", MINUS)
    if name not in INFIX:
        listed = ", ".join(argument.text for argument in arguments)
        return Term(f"{name.removesuffix('_n')}({listed})", ATOM)
    sign, binding = INFIX[name]
    first, *others = arguments
    for other in others:
        text = f"{first.within(binding)} {sign} {other.within(binding + 1)}"
        first = Term(text, binding)
    return first
