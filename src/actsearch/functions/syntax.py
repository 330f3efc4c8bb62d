"""Reading call trees such as ``mul(sigmoid(x),erf(x))``: a tokenizer and a parser on a stack.

Shared by functions (`actsearch.functions.expressions`) and schemas (`actsearch.functions.spaces`),
which differ only in the names they allow.

    tree = "x" | name "(" tree { "," tree } ")"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from actsearch.functions.operators import LEAF, OperatorError

_LEXEME = re.compile(r"n-ary\b|[A-Za-z_][A-Za-z0-9_]*|[(),]")
_BLANK = re.compile(r"[ \t\r\n]*")
_CONTEXT = 50
MOST_NODES = 10_000
"""Operators and x's in a function: far more than anybody trains, and each takes time everywhere."""


class ExpressionError(ValueError):
    """A text, slug or token sequence that is no function; says where and what is allowed."""


@dataclass
class _Call:
    """An open call: its index in the output, arity (None: any from two on), arguments so far."""

    index: int
    arity: int | None
    position: int
    count: int = 1


def excerpt(text: str, position: int) -> str:
    """The text around ``position`` on one line, and a caret under it."""
    start = max(0, position - _CONTEXT)
    line = text[start : position + _CONTEXT]
    before = "..." if start else ""
    after = "..." if position + _CONTEXT < len(text) else ""
    shown = "".join(c if c.isprintable() else " " for c in line)
    return f"\n  {before}{shown}{after}\n  {' ' * (len(before) + position - start)}^"


def parse_calls(
    text: str,
    arity_of: Callable[[str], int | None],
    what: str = "function",
    most: int = MOST_NODES,
) -> list[tuple[str, int]]:
    """Read one call tree in linear time.

    Args:
        text: The tree; blanks between words are skipped.
        arity_of: Arity of a name (None: any from two on); raises OperatorError for an unknown one.
        what: What the text should be, for messages.
        most: Nodes that it may have.

    Returns:
        Name and number of arguments of every node in prefix order; the leaf is ``("x", 0)``.

    Raises:
        ExpressionError: naming the position and what is allowed there.
    """
    if not isinstance(text, str):
        raise ExpressionError(f"a {what} must be a string, got {type(text).__name__}")

    def fail(message: str, position: int) -> NoReturn:
        raise ExpressionError(
            f"{message}, at position {position} of the {what}{excerpt(text, position)}"
        )

    nodes: list[tuple[str, int]] = []
    calls: list[_Call] = []
    position = _skip(text, 0)
    if position == len(text):
        raise ExpressionError(f"empty: a {what} is needed, such as max(relu(x),exp(x))")
    complete = False  # a tree has just ended: a comma, a bracket or the end must follow
    while position < len(text):
        match = _LEXEME.match(text, position)
        if match is None:
            fail(f"stray character {text[position]!r}", position)
        word, start = match.group(), position
        position = _skip(text, match.end())
        if len(nodes) > most:
            fail(f"more than {most:,} operators and x's, so many are allowed", start)
        if complete:
            if not calls:
                fail(f"the {what} ends before {shorten(word)!r}", start)
            call = calls[-1]
            if word == ",":
                call.count += 1
                complete = False
            elif word == ")":
                name = nodes[call.index][0]
                if problem := _count_problem(name, call):
                    fail(problem, call.position)
                nodes[call.index] = (name, call.count)
                calls.pop()
            else:
                fail(f"expected ',' or ')', got {shorten(word)!r}", start)
        elif word in "(),":
            fail(f"expected an operator or x, got {word!r}", start)
        elif word == LEAF:
            nodes.append((LEAF, 0))
            complete = True
        else:
            try:
                arity = arity_of(word)
            except OperatorError as error:
                raise ExpressionError(f"{error}{excerpt(text, start)}") from None
            if position == len(text) or text[position] != "(":
                fail(f"expected '(' after {word!r}, as in {word}(...)", match.end())
            position = _skip(text, position + 1)
            calls.append(_Call(len(nodes), arity, start))
            nodes.append((word, 0))
    if len(nodes) > most:
        fail(f"more than {most:,} operators and x's, so many are allowed", len(text))
    if calls or not complete:
        missing = f"{len(calls)} ')' missing" if complete else "an operator or x is missing"
        fail(f"the text ends too early: {missing}", len(text))
    return nodes


def _skip(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def shorten(word: str) -> str:
    """At most 40 characters of ``word``."""
    return word if len(word) <= 40 else word[:37] + "..."


def _count_problem(name: str, call: _Call) -> str | None:
    if call.arity is None:
        return f"{name} takes 2 or more arguments, got {call.count}" if call.count < 2 else None
    if call.count == call.arity:
        return None
    return f"{name} takes {call.arity} argument{'s' * (call.arity > 1)}, got {call.count}"
