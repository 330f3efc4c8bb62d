"""Results read from Python: by the names of tasks and spaces, with clear errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from result_folders import SCORES, TEST_SCORES, TEST_SEEDS, make_results, trial
from scipy import stats
from small_experiment import SMALL

import actsearch
from actsearch import Experiment, load_benchmark, load_features, load_runs, parse
from actsearch.cli.look.compare import _conclusion
from actsearch.config import ConfigError
from actsearch.reading.comparison import compare
from actsearch.reading.errors import ResultsError
from actsearch.reading.explaining import explain
from actsearch.reading.finding import experiments, find_task
from actsearch.reading.measurements import measurements
from actsearch.search.history import build_history
from actsearch.search.paired import paired_difference, smallest_p


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_results(tmp_path_factory.mktemp("experiment"))


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)


def test_tasks_and_spaces_by_name(results: Path) -> None:
    experiment = Experiment(results)
    assert list(experiment) == experiment.tasks == ["digits"]
    assert "digits" in experiment and "spaces" not in experiment and len(experiment) == 1
    assert list(experiment.spaces) == ["small"]
    # The folder of the experiment will do.
    assert Experiment(results.parent).folder == results
    assert actsearch.Experiment is Experiment


def test_what_was_made_of_a_task(results: Path) -> None:
    task = Experiment(results)["digits"]
    pd.testing.assert_frame_equal(task.table, load_benchmark(results / "digits"))
    runs = task.runs.set_index(["name", "seed"])["validation_score"]
    assert len(runs) == 3 * len(SCORES) + 3
    assert runs["sin(x)"].tolist() == SCORES["sin(x)"]
    assert task.map["name"].tolist() == list(SCORES)
    assert task.strategies == ["random"]
    assert task.history()["name"].tolist() == task.history("random")["name"].tolist() == ["elu(x)"]
    assert task.final["seeds"] == TEST_SEEDS
    assert task.chosen == "mul(x,sigmoid(x))"
    assert task.scores["name"].tolist() == [*task.table["name"], "elu(x)"]
    assert task.scores["source"].tolist() == ["table"] * len(SCORES) + ["search random"]
    x = torch.linspace(-2, 2, 9)
    torch.testing.assert_close(task.activation()(x), torch.nn.functional.silu(x))


def test_what_searches_and_screens_leave(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    task = Experiment(results)["digits"]
    folder = results / "digits"
    assert task.simulated == []
    with pytest.raises(ResultsError, match="no replayed search 'random'; there are none yet"):
        task.simulation("random")
    with pytest.raises(ResultsError, match="digits: it has no search"):
        task.proposals()
    with pytest.raises(ResultsError, match=r"cores all results/strategies\.parquet"):
        _ = task.experiment.strategies
    names = {
        "simulation/gp-ei.parquet": lambda: task.simulation("gp-ei"),
        "surrogate_predictions.parquet": lambda: task.predictions,
        "characterisation.parquet": lambda: task.characterisation,
        "search/functions.parquet": lambda: task.screened,
    }
    for number, (name, read) in enumerate(names.items()):
        (folder / name).parent.mkdir(exist_ok=True)
        pd.DataFrame({"n": [number]}).to_parquet(folder / name)
        assert read()["n"].tolist() == [number]
    assert task.simulated == ["gp-ei"]
    (folder / "search/screen.json").write_text('{"evaluated": 5}')
    assert task.screen == {"evaluated": 5}
    for number in (2, 10):
        place = folder / f"search/random/round-{number}"
        place.mkdir()
        (place / "proposals.csv").write_text(f"# a record\nslot,name,round\n0,sin(x),{number}\n")
    assert task.proposals()["round"].tolist() == [2, 10]
    (folder / "benchmark.parquet").unlink()
    for strategy in ("random", "ucb"):  # both trained the same function
        (folder / "search" / strategy).mkdir(exist_ok=True)
        found = build_history(
            [trial("elu(x)", [0.6, 0.7]) | {"round": 0, "slot": 0, "prediction": None}]
        )
        found.to_parquet(folder / f"search/{strategy}/history.parquet")
    assert Experiment(results)["digits"].scores["name"].tolist() == ["elu(x)"]
    with pytest.raises(ResultsError, match=r"'ranom' \(did you mean 'random'\?\)"):
        task.proposals("ranom")


def test_what_was_made_of_a_space(results: Path) -> None:
    space = Experiment(results).spaces["small"]
    assert space.selected == list(SCORES)
    np.testing.assert_array_equal(
        space.outputs[1], np.tanh(actsearch.functions.equivalence.normal_samples())
    )
    assert space.equals(parse("swish(x)")) == ["mul(x,sigmoid(x))"]
    assert space.equals(parse("mul(x,sigmoid(x))")) == ["mul(x,sigmoid(x))", "swish(x)"]
    # One that the space does not list, told by its values.
    assert space.equals(parse("max(zero(x),x)")) == ["relu(x)", "max(x,zero(x))"]
    assert space.equals(parse("sinh(x)")) == []


def test_what_is_not_there_is_named(results: Path, tmp_path: Path) -> None:
    experiment = Experiment(results)
    with pytest.raises(ResultsError, match=r"'digit' \(did you mean 'digits'\?\); there are: dig"):
        experiment["digit"]
    made = "does not exist yet; it is made by: snakemake --cores all results/digits/surrogate.par"
    with pytest.raises(ResultsError, match=made):
        _ = experiment["digits"].surrogate
    with pytest.raises(ResultsError, match=r"no search 'ranom' \(did you mean 'random'\?\)"):
        experiment["digits"].history("ranom")
    with pytest.raises(ResultsError, match=r"no listed space 'smal' \(did you mean 'small'\?\)"):
        experiment.spaces["smal"]
    with pytest.raises(ResultsError, match=r"results/spaces/small/costs\.parquet$"):
        _ = experiment.spaces["small"].costs
    with pytest.raises(ResultsError, match=r"no such folder with results.*Experiment\.shipped"):
        Experiment(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"config\.yaml: there is no configuration; give one"):
        _ = experiment.config


def test_the_configuration_says_what_baselines_are(results: Path, tmp_path: Path) -> None:
    assert "gelu(x)" in Experiment(results).baselines
    file = tmp_path / "other.yaml"
    file.write_text(yaml.safe_dump(SMALL | {"baselines": "paper"}))
    assert len(Experiment(results, file).baselines) == 8
    assert "gelu(x)" not in Experiment(results, file).baselines


def test_tables_that_ship() -> None:
    experiment = Experiment.shipped()
    task = experiment["mnist1d-mlp"]
    pd.testing.assert_frame_equal(task.table, load_benchmark("mnist1d-mlp"))
    pd.testing.assert_frame_equal(task.runs, load_runs("mnist1d-mlp"))
    assert task.strategies == []
    with pytest.raises(ResultsError, match=r"mnist1d-mlp: final\.json does not ship"):
        task.activation()
    with pytest.raises(ResultsError, match="mnist1d-mlp: it has no search"):
        task.history()
    with pytest.raises(ResultsError, match=r"strategies\.parquet does not ship"):
        _ = experiment.strategies
    with pytest.raises(ResultsError, match="which ships: costs do not ship; what does: functions"):
        _ = next(iter(experiment.spaces.values())).costs
    # By values: that name is not in the space.
    assert "mul(abs(x),abs(x))" in experiment.spaces["three-node"].equals(parse("mul(x,x)"))


@pytest.mark.slow
def test_features_of_what_ships() -> None:
    found, expected = Experiment.shipped()["mnist1d-mlp"].features, load_features("mnist1d-mlp")
    assert found.names == expected.names
    np.testing.assert_array_equal(found.fisher, expected.fisher)


def test_results_here_go_before_what_ships(results: Path, tmp_path: Path) -> None:
    assert [e.folder.name for e in experiments(results)] == ["results", "act-bench-small"]
    assert find_task("digits", results).place == str(results / "digits")
    assert find_task("mnist1d-mlp").place == "mnist1d-mlp, which ships"
    assert find_task("mnist1d-mlp", results, only_shipped=True).is_shipped
    with pytest.raises(ResultsError, match=r"'mnist1d-mlp'; in .*ship \(--shipped\)"):
        find_task("mnist1d-mlp", results)
    with pytest.raises(ResultsError, match="no such folder"):
        find_task("mnist1d-mlp", tmp_path / "none")
    with pytest.raises(
        ResultsError, match=r"no table that ships of a task 'digits'.*ship: .*mnist1d-mlp"
    ):
        find_task("digits", results, only_shipped=True)
    with pytest.raises(ResultsError, match=r"\(did you mean 'digits'\?\)"):
        find_task("digtis", results)


def test_every_place_with_scores_is_found(results: Path) -> None:
    task = Experiment(results)["digits"]
    table, final = measurements(task, ["relu(x)"])
    assert (table.source, table.part, table.seeds) == ("table", "validation", (0, 1, 2))
    assert table.scores == tuple(SCORES["relu(x)"]) and table.summary == 0.6
    assert table.mean == pytest.approx(0.6) and table.deviation == pytest.approx(0.1)
    assert final.seeds == tuple(TEST_SEEDS) and final.scores == tuple(TEST_SCORES["relu(x)"])
    (alone,) = measurements(task, ["cos(x)"])
    assert (alone.source, alone.seeds) == ("trial", (5, 6, 7))
    (search,) = measurements(task, ["elu(x)"])
    assert (search.source, search.seeds) == ("search random", (0, 1))
    assert measurements(task, ["exp(x)"])[0].n_diverged == 3
    assert measurements(task, ["sinh(x)"]) == []
    # Under the name that stands for it.
    assert measurements(task, ["swish(x)", "mul(x,sigmoid(x))"])[0].function == "mul(x,sigmoid(x))"


def test_comparisons_are_paired_over_common_seeds(results: Path) -> None:
    task = Experiment(results)["digits"]
    one, other = (measurements(task, [name]) for name in ("mul(x,sigmoid(x))", "relu(x)"))
    validation, test = compare(one, other)
    expected = paired_difference(SCORES["mul(x,sigmoid(x))"], SCORES["relu(x)"])
    assert (validation.difference, validation.low, validation.high, validation.p) == tuple(
        expected[key] for key in ("mean", "low", "high", "p")
    )
    assert validation.seeds == (0, 1, 2) and validation.paired
    assert validation.verdict == "undecided" and validation.smallest_p == smallest_p(3)
    assert test.seeds == tuple(TEST_SEEDS)
    assert (test.verdict, test.p) == ("higher", 2 / 2**7)
    assert compare(other, one)[1].verdict == "lower"
    # A search has two of the table's three seeds.
    (part,) = compare(measurements(task, ["elu(x)"]), other)
    assert part.seeds == (0, 1) and part.scores == (0.62, 0.64) and part.other_scores == (0.5, 0.6)


def test_without_common_seeds_nothing_is_paired(results: Path) -> None:
    task = Experiment(results)["digits"]
    (found,) = compare(measurements(task, ["cos(x)"]), measurements(task, ["tanh(x)"]))
    assert not found.paired and found.seeds is None
    welch = stats.ttest_ind([0.2, 0.3, 0.25], SCORES["tanh(x)"], equal_var=False)
    assert found.p == pytest.approx(welch.pvalue)
    assert found.low == pytest.approx(welch.confidence_interval().low)
    assert found.verdict == "lower"
    one, other = measurements(task, ["cos(x)"]), measurements(task, ["tanh(x)"])
    failed = [replace(m, scores=(0.1, 0.1, 0.1)) for m in (*one, *other)]
    (found,) = compare(failed[:1], failed[1:])
    assert found.p is None and not found.too_few and found.verdict == "undecided"
    assert "all seeds of each have the same score" in _conclusion(found)
    (found,) = compare([replace(one[0], scores=(0.2,), seeds=(77,))], other)
    assert found.too_few and "too few seeds for an interval" in _conclusion(found)
    assert compare(measurements(task, ["elu(x)"]), []) == []


def test_an_explanation_gathers_all(results: Path) -> None:
    found = explain(parse("swish(x)"), [Experiment(results)])
    assert found.equals == {"small": ["mul(x,sigmoid(x))"]}
    assert [(n.measurement.source, n.rank, n.of) for n in found.numbers] == [
        ("table", 1, 7),
        ("last comparison", None, None),
    ]
    distances = {d.baseline: d for d in found.distances}
    assert "swish(x)" not in distances
    # By hand: relu is two functions before it on the map, 3.0 apart each.
    assert distances["relu(x)"].fisher == {"digits": 6.0}
    assert distances["gelu(x)"].fisher == {}
    x = np.arcsinh(actsearch.functions.equivalence.normal_samples())
    relu = np.arcsinh(np.maximum(np.sinh(x), 0))
    swish = np.arcsinh(np.sinh(x) / (1 + np.exp(-np.sinh(x))))
    assert distances["relu(x)"].outputs == pytest.approx(np.sqrt(((relu - swish) ** 2).mean()))
    data = found.as_data()
    assert data["slug"] == "swish.x" and data["numbers"][0]["rank"] == 1


def test_any_function_is_explained_without_results() -> None:
    found = explain(parse("div(sin(x),x)"), [])
    assert found.equals == {} and found.numbers == [] and found.distances == []
    assert found.as_data()["properties"]["at_zero"] is None  # 0 / 0
