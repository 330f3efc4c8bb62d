"""Data that are made here: the package's signals, regressions on a wider range, their places."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from mnist1d.data import get_dataset_args, make_dataset
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import Data
from actsearch.config.made import MADE
from actsearch.data.dataset import PARTS
from actsearch.data.examples import MemoryExamples
from actsearch.data.loading import data_shape, load_dataset
from actsearch.data.making import made_arrays
from actsearch.data.sources.checks import check_source, is_changed
from actsearch.data.sources.places import ChangedDataError, MissingDataError, place_of
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_json

load_commands()
SMALL = {"train": 80, "validation": 30, "test": 20}
LARGE = {"train": 4000, "validation": 20, "test": 20}


def made(source: str, sizes: dict[str, int] | None = None, **options: Any) -> Data:
    return Data(source=source, split=sizes or SMALL, options=options or None)


def package(**settings: Any) -> dict[str, Any]:
    """What the package makes."""
    arguments = get_dataset_args()
    for name, value in settings.items():
        setattr(arguments, name, value)
    return make_dataset(arguments)


@pytest.mark.parametrize("settings", [{}, {"shuffle_seq": True}])
def test_the_published_training_set_is_the_packages_bit_for_bit(settings: dict[str, Any]) -> None:
    arrays, theirs = made_arrays(made("mnist1d", LARGE, **settings)), package(**settings)
    assert arrays["x_train"].shape == (4000, 1, 40)
    assert np.array_equal(arrays["x_train"][:, 0], theirs["x"])
    assert np.array_equal(arrays["y_train"], theirs["y"])


def test_options_are_the_packages() -> None:
    for name, field in MADE["mnist1d"].model_fields.items():
        if name != "shift":
            theirs = get_dataset_args(as_dict=True)[name]
            assert field.default == (tuple(theirs) if isinstance(theirs, list) else theirs)
    settings = {
        "seed": 7, "padding": [10, 50], "scale_coeff": 0.1, "max_translation": 20,
        "corr_noise_scale": 0.1, "iid_noise_scale": 0.3, "shear_scale": 0.2, "final_seq_length": 24,
    }  # fmt: skip
    arrays = made_arrays(made("mnist1d", **settings))
    theirs = package(num_samples=100, **settings)
    assert np.array_equal(arrays["x_train"][:, 0], theirs["x"])
    assert np.array_equal(arrays["y_train"], theirs["y"])


def test_the_other_parts_are_of_seeds_of_their_own_in_the_units_of_the_first() -> None:
    arrays = made_arrays(made("mnist1d"))
    first = package(num_samples=100)
    # The package has divided the times by the deviation.
    plain = package(num_samples=10, seed=1)
    deviation = np.linspace(plain["templates"]["t"][0], plain["templates"]["t"][-1], 40)
    scale = (deviation[0] / first["t"][0], deviation[-1] / first["t"][-1])
    assert np.isclose(*scale)
    for number, (part, n) in enumerate([("validation", 30), ("test", 20)], start=1):
        seed = int(np.random.SeedSequence([42, number]).generate_state(1)[0])
        theirs = package(num_samples=n, seed=seed, train_split=1.0)
        assert np.array_equal(arrays[f"y_{part}"], theirs["y"])
        ours = arrays[f"x_{part}"][:, 0]
        # The same signals, but for one factor and one number that is added to all.
        slope, offset = np.polyfit(theirs["x"].ravel(), ours.ravel(), 1)
        assert np.allclose(slope * theirs["x"] + offset, ours)
        own = deviation[0] / theirs["t"][0]
        assert np.isclose(slope, own / scale[0])


def test_parts_share_no_example() -> None:
    for data in (made("mnist1d"), *map(_of_family, ("polynomial", "waves", "products"))):
        arrays = made_arrays(data)
        for one, other in itertools.combinations(PARTS, 2):
            rows = {row.tobytes() for row in arrays[f"x_{one}"]}
            assert rows.isdisjoint(row.tobytes() for row in arrays[f"x_{other}"])


def test_a_shift_is_of_the_validation_and_test_parts() -> None:
    plain = made_arrays(made("mnist1d"))
    noisy = made_arrays(made("mnist1d", shift={"iid_noise_scale": 0.5}))
    for name in ("x_train", "y_train", "y_validation", "y_test"):
        assert np.array_equal(noisy[name], plain[name])
    for part in ("validation", "test"):
        # Noise of 25 times the deviation, which no scaling by its own deviation hides.
        rough = [np.diff(arrays[f"x_{part}"], axis=2).std() for arrays in (noisy, plain)]
        assert rough[0] > 2 * rough[1]
    wide = made("mnist1d", shift={"iid_noise_scale": 0.02, "max_translation": 48})
    assert all(np.array_equal(made_arrays(wide)[name], plain[name]) for name in plain)


def test_the_generators_are_left_as_they_were() -> None:
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    expected = random.random(), np.random.rand()  # noqa: NPY002
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    made_arrays(made("mnist1d"))
    made_arrays(made("extrapolation"))
    assert (random.random(), np.random.rand()) == expected  # noqa: NPY002


def _of_family(family: str, **options: Any) -> Data:
    return made("extrapolation", family=family, variables=3, **options)


@pytest.mark.parametrize("source", [*MADE])
def test_the_same_options_make_the_same_arrays(source: str) -> None:
    one, other = made_arrays(made(source)), made_arrays(made(source))
    another = made_arrays(made(source, seed=5))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert not any(np.array_equal(one[name], another[name]) for name in one)


def test_every_example_but_those_of_training_lies_outside_of_the_training_range() -> None:
    sizes = {"train": 3000, "validation": 3000, "test": 3000}
    options = {"range": [-1, 2], "wider": [-3, 2.5], "variables": 2}
    arrays = made_arrays(made("extrapolation", sizes, **options))
    assert {arrays[f"x_{part}"].dtype for part in PARTS} == {np.dtype("float32")}
    train = arrays["x_train"]
    assert -1 <= train.min() < -0.99 and 1.99 < train.max() <= 2
    for part in ("validation", "test"):
        x = arrays[f"x_{part}"]
        assert -3 <= x.min() < -2.95 and 2.45 < x.max() <= 2.5
        assert ((x < -1) | (x > 2)).any(axis=1).all()
        # Uniform: the share beyond 2 of the first variable is that of the area.
        area = 5.5**2 - 9
        assert np.isclose((x[:, 0] > 2).mean(), 0.5 * 5.5 / area, atol=0.03)
    same = made_arrays(made("extrapolation", sizes, range=[0, 1], wider=[0, 1]))
    assert same["x_test"].min() >= 0 and same["x_test"].max() <= 1


@pytest.mark.parametrize("low", [1e-5, 1.0, 9e8])
def test_the_least_ranges_that_are_allowed_are_made(low: float) -> None:
    high = low * 1.0011
    options = {"range": [low, high], "wider": [low, low * 1.00113], "variables": 1}
    arrays = made_arrays(made("extrapolation", terms=1, **options))
    assert arrays["x_test"].shape == (20, 1) and (arrays["x_test"] > np.float32(high)).all()


def test_targets_are_recomputed_term_by_term() -> None:
    def drawn(family: str, terms: int, seed: int) -> tuple[Any, ...]:
        rng = np.random.default_rng([seed, 0])
        weights = rng.uniform(0.5, 1.5, terms) * rng.choice([-1.0, 1.0], terms)
        if family == "products":
            return weights, [rng.permutation(3)[:2] for _ in range(terms)]
        directions = rng.normal(size=(terms, 3))
        directions = [d / np.sqrt((d**2).sum()) for d in directions]
        if family == "polynomial":
            return weights, directions
        return weights, directions, rng.uniform(2, 6, terms), rng.uniform(0, 2 * np.pi, terms)

    def value(family: str, x: np.ndarray, found: tuple[Any, ...]) -> float:
        total = 0.0
        for k, weight in enumerate(found[0]):
            if family == "polynomial":
                total += weight * sum(x * found[1][k]) ** (k + 1)
            elif family == "waves":
                total += weight * np.sin(found[2][k] * sum(x * found[1][k]) + found[3][k])
            else:
                total += weight * x[found[1][k][0]] * x[found[1][k][1]]
        return total

    for family in ("polynomial", "waves", "products"):
        options = {"frequency": 6.0} if family == "waves" else {}
        arrays = made_arrays(_of_family(family, terms=4, seed=9, **options))
        found = drawn(family, 4, 9)
        for part in PARTS:
            rows = arrays[f"x_{part}"].astype(np.float64)
            expected = [value(family, row, found) for row in rows]
            assert arrays[f"y_{part}"].shape == (SMALL[part], 1)
            assert np.allclose(arrays[f"y_{part}"][:, 0], expected, rtol=1e-12)


def test_a_polynomial_of_one_variable_is_one() -> None:
    arrays = made_arrays(made("extrapolation", variables=1, terms=4))
    x, y = (np.concatenate([arrays[f"{name}_{part}"][:, 0] for part in PARTS]) for name in "xy")
    fitted, rest, *_ = np.polyfit(x.astype(np.float64), y, 4, full=True)
    assert rest[0] < 1e-20 and abs(fitted[0]) >= 0.5 and abs(fitted[-1]) < 1e-12


def test_noise_is_on_training_targets_alone() -> None:
    sizes = {"train": 5000, "validation": 30, "test": 20}
    clean = made_arrays(made("extrapolation", sizes))
    noisy = made_arrays(made("extrapolation", sizes, noise=0.5))
    assert all(np.array_equal(clean[n], noisy[n]) for n in clean if n != "y_train")
    ratio = (noisy["y_train"] - clean["y_train"]).std() / clean["y_train"].std()
    assert np.isclose(ratio, 0.5, rtol=0.05)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a configuration of both sources."""
    task = {
        "recipe": {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "batch_size": 4},
        "fisher": {"examples": 2},
    }
    values = {
        "data": {
            "signals": {"source": "mnist1d", "split": SMALL},
            "numbers": {"source": "extrapolation", "split": SMALL},
        },
        "spaces": {},
        "tasks": {
            "conv": {**task, "data": "signals", "model": "conv1d"},
            "regression": {**task, "data": "numbers", "model": "mlp"},
        },
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_data_are_made_once_and_described(configured: Path) -> None:
    told = "signals (mnist1d): signals, 1 channel of 40 samples; 10 classes"
    said = run("check")
    assert told in said and "not made yet" in said
    assert "numbers (extrapolation): 2 features; 1 number to predict" in said
    assert not Path("data").exists()

    assert "making mnist1d in data/mnist1d-" in run("fetch", "--data", "signals")
    data = made("mnist1d")
    place = place_of(data, "data")
    assert place is not None
    assert {path.name for path in place.folder.iterdir()} == {
        "arrays.npz",
        "contents.npz",
        "manifest.json",
    }
    manifest = read_json(place.manifest)
    assert manifest["examples"] == SMALL
    assert manifest["classes"] == [*"0123456789"]
    assert manifest["made"]["options"]["seed"] == 42
    assert manifest["made"]["with"].startswith("mnist1d 0.0.2")
    assert {entry["path"] for entry in manifest["files"]} == {*made_arrays(data)}
    assert read_provenance(place.manifest)["step"] == "fetch"
    stood = place.manifest.stat(), place.arrays.stat()
    said = run("fetch", "--data", "signals")
    assert "is up to date and is kept" in said and "making" not in said
    assert (place.manifest.stat(), place.arrays.stat()) == stood

    said = run("fetch", "--data", "numbers")
    assert "80 train, 30 validation, 20 test examples, data/extrapolation-" in said
    said = run("check")
    assert told in said and "not made yet" not in said


def test_a_job_reads_what_was_made_and_nothing_else(configured: Path) -> None:
    data = made("mnist1d")
    place = place_of(data, "data")
    assert place is not None and data_shape(data).input_shape == (1, 40)
    with pytest.raises(MissingDataError, match="fetch --data"):
        load_dataset(data)
    run("fetch", "--data", "signals")
    dataset = load_dataset(data)
    assert dataset.shape == data_shape(data)
    assert {name: len(rows) for name, rows in dataset.rows.items()} == SMALL
    # Scaled by the training part alone: another affine map of the same signals.
    arrays = made_arrays(data)
    mean, deviation = arrays["x_train"].mean(), arrays["x_train"].std()
    for part in PARTS:
        examples = dataset.part(part)
        assert isinstance(examples, MemoryExamples)
        expected = np.sort(((arrays[f"x_{part}"] - mean) / deviation).ravel())
        assert np.allclose(np.sort(examples.inputs.numpy().ravel()), expected, atol=1e-5)
    assert check_source(data, "data") is None and not is_changed(data, "data")

    changed = {**arrays, "y_test": (arrays["y_test"] + 1) % 10}
    np.savez(place.arrays, **changed)
    with pytest.raises(ChangedDataError, match="y_test: sha256 was"):
        load_dataset(data)
    assert is_changed(data, "data")
    with pytest.raises(ChangedDataError, match=r"arrays\.npz has other contents"):
        check_source(data, "data")
    place.arrays.unlink()
    with pytest.raises(MissingDataError, match=r"arrays\.npz is gone; make it again"):
        load_dataset(data)
    # Made again, it is what it was.
    assert "is up to date and is kept" in run("fetch", "--data", "signals")
    load_dataset(data)


def test_targets_of_a_regression_are_scaled_by_the_training_part(configured: Path) -> None:
    run("fetch", "--data", "numbers")
    data = made("extrapolation")
    dataset = load_dataset(data)
    assert dataset.shape == data_shape(data) and dataset.units is not None
    train, test = (dataset.part(part).targets for part in ("train", "test"))
    assert np.isclose(train.mean(), 0, atol=1e-6) and np.isclose(train.std(correction=0), 1)
    assert test.std() > 1.5
