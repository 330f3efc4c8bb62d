"""The map: both features, each alone and joined, laid out in two dimensions by UMAP.

A UMAP layout is random in its details and differs between platforms; on one platform a seed fixes
it. Neighbourhoods carry meaning, coordinates do not.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actsearch.features.columns import COMPONENTS, axis_columns, component_columns
from actsearch.features.components import principal_components
from actsearch.features.neighbors import Metric, nearest_neighbors
from actsearch.features.outputs import transform_outputs
from actsearch.functions.expressions import parse

if TYPE_CHECKING:
    import pandas as pd

    from actsearch import config

Floats = NDArray[np.floating[Any]]

_SPREAD, _MINIMUM_DISTANCE = 1.0, 0.1  # UMAP's own defaults
_REPULSION, _NEGATIVE_SAMPLES, _LEARNING_RATE = 1.0, 5, 1.0
_WIDTH, _NOISE = 10.0, 1e-4  # of the start; UMAP's own too


class _Feature(NamedTuple):
    name: str
    metric: Metric
    neighbors: int
    present: NDArray[np.bool_]
    rows: NDArray[np.float64]

    @classmethod
    def of(cls, name: str, metric: Metric, neighbors: int, values: Floats) -> _Feature:
        """Rows that are finite throughout, without the columns in which all are equal."""
        present = np.asarray(np.isfinite(values).all(axis=1))
        low, high = (
            extreme(values, axis=0, where=present[:, None], initial=start)
            for extreme, start in ((np.min, np.inf), (np.max, -np.inf))
        )
        # most bins of a CDF are 0 or 1 for every function
        rows = values[np.ix_(present, high > low)].astype(np.float64, copy=False)
        return cls(name, metric, neighbors, present, rows)

    def positions(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The chosen functions' positions among the rows."""
        return (np.cumsum(self.present) - 1)[chosen]


def embed(
    names: Sequence[str], outputs: Floats, cdfs: Floats, settings: config.Map
) -> pd.DataFrame:
    """Lay functions out by their outputs, by their Fisher features, and by both.

    Nearest neighbours are exact: Euclidean among transformed outputs, Manhattan among Fisher
    features. Each neighbourhood becomes a fuzzy graph (McInnes, Healy & Melville 2018). The joint
    layout is that of the graphs' fuzzy union: near in either feature is near on the map. Layouts
    start from principal components (Kobak & Linderman 2021), in the joint case of both features
    scaled to the same variance: few neighbours leave a graph in many parts, which a spectral start
    cannot arrange.

    Args:
        names: (n,) names of the functions.
        outputs: (n, 1000) values on the normal samples, not yet transformed.
        cdfs: (n, d) Fisher features.
        settings: transform, neighbours and seed.

    Returns:
        One row a function, in the order given: name, slug, has_outputs, has_fisher (whether all of
        the feature is finite), outputs_x, outputs_y, fisher_x, fisher_y, union_x, union_y, and the
        first principal components of each feature, scaled to variance 1 in all: outputs_1,
        outputs_2, ..., fisher_1, ... (``COMPONENTS`` of each; 0 where there are fewer). Coordinates
        and components are float64, NaN for functions left out: those without the feature, in the
        union without either.

    Raises:
        ValueError: when the arrays do not fit, a feature (or both together) is finite for no more
            functions than it has neighbours, or distances overflow.
    """
    import pandas as pd

    if not len(names) == len(outputs) == len(cdfs):
        raise ValueError(
            f"{len(names)} names, {len(outputs)} outputs and {len(cdfs)} Fisher features do not fit"
        )
    by_output = transform_outputs(np.asarray(outputs, np.float64), settings.outputs_transform)
    features = (
        _Feature.of("outputs", "euclidean", settings.outputs_neighbors, by_output),
        _Feature.of("fisher", "cityblock", settings.fisher_neighbors, cdfs),
    )
    present = [feature.present for feature in features]
    both = np.logical_and(*present)
    for feature, chosen in zip(features * 2, [*present, both, both], strict=True):
        if chosen.sum() <= feature.neighbors:
            kind = "outputs and fisher" if chosen is both else feature.name
            raise ValueError(
                f"map.{feature.name}_neighbors is {feature.neighbors}, but only {chosen.sum()} "
                f"functions have finite {kind} features; a map needs more functions than neighbours"
            )
    table = pd.DataFrame({"name": list(names), "slug": [parse(name).slug for name in names]})
    for feature, chosen in zip(features, present, strict=True):
        table[f"has_{feature.name}"] = chosen
    with _quiet():
        _keep_compiled()
        graphs = []
        for feature, chosen in zip(features, present, strict=True):
            graph = _fuzzy_graph(feature, chosen)
            layout = _layout(graph, [feature], chosen, settings.seed)
            _place(table, axis_columns(feature.name), chosen, layout)
            same = np.array_equal(chosen, both)
            graphs.append(graph if same else _fuzzy_graph(feature, both))
        layout = _layout(_union(*graphs), features, both, settings.seed)
        _place(table, axis_columns("union"), both, layout)
    for feature, chosen in zip(features, present, strict=True):
        part = (feature.rows, feature.positions(chosen))
        values = principal_components([part], COMPONENTS, settings.seed)
        _place(table, component_columns(feature.name), chosen, values)
    return table


def _fuzzy_graph(feature: _Feature, chosen: NDArray[np.bool_]) -> Any:
    """Symmetric sparse membership strengths among the chosen functions."""
    from umap.umap_ import fuzzy_simplicial_set

    indices, distances = nearest_neighbors(
        feature.rows, feature.metric, feature.neighbors, feature.positions(chosen)
    )
    if not np.isfinite(distances.astype(np.float32)).all():
        raise ValueError("distances overflow; use map.outputs_transform: arcsinh")
    graph, _, _ = fuzzy_simplicial_set(
        indices,  # read for its length alone
        feature.neighbors,
        None,
        feature.metric,
        knn_indices=indices,
        knn_dists=distances,
    )
    return graph


def _union(first: Any, second: Any) -> Any:
    """Fuzzy union, each function again fully connected to its nearest, as UMAP's ``+`` does."""
    from umap.umap_ import general_simplicial_set_union, reset_local_connectivity

    return reset_local_connectivity(general_simplicial_set_union(first, second), True)


def _layout(
    graph: Any, features: Sequence[_Feature], chosen: NDArray[np.bool_], seed: int
) -> NDArray[np.float64]:
    """(n, 2) coordinates, from the features' principal components on."""
    from umap.umap_ import find_ab_params, noisy_scale_coords, simplicial_set_embedding

    a, b = find_ab_params(_SPREAD, _MINIMUM_DISTANCE)
    parts = [(feature.rows, feature.positions(chosen)) for feature in features]
    start = principal_components(parts, 2, seed)
    if not start.any():  # all alike: UMAP would divide by their distance
        return np.zeros((int(chosen.sum()), 2))
    state = np.random.RandomState(seed)
    start = noisy_scale_coords(start, state, max_coord=_WIDTH, noise=_NOISE)
    coordinates, _ = simplicial_set_embedding(
        None,  # only other starts read the data
        graph,
        n_components=2,
        initial_alpha=_LEARNING_RATE,
        a=a,
        b=b,
        gamma=_REPULSION,
        negative_sample_rate=_NEGATIVE_SAMPLES,
        n_epochs=None,
        init=start,
        random_state=state,
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        parallel=False,  # parallel updates race: no two runs alike
    )
    return np.asarray(coordinates, np.float64)


def _place(
    table: pd.DataFrame,
    columns: Sequence[str],
    chosen: NDArray[np.bool_],
    values: NDArray[np.float64],
) -> None:
    for column, numbers in zip(columns, values.T, strict=True):
        whole = np.full(len(table), np.nan)
        whole[chosen] = numbers
        table[column] = whole


@functools.cache
def _keep_compiled() -> None:
    """Let UMAP keep what it compiles, which takes longer than most maps, for later processes.

    Numba keeps it beside UMAP's sources, or where NUMBA_CACHE_DIR says, by processor and version.
    """
    from umap import layouts, umap_, utils

    for module in (layouts, umap_, utils):
        for compiled in vars(module).values():
            if hasattr(compiled, "enable_caching"):
                with suppress(RuntimeError):  # no folder for it that can be written
                    compiled.enable_caching()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of UMAP and its import that no user of a map can act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
