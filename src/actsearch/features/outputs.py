"""Output features: a function's values on the normal samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from actsearch.functions.expressions import parse
from actsearch.functions.spaces import outputs

Transform = Literal["identity", "arcsinh"]


def output_features(names: Iterable[str]) -> NDArray[np.float64]:
    """Values of every function on the 1,000 normal samples, (n, 1000) float64, as they come.

    Raises:
        ExpressionError: when a name is no function.
    """
    return outputs([parse(name) for name in names])


def transform_outputs(
    values: NDArray[np.float64], transform: Transform = "arcsinh"
) -> NDArray[np.float64]:
    """Outputs made ready for a Euclidean distance; a row that is not finite throughout becomes NaN.

    ``arcsinh`` is the identity near 0 and the signed logarithm far from it. Some functions reach
    1e18 and more on these samples; untransformed, distances among all others are nothing beside
    theirs.

    Args:
        values: (n, 1000).
        transform: ``identity`` or ``arcsinh``.

    Raises:
        ValueError: for another transform.
    """
    if transform not in ("identity", "arcsinh"):
        raise ValueError(f"unknown transform {transform!r}; allowed: identity, arcsinh")
    finite = np.isfinite(values).all(axis=1, keepdims=True)
    return np.where(finite, np.arcsinh(values) if transform == "arcsinh" else values, np.nan)
