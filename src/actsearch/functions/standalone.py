"""A function as a file with one PyTorch module that needs nothing but torch.

The module's ``forward`` calls the same torch functions on the same values as
`actsearch.functions.activation.Activation`, so that both give the same bits. (Gradients agree to
rounding: sums over the places of x may be added up in another order, and for large tensors
`Activation` has formulas of its own.)
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Container, Iterator, Sequence

from actsearch.functions.expressions import Expression
from actsearch.functions.formulas import ATOM, INFIX, MINUS
from actsearch.functions.operator_source import SourceError, Sources
from actsearch.functions.operators import (
    BINARY,
    EXTRA_UNARY,
    LEAF,
    UNARY,
    Operator,
    get_operator,
    read_token,
)
from actsearch.functions.trees import Term

WIDTH = 100
"""Columns of a line."""
_EXPRESSION_WIDTH = 72

_PAIRWISE = {"max_n": "max", "min_n": "min"}
"""N-ary operators that apply one of two arguments from left to right."""


class _Printer:
    """Writes an expression as Python; what grows too wide becomes variables."""

    def __init__(
        self,
        call: Callable[[Operator], str],
        pairwise: Container[str],
        names: Iterator[str],
        width: int,
    ) -> None:
        self._call = call
        self._pairwise = pairwise
        self._names = names
        self._width = width
        self.statements: list[str] = []

    def write(self, expression: Expression) -> str:
        """The expression's value, after ``statements``."""
        open_calls: list[tuple[Operator, int, list[Term]]] = []
        for token in expression.tokens:
            if token != LEAF:
                operator, count = read_token(token)
                open_calls.append((operator, count, []))
                continue
            term = Term(LEAF, ATOM)
            while open_calls and len(open_calls[-1][2]) + 1 == open_calls[-1][1]:
                operator, _, arguments = open_calls.pop()
                term = self._apply(operator, [*arguments, term])
            if open_calls:
                open_calls[-1][2].append(term)
        return term.text

    def _apply(self, operator: Operator, arguments: Sequence[Term]) -> Term:
        if operator.name == "identity":
            return arguments[0]
        if operator.name not in self._pairwise:
            return self._fit(operator, arguments)
        first, *others = arguments
        for other in others:
            first = self._fit(operator, [first, other])
        return first

    def _fit(self, operator: Operator, arguments: Sequence[Term]) -> Term:
        """The operator on ``arguments``, the longest of which become variables until it fits."""
        arguments = list(arguments)
        while len((term := self._join(operator, arguments)).text) > self._width:
            widest = max(range(len(arguments)), key=lambda i: len(arguments[i].text))
            if arguments[widest].text.isidentifier():
                break
            name = next(self._names)
            self.statements.append(f"{name} = {arguments[widest].text}")
            arguments[widest] = Term(name, ATOM)
        return term

    def _join(self, operator: Operator, arguments: Sequence[Term]) -> Term:
        if operator.name in INFIX:
            sign, binding = INFIX[operator.name]
            left, right = arguments
            # A right-hand side of the same kind keeps its brackets: rounding depends on the order.
            return Term(f"{left.within(binding)} {sign} {right.within(binding + 1)}", binding)
        if operator.name == "negative":
            return Term(f"-{arguments[0].within(ATOM)}", MINUS)
        listed = ", ".join(argument.text for argument in arguments)
        return Term(f"{self._call(operator)}({listed})", ATOM)


def module_source(
    expression: Expression, name: str, about: Sequence[str], docstring: Sequence[str]
) -> tuple[str, list[str]]:
    """Source of a file with the module ``name``, which computes ``expression``.

    Args:
        expression: The function.
        name: Name of the class.
        about: Paragraphs of the file's docstring.
        docstring: Paragraphs of the class's docstring.

    Returns:
        The source, and what is missing: a line for each operator of the user's that cannot be
        written into the file. Such an operator raises NotImplementedError there.
    """
    sources = Sources(reserved=(name, LEAF, "self"))
    calls: dict[str, str] = {}
    missing: list[str] = []
    for operator in _operators(expression):
        try:
            calls[operator.name] = sources.call(operator)
        except SourceError as error:
            missing.append(_missing(operator, error))
            definition = _placeholder(operator, missing[-1])
            calls[operator.name] = sources.define(operator.name, definition)
    names = filter(sources.free, (f"y{number}" for number in itertools.count(1)))
    printer = _Printer(
        lambda operator: calls[_PAIRWISE.get(operator.name, operator.name)],
        {*INFIX, *_PAIRWISE},
        names,
        _EXPRESSION_WIDTH,
    )
    value = printer.write(expression)
    body = [*printer.statements, f"return {value}"]
    parts = [
        _docstring(about, ""),
        "",
        "from __future__ import annotations",
        "",
        *sources.imports,
        *_spaced(sources.definitions),
        "",
        "",
        f"class {name}(nn.Module):",
        _docstring(docstring, "    "),
        "",
        "    def forward(self, x: Tensor) -> Tensor:",
        '        """Any shape and floating-point dtype in, the same out; half rounds once."""',
        "        if x.dtype == torch.float16 or x.dtype == torch.bfloat16:",
        "            return self.evaluate(x.float()).to(x.dtype)",
        "        return self.evaluate(x)",
        "",
        "    def evaluate(self, x: Tensor) -> Tensor:",
        '        """The function in the dtype of x."""',
        *(f"        {line}" for line in body),
    ]
    return "\n".join(parts) + "\n", missing


def _operators(expression: Expression) -> list[Operator]:
    """Operators that are written as calls; ours first, so that no other takes their names."""
    names = {read_token(token)[0].name for token in expression.tokens if token != LEAF}
    called = {_PAIRWISE.get(name, name) for name in names - {*INFIX, "identity", "negative"}}
    built_in = {*UNARY, *EXTRA_UNARY, *BINARY}
    return [get_operator(name) for name in sorted(called, key=lambda n: (n not in built_in, n))]


def _missing(operator: Operator, error: SourceError) -> str:
    return (
        f"the torch function of the operator {operator.name!r} cannot be copied: {error}; it can "
        "where it is written with def and uses nothing but torch, the standard library, constants "
        "and functions like it"
    )


def _placeholder(operator: Operator, reason: str) -> str:
    wrapped = textwrap.wrap(f"To be written: {reason}.", WIDTH - 6)
    lines = "\n".join(f"    # {line}" for line in wrapped)
    return (
        f"def NAME(*arguments: Tensor) -> Tensor:\n{lines}\n"
        f'    raise NotImplementedError("the operator {operator.name!r} is to be written here")'
    )


def _docstring(paragraphs: Sequence[str], indent: str) -> str:
    """A docstring, its first paragraph on the line of the quotes."""
    wrapped = [
        textwrap.fill(
            paragraph,
            WIDTH,
            initial_indent=indent + ('"""' if number == 0 else ""),
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for number, paragraph in enumerate(paragraphs)
    ]
    if len(wrapped) == 1 and "\n" not in wrapped[0] and len(wrapped[0]) + 3 <= WIDTH:
        return wrapped[0] + '"""'
    return "\n\n".join(wrapped) + f'\n{indent}"""'


def _spaced(definitions: Sequence[str]) -> list[str]:
    """Definitions with two blank lines before each function."""
    lines: list[str] = []
    for number, definition in enumerate(definitions):
        function = definition.startswith("def ")
        after_function = number and definitions[number - 1].startswith("def ")
        lines += [""] * (2 if function or after_function else number == 0) + [definition]
    return lines
