"""What the finalists cost, as a last comparison says it and chooses by it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

_TIMES = ("forward", "backward", "both", "bytes_kept")


class FinalCosts:
    """Costs of functions where and as their task trains them."""

    def __init__(self, table: pd.DataFrame) -> None:
        """Take the rows of the device that the task trains on.

        Args:
            table: One row per function, device and mode: ``name``, ``device``, ``processor``,
                ``mode`` ("eager" or "compiled"), ``as_trained`` (whether the task trains so,
                there), ``forward``, ``backward`` and ``both`` (times, as multiples of relu's), and
                ``bytes_kept``.

        Raises:
            ValueError: When no row says that the task trains so, or several devices do.
        """
        trained = table[table["as_trained"].eq(True)]
        devices = sorted(set(trained["device"]))
        if len(devices) != 1:
            raise ValueError(f"costs: the task trains on one device, found {devices or 'none'}")
        self.device = str(devices[0])
        self.machine = {"device": self.device, "processor": str(trained["processor"].iloc[0])}
        self._mode = str(trained["mode"].iloc[0])
        here = table[table["device"] == self.device]
        self._rows: dict[tuple[str, str], dict[str, float]] = {
            (str(row["name"]), str(row["mode"])): {key: float(row[key]) for key in _TIMES}
            for row in here.to_dict("records")
        }

    def of(self, name: str) -> dict[str, Any]:
        """What a function costs.

        Returns:
            ``device``, ``forward``, ``backward``, ``both`` and ``bytes_kept`` as it stands, and
            ``compiled``, the last four of the compiled function, or None where that is not known.

        Raises:
            ValueError: When it was not measured.
        """
        if (name, "eager") not in self._rows:
            raise ValueError(f"costs: {name} was not measured on {self.device}")
        compiled = self._rows.get((name, "compiled"))
        known = compiled is not None and math.isfinite(compiled["both"])
        eager = self._rows[name, "eager"]
        return {"device": self.device, **eager, "compiled": compiled if known else None}

    def to_compare(self, names: Iterable[str]) -> tuple[str, Mapping[str, float]]:
        """Times forward and backward of functions, all in the same mode.

        That is the mode of their trainings; where a compiled one is missing, all as they stand.

        Returns:
            The mode, and the times by name.
        """
        names = list(names)
        compiled = [self._rows.get((name, "compiled")) for name in names]
        known = all(row is not None and math.isfinite(row["both"]) for row in compiled)
        mode = "compiled" if self._mode == "compiled" and known else "eager"
        return mode, {name: self._rows[name, mode]["both"] for name in names}
