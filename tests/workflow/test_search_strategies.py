"""Strategies of the user's, what other tasks say, and what an edit of a strategy makes again."""

from __future__ import annotations

import copy as copying
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from experiment import SMALL, Experiment
from scipy.stats import rankdata
from tracing import TRACES, Trace, covered, read_traces, uncovered

from actsearch.functions.baselines import BASELINES
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_csv, read_json, read_table

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

PACKAGE = "src/actsearch"
OWN = "mine:Mine"
MINE = """
class Mine:
    '''In the order of the alphabet.'''

    def propose(self, history, candidates, n, rng):
        left = sorted(set(candidates.index) - set(history.index))
        if len(left) < n:
            raise ValueError(f"{n} asked for, {len(left)} left")
        return [(name, float("nan")) for name in left[:n]]
"""


def with_own(name: str = OWN) -> dict[str, Any]:
    """The small experiment with a strategy of the user's beside those that it has."""
    config = copying.deepcopy(SMALL)
    config["simulation"]["strategies"].append(name)
    config["tasks"]["tiny"]["search"]["strategies"].append(name)
    return config


def simulation(strategy: str, task: str = "tiny") -> str:
    return f"results/{task}/simulation/{strategy}.parquet"


def history(strategy: str, task: str = "tiny") -> str:
    return f"results/{task}/search/{strategy}/history.parquet"


def traced(
    experiment: Experiment, folder: Path, monkeypatch: pytest.MonkeyPatch, *targets: str
) -> list[Trace]:
    """Run, and read what the commands executed, all of which their digests cover."""
    folder.mkdir()
    with monkeypatch.context() as patch:
        patch.setenv(TRACES, str(folder))
        experiment.snakemake("--cores", "2", *targets)
    traces = read_traces(folder)
    found = {t.arguments: uncovered(t, covered(experiment.folder, t)) for t in traces}
    assert not {words: names for words, names in found.items() if names}
    return traces


def replayed(experiment: Experiment, *paths: str) -> None:
    for path in paths:
        done = experiment.actsearch("replay", path)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_strategy_of_the_users(
    copy: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = copy.folder / "mine.py"
    module.write_text(MINE)
    copy.configure(with_own())
    planned = copy.planned()
    assert planned["simulate"] == planned["judge_strategies"] == planned["gather_history"] == 1
    assert planned["propose"] == 3  # the baselines, and two rounds
    assert not {"benchmark_table", "fim__tiny", "map_functions"} & set(planned)
    traces = traced(copy, tmp_path / "traces", monkeypatch)
    assert {trace.step for trace in traces} >= {"simulate", "propose", "judge", "report"}
    assert {trace.strategy for trace in traces} == {None, OWN}
    assert "Nothing to be done" in copy.snakemake("-n").stdout

    mapped = read_table(copy.path("tiny/search/map.parquet")).set_index("name")
    on_map = mapped.dropna(subset=["outputs_x", "fisher_x"]).index
    wanted = sorted(set(on_map) - set(BASELINES))[:6]
    trained = read_table(copy.folder / history(OWN))
    assert list(trained.sort_values(["round", "slot"])["name"]) == [*BASELINES, *wanted]
    walks = read_table(copy.folder / simulation(OWN)).pivot(
        index="evaluation", columns="run", values="name"
    )
    assert list(walks[0][:8]) == list(BASELINES) and list(walks[0][8:]) == sorted(walks[0][8:])
    assert all((walks[run] == walks[0]).all() for run in walks)
    judged = read_table(copy.path("strategies.parquet"))
    assert set(judged["strategy"]) == {"random", "union-knr", OWN}
    page = copy.path("report.html").read_text()
    assert OWN in page and "Strategies compared" in page
    round_1 = f"results/tiny/search/{OWN}/round-1/proposals.csv"
    assert "mine" in read_provenance(copy.folder / round_1)["modules"]
    replayed(copy, simulation(OWN), round_1, "results/strategies.parquet")
    assert copy.actsearch("audit", "--allow", "dirty").returncode == 0

    # An edit of it makes its own search and simulation again, and nothing of the others.
    module.write_text(f"# Words alone.\n{MINE}")
    assert "Nothing to be done" in copy.snakemake("-n").stdout
    module.write_text(MINE.replace("left[:n]", "left[:n:1]"))
    others = [path(name) for path in (simulation, history) for name in ("random", "union-knr")]
    assert not copy.planned(*(o for o in others if (copy.folder / o).exists()))
    assert copy.planned(simulation(OWN)) == {"simulate": 1}
    planned = copy.planned()
    assert planned["simulate"] == planned["judge_strategies"] == planned["gather_history"] == 1
    assert planned["propose"] == 3
    told = json.loads(copy.actsearch("why", "--json", simulation(OWN)).stdout)["files"]
    assert told[simulation(OWN)]["causes"] == [{"kind": "code", "what": "mine"}]
    assert simulation(OWN) in copy.actsearch("audit", "--list", "code").stdout


def edit(sources: Path, module: str) -> None:
    path = sources / PACKAGE / "search/strategies" / f"{module}.py"
    path.write_text(path.read_text() + "\n_EDITED = True\n")


def test_an_edit_of_a_built_in_one_makes_its_own_files_again(
    copy: Experiment, sources: Path
) -> None:
    rounds = "results/tiny/search/union-knr/round-0/proposals.csv"
    edit(sources, "gaussian")
    assert "Nothing to be done" in copy.snakemake("-n").stdout  # nobody searches by it
    edit(sources, "random")
    assert copy.planned(simulation("random")) == {"simulate": 1}
    assert not copy.planned(simulation("union-knr"), rounds)
    assert copy.planned("results/strategies.parquet") == {"simulate": 1, "judge_strategies": 1}
    edit(sources, "greedy")
    assert copy.planned(simulation("union-knr"), rounds) == {"simulate": 1, "propose": 1}
    done = copy.actsearch("why", "--json", simulation("union-knr"), simulation("random"))
    told = json.loads(done.stdout)["files"]
    for name, module in (("union-knr", "greedy"), ("random", "random")):
        what = f"actsearch.search.strategies.{module}"
        assert told[simulation(name)]["causes"] == [{"kind": "code", "what": what}]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("union-knn", "unknown strategy 'union-knn' (did you mean 'union-knr'?); allowed: random"),
        ("gp-ei@2", "unknown strategy 'gp-ei@2'"),
        ("nowhere:Mine", "simulation.strategies: 'nowhere:Mine': no Python source for module"),
        (
            "mine:Mien",
            "simulation.strategies: 'mine:Mien': mine.py has no 'Mien' (did you mean 'Mine'?); at "
            "its top level it has: Mine",
        ),
    ],
)
def test_what_is_no_strategy_is_refused_before_any_job(
    name: str, told: str, fresh: Experiment
) -> None:
    (fresh.folder / "mine.py").write_text(MINE)
    fresh.configure(with_own(name))
    message = fresh.message()
    assert told in message and "src/actsearch" not in message


def informed(change: Callable[[dict[str, Any]], Any] = lambda twin: None) -> dict[str, Any]:
    """The small experiment and a task beside it that asks how functions rank there."""
    config = copying.deepcopy(SMALL)
    tiny = config["tasks"]["tiny"]
    twin = {key: value for key, value in tiny.items() if key != "final"}
    search = twin["search"] | {"strategies": ["transfer"], "rounds": 1}
    twin |= {"seeds": [3], "prior_from": ["tiny"], "search": search}
    change(twin)
    config["tasks"]["twin"] = twin
    config["simulation"]["strategies"].append("transfer")
    return config


def test_what_other_tasks_say(
    copy: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy.configure(informed())
    priors = ("results/twin/priors.parquet", "results/twin/search/priors.parquet")
    targets = (simulation("transfer", "twin"), history("transfer", "twin"))
    planned = copy.planned(*targets)
    assert planned["rank_on_other_tasks"] == planned["propose"] == 2
    assert planned["simulate"] == 1
    traces = traced(copy, tmp_path / "traces", monkeypatch, *targets)
    assert {trace.step for trace in traces} >= {"priors", "simulate", "propose"}
    assert "Nothing to be done" in copy.snakemake("-n", *targets).stdout

    table = read_table(copy.path("tiny/benchmark.parquet")).set_index("name")
    ranks = (rankdata(table["validation_score"]) - 1) / (len(table) - 1)
    measured = read_table(copy.folder / priors[0]).set_index("name")["prior_tiny"]
    pd.testing.assert_series_equal(
        measured[table.index], pd.Series(ranks, table.index), check_names=False
    )
    foretold = read_table(copy.folder / priors[1])
    listed = read_table(copy.path("spaces/deep/functions.parquet"))
    assert set(foretold["name"]) == set(listed.loc[listed["position"] >= 0, "name"])
    elsewhere = foretold[~foretold["name"].isin(table.index)]["prior_tiny"]
    assert elsewhere.between(0, 1).all() and elsewhere.nunique() > 10
    proposed = read_csv(copy.path("twin/search/transfer/round-1/proposals.csv"))
    assert np.isfinite(proposed["prediction"]).all()
    round_1 = "results/twin/search/transfer/round-1/proposals.csv"
    assert priors[1] in read_provenance(copy.folder / round_1)["inputs"]
    replayed(copy, *priors, targets[0], round_1)
    done = copy.actsearch("audit", "--exit-zero", "--out", "findings.json")
    assert done.returncode == 0, done.stderr
    findings = read_json(copy.folder / "findings.json")["findings"]
    findings.pop("dirty", None)  # of a checkout that is being worked on
    assert not [path for found in findings.values() for path in found if "twin/" in path]

    # Without other tasks it is another search.
    copy.configure(informed(lambda twin: twin.pop("prior_from")))
    assert copy.planned(simulation("transfer", "twin")) == {"simulate": 1}
    assert "rank_on_other_tasks" not in copy.planned(*targets)
