"""Whether what the paper claims of its features holds on a table."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

HOLDS, FAILS, NOISE = "holds", "does not hold", "within noise"


@dataclass(frozen=True)
class Difference:
    """A difference of scores with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Claim:
    """Both features together beat each alone: by how much, and whether that is more than noise."""

    over_outputs: Difference
    over_fisher: Difference

    @property
    def verdict(self) -> str:
        """``holds`` where both intervals lie above 0, ``does not hold`` where one lies below.

        Both have to hold for the claim, so that 95% of each suffice without a correction.
        """
        differences = (self.over_outputs, self.over_fisher)
        if all(d.low > 0 for d in differences):
            return HOLDS
        return FAILS if any(d.high < 0 for d in differences) else NOISE


def both_beat_each(
    characterisation: pd.DataFrame,
    dimensions: str,
    regressor: str,
    metric: str,
    target: str,
    known: int | None = None,
) -> Claim | None:
    """The claim for one regressor and one number of functions known.

    Args:
        characterisation: As returned by ``characterisation.characterise``.
        dimensions: ``map`` or ``components``.
        regressor: ``knr``, ``et`` or ``svr``.
        metric: ``r2``, ``spearman``, ``kendall`` or, of failures, ``auc``.
        target: ``all``, ``completed`` or ``failure``.
        known: Functions known; as many as there are where none is said.

    Returns:
        The differences; None where one is not defined.
    """
    of = characterisation
    rows = of[
        (of["known"] == (of["known"].max() if known is None else known))
        & (of["dimensions"] == dimensions)
        & (of["regressor"] == regressor)
        & (of["metric"] == metric)
        & (of["target"] == target)
        & (of["features"] == "union")
    ].set_index("minus")
    found = {}
    for other in ("outputs", "fisher"):
        if other not in rows.index or rows.loc[other, ["value", "low", "high"]].isna().any():
            return None
        ends = rows.loc[other, ["value", "low", "high"]].to_numpy(dtype=float).tolist()
        found[other] = Difference(*ends)
    return Claim(found["outputs"], found["fisher"])
