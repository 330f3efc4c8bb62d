"""What is read off the listing of a space: who is in it, and who is the same as whom."""

from __future__ import annotations

import pandas as pd


def selected_names(functions: pd.DataFrame) -> list[str]:
    """Names of the distinct functions of a listed space, in the order of its outputs.

    Args:
        functions: a listing's table: ``name`` and ``position`` (NaN for those not selected).

    Returns:
        Their names, a list.
    """
    return list(_selected(functions)["name"])


def equivalent_names(functions: pd.DataFrame) -> dict[str, list[str]]:
    """All names of each class of a listed space, by its representative.

    Args:
        functions: a listing's table: ``name`` and ``representative``.

    Returns:
        The names of each class, the representative among them, in the order of the table.
    """
    return {
        str(name): list(group["name"].unique())
        for name, group in functions.groupby("representative", sort=False)
    }


def selected_slugs(functions: pd.DataFrame) -> list[str]:
    """Slugs of the same functions, in the same order.

    Args:
        functions: a listing's table: ``slug`` and ``position``.

    Returns:
        Their slugs, a list.
    """
    return list(_selected(functions)["slug"])


def _selected(functions: pd.DataFrame) -> pd.DataFrame:
    return functions[functions["position"].notna()].sort_values("position")
