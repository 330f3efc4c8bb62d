"""A function as a SymPy expression, written as Python.

SymPy knows real analysis and no floating point: what overflows or is undefined in a network may
have a value there, as the negative base of a power has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from actsearch.functions.built_in_operators import SELU_ALPHA, SELU_SCALE
from actsearch.functions.expressions import Expression
from actsearch.functions.trees import NotationError, Term, fold, without_form

_SUM, _PRODUCT, _POWER, _ATOM = range(4)


def sympy_source(expression: Expression, about: Sequence[str]) -> str:
    """A Python file with the function as ``f``, a SymPy expression in the real symbol ``x``.

    Args:
        expression: the function, of built-in operators.
        about: lines of the file's docstring.

    Returns:
        The source.

    Raises:
        NotationError: when an operator is the user's own: nothing says what it is to SymPy.
    """
    text = sympy_text(expression)
    if re.fullmatch("[01]", text):  # so that f can be differentiated, as all others
        text = f"Integer({text})"
    used = sorted(set(re.findall(r"\b[A-Za-z]\w*(?=\()", text)) | ({"pi"} & _words(text)))
    return "\n".join(
        [
            '"""' + "\n".join(about) + '\n"""',
            "",
            f"from sympy import {', '.join(sorted({*used, 'Symbol'}))}",
            "",
            'x = Symbol("x", real=True)',
            f"f = {text}",
            "",
        ]
    )


def sympy_text(expression: Expression) -> str:
    """The function as Python that SymPy's own names make sense of; see :func:`sympy_source`."""
    if own := without_form(expression):
        raise NotationError(
            f"{expression.name} cannot be written for SymPy: it has own operators "
            f"({', '.join(own)}), whose formulas are not known; allowed: built-in operators"
        )
    return fold(expression, Term("x", _ATOM), _write).text


def _words(text: str) -> set[str]:
    return set(re.findall(r"\b[A-Za-z]\w*\b", text))


def _write(name: str, arguments: Sequence[Term]) -> Term:
    if name in _FORMS:
        return _FORMS[name](*arguments)
    called = _CALLS.get(name, name)
    return Term(f"{called}({', '.join(argument.text for argument in arguments)})", _ATOM)


def _filled(pattern: str, binding: int = _ATOM) -> Callable[[Term], Term]:
    """A form with ``A`` for the argument as it is, and ``B`` for one in brackets where needed."""

    def write(a: Term) -> Term:
        texts = {"A": a.text, "B": a.within(_ATOM)}
        return Term(re.sub(r"\b[AB]\b", lambda found: texts[found.group()], pattern), binding)

    return write


def _joined(sign: str, binding: int) -> Callable[..., Term]:
    def write(*terms: Term) -> Term:
        first, *others = terms
        parts = [first.within(binding), *(term.within(binding + 1) for term in others)]
        return Term(f" {sign} ".join(parts), binding)

    return write


_CALLS = {
    "arcsinh": "asinh",
    "arctan": "atan",
    "abs": "Abs",
    "max": "Max",
    "max_n": "Max",
    "min": "Min",
    "min_n": "Min",
}
_ELU = "Piecewise((A, A > 0), (exp(A) - 1, True))"
_FORMS: dict[str, Callable[..., Term]] = {
    "zero": lambda a: Term("0", _ATOM),
    "one": lambda a: Term("1", _ATOM),
    "identity": lambda a: a,
    "negative": _filled("-B", _SUM),
    "reciprocal": _filled("1 / B", _PRODUCT),
    "square": _filled("B**2", _POWER),
    "expm1": _filled("exp(A) - 1", _SUM),
    "sigmoid": _filled("1 / (1 + exp(-B))", _PRODUCT),
    "log_sigmoid": _filled("-log(1 + exp(-B))", _SUM),
    "bessel_i0e": _filled("besseli(0, A) * exp(-Abs(A))", _PRODUCT),
    "bessel_i1e": _filled("besseli(1, A) * exp(-Abs(A))", _PRODUCT),
    "relu": _filled("Max(A, 0)"),
    "elu": _filled(_ELU),
    "selu": _filled(
        f"Piecewise(({SELU_SCALE!r} * B, A > 0), "
        f"({SELU_SCALE!r} * {SELU_ALPHA!r} * (exp(A) - 1), True))"
    ),
    "swish": _filled("B / (1 + exp(-B))", _PRODUCT),
    "softplus": _filled("log(1 + exp(A))"),
    "softsign": _filled("B / (1 + Abs(A))", _PRODUCT),
    "hard_sigmoid": _filled("Min(Max(B / 5 + 0.5, 0), 1)"),
    "elish": _filled(f"{_ELU} / (1 + exp(-B))", _PRODUCT),
    "leakyrelu": _filled("Piecewise((A, A > 0), (0.01 * B, True))"),
    "mish": _filled("B * tanh(log(1 + exp(A)))", _PRODUCT),
    "gelu": _filled("B * (1 + erf(B / sqrt(2))) / 2", _PRODUCT),
    "sinc": _filled("sinc(pi * B)"),  # SymPy's has no factor of its own
    "hard_tanh": _filled("Min(Max(A, -1), 1)"),
    "hard_swish": _filled("B * Min(Max(A + 3, 0), 6) / 6", _PRODUCT),
    "relu6": _filled("Min(Max(A, 0), 6)"),
    "add": _joined("+", _SUM),
    "sum_n": _joined("+", _SUM),
    "sub": _joined("-", _SUM),
    "mul": _joined("*", _PRODUCT),
    "prod_n": _joined("*", _PRODUCT),
    "div": _joined("/", _PRODUCT),
    "pow": lambda a, b: Term(f"{a.within(_ATOM)}**{b.within(_ATOM)}", _POWER),
}
