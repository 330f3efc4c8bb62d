"""The user's operators, tried out."""

from __future__ import annotations

from actsearch.functions.agreement import check_operator
from actsearch.functions.operators import own_operators


def check_operators() -> list[str]:
    """Compare both sides of the user's operators.

    Returns:
        Their names, in the order they were registered.

    Raises:
        OperatorError: for one that fails or whose sides differ.
    """
    operators = own_operators()
    for operator in operators:
        check_operator(operator)
    return [operator.name for operator in operators]
