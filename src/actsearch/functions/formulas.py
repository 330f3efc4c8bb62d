"""A function as people write it, found without torch, which `standalone` needs for all else."""

from __future__ import annotations

from collections.abc import Sequence

from actsearch.functions.expressions import Expression
from actsearch.functions.trees import Term, fold

_SUM, _PRODUCT, _MINUS, _ATOM = range(4)
_INFIX = {
    "add": ("+", _SUM),
    "sub": ("-", _SUM),
    "mul": ("*", _PRODUCT),
    "div": ("/", _PRODUCT),
    "sum_n": ("+", _SUM),
    "prod_n": ("*", _PRODUCT),
}


def plain_formula(expression: Expression) -> str:
    """The same text as `actsearch.functions.standalone.formula`: ``sigmoid(x) * erf(x)``."""
    return fold(expression, Term("x", _ATOM), _write).text


def _write(name: str, arguments: Sequence[Term]) -> Term:
    if name == "identity":
        return arguments[0]
    if name == "negative":
        return Term(f"-{arguments[0].within(_ATOM)}", _MINUS)
    if name not in _INFIX:
        listed = ", ".join(argument.text for argument in arguments)
        return Term(f"{name.removesuffix('_n')}({listed})", _ATOM)
    sign, binding = _INFIX[name]
    first, *others = arguments
    for other in others:
        text = f"{first.within(binding)} {sign} {other.within(binding + 1)}"
        first = Term(text, binding)
    return first
