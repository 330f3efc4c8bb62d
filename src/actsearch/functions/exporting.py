"""A function as a text for other programs: a module of torch, LaTeX, or SymPy."""

from __future__ import annotations

from actsearch.functions.expressions import Expression
from actsearch.functions.latex import latex
from actsearch.functions.symbolic import sympy_source

CLASS = "FoundActivation"
"""Name of the class in a file for torch."""


def torch_text(expression: Expression, command: str) -> tuple[str, list[str]]:
    """A Python file with the function as a module that needs nothing but torch.

    Args:
        expression: the function.
        command: what makes the file, for its readers.

    Returns:
        The source, and what is missing in it: own operators that cannot be copied, in words.
    """
    from actsearch.functions.formulas import plain_formula
    from actsearch.functions.standalone import module_source

    about = [
        f"The activation function {plain_formula(expression)} as a PyTorch module. "
        "Needs torch alone.",
        f"Made by: {command}",
    ]
    docstring = [
        f"f(x) = {plain_formula(expression)}, elementwise; without parameters.",
        f"Name in the notation of Act-Bench: {expression.name}",
    ]
    return module_source(expression, CLASS, about, docstring)


def latex_text(expression: Expression) -> str:
    """The formula, on a line of its own."""
    return latex(expression) + "\n"


def sympy_file(expression: Expression, command: str) -> str:
    """A Python file with the function as ``f``, a SymPy expression in the real symbol ``x``."""
    return sympy_source(
        expression,
        [f"{expression.name} for SymPy: f, an expression in x.", "", f"Made by: {command}"],
    )
