"""Scores as they are compared: two medians of equal scores can differ by rounding."""

from __future__ import annotations

_DECIMALS = 12


def compared(score: float) -> float:
    """A score without what only rounding made; scores are equal where these are."""
    return round(float(score), _DECIMALS)
