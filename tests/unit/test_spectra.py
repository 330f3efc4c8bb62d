"""The log-spectrum feature against scipy's Wasserstein distance, packing, and parts of a space."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from actsearch import config
from actsearch.data.dataset import Dataset
from actsearch.data.loading import load_dataset
from actsearch.features import fisher_parts
from actsearch.features.fisher import fisher_spectrum
from actsearch.features.fisher_parts import fisher_features
from actsearch.features.layers import fisher_layers
from actsearch.features.spectra import (
    LayerSpectrum,
    log_spectrum_cdf,
    n_bins,
    pack_spectra,
    stack_cdfs,
    unpack_spectra,
)
from actsearch.functions.expressions import parse
from actsearch.networks.building import build_network

RANGE = (-100.0, 100.0)
SIZES = (2600, 1010, 330)


def layer(log_eigenvalues: Any, n_weights: int, name: str = "layer") -> LayerSpectrum:
    """A layer with these log eigenvalues: one factor has them, the other is 1."""
    return LayerSpectrum(name, n_weights, np.exp(np.sort(log_eigenvalues)), np.ones(1))


def random_layers(seed: int) -> list[LayerSpectrum]:
    rng = np.random.default_rng(seed)
    return [
        LayerSpectrum(
            f"layer{size}", size, np.exp(rng.normal(-20, 10, 40)), np.exp(rng.normal(-5, 10, 7))
        )
        for size in SIZES
    ]


def log_products(spectrum: LayerSpectrum) -> np.ndarray:
    return np.add.outer(
        np.log(spectrum.input_eigenvalues), np.log(spectrum.gradient_eigenvalues)
    ).ravel()


# The feature


@pytest.mark.parametrize(
    ("n_weights", "expected"), [(0, 1), (99, 1), (199, 1), (200, 1), (299, 1), (300, 2), (2688, 25)]
)
def test_bins(n_weights: int, expected: int) -> None:
    assert n_bins(n_weights) == expected
    assert log_spectrum_cdf([layer([0.0], n_weights)]).shape == (expected,)


def test_bins_by_configuration() -> None:
    assert n_bins(5000, weights_per_bin=50) == 99
    assert n_bins(150, minimum_bins=8) == 8


def test_values_by_hand() -> None:
    """Four sums of logs, -60, -10, -10 and 40, in four bins of width 50."""
    spectrum = LayerSpectrum("a", 500, np.exp([-30.0, 20.0]), np.exp([-30.0, 20.0]))
    np.testing.assert_array_equal(log_spectrum_cdf([spectrum]), [0.25, 0.75, 1.0, 1.0])
    np.testing.assert_array_equal(
        log_spectrum_cdf([spectrum], log_range=(-20.0, 20.0)), [0.25, 0.75, 0.75, 1.0]
    )


def test_many_products_at_once_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = log_spectrum_cdf(random_layers(0))
    monkeypatch.setattr("actsearch.features.spectra._BLOCK", 10)
    np.testing.assert_array_equal(log_spectrum_cdf(random_layers(0)), expected)


def test_histogram_of_all_products() -> None:
    parts = []
    for spectrum in random_layers(0):
        counts, _ = np.histogram(
            log_products(spectrum), np.linspace(*RANGE, n_bins(spectrum.n_weights) + 1)
        )
        parts.append(np.cumsum(counts) / 280)
    np.testing.assert_allclose(log_spectrum_cdf(random_layers(0)), np.concatenate(parts))


def test_groups_multiply_within_themselves() -> None:
    rng = np.random.default_rng(0)
    a, g = np.exp(rng.normal(size=(3, 5))), np.exp(rng.normal(size=(3, 4)))
    grouped = log_spectrum_cdf([LayerSpectrum("a", 20_000, a, g)])
    single = [log_spectrum_cdf([LayerSpectrum("a", 20_000, a[k], g[k])]) for k in range(3)]
    np.testing.assert_allclose(grouped, np.mean(single, axis=0))


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=30))
@settings(max_examples=50)
def test_no_value_is_lost(values: list[float]) -> None:
    """Values beyond the range count in the end bins: every CDF rises to exactly 1."""
    cdf = log_spectrum_cdf([layer(values, 2000)])
    assert cdf[-1] == 1.0
    assert (np.diff(cdf) >= 0).all()
    below = np.mean(np.array(values) < -100)
    assert cdf[0] >= below - 1e-12


def test_values_beyond_the_range_count_at_the_ends() -> None:
    cdf = log_spectrum_cdf([layer([-300.0, -200.0, 0.5, 300.0], 1100)])
    np.testing.assert_array_equal(cdf, [0.5] * 5 + [0.75] * 4 + [1.0])


def test_a_zero_factor_counts_in_the_first_bin() -> None:
    dead = LayerSpectrum("dead", 2000, np.ones(3), np.zeros(4))
    half = LayerSpectrum("half", 2000, np.ones(3), np.array([0.0, 1.0]))
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(log_spectrum_cdf([dead]), np.ones(19))
        assert log_spectrum_cdf([half])[0] == 0.5


def test_a_missing_layer_makes_the_network_missing() -> None:
    layers = random_layers(0)
    missing = LayerSpectrum("missing", SIZES[1], np.full(40, np.nan), np.ones(7))
    assert missing.missing
    cdf = log_spectrum_cdf([layers[0], missing, layers[2]])
    assert cdf.shape == log_spectrum_cdf(layers).shape
    assert np.isnan(cdf).all()


def test_no_layer_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one layer"):
        log_spectrum_cdf([])


# The distance


def wasserstein(one: Sequence[LayerSpectrum], two: Sequence[LayerSpectrum]) -> list[float]:
    return [
        wasserstein_distance(log_products(a), log_products(b))
        for a, b in zip(one, two, strict=True)
    ]


def manhattan(one: Sequence[LayerSpectrum], two: Sequence[LayerSpectrum]) -> list[float]:
    """Manhattan distance of every layer's CDFs."""
    difference = np.abs(log_spectrum_cdf(one) - log_spectrum_cdf(two))
    ends = np.cumsum([n_bins(spectrum.n_weights) for spectrum in one])
    return [float(part.sum()) for part in np.split(difference, ends[:-1])]


def test_manhattan_is_wasserstein_on_the_bins() -> None:
    """Exact where all values are centres of bins."""
    rng = np.random.default_rng(0)

    def centred(seed: int) -> list[LayerSpectrum]:
        layers = []
        for size in SIZES:
            bins = n_bins(size)
            centres = (
                -100 + (np.random.default_rng(seed).integers(bins, size=50) + 0.5) * 200 / bins
            )
            layers.append(layer(centres, size))
        return layers

    one, two = centred(int(rng.integers(100))), centred(int(rng.integers(100, 200)))
    for size, feature, distance in zip(
        SIZES, manhattan(one, two), wasserstein(one, two), strict=True
    ):
        assert feature * 200 / n_bins(size) == pytest.approx(distance, rel=1e-9)


@pytest.mark.parametrize("weights_per_bin", [100, 1])
def test_manhattan_is_wasserstein_within_a_bin(weights_per_bin: int) -> None:
    one, two = random_layers(1), random_layers(2)
    for a, b in zip(one, two, strict=True):
        width = 200 / n_bins(a.n_weights, weights_per_bin)
        difference = np.abs(
            log_spectrum_cdf([a], weights_per_bin=weights_per_bin)
            - log_spectrum_cdf([b], weights_per_bin=weights_per_bin)
        )
        [expected] = wasserstein([a], [b])
        assert difference.sum() * width == pytest.approx(expected, abs=width)


def test_layers_weigh_by_their_size() -> None:
    """The same shift of all log eigenvalues counts in proportion to a layer's bins.

    Exactly, for a shift by a whole number of bins: 16 is two of 25, and eight of 100.
    """
    for size, expected in ((2600, 2.0), (10_100, 8.0)):
        one, two = layer([-51.0, 3.0], size), layer([-35.0, 19.0], size)
        assert manhattan([one], [two]) == pytest.approx([expected], rel=1e-12)
        assert expected == 16 * n_bins(size) / 200


# Packing


def grouped_layers(seed: int) -> list[LayerSpectrum]:
    rng = np.random.default_rng(seed)
    return [
        LayerSpectrum("first", 520, rng.random(5), rng.random(3), (1, 2)),
        LayerSpectrum("deep.wise", 400, rng.random((4, 3)), rng.random((4, 1))),
    ]


def assert_equal(one: Sequence[LayerSpectrum], two: Sequence[LayerSpectrum]) -> None:
    for a, b in zip(one, two, strict=True):
        assert (a.name, a.n_weights, a.under_floor) == (b.name, b.n_weights, b.under_floor)
        np.testing.assert_array_equal(a.input_eigenvalues, b.input_eigenvalues)
        np.testing.assert_array_equal(a.gradient_eigenvalues, b.gradient_eigenvalues)


def test_packing_and_back_through_a_file() -> None:
    broken = grouped_layers(1)
    broken[0].gradient_eigenvalues[:] = np.nan
    spectra = [grouped_layers(0), broken]
    file = io.BytesIO()
    part_of_two = pack_spectra(["relu(x)", "exp(x)"], spectra, {"norm": "one", "": "two"})
    np.savez(file, allow_pickle=False, **part_of_two)
    file.seek(0)
    with np.load(file, allow_pickle=False) as part:
        arrays = dict(part)
    np.testing.assert_array_equal(arrays["finite"], [True, False])
    assert arrays["passed_over"].tolist() == ["norm", ""]
    assert arrays["passed_over_because"].tolist() == ["one", "two"]
    unpacked = dict(unpack_spectra(arrays))
    assert list(unpacked) == ["relu(x)", "exp(x)"]
    for expected, found in zip(spectra, unpacked.values(), strict=True):
        assert_equal(found, expected)


def test_packing_refuses_other_layers() -> None:
    with pytest.raises(ValueError, match=r"layers of 'exp\(x\)' are not those of 'relu\(x\)'"):
        pack_spectra(["relu(x)", "exp(x)"], [grouped_layers(0), grouped_layers(0)[:1]])


def test_stacking_keeps_order_and_marks_missing() -> None:
    broken = grouped_layers(1)
    broken[1].input_eigenvalues[2] = np.nan
    parts = [
        pack_spectra(["relu(x)", "exp(x)"], [grouped_layers(0), broken]),
        pack_spectra(["abs(x)"], [grouped_layers(2)]),
    ]
    names, matrix = stack_cdfs(parts, config.Fisher(weights_per_bin=50, minimum_bins=8))
    assert names == ["relu(x)", "exp(x)", "abs(x)"]
    assert matrix.shape == (3, 9 + 8)
    np.testing.assert_array_equal(np.isnan(matrix).all(axis=1), [False, True, False])
    expected = log_spectrum_cdf(grouped_layers(2), weights_per_bin=50, minimum_bins=8)
    np.testing.assert_array_equal(matrix[2], expected)


def test_stacking_refuses_what_does_not_fit() -> None:
    part = pack_spectra(["relu(x)"], [grouped_layers(0)])
    with pytest.raises(ValueError, match=r"twice: relu\(x\)"):
        stack_cdfs([part, part], config.Fisher())
    with pytest.raises(ValueError, match="at least one part"):
        stack_cdfs([], config.Fisher())
    other = pack_spectra(["abs(x)"], [grouped_layers(0)[:1]])
    with pytest.raises(ValueError, match="are not those of"):
        stack_cdfs([part, other], config.Fisher())


def test_published_features_are_taken_as_they_are() -> None:
    cdfs = np.array([[0.25, 1.0], [np.nan, np.nan]])
    published = {"names": np.array(["relu(x)", "exp(x)"]), "cdfs": cdfs}
    names, matrix = stack_cdfs([published], config.Fisher())
    assert names == ["relu(x)", "exp(x)"]
    assert np.array_equal(matrix, cdfs, equal_nan=True)
    shorter = {"names": np.array(["tanh(x)"]), "cdfs": cdfs[:1, :1]}
    with pytest.raises(ValueError, match=r"do not fit: lengths \[1, 2\]"):
        stack_cdfs([published, shorter], config.Fisher())


# Parts of a space


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    split = config.Split(train=200, validation=50, test=50)
    return load_dataset(config.Data(source="digits", split=split))


def digits_task(model: str = "digits-cnn", **fisher: Any) -> config.Task:
    recipe = config.Recipe(optimizer="sgd", learning_rate=0.1, epochs=1, batch_size=64)
    settings = config.Fisher(**{"examples": 32, **fisher})
    return config.Task(data="digits", model=model, recipe=recipe, fisher=settings)


def test_all_functions_meet_the_same_weights_and_examples(dataset: Dataset) -> None:
    names = ["relu(x)", "tanh(x)", "swish(x)"]
    part = fisher_features(digits_task(), dataset, [parse(name) for name in names])
    spectra = dict(unpack_spectra(part))
    first = [layers[0].input_eigenvalues for layers in spectra.values()]
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(first[0], first[2])
    # the function's features do not depend on the part it is computed in, nor on the global seed
    alone = fisher_features(digits_task(), dataset, [parse("tanh(x)")])
    assert_equal(next(unpack_spectra(alone))[1], spectra["tanh(x)"])
    # identity() and max(x, x) are one function under two names: only the weights could differ
    twins = fisher_features(
        digits_task(), dataset, [parse("identity(x)"), parse("max(identity(x),identity(x))")]
    )
    for a, b in zip(*(layers for _, layers in unpack_spectra(twins)), strict=True):
        np.testing.assert_allclose(a.gradient_eigenvalues, b.gradient_eigenvalues, rtol=1e-4)


def test_the_seed_changes_weights_and_examples(dataset: Dataset) -> None:
    zero, one = (
        next(unpack_spectra(fisher_features(digits_task(seed=seed), dataset, [parse("relu(x)")])))[
            1
        ]
        for seed in (0, 1)
    )
    assert not np.allclose(zero[0].input_eigenvalues, one[0].input_eigenvalues)
    assert not np.allclose(zero[-1].gradient_eigenvalues, one[-1].gradient_eigenvalues)


@pytest.mark.parametrize("kind", ["true", "sampled", "empirical"])
@pytest.mark.parametrize("model", ["digits-cnn", "digits-resnet", "digits-vit"])
def test_parts_of_all_kinds_and_networks(dataset: Dataset, model: str, kind: str) -> None:
    task = digits_task(model, kind=kind)
    counts: list[tuple[int, int]] = []
    functions = [parse("relu(x)"), parse("pow(x,reciprocal(x))")]
    part = fisher_features(task, dataset, functions, lambda *count: counts.append(count))
    np.testing.assert_array_equal(part["finite"], [True, False])
    assert counts == [(1, 2), (2, 2)]
    network, _ = build_network(task, dataset, functions[0], 0)
    layers = fisher_layers(network, torch.randn(1, *dataset.shape.input_shape))
    assert (part["layers"].tolist(), part["passed_over"].tolist()) == (
        layers.covered,
        [*layers.passed_over],
    )
    _, cdfs = stack_cdfs([part], task.fisher)
    np.testing.assert_array_equal(np.isnan(cdfs).all(axis=1), [False, True])


def test_a_constant_function_has_a_finite_feature(dataset: Dataset) -> None:
    part = fisher_features(digits_task(), dataset, [parse("zero(x)")])
    assert part["finite"].all()
    assert (part["under_floor"] > 0).any()


def test_features_are_computed_as_networks_are_trained(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the task's settings, which end with the part and leave the caller's generator alone."""
    seen: list[tuple[int, float]] = []

    def spied(*arguments: Any) -> list[LayerSpectrum]:
        denormal = (torch.tensor(1e-308, dtype=torch.float64) * 1e-10).item()
        seen.append((torch.get_num_threads(), denormal))
        return fisher_spectrum(*arguments)

    monkeypatch.setattr(fisher_parts, "fisher_spectrum", spied)
    before, state = torch.get_num_threads(), torch.get_rng_state()
    task = digits_task()
    task = task.model_copy(
        update={"resources": task.resources.model_copy(update={"threads": before + 1})}
    )
    fisher_features(task, dataset, [parse("relu(x)")])
    assert seen == [(before + 1, 0.0)]
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


def test_too_few_examples(dataset: Dataset) -> None:
    with pytest.raises(ValueError, match=r"fisher\.examples is 201, but only 200"):
        fisher_features(digits_task(examples=201), dataset, [parse("relu(x)")])
