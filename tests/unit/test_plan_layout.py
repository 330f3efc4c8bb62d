"""Where everything lies: literal paths, which others rely on."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from actsearch.plan import layout

SLOTS = range(9, 11)
PATHS: dict[str, tuple[tuple[Any, ...], str | list[str]]] = {
    "functions": (("deep",), "results/spaces/deep/functions.parquet"),
    "outputs": (("deep",), "results/spaces/deep/outputs.npy"),
    "costs": (("deep",), "results/spaces/deep/costs.parquet"),
    "trials_folder": (("digits-cnn",), "results/digits-cnn/trials"),
    "trial": (("digits-cnn", "relu.x"), "results/digits-cnn/trials/relu.x.json"),
    "table": (("digits-cnn",), "results/digits-cnn/benchmark.parquet"),
    "exported_table": (("digits-cnn",), "results/digits-cnn/benchmark.json"),
    "imported_file": (("digits-cnn",), "results/digits-cnn/act_bench.parquet"),
    "fim_part": (("digits-cnn", "", 12), "results/digits-cnn/fim/part-12.npz"),
    "published_features": (("digits-cnn",), "results/digits-cnn/fim/published.npz"),
    "map_file": (("digits-cnn",), "results/digits-cnn/map.parquet"),
    "surrogate": (("digits-cnn",), "results/digits-cnn/surrogate.parquet"),
    "predictions": (("digits-cnn",), "results/digits-cnn/surrogate_predictions.parquet"),
    "characterisation": (("digits-cnn",), "results/digits-cnn/characterisation.parquet"),
    "priors": (("digits-cnn", "search/"), "results/digits-cnn/search/priors.parquet"),
    "simulation": (("digits-cnn", "random"), "results/digits-cnn/simulation/random.parquet"),
    "screened_functions": (("digits-cnn",), "results/digits-cnn/search/functions.parquet"),
    "screened_outputs": (("digits-cnn",), "results/digits-cnn/search/outputs.npy"),
    "screen": (("digits-cnn",), "results/digits-cnn/search/screen.json"),
    "search_folder": (("digits-cnn", "random"), "results/digits-cnn/search/random"),
    "proposals": (
        ("digits-cnn", "random", 3),
        "results/digits-cnn/search/random/round-3/proposals.csv",
    ),
    "search_trials": (
        ("digits-cnn", "random", 3, SLOTS),
        [
            "results/digits-cnn/search/random/round-3/09.json",
            "results/digits-cnn/search/random/round-3/10.json",
        ],
    ),
    "history": (("digits-cnn", "random"), "results/digits-cnn/search/random/history.parquet"),
    "candidates": (("digits-cnn",), "results/digits-cnn/final/candidates.csv"),
    "final_trials": (
        ("digits-cnn", SLOTS),
        ["results/digits-cnn/final/09.json", "results/digits-cnn/final/10.json"],
    ),
    "final_costs": (("digits-cnn",), "results/digits-cnn/final/costs.csv"),
    "stage_candidates": (
        ("digits-cnn", 1),
        "results/digits-cnn/final/stage-1/candidates.csv",
    ),
    "stage_trials": (
        ("digits-cnn", 1, SLOTS),
        [
            "results/digits-cnn/final/stage-1/09.json",
            "results/digits-cnn/final/stage-1/10.json",
        ],
    ),
    "stage_ranking": (("digits-cnn", 1), "results/digits-cnn/final/stage-1/ranking.csv"),
    "final": (("digits-cnn",), "results/digits-cnn/final.json"),
    "final_activation": (("digits-cnn",), "results/digits-cnn/final_activation.py"),
    "act_bench_folder": (("data",), "data/act-bench"),
    "public_table": (("data", "cnn"), "data/act-bench/act-bench-cnn.json"),
    "public_checksum": (("data", "cnn"), "data/act-bench/act-bench-cnn.sha256.json"),
}
# Arguments that are no part of a path, but numbers that are written out.
NUMBERS = dict.fromkeys(("search_trials", "final_trials", "stage_trials"), ("slots",))


@pytest.mark.parametrize("name", PATHS)
def test_the_path_of_an_example(name: str) -> None:
    arguments, expected = PATHS[name]
    assert getattr(layout, name)(*arguments) == expected


def test_every_function_has_an_example() -> None:
    functions = {
        name
        for name, function in inspect.getmembers(layout, inspect.isfunction)
        if function.__module__ == layout.__name__ and not name.startswith("_")
    }
    assert functions == {*PATHS, "is_result", "tasks_in", "below", "matching"}


def test_what_a_folder_of_results_has(tmp_path: Path) -> None:
    results = tmp_path / "copied"
    assert layout.tasks_in(results) == []
    for name in ("b/benchmark.parquet", "a/trials/relu.x.json", "spaces/deep/functions.parquet"):
        path = layout.below(results, f"results/{name}")
        assert path == results / name
        path.parent.mkdir(parents=True)
        path.touch()
    (results / ".hidden/trials").mkdir(parents=True)
    assert layout.tasks_in(results) == ["a", "b"]
    assert layout.matching(results, layout.functions("*")) == [
        results / "spaces/deep/functions.parquet"
    ]


@pytest.mark.parametrize("name", PATHS)
def test_wildcards_are_put_in_as_they_are(name: str) -> None:
    function = getattr(layout, name)
    arguments, expected = PATHS[name]
    names = list(inspect.signature(function).parameters)[: len(arguments)]
    numbers = NUMBERS.get(name, ())
    wildcards = [
        value if argument in numbers else f"{{{argument}}}"
        for argument, value in zip(names, arguments, strict=True)
    ]
    values = {
        argument: value
        for argument, value in zip(names, arguments, strict=True)
        if argument not in numbers
    }
    found = function(*wildcards)
    if isinstance(expected, list):
        assert [path.format(**values) for path in found] == expected
    else:
        assert found.format(**values) == expected


def test_features_of_a_search_space_stand_in_its_scope() -> None:
    scope = layout.SEARCH_SCOPE
    assert layout.map_file("digits-cnn", scope) == "results/digits-cnn/search/map.parquet"
    assert layout.fim_part("digits-cnn", scope, 0) == "results/digits-cnn/search/fim/part-0.npz"


def test_files_of_the_whole_experiment() -> None:
    assert layout.REPORT == "results/report.html"
    assert layout.CRATE == "results/ro-crate-metadata.json"
    assert layout.AUDIT == "results/audit.json"
    assert layout.COPIES == "results/workflow"


def test_what_is_counted_is_found_where_it_is_written(tmp_path: Path) -> None:
    """The patterns below a task's folder match what the functions say, and nothing else there."""
    made = {
        layout.TRIALS: [layout.trial("t", "relu.x")],
        layout.SEARCH_TRIALS.format(strategy="s"): [
            *layout.search_trials("t", "s", 0, range(12)),
            *layout.search_trials("t", "s", 12, range(3)),
        ],
        layout.FINAL_TRIALS: layout.final_trials("t", range(12)),
        f"fim/{layout.FIM_PARTS}": [layout.fim_part("t", "", part) for part in (0, 12)],
        f"search/fim/{layout.FIM_PARTS}": [layout.fim_part("t", layout.SEARCH_SCOPE, 0)],
    }
    others = [
        layout.proposals("t", "s", 0),
        layout.history("t", "s"),
        layout.candidates("t"),
        layout.final_costs("t"),
        layout.final("t"),
        layout.published_features("t"),
    ]
    for path in [*others, *(path for files in made.values() for path in files)]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    for pattern, files in made.items():
        found = Path(tmp_path, "results/t").glob(pattern)
        assert {str(path.relative_to(tmp_path)) for path in found} == set(files), pattern


@pytest.mark.parametrize(
    "path, expected",
    [
        ("results/report.html", True),
        ("results/t/fim/part-0.npz", True),
        ("data/CIFAR100/manifest.json", False),
        ("logs/t/results/a.log", False),
        ("results-old/report.html", False),
        ("/results/report.html", False),
    ],
)
def test_what_lies_under_results(path: str, expected: bool) -> None:
    assert layout.is_result(path) is expected
