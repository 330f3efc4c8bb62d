"""Stages before the last comparison, after the small experiment was run without them."""

from __future__ import annotations

import copy as copying
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from experiment import SMALL, Experiment
from tracing import TRACES, covered, read_traces, uncovered

from actsearch.functions.baselines import BASELINES
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_csv, read_json

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

STAGES = [
    {"functions": 3, "seeds": [20]},
    {"functions": 2, "baselines": 2, "seeds": [20, 21], "recipe": {"epochs": 2}},
]
REPLAYED = [
    "stage-0/candidates.csv",
    "stage-0/09.json",
    "stage-0/ranking.csv",
    "stage-1/candidates.csv",
    "stage-1/03.json",
    "stage-1/ranking.csv",
    "candidates.csv",
]


def staged(**second: Any) -> dict[str, Any]:
    """The small configuration with two stages, the second one changed."""
    config = copying.deepcopy(SMALL)
    stages = [STAGES[0], STAGES[1] | second]
    config["tasks"]["tiny"]["final"] |= {"stages": stages, "baselines": 1}
    return config


def test_the_best_of_each_stage_go_on(
    copy: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy.configure(staged())
    planned = copy.planned()
    stages = {"train__tiny__stage__0__0": 1, "train__tiny__stage__0__1": 1}
    stages |= {"train__tiny__stage__0__2": 1, "train__tiny__stage__1__0": 1}
    assert planned.items() >= {*stages.items(), ("choose_stage", 2), ("rank_stage", 2)}
    assert not [name for name in planned if name.startswith("train__") and "__tiny__" not in name]
    assert "benchmark_table" not in planned and "propose" not in planned

    (tmp_path / "traces").mkdir()
    with monkeypatch.context() as patch:
        patch.setenv(TRACES, str(tmp_path / "traces"))
        copy.snakemake("--cores", "2")
    traces = read_traces(tmp_path / "traces")
    assert {trace.step for trace in traces} >= {"stage", "train-stage", "rank-stage", "finalists"}
    assert not [name for t in traces for name in uncovered(t, covered(copy.folder, t))]
    assert "Nothing to be done" in copy.snakemake("-n").stdout

    folder = copy.path("tiny/final")
    first, second = (read_csv(folder / f"stage-{n}/ranking.csv") for n in range(2))
    assert first["name"].to_list()[:8] == list(BASELINES) and len(first) == 11
    # Two seeds of the table or the search, and one of the stage; then two of the second alone.
    assert set(first["n_runs"]) == {3} and set(second["n_runs"]) == {2}
    for ranking, after, sizes in (
        (first, second, (2, 2)),
        (second, read_csv(folder / "candidates.csv"), (1, 2)),
    ):
        for kind, n in zip(("baseline", "found"), sizes, strict=True):
            best = ranking[ranking["kind"] == kind].nlargest(n, "validation_score")
            assert set(after.loc[after["kind"] == kind, "name"]) == set(best["name"])
    _check_a_mean(copy, first)

    for path in folder.glob("stage-*/[0-9]*.json"):
        trial = read_json(path)
        assert "test_score" not in trial and trial["examples"] == {"train": 200, "validation": 200}
        number = int(path.parent.name[-1])
        assert [run["seed"] for run in trial["runs"]] == STAGES[number]["seeds"]
        assert {run["epochs"] for run in trial["runs"]} == {number + 1}
    final = read_json(copy.path("tiny/final.json"))
    assert len(final["functions"]) == 3 and len(final["left_out"]) == 7
    assert [len(stage["functions"]) for stage in final["stages"]] == [11, 4]
    page = copy.path("report.html").read_text()
    assert "Stage 1: 4 functions on 2 seeds (20, 21) by the recipe with epochs: 2" in page
    found = copy.actsearch("audit", "--exit-zero", "--out", "findings.json")
    assert found.returncode == 0, found.stderr
    findings = read_json(copy.folder / "findings.json")["findings"]
    # What the run without stages trained in the slots of finalists.
    assert findings.keys() <= {"dirty", "left-over"}
    for name in REPLAYED:
        done = copy.actsearch("replay", f"results/tiny/final/{name}")
        assert done.returncode == 0, done.stdout + done.stderr

    _check_what_other_seeds_make_again(copy)


def _check_a_mean(experiment: Experiment, ranking: pd.DataFrame) -> None:
    """The mean of a function of the table, from its files."""
    slot, name = BASELINES.index("tanh(x)"), "tanh(x)"
    trials = [
        read_json(experiment.path(path))
        for path in ("tiny/trials/tanh.x.json", f"tiny/final/stage-0/{slot:02d}.json")
    ]
    scores = [run["validation_score"] for trial in trials for run in trial["runs"]]
    told = ranking.set_index("name").loc[name, "validation_score"]
    assert told == pytest.approx(sum(scores) / 3)


def _check_what_other_seeds_make_again(experiment: Experiment) -> None:
    """Other seeds of the second stage leave the first as it is."""
    experiment.configure(staged(seeds=[20, 22]))
    planned = experiment.planned("results/tiny/final/candidates.csv")
    assert planned == {"train__tiny__stage__1__0": 1, "rank_stage": 1, "choose_finalists": 1}
    experiment.configure(staged(functions=3))
    slots = [experiment.path(f"tiny/final/stage-1/{slot:02d}.json") for slot in range(2)]
    made = [read_provenance(path)["ended"] for path in slots]
    experiment.snakemake("--cores", "1", "results/tiny/final/stage-1/ranking.csv")
    # Baselines keep their slots, so they are not trained again.
    assert [read_provenance(path)["ended"] for path in slots] == made
    assert experiment.path("tiny/final/stage-1/04.json").is_file()
