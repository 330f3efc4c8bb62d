"""Functions looked up in an Act-Bench file under other names, and tables made of it."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
from act_bench_files import entry, make_entries, write

from actsearch import load_benchmark
from actsearch.benchmark.act_bench.check import check_file
from actsearch.benchmark.act_bench.format import ActBench, ActBenchError, read_act_bench
from actsearch.benchmark.act_bench.matching import (
    imported_table,
    match,
    published_features,
    require_functions,
)
from actsearch.benchmark.table import COLUMNS, seed_reliability
from actsearch.config import Space
from actsearch.functions.baselines import BASELINES
from actsearch.functions.enumeration import enumerate_space
from actsearch.functions.listing import float32_classes
from actsearch.functions.selection import select
from actsearch.functions.spaces import SearchSpace
from actsearch.records.formats import write_table


def bench_of(entries: dict, folder: Path) -> ActBench:
    return read_act_bench(write(folder / "file.json", entries))


def test_every_function_of_the_space_is_found_in_a_file_of_float32_classes() -> None:
    """The oracle: classes of the enumerated space."""
    unary = ("zero", "one", "relu", "abs", "tanh", "sigmoid", "exp", "expm1", "erf", "erfc")
    schemas = ("binary(unary(x),unary(x))",)
    space = SearchSpace(schemas, unary=unary)
    names = space.names()
    groups: dict[int, list[str]] = {}
    for name, number in zip(names, float32_classes(space), strict=True):
        groups.setdefault(number, []).insert(0, name)  # the last name stands for the class
    firsts = [group[0] for group in groups.values()]
    empty = [np.empty(0)] * len(firsts)
    bench = ActBench("made", firsts, {}, [group[1:] for group in groups.values()], empty)
    wanted = [function.name for function in select(Space(schemas=schemas, unary=unary))]
    assert len(bench) > len(wanted)
    listed = enumerate_space(space)
    class_of = dict(zip(listed.names, listed.class_of.tolist(), strict=True))
    for name, rows in zip(wanted, match(wanted, bench), strict=True):
        own = [row for row, first in enumerate(firsts) if class_of[first] == class_of[name]]
        listing = [
            row
            for row, others in enumerate(bench.equivalents)
            if any(class_of[other] == class_of[name] for other in others)
        ]
        assert rows == (own or listing)
        assert rows


def test_work_grows_linearly_with_the_entries_of_one_class() -> None:
    alike = [f"abs({'identity(' * n}x{')' * n})" for n in range(10)]

    def seconds(n: int) -> float:
        bench = ActBench("made", ["exp(x)"] * n, {}, [alike] * n, [np.empty(0)] * n)
        start = time.process_time()
        assert match(["abs(x)"], bench) == [list(range(n))]
        return time.process_time() - start

    small = min(seconds(1_000) for _ in range(5))
    assert seconds(10_000) < 10 * 4 * small  # quadratic work would take 100 times as long


ENTRIES = {
    "tanh(identity(x))": entry(0.8, [0.1, 1.0]),  # not canonical for us, the same function
    "negative(negative(x))": entry(0.5, [0.2, 1.0]),
    "max(relu(x),zero(x))": entry(0.7, Train_Loss=math.nan),
    "add(relu(x),zero(x))": entry(0.9, [0.5, math.nan]),
    "sub(relu(x),zero(x))": entry(0.6, [0.4, 1.0], Test_Accuracy=None),
    "exp(x)": entry(0.1, Train_Loss=math.nan, Validation_Loss=math.inf),
    "elu(x)": entry(0.75, [0.3, 1.0], Equivalent_Activation_Functions=["selu(x)"]),
    "abs(x)": entry(0.3, Validation_Accuracy=None),
}


def test_several_entries_become_one_row(tmp_path: Path) -> None:
    table = imported_table(
        ["relu(x)", "tanh(x)", "exp(x)", "x", "abs(x)"], bench_of(ENTRIES, tmp_path)
    )
    assert tuple(table.columns) == COLUMNS
    assert list(table["name"]) == ["exp(x)", "relu(x)", "tanh(x)", "x"]  # abs was not measured
    rows = table.set_index("name")
    assert rows["slug"].to_dict()["relu(x)"] == "relu.x"
    assert rows["validation_score"].to_dict() == pytest.approx(
        {"exp(x)": 0.1, "relu(x)": 0.7, "tanh(x)": 0.8, "x": 0.5}
    )
    relu = rows.loc["relu(x)"]
    assert relu["test_score"] == pytest.approx((0.69 + 0.89) / 2)
    assert relu["train_loss"] == pytest.approx((0.1 + 0.4) / 2)
    statuses = {"exp(x)": "diverged", "relu(x)": "partial", "tanh(x)": "completed"}
    assert rows["status"].to_dict() == statuses | {"x": "completed"}
    assert math.isnan(rows["validation_loss"]["exp(x)"])
    assert not rows["n_runs"].any() and not rows["n_diverged"].any()


def test_an_entry_stands_for_what_it_lists_only_where_nothing_else_does(tmp_path: Path) -> None:
    bench = bench_of(ENTRIES, tmp_path)
    assert match(["selu(x)", "relu(x)"], bench) == [[6], [2, 3, 4]]
    bench = bench_of(ENTRIES | {"selu(x)": entry(0.2)}, tmp_path)
    assert match(["selu(x)"], bench) == [[8]]


def test_a_table_on_disk_is_one_of_ours(tmp_path: Path) -> None:
    table = imported_table(["relu(x)", "tanh(x)"], bench_of(ENTRIES, tmp_path))
    write_table(tmp_path / "t.parquet", table, {"step": "test"})
    again = load_benchmark(tmp_path / "t.parquet")
    assert again["run_validation_scores"].to_list() == [[], []]
    figures = seed_reliability(again)
    assert figures["n_seeds"] == 0
    assert figures["spearman"] is figures["seed_std"] is None


def test_features_are_the_first_that_are_finite(tmp_path: Path) -> None:
    bench = bench_of(ENTRIES, tmp_path)
    features = published_features(["relu(x)", "exp(x)", "selu(x)"], bench)
    assert features[0].tolist() == [0.4, 1.0]
    assert np.isnan(features[1]).all()
    assert features[2].tolist() == [0.3, 1.0]


def test_features_of_several_lengths_are_refused(tmp_path: Path) -> None:
    entries = make_entries(["relu(x)", "exp(x)"]) | make_entries(["tanh(x)"], bins=19)
    with pytest.raises(
        ActBenchError, match=r"'relu\(x\)' has a Fisher CDF of 20 numbers, 'tanh\(x\)' one of 19"
    ):
        published_features(["relu(x)"], bench_of(entries, tmp_path))
    with pytest.raises(ActBenchError, match="no function has a Fisher CDF"):
        published_features(["relu(x)"], bench_of({"relu(x)": entry()}, tmp_path))


def test_functions_that_are_lacking_are_named(tmp_path: Path) -> None:
    bench = bench_of(ENTRIES, tmp_path)
    with pytest.raises(ActBenchError, match=r"file.json lacks 'cosh\(x\)' of the 2 functions"):
        imported_table(["relu(x)", "cosh(x)"], bench)
    with pytest.raises(ActBenchError, match=r"lacks 'mish\(x\)' and 1 more of the 3 functions"):
        require_functions(["mish(x)", "relu(x)", "gelu(x)"], bench.names, "the table")


@pytest.mark.parametrize("accuracy", [81.5, -0.1])
def test_an_accuracy_that_is_no_share_is_refused(accuracy: float, tmp_path: Path) -> None:
    bench = bench_of({"relu(x)": entry(Test_Accuracy=accuracy)}, tmp_path)
    with pytest.raises(ActBenchError, match=rf"'relu\(x\)': test accuracy {accuracy} is no share"):
        imported_table(["relu(x)"], bench)


def test_a_table_without_accuracies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ActBenchError, match="no function of the space has a validation accuracy"):
        imported_table(["abs(x)"], bench_of(ENTRIES, tmp_path))


def test_a_good_file_is_not_read_again_until_it_changes(tmp_path: Path) -> None:
    path = write(tmp_path / "file.json", make_entries(["relu(x)", "exp(x)"]))
    options = {"published": True, "memory": tmp_path / "memory"}
    check_file(path, ["relu.x"], **options)
    assert len(list((tmp_path / "memory").iterdir())) == 1
    with pytest.raises(ActBenchError, match=r"lacks 'tanh\(x\)'"):
        check_file(path, ["relu.x", "tanh.x"], **options)
    path.write_text(path.read_text()[:-9])
    with pytest.raises(ActBenchError, match="cut short"):
        check_file(path, ["relu.x"], **options)


def test_what_the_public_tables_hold_is_known_before_they_are_fetched(tmp_path: Path) -> None:
    path = tmp_path / "act-bench-cnn.json"
    slugs = [name.replace("(", ".").replace(")", "") for name in BASELINES]
    with pytest.raises(ActBenchError, match=r"act-bench-cnn lacks 'mish\(x\)' of the 9 functions"):
        check_file(path, [*slugs, "mish.x"], published=True, memory=tmp_path)
