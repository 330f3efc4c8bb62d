"""Numbers and names as the page writes them: one place, so that they agree everywhere."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

from markupsafe import Markup, escape

from actsearch.config import Score
from actsearch.functions.expressions import ExpressionError, parse

Context = dict[str, Any]
"""What a part of the template is given, by name."""
MISSING = "–"
MINUS = "−"


def is_number(value: Any) -> TypeGuard[float]:
    """Whether ``value`` is a finite number."""
    try:
        return value is not None and math.isfinite(value)
    except TypeError:
        return False


def percent(value: Any, digits: int = 2) -> str:
    """A share such as 0.9781 as ``97.81%``; a dash when it is missing."""
    return f"{100 * value:.{digits}f}%" if is_number(value) else MISSING


def value(score: Score, number: Any, fewer: int = 0) -> str:
    """A score in its own form, with a true minus sign; a dash when it is missing."""
    return score.write(number, fewer).replace("-", MINUS) if is_number(number) else MISSING


def difference(score: Score, number: Any, fewer: int = 0) -> str:
    """A signed difference of scores, without its unit."""
    if not is_number(number):
        return MISSING
    return score.write_difference(number, fewer).replace("-", MINUS)


def size(score: Score, number: Any) -> str:
    """A deviation or the size of a difference, without its unit."""
    return score.write_size(number) if is_number(number) else MISSING


def decimal(value: Any, digits: int = 2) -> str:
    """A plain figure such as a correlation, with a true minus sign."""
    if not is_number(value):
        return MISSING
    text = f"{value:.{digits}f}"
    return text.replace("-", MINUS) if float(text) else text.lstrip("-")


def p_value(value: Any) -> str:
    """A p value with its sign: ``= 0.031``, or ``< 0.001``; a dash when it is missing."""
    if not is_number(value):
        return MISSING
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def three_digits(value: float) -> str:
    """A positive figure of any size by its first three digits, or as a whole number."""
    return count(round(value)) if value >= 1000 else f"{value:.3g}"


def count(value: int) -> str:
    """A whole number with thousands apart."""
    return f"{value:,}".replace(",", "\u202f")


def plural(number: int, one: str, many: str | None = None) -> str:
    """``1 function``, ``2 functions``."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def function_name(name: str) -> Markup:
    """A function's name as code that may wrap after its commas."""
    return Markup('<code class="fn">{}</code>').format(escape(name).replace(",", Markup(",<wbr>")))


def function_link(name: str) -> Markup:
    """The same as a link that opens the function's panel; plain where it is no function."""
    try:
        slug = parse(name).slug
    except ExpressionError:
        return function_name(name)
    return Markup('<a class="to-function" href="#f={}">{}</a>').format(slug, function_name(name))
