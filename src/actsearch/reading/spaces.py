"""What was made of a space: its functions, and which of them are the same."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from actsearch.functions.expressions import Expression
from actsearch.plan import layout
from actsearch.reading.errors import ResultsError, require_known, require_made
from actsearch.records.formats import read_array, read_table
from actsearch.records.names import printable_name

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

EVALUATED = 20_000
"""Distinct functions up to which a new one is compared with each by its values."""
_FIRST = 16
"""Samples on which functions must agree before all are looked at."""


class Spaces(dict[str, "SpaceResults"]):
    """Spaces by name; ResultsError, with those that exist, for another name."""

    def __init__(self, place: Path, found: Mapping[str, SpaceResults]) -> None:
        super().__init__(found)
        self._place = place

    def __missing__(self, name: str) -> SpaceResults:
        require_known("listed space", name, self, self._place)
        raise AssertionError


class SpaceResults:
    """The results of one space.

    Attributes:
        name: of the space.
    """

    def __init__(self, name: str, listing: Path, outputs: Path | None, costs: Path | None) -> None:
        self.name = name
        self._listing, self._outputs, self._costs = listing, outputs, costs

    def __repr__(self) -> str:
        return f"SpaceResults({self.name!r})"

    @functools.cached_property
    def functions(self) -> pd.DataFrame:
        """A row per name: name, slug, representative, finite, position.

        ``representative`` is the name that stands for all that compute the same; ``position`` is
        the place among the functions that the experiment uses, missing for all others.

        Raises:
            ResultsError: when the space was not listed yet.
        """
        if self._costs is None and not self._listing.is_file():
            raise ResultsError(
                f"space {self.name}, which ships: {printable_name(str(self._listing))} is missing "
                "from this copy of the project; get it again"
            )
        return read_table(require_made(self._listing, layout.functions(self.name)))

    @property
    def selected(self) -> list[str]:
        """Names of the functions that the experiment uses, in the order of ``outputs``."""
        from actsearch.functions.listed import selected_names

        return selected_names(self.functions)

    @functools.cached_property
    def outputs(self) -> NDArray[np.float64]:
        """Values of the selected functions on the normal samples, (n, 1000) float64.

        Read from the disk as they are needed; computed where they were not kept, as for tables that
        ship.
        """
        if self._outputs is not None and self._outputs.is_file():
            return read_array(self._outputs)
        from actsearch.functions.equivalence import outputs
        from actsearch.functions.misspelt import parse

        return outputs(map(parse, self.selected))

    @functools.cached_property
    def costs(self) -> pd.DataFrame:
        """What functions cost, compared with relu: time, and memory kept.

        Raises:
            ResultsError: when it was not measured.
        """
        if self._costs is None:
            raise ResultsError(
                f"space {self.name}, which ships: costs do not ship; what does: functions"
            )
        return read_table(require_made(self._costs, layout.costs(self.name)))

    def equals(self, function: Expression) -> list[str]:
        """Names in the space that compute the same as ``function``, which need not be in it.

        Functions are the same when they are on the normal samples, up to rounding
        (`actsearch.functions.equivalence`). Of a space with very many functions only the names are
        looked through.

        Args:
            function: any function.

        Returns:
            The names, the representative first, without that of ``function`` unless it is the
            representative.
        """
        table = self.functions
        found = table.loc[table["name"] == function.name, "representative"]
        representative = str(found.iloc[0]) if len(found) else self._equal(function)
        if representative is None:
            return []
        names = table.loc[table["representative"] == representative, "name"].unique()
        others = [str(name) for name in names if name not in (representative, function.name)]
        return [representative, *others]

    def _equal(self, function: Expression) -> str | None:
        """The representative with the values of ``function``."""
        import numpy as np

        from actsearch.functions.equivalence import digest, group, normal_samples
        from actsearch.functions.misspelt import parse

        names = self.selected
        if len(names) > EVALUATED:
            return None
        x = normal_samples()[:_FIRST]
        mine = function(x)
        # Far wider than what counts as the same: it only spares the evaluation of all the others.
        near = [
            other
            for other in map(parse, names)
            if np.allclose(other(x), mine, rtol=1e-6, atol=1e-6, equal_nan=True)
        ]
        if not near:
            return None
        first, *others = group(digest([function, *near]).grids)
        return next((n.name for n, c in zip(near, others, strict=True) if c == first), None)
