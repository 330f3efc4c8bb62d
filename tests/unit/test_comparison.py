"""Where two files differ, and whether that is within a tolerance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actsearch.records.comparison import differences
from actsearch.records.formats import (
    write_array,
    write_arrays,
    write_csv,
    write_html,
    write_json,
    write_python,
    write_svg,
    write_table,
)

TOLERANCE = {"absolute": 0.01, "relative": 0.1}
TABLE = pd.DataFrame({"name": ["a", "b"], "value": [1.0, np.nan], "runs": [[1.0], [2.0, 3.0]]})


def compared(tmp_path: Path, one: Any, two: Any, tolerance: Any = None) -> list[str]:
    """Differences of two JSON files."""
    write_json(tmp_path / "one.json", one, {"step": "test", "made": 1})
    write_json(tmp_path / "two.json", two, {"step": "test", "made": 2})
    return differences(tmp_path / "one.json", tmp_path / "two.json", tolerance)


def test_only_what_a_file_says_is_compared(tmp_path: Path) -> None:
    assert compared(tmp_path, {"a": 1}, {"a": 1}) == []


@pytest.mark.parametrize(
    ("one", "two", "told"),
    [
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b[1]: 2 -> 3"),
        ({"a": 1}, {"b": 1}, "a: is missing"),
        ({"s": "diverged"}, {"s": "completed"}, "s: diverged -> completed"),
        ({"loss": None}, {"loss": 0.5}, "loss: null -> 0.5"),
        ({"a": []}, {"a": {}}, "a: [] -> {}"),
        ({"a": 1}, {"a": 1.0}, "the order or the type of values differs"),
    ],
)
def test_the_place_of_a_difference_is_told(tmp_path: Path, one: Any, two: Any, told: str) -> None:
    assert compared(tmp_path, one, two)[0] == told


def test_a_tolerance_is_for_numbers_alone(tmp_path: Path) -> None:
    assert compared(tmp_path, {"a": 1.0}, {"a": 1.1}, TOLERANCE) == []
    assert compared(tmp_path, {"a": 1.0}, {"a": 1.12}, TOLERANCE) == ["a: 1.0 -> 1.12"]
    assert compared(tmp_path, {"a": 0.0}, {"a": 0.01}, TOLERANCE) == []
    assert compared(tmp_path, {"a": "1.0"}, {"a": "1.1"}, TOLERANCE) == ["a: 1.0 -> 1.1"]
    assert compared(tmp_path, {"a": None}, {"a": 0.0}, TOLERANCE)
    assert compared(tmp_path, {"a": [1.0]}, {"a": [1.0, 1.0]}, TOLERANCE)


finite = st.floats(-1e6, 1e6)


@given(recorded=finite, again=finite)
def test_the_bound_is_the_declared_one(
    tmp_path_factory: pytest.TempPathFactory, recorded: float, again: float
) -> None:
    told = compared(tmp_path_factory.mktemp("pair"), {"a": recorded}, {"a": again}, TOLERANCE)
    assert (told == []) == (abs(again - recorded) <= 0.01 + 0.1 * abs(recorded))


def test_tables_tell_column_and_row(tmp_path: Path) -> None:
    other = TABLE.assign(value=[1.2, np.nan])
    flat = ["name", "value"]
    for suffix, write, one, two in (
        ("parquet", write_table, TABLE, other),
        ("csv", write_csv, TABLE[flat], other[flat]),
    ):
        paths = [tmp_path / f"{name}.{suffix}" for name in ("one", "two")]
        write(paths[0], one, {})
        write(paths[1], two, {})
        (told,) = differences(*paths)
        assert told == "value: 1 of 2 values, most at [0]: 1.0 -> 1.2"
        assert differences(*paths, {"absolute": 0.3, "relative": 0.0}) == []


def test_arrays_tell_the_largest_difference(tmp_path: Path) -> None:
    one = np.array([[1.0, np.nan], [np.inf, 2.0]])
    two = np.array([[1.5, np.nan], [np.inf, 9.0]])
    npz, npy = ([tmp_path / f"{n}.{kind}" for n in ("one", "two")] for kind in ("npz", "npy"))
    for path, array in zip(npz, (one, two), strict=True):
        write_arrays(path, {"spectra": array, "names": np.array(["a"])}, {"step": "test"})
    for path, array in zip(npy, (one, two), strict=True):
        write_array(path, array, {"step": "test"})
    assert differences(*npz) == ["spectra: 2 of 4 values, most at [1, 1]: 2.0 -> 9.0"]
    assert differences(*npy) == ["array: 2 of 4 values, most at [1, 1]: 2.0 -> 9.0"]
    write_arrays(npz[1], {"spectra": one[:1], "names": np.array(["a"])}, {"step": "test"})
    assert differences(*npz) == ["spectra: shape (2, 2) -> (1, 2)"]


def test_pages_tell_the_line(tmp_path: Path) -> None:
    for kind, write, text in (
        ("html", write_html, "<head>\n</head>\n<p>{}</p>\n"),
        ("svg", write_svg, "<svg>\n\n<g id='{}'/></svg>\n"),
        ("py", write_python, "import torch\n\n{} = torch.pi\n"),
    ):
        paths = [tmp_path / f"{n}.{kind}" for n in ("one", "two")]
        for path in paths:
            write(path, text.format(path.stem), {"made": path.stem})
        (told,) = differences(*paths)
        assert told.startswith("line 3: ") and "one" in told and "two" in told
