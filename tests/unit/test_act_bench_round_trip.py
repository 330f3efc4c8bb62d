"""The Act-Bench format: read, written, kept as a table, and bad files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from act_bench_files import entry, make_entries, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_benchmark import TRIALS

from actsearch.benchmark.act_bench import format
from actsearch.benchmark.act_bench.format import (
    KEYS,
    ActBench,
    ActBenchError,
    read_act_bench,
    to_act_bench,
)
from actsearch.benchmark.table import COLUMNS, build_table
from actsearch.functions.operators import UNARY
from actsearch.functions.spaces import SearchSpace
from actsearch.records.digests import digest_file
from actsearch.records.embedded import input_digest, is_intact, read_provenance
from actsearch.records.formats import content_digest, read_arrow, write_entries, write_table

NAMES = SearchSpace.named("three-node").names()
NUMBER = st.none() | st.floats(width=64)
ENTRY = st.fixed_dictionaries(
    dict.fromkeys(KEYS[:7], NUMBER)
    | {KEYS[7]: st.lists(st.sampled_from(NAMES), max_size=3), KEYS[8]: st.lists(st.floats())}
)
ENTRIES = st.dictionaries(st.sampled_from(NAMES), ENTRY, min_size=1, max_size=4)
QUICK = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def to_table_and_back(path: Path, folder: Path) -> Path:
    """A file of the format made of the table of another."""
    write_table(folder / "table.parquet", read_act_bench(path).to_table(), {"step": "test"})
    bench = ActBench.from_table(read_arrow(folder / "table.parquet"), "table.parquet")
    write_entries(folder / "again.json", bench.entries(), None)
    return folder / "again.json"


@QUICK
@given(ENTRIES)
def test_the_table_loses_nothing(tmp_path: Path, content: dict[str, Any]) -> None:
    content = {name: {key: values[key] for key in KEYS} for name, values in content.items()}
    again = to_table_and_back(write(tmp_path / "file.json", content), tmp_path)
    # As text, so that every digit, NaN and the order of functions count.
    assert json.dumps(json.loads(again.read_text())) == json.dumps(content)


def test_integers_come_back_as_the_same_numbers(tmp_path: Path) -> None:
    content = {"relu(x)": entry(**{"Train Loss": 2, "Fisher log eigenvalue CDF": [0, 0.5, 1]})}
    again = to_table_and_back(write(tmp_path / "file.json", content), tmp_path)
    assert json.loads(again.read_text()) == content


@QUICK
@given(st.data())
def test_what_is_exported_is_read_again(tmp_path: Path, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    number = st.floats(0, 1) | st.just(math.nan)
    table = pd.DataFrame(
        [dict.fromkeys(COLUMNS, math.nan) | {"name": name} for name in names]
    ).assign(**{column: [data.draw(number) for _ in names] for column in COLUMNS[5:11]})
    cdfs = {name: np.array(data.draw(st.lists(number, max_size=4))) for name in names[1:]}
    runtimes = {name: data.draw(st.floats(0, 1e9)) for name in names}
    bench = to_act_bench(table, runtimes, {names[0]: NAMES[:3]}, cdfs)
    for provenance in (None, {"step": "export"}):
        path = tmp_path / "export.json"
        write_entries(path, bench.entries(), provenance)
        assert list(read_act_bench(path).entries()) == list(bench.entries())


def test_an_export_has_exactly_the_public_keys() -> None:
    bench = to_act_bench(
        build_table(TRIALS),
        {"tanh(x)": 1.5, "relu(x)": 2, "exp(x)": 0.1},
        {"tanh(x)": ["tanh(x)", "neg(tanh(neg(x)))", "identity(tanh(x))", "tanh(x)"] * 2},
        {"tanh(x)": np.array([0.0, 0.5, 1.0]), "exp(x)": np.array([np.nan, 1.0])},
    )
    public = dict(bench.entries())
    assert list(public) == ["exp(x)", "relu(x)", "tanh(x)"]
    for values in public.values():
        assert set(values) == {
            "Train Accuracy",
            "Validation Accuracy",
            "Test Accuracy",
            "Train Loss",
            "Validation Loss",
            "Test Loss",
            "Runtime (s)",
            "Equivalent Activation Functions",
            "Fisher log eigenvalue CDF",
        }
    tanh = public["tanh(x)"]
    assert tanh["Train Accuracy"] == tanh["Validation Accuracy"] == pytest.approx(0.85)
    assert tanh["Runtime (s)"] == 1.5
    # The other names of its class, each once, in the order given.
    others = ["neg(tanh(neg(x)))", "identity(tanh(x))"]
    assert tanh["Equivalent Activation Functions"] == others
    assert public["relu(x)"]["Equivalent Activation Functions"] == []
    assert tanh["Fisher log eigenvalue CDF"] == [0.0, 0.5, 1.0]
    assert tanh["Test Accuracy"] is None
    assert public["exp(x)"]["Validation Loss"] is None
    assert public["exp(x)"]["Fisher log eigenvalue CDF"] == []
    assert public["relu(x)"]["Fisher log eigenvalue CDF"] == []
    assert json.loads(json.dumps(public, allow_nan=False)) == public


def test_with_provenance_it_is_json_for_any_reader(tmp_path: Path) -> None:
    content = make_entries(["relu(x)", "exp(x)"])
    content["exp(x)"]["Train Loss"] = math.nan
    content["exp(x)"]["Fisher log eigenvalue CDF"][3] = math.inf
    path = tmp_path / "export.json"
    bench = read_act_bench(write(tmp_path / "file.json", content))
    write_entries(path, bench.entries(finite=True), {"step": "export-imported"})
    text = path.read_text()
    assert "NaN" not in text and "Infinity" not in text
    block = read_provenance(path)
    assert is_intact(path, block) and block["content_digest"] == content_digest(path)
    clean = read_act_bench(path)
    assert clean.numbers["train_loss"][1] is None and len(clean.cdfs[1]) == 0
    assert len(text.splitlines()) == 2 + 3
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_entries(path, bench.entries(), {"step": "export-imported"})
    assert path.read_text() == text


def test_a_file_of_others_is_digested_to_the_byte(tmp_path: Path) -> None:
    path = write(tmp_path / "file.json", make_entries(["relu(x)"]))
    assert input_digest(path) == digest_file(path)
    path.write_text(path.read_text() + "\n")
    assert input_digest(path) == digest_file(path)


Change = Callable[[dict[str, Any]], Any]
BAD: dict[str, tuple[Change, str]] = {
    "missing key": (lambda e: e.pop("Test Loss"), "key 'Test Loss' is missing"),
    "unknown key": (lambda e: e.update(Seeds=[1]), "unknown key 'Seeds'; the keys are Train Acc"),
    "text for a number": (
        lambda e: e.update({"Train Loss": "0.5"}),
        "'Train Loss' must be a number or null, got a string",
    ),
    "truth for a number": (
        lambda e: e.update({"Test Accuracy": True}),
        "'Test Accuracy' must be a number or null, got true or false",
    ),
    "beyond numbers": (lambda e: e.update({"Runtime (s)": 10**400}), "'Runtime (s)': an integer"),
    "null for a spectrum": (
        lambda e: e.update({KEYS[8]: None}),
        "'Fisher log eigenvalue CDF' must be a list of numbers, got null",
    ),
    "null in a spectrum": (
        lambda e: e.update({KEYS[8]: [0.5, None]}),
        "'Fisher log eigenvalue CDF' must be a list of numbers, got one with null",
    ),
    "names as one text": (
        lambda e: e.update({KEYS[7]: "tanh(x)"}),
        "'Equivalent Activation Functions' must be a list of names, got a string",
    ),
    "equivalent that is no name": (
        lambda e: e.update({KEYS[7]: ["tanh(x)", "tahn(x)"]}),
        "'Equivalent Activation Functions': unknown operator 'tahn' (did you mean 'tanh'?)",
    ),
    "equivalent that is no text": (
        lambda e: e.update({KEYS[7]: [3]}),
        "'Equivalent Activation Functions': a function must be a string, got int",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_entry_is_one_message(case: str, tmp_path: Path) -> None:
    change, expected = BAD[case]
    content = make_entries(["relu(x)", "exp(x)"])
    change(content["exp(x)"])
    path = write(tmp_path / "file.json", content)
    with pytest.raises(ActBenchError) as error:
        read_act_bench(path)
    assert str(error.value).startswith(f"{path}: function 'exp(x)': {expected}")


@pytest.mark.parametrize(
    "text, expected",
    [
        ('{"relu(x)": {"Train Acc', "cut short or not JSON (Unterminated string"),
        ("\xff", "cut short or not JSON"),
        ("[" * 200_000, "cut short or not JSON (maximum recursion"),
        ("[]", "holds no JSON object, but a list"),
        ("{}", "holds no function"),
        ('{"relu(x)": 3}', "function 'relu(x)': expected an object with its numbers, got a number"),
        ('{"rleu(x)": {}}', "function 'rleu(x)': unknown operator 'rleu'"),
        ('{"relu(x)": {"Seeds": 1}}', "function 'relu(x)': key 'Train Accuracy' is missing"),
    ],
)
def test_a_bad_file_is_one_message(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ActBenchError) as error:
        read_act_bench(path)
    assert str(error.value).startswith(f"{path}: {expected}")


def test_a_file_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{name}(x)" for name in UNARY[:6]]
    path = write(tmp_path / "a.json", {names[0]: entry(Equivalent_Activation_Functions=names[1:])})
    monkeypatch.setattr(format, "MOST_NAMES", 6)
    assert len(read_act_bench(path)) == 1
    monkeypatch.setattr(format, "MOST_NAMES", 5)
    expected = "more than 5 functions and equivalents; so many are allowed"
    with pytest.raises(ActBenchError, match=expected):
        read_act_bench(path)
    with pytest.raises(ActBenchError, match=expected):
        read_act_bench(write(path, {name: entry() for name in names}))
    monkeypatch.setattr(format, "MOST_BYTES", 100)
    with pytest.raises(ActBenchError, match="more than 100 bytes; so many are allowed"):
        read_act_bench(path)


def test_long_names_are_cut_in_messages(tmp_path: Path) -> None:
    long = "abs(" * 600_000 + "x" + ")" * 600_000
    for content in ({long: entry()}, {"abs(x)": entry(Equivalent_Activation_Functions=[long])}):
        with pytest.raises(ActBenchError, match=r"more than 10,000 operators and x's") as error:
            read_act_bench(write(tmp_path / "a.json", content))
        assert len(str(error.value)) < 500
    with pytest.raises(ActBenchError, match="unknown key") as error:
        read_act_bench(write(tmp_path / "a.json", {"abs(x)": entry() | {"k" * 10**6: 1}}))
    assert len(str(error.value)) < 500


def test_what_stands_twice_is_refused(tmp_path: Path) -> None:
    one = json.dumps(entry())
    path = tmp_path / "file.json"
    path.write_text(f'{{"relu(x)": {one}, "exp(x)": {one}, "relu(x)": {one}}}')
    with pytest.raises(ActBenchError, match=r"function 'relu\(x\)' is there twice"):
        read_act_bench(path)
    path.write_text(f'{{"exp(x)": {one[:-1]}, "Test Loss": 2}}}}')
    with pytest.raises(ActBenchError, match=r"'exp\(x\)': key 'Test Loss' is there twice"):
        read_act_bench(path)


def test_no_file_and_another_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ActBenchError, match=r"none.json: cannot be read \(No such file"):
        read_act_bench(tmp_path / "none.json")
    write_table(tmp_path / "t.parquet", pd.DataFrame({"name": ["relu(x)"]}), {"step": "test"})
    with pytest.raises(ActBenchError, match="columns are missing: train_score, "):
        ActBench.from_table(read_arrow(tmp_path / "t.parquet"), "t.parquet")
