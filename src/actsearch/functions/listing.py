"""A space as a table: every name, the function that stands for its class, its place in the sample.

A space that is too large to be enumerated before sampling is listed as its sample alone.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionArray

from actsearch.config import Space
from actsearch.functions.baselines import BASELINES
from actsearch.functions.enumeration import Enumeration, enumerate_space
from actsearch.functions.equivalence import digest, normal_samples
from actsearch.functions.expressions import Expression
from actsearch.functions.listed import selected_slugs
from actsearch.functions.selection import choose, enumerated, select
from actsearch.functions.spaces import SearchSpace

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Listing:
    """A space, or the sample of it that stands for it.

    Attributes:
        n_names: Names in the space.
        n_distinct: Distinct functions among the rows.
        n_finite: Distinct functions among the rows that are finite on every sample.
        make_table: Makes the table.
    """

    n_names: int
    n_distinct: int
    n_finite: int
    make_table: Callable[[], pd.DataFrame]

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """One row a name, in the order of the space; made when asked for, as it may be large.

        Columns: name, slug, representative (name of the function that stands for its class),
        finite (on every normal sample), position (Int64: place of a selected function, missing for
        the others). A name given twice has two rows, of which the first can be selected.
        """
        return self.make_table()

    @property
    def selected(self) -> list[Expression]:
        """The selected functions by position."""
        return list(map(Expression.from_slug, selected_slugs(self.table)))


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
    return Listing(
        whole.size,
        int(listed.representative.sum()),
        int((listed.representative & listed.finite).sum()),
        lambda: _table(listed, indices),
    )


def _table(listed: Enumeration, indices: list[int]) -> pd.DataFrame:
    names = _texts(listed.space.names_in_parts())
    standing = np.empty(listed.class_of.max() + 1, dtype=np.int64)
    standing[listed.class_of[listed.representative]] = np.flatnonzero(listed.representative)
    positions = pd.Series(range(len(indices)), index=indices, dtype="Int64")
    return pd.DataFrame(
        {
            "name": names,
            "slug": _texts(listed.space.slugs_in_parts()),
            "representative": names.take(standing[listed.class_of]),
            "finite": listed.finite,
            "position": positions.reindex(range(len(names))),
        }
    )


def _texts(parts: Iterable[list[str]]) -> ExtensionArray:
    """Texts of ASCII put end to end as Arrow has them: one by one they take twice the memory."""
    lengths, content = [np.zeros(1, dtype=np.int64)], bytearray()
    for part in parts:
        lengths.append(np.fromiter(map(len, part), dtype=np.int64, count=len(part)))
        content += "".join(part).encode("ascii")
    ends = np.cumsum(np.concatenate(lengths))
    buffers = pa.py_buffer(ends), pa.py_buffer(content)
    texts: ExtensionArray = pd.array(
        pa.LargeStringArray.from_buffers(len(ends) - 1, *buffers), dtype="str"
    )
    return texts


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
    return Listing(n_names, len(selected), int(finite.sum()), lambda: table)


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
