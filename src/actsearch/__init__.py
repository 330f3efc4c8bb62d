"""Activation function search: enumerate, train, predict, search, audit.

The public names are loaded on first use, so that importing the package costs nothing and touches
neither torch nor pandas.
"""

from __future__ import annotations

import sys

if sys.argv[:1] == ["-m"]:
    # Of `python -m actsearch.cli`: before anything is imported from the working folder.
    from actsearch.records.search_path import working_folder_last

    working_folder_last()

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actsearch.benchmark.shipped.tables import load_benchmark as load_benchmark
    from actsearch.benchmark.shipped.tables import load_map as load_map
    from actsearch.benchmark.shipped.tables import load_runs as load_runs
    from actsearch.features.shipped import load_features as load_features
    from actsearch.functions.activation import Activation as Activation
    from actsearch.functions.expressions import Expression as Expression
    from actsearch.functions.expressions import ExpressionError as ExpressionError
    from actsearch.functions.misspelt import parse as parse
    from actsearch.functions.onnx_translations import onnx_translations as onnx_translations
    from actsearch.functions.operators import Operator as Operator
    from actsearch.functions.operators import register as register
    from actsearch.functions.plain_calls import find_plain_calls as find_plain_calls
    from actsearch.functions.replacing import replace_activations as replace_activations
    from actsearch.functions.spaces import SearchSpace as SearchSpace
    from actsearch.reading.experiment import Experiment as Experiment

__version__ = "0.1.0"

_HOMES = {
    "Activation": "actsearch.functions.activation",
    "Experiment": "actsearch.reading.experiment",
    "Expression": "actsearch.functions.expressions",
    "ExpressionError": "actsearch.functions.expressions",
    "Operator": "actsearch.functions.operators",
    "SearchSpace": "actsearch.functions.spaces",
    "find_plain_calls": "actsearch.functions.plain_calls",
    "load_benchmark": "actsearch.benchmark.shipped.tables",
    "load_features": "actsearch.features.shipped",
    "load_map": "actsearch.benchmark.shipped.tables",
    "load_runs": "actsearch.benchmark.shipped.tables",
    "onnx_translations": "actsearch.functions.onnx_translations",
    "parse": "actsearch.functions.misspelt",
    "register": "actsearch.functions.operators",
    "replace_activations": "actsearch.functions.replacing",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
