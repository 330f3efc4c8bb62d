"""Checks of the options of the built-in networks."""

from __future__ import annotations

from typing import Any


def check_whole(**options: Any) -> None:
    """Raise ValueError for options that are no whole number above 0."""
    for name, value in options.items():
        if not _is_whole(value):
            raise ValueError(f"{name} must be a whole number above 0, got {value!r}")


def check_sizes(**options: Any) -> None:
    """Raise ValueError for options that are no list of whole numbers above 0, at least one."""
    for name, value in options.items():
        if not (isinstance(value, list | tuple) and value and all(map(_is_whole, value))):
            raise ValueError(
                f"{name} must be a list of at least one whole number above 0, got {value!r}"
            )


def check_truth(**options: Any) -> None:
    """Raise ValueError for options that are neither True nor False."""
    for name, value in options.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, got {value!r}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
