"""Output features: functions' values on the normal samples, made ready for the map."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Transform = Literal["identity", "arcsinh"]


def transform_outputs(
    values: NDArray[np.float64], transform: Transform = "arcsinh"
) -> NDArray[np.float64]:
    """Outputs made ready for a Euclidean distance.

    ``arcsinh`` is the identity near 0 and the signed logarithm far from it. Some functions reach
    1e18 and more on these samples; untransformed, distances among all others are nothing beside
    theirs.

    Args:
        values: (n, 1000).
        transform: ``identity`` or ``arcsinh``.

    Returns:
        (n, 1000); a row that is not finite throughout is NaN.

    Raises:
        ValueError: for another transform.
    """
    if transform not in ("identity", "arcsinh"):
        raise ValueError(f"unknown transform {transform!r}; allowed: identity, arcsinh")
    finite = np.isfinite(values).all(axis=1, keepdims=True)
    return np.where(finite, np.arcsinh(values) if transform == "arcsinh" else values, np.nan)
