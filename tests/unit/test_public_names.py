"""The names that others rely on."""

from __future__ import annotations

import inspect
import pkgutil

import pytest

import actsearch
import actsearch.search
from actsearch.config import Search

SIGNATURES = {
    "actsearch.features.fisher_spectrum": ["model", "x", "y", "kind"],
    "actsearch.features.log_spectrum_cdf": ["spectra"],
    "actsearch.features.LayerSpectrum": [
        "name",
        "n_weights",
        "input_eigenvalues",
        "gradient_eigenvalues",
    ],
    "actsearch.parse": ["text"],
    "actsearch.search.check_strategy": ["strategy"],
    "actsearch.search.Strategy.propose": ["self", "history", "candidates", "n", "rng"],
    "actsearch.load_benchmark": ["path"],
    "actsearch.Experiment": ["results", "config"],
    "actsearch.Experiment.shipped": [],
    "actsearch.onnx_translations": [],
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    function = pkgutil.resolve_name(name)
    wanted = SIGNATURES[name]
    assert list(inspect.signature(function).parameters)[: len(wanted)] == wanted


def test_the_package_names_what_it_offers() -> None:
    offered = {"Activation", "Expression", "SearchSpace", "load_benchmark", "parse"}
    assert offered <= set(actsearch.__all__)
    for name in actsearch.__all__:
        assert getattr(actsearch, name).__module__.startswith("actsearch.")
    with pytest.raises(AttributeError, match="nothing"):
        _ = actsearch.nothing


def test_slugs_and_names() -> None:
    assert actsearch.parse("mul(sigmoid(x),erf(x))").slug == "mul.sigmoid.x.erf.x"
    assert actsearch.Expression.from_slug("mul.sigmoid.x.erf.x").name == "mul(sigmoid(x),erf(x))"


def test_the_default_strategy_is_that_of_the_configuration() -> None:
    assert Search(space="s", rounds=1, slots=1).strategies[0] == actsearch.search.DEFAULT_STRATEGY
