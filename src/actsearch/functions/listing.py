"""A space as a table: every name, the function that stands for its class, its place in the sample.

A space that is too large to be enumerated before sampling is listed as its sample alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from actsearch.config import Space
from actsearch.functions.baselines import BASELINES
from actsearch.functions.enumeration import enumerate_space
from actsearch.functions.equivalence import digest, normal_samples
from actsearch.functions.expressions import Expression
from actsearch.functions.selection import choose, enumerated, select
from actsearch.functions.spaces import SearchSpace

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Listing:
    """A space, or the sample of it that stands for it.

    Attributes:
        table: One row a name, in the order of the space: name, slug, representative (name of the
            function that stands for its class), finite (on every normal sample), position (Int64:
            place of a selected function, missing for the others). A name given twice has two rows,
            of which the first can be selected.
        selected: The selected functions by position.
        n_names: Names in the space.
        n_distinct: Distinct functions among the rows.
        n_finite: Distinct functions among the rows that are finite on every sample.
    """

    table: pd.DataFrame
    selected: list[Expression]
    n_names: int
    n_distinct: int
    n_finite: int


def list_functions(
    space: Space, progress: Progress | None = None, baselines: Sequence[str] = BASELINES
) -> Listing:
    """List a configured space.

    Args:
        space: the space.
        progress: called now and then with the number of functions done and of all.
        baselines: what ``baselines`` stands for in it, by name; the paper's eight when left out.

    Returns:
        The table of its names, or of its sample where it is too large to enumerate.

    Raises:
        SpaceError: for a bad space, or a sample larger than what the space holds.
    """
    whole = SearchSpace.from_config(space, baselines)
    if enumerated(space, whole):
        return _list_whole(space, whole, progress)
    return _list_sample(whole.size, select(space, baselines))


def _list_whole(space: Space, whole: SearchSpace, progress: Progress | None) -> Listing:
    listed = enumerate_space(whole, progress)
    indices = choose(space, whole, listed)
    names = np.array(listed.names, dtype=object)
    standing = np.empty(listed.class_of.max() + 1, dtype=object)
    standing[listed.class_of[listed.representative]] = names[listed.representative]
    positions = pd.Series(range(len(indices)), index=indices, dtype="Int64")
    table = pd.DataFrame(
        {
            "name": names,
            "slug": whole.slugs(),
            "representative": standing[listed.class_of],
            "finite": listed.finite,
            "position": positions.reindex(range(whole.size)),
        }
    )
    return Listing(
        table,
        [whole[index] for index in indices],
        whole.size,
        int(listed.representative.sum()),
        int((listed.representative & listed.finite).sum()),
    )


def _list_sample(n_names: int, selected: list[Expression]) -> Listing:
    names = [function.name for function in selected]
    finite = digest(selected).finite
    table = pd.DataFrame(
        {
            "name": names,
            "slug": [function.slug for function in selected],
            "representative": names,
            "finite": finite,
            "position": pd.array(range(len(names)), dtype="Int64"),
        }
    )
    return Listing(table, selected, n_names, len(selected), int(finite.sum()))


def float32_classes(expressions: Iterable[Expression]) -> list[int]:
    """Classes of functions whose float32 outputs are the same to the bit.

    Published tables tell functions apart in this way. Rounding then makes new functions, and how
    many depends on the library: for the three-node space 2,904 with NumPy, 2,912 with PyTorch and
    2,913 with TensorFlow, where 2,791 are different. Only 0 and -0, and all NaN, are alike.

    Returns:
        Class of each function, numbered from 0 by first appearance.
    """
    x = normal_samples().astype(np.float32)
    numbers: dict[bytes, int] = {}
    classes = []
    for expression in expressions:
        values = np.asarray(expression(x)) + np.float32(0)
        values[np.isnan(values)] = np.nan
        digest = hashlib.blake2b(values.tobytes(), digest_size=16).digest()
        classes.append(numbers.setdefault(digest, len(numbers)))
    return classes
