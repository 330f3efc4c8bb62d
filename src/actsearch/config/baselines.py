"""The choice of baselines: a set by name, or functions by name.

Whether names are those of functions is known once the user's operators are:
`actsearch.plan.refusals.check_baselines`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from actsearch.config.base import unique
from actsearch.config.plain import show

BASELINE_SETS = ("paper", "modern")
"""Sets of baselines by name; `actsearch.functions.baselines` has their functions."""
FEWEST_TO_PREDICT = 3
"""Functions that must be trained before a strategy predicts: k-NN has three neighbours."""


def _baselines(value: Any) -> Any:
    """A name of a set as it is; names of functions without blanks, as they are written elsewhere.

    Args:
        value: what the configuration has.

    Returns:
        A name of a set, or a tuple of names.

    Raises:
        ValueError: for anything else, an empty list, and a name that is given twice.
    """
    if isinstance(value, str) and value in BASELINE_SETS:
        return value
    allowed = f"allowed: {', '.join(BASELINE_SETS)}, or a list of names of functions, as [relu(x)]"
    if not isinstance(value, tuple):
        raise ValueError(f"unknown {show(value)}; {allowed}")
    if not value:
        raise ValueError(f"the list is empty; {allowed}")
    if others := [name for name in value if not isinstance(name, str)]:
        raise ValueError(f"{show(others[0])} is not the name of a function; {allowed}")
    return unique(tuple(re.sub(r"[ \t\r\n]*([(),])[ \t\r\n]*", r"\1", n.strip()) for n in value))


Baselines = Annotated[
    Literal["paper", "modern"] | Annotated[tuple[str, ...], Field(min_length=1)],
    BeforeValidator(_baselines),
]
