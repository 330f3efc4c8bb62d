"""The commands that look at results and take functions out of them."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from commanding import flat, refused, run, said
from result_folders import SCORES, TEST_SCORES, make_results, trial
from small_experiment import SMALL

from actsearch import Experiment
from actsearch.benchmark.table import build_table
from actsearch.cli.app import load_commands
from actsearch.cluster.journal import Journal
from actsearch.functions import operators
from actsearch.functions.expressions import parse
from actsearch.functions.slopes import slope
from actsearch.records.shipped import FOLDER, tables_in
from actsearch.report.function_figure import MOST, FigureError, draw
from actsearch.search.paired import paired_difference

SHIPPED = tables_in(FOLDER)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    load_commands()
    return make_results(tmp_path_factory.mktemp("experiment")).parent


@pytest.fixture(autouse=True)
def folder(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    monkeypatch.setenv("COLUMNS", "160")
    return made


# top


def test_top_orders_by_the_median_with_mean_and_deviation() -> None:
    rows = pd.read_csv(io.StringIO(said("top", "digits", "--format", "csv")))
    runs = pd.DataFrame(SCORES).T
    (found,) = rows.loc[rows["source"] != "table"].to_dict("records")
    assert (found["name"], found["source"], found["rank"]) == ("elu(x)", "search random", 3)
    rows = rows[rows["source"] == "table"]
    runs = runs.assign(median=runs.median(axis=1), failed=[name == "exp(x)" for name in runs.index])
    order = runs.sort_values(["failed", "median"], ascending=[True, False]).index.tolist()
    assert rows["name"].tolist() == order
    assert rows["rank"].tolist() == [1, 2, 4, 5, 6, 7]
    numbers = pd.DataFrame(SCORES).agg(["mean", "std", "median"])
    for column, of in (("mean", "mean"), ("deviation", "std"), ("median", "median")):
        np.testing.assert_allclose(rows[column], numbers.loc[of, order])
    assert rows["seeds"].tolist() == [3] * 6
    marked = rows.loc[rows["baseline"], "name"].tolist()
    assert marked == [name for name in order if name in ("relu(x)", "tanh(x)", "sin(x)")]
    assert rows.set_index("name")["diverged"].to_dict()["exp(x)"] == 3


def test_top_as_json_says_the_same() -> None:
    rows = json.loads(said("top", "digits", "--format", "json", "-n", "2"))
    assert [row["name"] for row in rows] == ["mul(x,sigmoid(x))", "abs(x)"]
    assert rows[0]["slug"] == "mul.x.sigmoid.x" and rows[0]["mean"] == pytest.approx(0.8)
    assert rows[0]["baseline"] is False


def test_top_as_latex() -> None:
    text = said("top", "digits", "--format", "latex", "-n", "4")
    lines = text.splitlines()
    assert lines[0].startswith("% needs")
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert r"1 & $x \cdot \sigma\left(x\right)$ & $80.00$ & $80.00 \pm 10.00$ & 3 \\" in lines
    (relu,) = [line for line in lines if "ReLU" in line]
    assert (
        relu == r"4 & $\operatorname{ReLU}\left(x\right)$\,* & $60.00$ & $60.00 \pm 10.00$ & 3 \\"
    )
    (elu,) = [line for line in lines if "ELU" in line and "ReLU" not in line]
    assert elu.startswith(
        r"3 & $\operatorname{ELU}\left(x\right)$\,*\,+ & $64.00$ & $63.00 \pm 1.41$ & 2"
    )
    assert "median" in lines[1] and "+ what a live search" in lines[3]


def test_top_for_people() -> None:
    text = said("top", "digits", "-n", "2")
    assert "80.00% ± 10.00" in text and "tanh(x)" not in text
    assert "7 functions, 6 of the table and 1 of live searches alone (+)" in flat(text)
    assert "the best of 4 baselines (*), elu(x), has rank 3 of 7" in flat(text)
    assert "tanh(x) *" in said("top", "digits", "-n", "2", "--baselines")
    assert "2,797 functions" in said("top", "mnist1d-mlp", "-n", "1")


def test_a_table_without_single_runs_has_no_mean(tmp_path: Path) -> None:
    table = pd.read_parquet("results/digits/benchmark.parquet")
    table["run_validation_scores"] = [[] for _ in range(len(table))]
    place = tmp_path / "results/digits"
    place.mkdir(parents=True)
    table.to_parquet(place / "benchmark.parquet")
    options = ("--results", str(tmp_path / "results"), "-n", "1")
    (row,) = json.loads(said("top", "digits", *options, "--format", "json"))
    assert (row["mean"], row["deviation"], row["seeds"], row["median"]) == (None, None, 0, 0.8)
    text = said("top", "digits", *options, "--format", "latex")
    assert r"& $80.00$ & -- \\" in text
    assert "median" in text and "standard deviation" not in text
    assert "–" in said("top", "digits", *options)


def of_scores(scores: dict[str, list[float]], folder: Path) -> tuple[str, str]:
    place = folder / "results/digits"
    place.mkdir(parents=True)
    trials = [trial(name, values) for name, values in scores.items()]
    build_table(trials).to_parquet(place / "benchmark.parquet")
    return "--results", str(folder / "results")


def test_equal_scores_share_a_rank_and_are_listed_by_name(tmp_path: Path) -> None:
    scores = {
        "tanh(x)": [0.5, 0.5],
        "abs(x)": [0.5, 0.5],
        "relu(x)": [0.6, 0.6],
        "sin(x)": [0.4, 0.4],
    }
    options = of_scores(scores, tmp_path)
    rows = json.loads(said("top", "digits", *options, "--format", "json", "-n", "3"))
    ranks = [(row["rank"], row["name"]) for row in rows]
    assert ranks == [(1, "relu(x)"), (2, "abs(x)"), (2, "tanh(x)")]
    rows = json.loads(said("top", "digits", *options, "--format", "json"))
    assert rows[-1]["rank"] == 4
    assert "2 of 4" in said("explain", "tanh(x)", *options)


def test_of_one_seed_there_is_no_deviation(tmp_path: Path) -> None:
    options = of_scores({"tanh(x)": [0.5], "abs(x)": [0.4]}, tmp_path)
    text = said("top", "digits", *options, "--format", "latex")
    assert "(1 seed)" in text and "no deviation" in text and "standard" not in text
    assert r"& $50.00$ & 1 \\" in text and r"\pm" not in text
    assert "±" not in said("top", "digits", *options)


def test_top_marks_what_is_not_finite_at_zero(tmp_path: Path) -> None:
    options = of_scores({"div(sin(x),x)": [0.5], "abs(x)": [0.4]}, tmp_path)
    text = said("top", "digits", *options)
    assert "div(sin(x),x) !" in text and "abs(x) !" not in text and "padding" in text
    rows = json.loads(said("top", "digits", *options, "--format", "json"))
    assert [row["finite_at_zero"] for row in rows] == [False, True]
    assert "! what is not finite" in said("top", "digits", *options, "--format", "latex")


def test_top_says_that_a_table_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "a table that ships" in run("top", "mnist1d-mlp", "-n", "1").stderr
    assert run("top", "mnist1d-mlp", "-n", "1", "--shipped").stderr == ""
    assert run("top", "digits", "-n", "1").stderr == ""
    (tmp_path / "results/digits-resnet/trials").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    message = refused("top", "digits-resnet")
    assert "does not exist yet" in message and "--shipped" in message


def test_an_unknown_task_lists_those_that_exist() -> None:
    message = refused("top", "digts")
    assert "no results of a task 'digts' (did you mean 'digits'?)" in message
    assert f"in results: digits; tables that ship: {', '.join(SHIPPED)}" in message


def test_results_that_are_given_are_the_only_ones(tmp_path: Path) -> None:
    message = refused("top", "mnist1d-mlp", "--results", str(tmp_path / "typo"))
    assert "typo: there is no such folder with results" in message
    assert "no results of a task 'mnist1d-mlp'" in refused(
        "top", "mnist1d-mlp", "--results", "results"
    )
    assert "no such folder" in refused("explain", "relu.x", "--results", str(tmp_path / "typo"))
    assert "2,797" in said("top", "mnist1d-mlp", "--results", "results", "--shipped", "-n", "1")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results whose configuration has other baselines, and an operator of its own."""
    monkeypatch.setattr(operators, "_registry", dict(operators._registry))
    monkeypatch.setattr(operators, "_modules", dict(operators._modules))
    results = make_results(tmp_path / "there")
    values = SMALL | {"baselines": ["abs(x)"], "operators": ["look_elsewhere"]}
    (tmp_path / "there/my.yaml").write_text(yaml.safe_dump(values))
    (tmp_path / "there/look_elsewhere.py").write_text(
        "import numpy as np\nfrom actsearch import Operator, register\n"
        "register(Operator('elsewhere', 1, numpy=np.abs, torch='torch.abs'))\n"
    )
    return results


def marked(*options: str) -> list[str]:
    rows = json.loads(said("top", "digits", "--format", "json", *options))
    return [row["name"] for row in rows if row["baseline"]]


def test_the_configuration_is_that_of_the_results(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--results", str(elsewhere))
    assert len(marked(*options)) == 4  # those without any configuration
    (elsewhere.parent / "my.yaml").rename(elsewhere.parent / "config.yaml")
    assert marked(*options) == ["abs(x)"]
    (elsewhere.parent / "config.yaml").rename(elsewhere.parent / "my.yaml")
    Journal(elsewhere.parent, "my.yaml", 1)
    assert marked(*options) == ["abs(x)"]
    assert Experiment(elsewhere).baselines == ("abs(x)",)
    assert "elsewhere(x)" in said("explain", "elsewhere(x)", *options)
    assert "missing.yaml: there is no conf" in refused("top", "digits", "--config", "missing.yaml")


# explain


def test_explain_for_people() -> None:
    text = said("explain", "swish.x")
    for part in (
        "mul(x,sigmoid(x))",  # its equal, under which it was trained
        "in small:",
        "finite on the normal samples; not monotone from -10 to 10; not bounded",
        "80.00% ± 10.00",
        "1 of 7",
        "can be exported",
        "last comparison",
        "trained under the name mul(x,sigmoid(x)), which computes the same",
    ):
        assert part in text, part


def test_explain_any_function_and_for_machines() -> None:
    text = said("explain", "div(sin(x), x)")
    assert "undefined (0 / 0 or the like) at x = 0" in text
    assert "no scores: it was trained on no task" in text
    found = json.loads(said("explain", "relu(x)", "--json"))
    assert found["equals"] == {
        "small": ["max(x,zero(x))"],
        "three-node": found["equals"]["three-node"],
    }
    assert [n["source"] for n in found["numbers"]] == [
        *("table", "last comparison"),
        *("table" for _ in SHIPPED),
    ]
    assert [n["shipped"] for n in found["numbers"]] == [False, False, *(True for _ in SHIPPED)]
    assert found["tree"] == ["relu", "└── x"]


# compare


def test_compare_for_people() -> None:
    text = said("compare", "mul(x,sigmoid(x))", "relu.x", "--task", "digits")
    assert "test accuracy" in text and "validation accuracy" in text
    assert "difference: +20.00 points" in text
    assert "paired over the seeds 0, 1, 2; undecided: with 3 seeds p is 0.25 at least" in text
    assert "the first is better (sign-flip test" in text
    unpaired = said("compare", "cos.x", "tanh.x", "--task", "digits")
    assert "not paired: they have fewer than two seeds in common" in unpaired
    assert "; the second is better (Welch's t-test, level 0.05)" in unpaired


def test_compare_for_machines_is_the_paired_test() -> None:
    (part, test) = json.loads(
        said("compare", "swish.x", "relu(x)", "--task", "digits", "--json")
    )  # swish by its equal
    expected = paired_difference(TEST_SCORES["mul(x,sigmoid(x))"], TEST_SCORES["relu(x)"])
    for key, value in (("difference", "mean"), ("low", "low"), ("high", "high"), ("p", "p")):
        assert test[key] == expected[value]
    assert part["functions"] == ["mul(x,sigmoid(x))", "relu(x)"]


def test_compare_says_what_trains_a_function() -> None:
    message = refused("compare", "relu.x", "sinh(sinh(x))", "--task", "digits")
    assert "sinh(sinh(x)) has no scores in results/digits" in message
    assert message.endswith("snakemake --cores 1 results/digits/trials/sinh.sinh.x.json")


# plot


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
def test_figures_are_the_same_bytes_again(ending: str, tmp_path: Path) -> None:
    files = [tmp_path / name / f"f.{ending}" for name in "ab"]
    for file in files:
        said("plot", "relu.x", "mul(log_sigmoid(x),gelu(x))", "hard_swish.x", "--out", str(file))
    one, other = (file.read_bytes() for file in files)
    assert one == other
    magic = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[ending]
    assert one.startswith(magic)


def test_other_functions_are_another_figure(tmp_path: Path) -> None:
    def svg(*names: str) -> bytes:
        said("plot", *names, "--out", str(tmp_path / "f.svg"))
        return (tmp_path / "f.svg").read_bytes()

    assert svg("relu.x") != svg("tanh.x") != svg("tanh.x", "relu.x")


@pytest.mark.parametrize("name", ["tanh(x)", "mul(x,sigmoid(x))", "bessel_i1e(x)", "elu(x)"])
def test_derivatives_are_those_of_torch(name: str) -> None:
    x = np.linspace(-4, 4, 81) + 0.013
    points = torch.tensor(x, requires_grad=True)
    (expected,) = torch.autograd.grad(parse(name)(points).sum(), points)
    np.testing.assert_allclose(slope(parse(name), x), expected.numpy(), atol=1e-7)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 1e6, 1e12])
def test_derivatives_hold_far_out(size: float) -> None:
    x = np.array([-size, size])
    np.testing.assert_allclose(slope(parse("square(x)"), x), 2 * x, rtol=1e-6)
    np.testing.assert_allclose(slope(parse("arcsinh(x)"), x), 1 / np.hypot(1, x), rtol=1e-4)
    np.testing.assert_allclose(slope(parse("square(x)"), x, 1e-5 * size), 2 * x, rtol=1e-5)


@pytest.mark.parametrize("name", ["reciprocal(x)", "exp(exp(x))", "pow(x,x)", "one(x)"])
def test_poles_and_what_is_undefined_can_be_drawn(name: str) -> None:
    assert len(draw([parse(name)], ".png")) > 5000


@pytest.mark.parametrize("name", ["sinh(x)", "exp(square(x))", "square(square(square(x)))"])
@pytest.mark.parametrize("limits", [(-1e6, 1e6), (-700.0, 700.0), (0.0, 1e-3)])
def test_the_widest_and_the_narrowest_range(name: str, limits: tuple[float, float]) -> None:
    assert len(draw([parse(name)], ".png", limits)) > 5000


def test_drawing_leaves_the_backend_of_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    monkeypatch.setattr(matplotlib, "use", lambda *_: pytest.fail("the backend was changed"))
    assert draw([parse("relu(x)")], ".svg")


def test_figures_that_cannot_be_drawn(tmp_path: Path) -> None:
    assert "the ending '.gif'; allowed: .pdf, .png, .svg" in refused(
        "plot", "relu.x", "--out", str(tmp_path / "f.gif")
    )
    many = [parse("sin(" * n + "x" + ")" * n) for n in range(1, MOST + 2)]
    with pytest.raises(FigureError, match="13 functions in one figure; allowed: 1 to 12"):
        draw(many, ".svg")
    for low, high in ((3, 3), (1, 0), (0, 1e-320), (-1e308, 1e308), (0, np.nan), (1e6 - 1, 1e6)):
        with pytest.raises(FigureError, match=re.escape(f"the range {low:g} to {high:g}; allowed")):
            draw(many[:1], ".svg", (low, high))
    assert "'rel'" in refused("plot", "rel.x", "--out", str(tmp_path / "f.svg"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [("plot",), ("export", "--to", "latex")])
def test_a_place_that_cannot_be_written(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "taken.svg").mkdir()
    message = refused(*command, "relu.x", "--out", str(tmp_path / "taken.svg"))
    assert message.endswith("taken.svg: cannot be written: Is a directory")
    (tmp_path / "file").touch()
    message = refused(*command, "relu.x", "--out", str(tmp_path / "file/below.svg"))
    assert "cannot be written" in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken.svg"]


def test_very_long_functions(tmp_path: Path) -> None:
    name = "sin(" * 400 + "x" + ")" * 400
    assert said("plot", name, "--out", str(tmp_path / "f.svg")).endswith("...\n")
    assert "no scores" in said("explain", name)
    assert json.loads(said("explain", name, "--json"))["depth"] == 400
    assert said("export", name, "--to", "latex").count(r"\sin") == 400


# slug


def test_slugs_both_ways() -> None:
    out = said("slug", "mul(sigmoid(x), erf(x))", "mul.sigmoid.x.erf.x", "x")
    assert out.splitlines() == ["mul.sigmoid.x.erf.x", "mul(sigmoid(x),erf(x))", "x"]
    assert "unknown operator 'rel'" in refused("slug", "rel.x")
