"""What was meant by a text that is no function: messages that say what to write.

The parser says where a text stops being a function. Here the same text is read once more as a
formula of Python's, in which people and other libraries write functions: ``gelu``, ``silu(x)``,
``torch.tanh(y)``, ``x * sigmoid(x)``. Where that can be said in our notation, the message says it.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import re
from dataclasses import dataclass, field

from actsearch.config.plain import closest, show
from actsearch.functions import expressions
from actsearch.functions.expressions import Expression, ExpressionError
from actsearch.functions.literature import LITERATURE
from actsearch.functions.operators import LEAF, OperatorError, get_operator, registered

LONGEST_READ = 500
"""Characters of a text that is read as a formula."""
LONGEST_SAID = 2_000
"""Characters of what it is in our notation."""

OTHER_NAMES = {
    "absolute": "abs",
    "asinh": "arcsinh",
    "atan": "arctan",
    "celu": "elu",
    "divide": "div",
    "expit": "sigmoid",
    "i0e": "bessel_i0e",
    "i1e": "bessel_i1e",
    "inverse": "reciprocal",
    "linear": "identity",
    "logistic": "sigmoid",
    "maximum": "max",
    "minimum": "min",
    "minus": "sub",
    "multiply": "mul",
    "neg": "negative",
    "ones": "one",
    "plus": "add",
    "power": "pow",
    "prod": "prod_n",
    "subtract": "sub",
    "sum": "sum_n",
    "times": "mul",
    "zeros": "zero",
}
"""Operators by the names that other libraries give them; those of the literature are beside."""
_INFIX = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
_NUMBERS = {0: "zero(x)", 1: "one(x)"}


class _CannotSayError(Exception):
    """A part of a formula that has no place in our notation."""


@dataclass
class _Reading:
    """A formula as it is read: what was found wrong, and whether a part is a mere guess."""

    notes: list[str] = field(default_factory=list)
    guessed: bool = False
    name: str = ""
    """The function that was meant."""


def parse(text: str) -> Expression:
    """Read a function's name, such as ``mul(sigmoid(x), erf(x))``; blanks are skipped.

    Args:
        text: The name.

    Returns:
        The expression; its name is ``text`` without blanks.

    Raises:
        ExpressionError: saying what to write instead where that can be seen, else the position
            and what is allowed there.
    """
    try:
        return expressions.parse(text)
    except ExpressionError as error:
        raise ExpressionError(explain(text, error)) from None


def explain(text: str, error: ExpressionError) -> str:
    """A message for a text that is no function.

    Args:
        text: The text, which `expressions.parse` refused with ``error``.
        error: What it said.

    Returns:
        What to write, such as ``unknown operator 'silu', which is called swish here: write
        swish(x)``; the message of ``error`` where nothing better is known.
    """
    try:
        found = _read(text)
    except _CannotSayError as reason:
        return f"{show(text)}: {reason}" if str(reason) else str(error)
    if not found or not found.notes:
        return str(error)
    notes = "; ".join(dict.fromkeys(found.notes))
    return (
        f"{notes}: did you mean {found.name}?" if found.guessed else f"{notes}: write {found.name}"
    )


def _read(text: object) -> _Reading | None:
    """A text read as a formula; None where it is none."""
    if not isinstance(text, str) or len(text) > LONGEST_READ:
        return None
    reading = _Reading()
    try:
        said = _say(ast.parse(text.strip(), mode="eval").body, reading)
        reading.name = expressions.parse(said).name
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return reading


def explain_operator(name: str, error: OperatorError) -> str:
    """A message for what is no operator: the name it has here, if it is known by another one.

    Returns:
        The message of ``error`` where nothing better is known.
    """
    known = _other_name(name)
    if known in registered():
        return f"unknown operator {show(name)}, which is called {known} here"
    return str(error)


def meant_slug(slug: str) -> str | None:
    """The slug that was meant by a text in its place, where that can be seen.

    Args:
        slug: A function's name, or a slug with operators by other names.

    Returns:
        The slug of a function, or None.
    """
    with contextlib.suppress(_CannotSayError):
        if found := _read(slug):
            return expressions.parse(found.name).slug
    known = registered()
    words = [_other_name(word) or word for word in slug.split(".")]
    words = [word if word in (*known, LEAF) else closest(word, known) or word for word in words]
    try:
        return Expression.from_slug(".".join(words)).slug
    except ExpressionError:
        return None


def _say(node: ast.expr, reading: _Reading) -> str:
    """A formula in our notation; what it was otherwise goes into ``reading``."""
    match node:
        case ast.Name(id=name):
            return _name(name, reading)
        case ast.Call(func=function, args=arguments, keywords=[]):
            name = _called(function)
            if isinstance(function, ast.Attribute):
                reading.notes.append("operators have no module in their names")
            return _call(name, [_say(argument, reading) for argument in arguments], reading)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _INFIX:
            reading.notes.append("operators are written as calls")
            if isinstance(operator, ast.Pow) and getattr(right, "value", None) == 2:
                return f"square({_say(left, reading)})"
            return f"{_INFIX[type(operator)]}({_say(left, reading)},{_say(right, reading)})"
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            reading.notes.append("operators are written as calls")
            return f"negative({_say(operand, reading)})"
        case ast.Constant(value=int() | float() as value):
            if value not in _NUMBERS:
                raise _CannotSayError(
                    f"the number {value} cannot be in a function; the only numbers are "
                    "zero(x) and one(x)"
                )
            reading.notes.append("numbers are written as functions of x")
            return _NUMBERS[int(value)]
    raise _CannotSayError


def _called(function: ast.expr) -> str:
    """The last word of what is called: ``tanh`` of ``torch.tanh``."""
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    raise _CannotSayError


def _name(name: str, reading: _Reading) -> str:
    """A word without brackets: the variable, or an operator that lacks its argument."""
    if name == LEAF:
        return LEAF
    known = name in registered()
    if known or _other_name(name) or (len(name) > 2 and closest(name, registered())):
        if known:
            reading.notes.append(f"{name!r} lacks its argument")
        return _call(name, [LEAF], reading)
    reading.notes.append(f"the variable is x, not {name!r}")
    return LEAF


def _call(name: str, arguments: list[str], reading: _Reading) -> str:
    if name in registered():
        meant = name
    elif other := _other_name(name):
        if other not in registered():  # a formula
            if len(arguments) != 1:
                raise _CannotSayError
            reading.notes.append(f"unknown operator {name!r}, which is written {other} here")
            whole = re.sub(rf"\b{LEAF}\b", lambda _: arguments[0], other)
            if len(whole) > LONGEST_SAID:
                raise _CannotSayError
            return whole
        reading.notes.append(f"unknown operator {name!r}, which is called {other} here")
        meant = other
    elif reason := _unsaid().get(_plain(name)):
        raise _CannotSayError(f"{name!r} cannot be written as a function: {reason}")
    elif near := closest(name, registered()):
        reading.notes.append(f"unknown operator {name!r}")
        reading.guessed = True
        meant = near
    else:
        raise _CannotSayError
    arity = get_operator(meant).arity
    if len(arguments) != arity if arity is not None else len(arguments) < 2:
        raise _CannotSayError
    return f"{meant}({','.join(arguments)})"


def _plain(name: str) -> str:
    """A name as all spell it alike: small letters and digits."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _other_name(name: str) -> str | None:
    """An operator, or a formula in x, by one of its other names."""
    plain = _plain(name)
    for operator in registered():  # the user's too, so they are not kept
        if plain == _plain(operator) and operator != name:
            return operator
    return OTHER_NAMES.get(plain) or _published().get(plain)


@functools.cache
def _published() -> dict[str, str]:
    """Functions of the literature by name: operators where they are one, else formulas."""
    found: dict[str, str] = {}
    for entry in LITERATURE:
        if entry.function is not None:
            whole = re.fullmatch(r"(\w+)\(x\)", entry.function)
            for name in _names(entry.name):
                found.setdefault(name, whole.group(1) if whole else entry.function)
    return found


@functools.cache
def _unsaid() -> dict[str, str]:
    """Why published functions cannot be said in our notation, by name."""
    return {name: e.note for e in LITERATURE if e.function is None for name in _names(e.name)}


def _names(listed: str) -> list[str]:
    """Names in an entry such as ``swish, SiLU`` or ``sine (SIREN)``."""
    return [plain for word in re.split(r"[,()]", listed) if (plain := _plain(word))]
