"""A function as LaTeX: what stands between dollar signs in a paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from actsearch.functions.expressions import Expression
from actsearch.functions.trees import Term, fold

_SUM, _PRODUCT, _POWER, _ATOM = range(4)

_CALLS = {
    "erf": r"\operatorname{erf}",
    "erfc": r"\operatorname{erfc}",
    "sinh": r"\sinh",
    "cosh": r"\cosh",
    "tanh": r"\tanh",
    "sigmoid": r"\sigma",
    "arcsinh": r"\operatorname{arsinh}",
    "arctan": r"\arctan",
    "relu": r"\operatorname{ReLU}",
    "elu": r"\operatorname{ELU}",
    "selu": r"\operatorname{SELU}",
    "elish": r"\operatorname{ELiSH}",
    "leakyrelu": r"\operatorname{LeakyReLU}",
    "gelu": r"\operatorname{GELU}",
    "relu6": r"\operatorname{ReLU6}",
    "sin": r"\sin",
    "cos": r"\cos",
    "max": r"\max",
    "min": r"\min",
    "max_n": r"\max",
    "min_n": r"\min",
}
"""Operators that are written as calls, where they do not have their own name there."""
_LEFT, _RIGHT = r"\left(", r"\right)"


def latex(expression: Expression) -> str:
    r"""The formula of a function, for LaTeX's mathematics mode with amsmath.

    Operators have the symbols of mathematics where there are any (``\sigma`` is the logistic
    function, ``I_0`` the modified Bessel function), and their own names otherwise.

    Args:
        expression: the function.

    Returns:
        Such as ``\sigma\left(x\right) \cdot \operatorname{erf}\left(x\right)``.
    """
    return fold(expression, Term("x", _ATOM), _write).text


def _write(name: str, arguments: Sequence[Term]) -> Term:
    if name in _FORMS:
        return _FORMS[name](*arguments)
    listed = ", ".join(argument.text for argument in arguments)
    called = _CALLS.get(name) or rf"\operatorname{{{name}}}".replace("_", r"\_")
    return Term(f"{called}{_LEFT}{listed}{_RIGHT}", _ATOM)


def _in(term: Term, binding: int) -> str:
    return term.within(binding, _LEFT, _RIGHT)


def _sum(*terms: Term) -> Term:
    first, *others = terms
    # A sum to the right keeps its brackets: rounding depends on the order.
    parts = [first.text, *(_in(term, _PRODUCT) for term in others)]
    return Term(" + ".join(parts), _SUM)


def _product(*terms: Term) -> Term:
    first, *others = terms
    parts = [_in(first, _PRODUCT), *(_in(term, _POWER) for term in others)]
    return Term(r" \cdot ".join(parts), _PRODUCT)


def _difference(a: Term, b: Term) -> Term:
    return Term(f"{a.text} - {_in(b, _PRODUCT)}", _SUM)


def _power(base: Term, exponent: str) -> Term:
    return Term(f"{{{_in(base, _ATOM)}}}^{{{exponent}}}", _POWER)


def _bessel(order: int) -> Callable[[Term], Term]:
    def write(a: Term) -> Term:
        bessel = rf"I_{order}{_LEFT}{a.text}{_RIGHT}"
        return Term(rf"e^{{-\left|{a.text}\right|}} \cdot {bessel}", _PRODUCT)

    return write


_FORMS: dict[str, Callable[..., Term]] = {
    "zero": lambda a: Term("0", _ATOM),
    "one": lambda a: Term("1", _ATOM),
    "identity": lambda a: a,
    "negative": lambda a: Term(f"-{_in(a, _POWER)}", _SUM),
    "abs": lambda a: Term(rf"\left|{a.text}\right|", _ATOM),
    "reciprocal": lambda a: Term(rf"\frac{{1}}{{{a.text}}}", _POWER),
    "square": lambda a: _power(a, "2"),
    "exp": lambda a: Term(f"e^{{{a.text}}}", _POWER),
    "expm1": lambda a: Term(f"e^{{{a.text}}} - 1", _SUM),
    "bessel_i0e": _bessel(0),
    "bessel_i1e": _bessel(1),
    "log_sigmoid": lambda a: Term(rf"\ln{_LEFT}\sigma{_LEFT}{a.text}{_RIGHT}{_RIGHT}", _ATOM),
    "softplus": lambda a: Term(rf"\ln{_LEFT}1 + e^{{{a.text}}}{_RIGHT}", _ATOM),
    "softsign": lambda a: Term(rf"\frac{{{a.text}}}{{1 + \left|{a.text}\right|}}", _POWER),
    "add": _sum,
    "sum_n": _sum,
    "sub": _difference,
    "mul": _product,
    "prod_n": _product,
    "div": lambda a, b: Term(rf"\frac{{{a.text}}}{{{b.text}}}", _POWER),
    "pow": lambda a, b: _power(a, b.text),
}
"""Operators that are not written as calls."""
