"""Names of the columns of a map."""

from __future__ import annotations

COMPONENTS = 8
"""Principal components kept of each feature."""


def axis_columns(features: str) -> list[str]:
    """Coordinates of a layout in two dimensions: of ``outputs``, ``fisher`` or ``union``."""
    return [f"{features}_x", f"{features}_y"]


def component_columns(features: str) -> list[str]:
    """Principal components of ``outputs`` or ``fisher``, the first one first."""
    return [f"{features}_{number}" for number in range(1, COMPONENTS + 1)]
