"""The whole chain on a small experiment: what it makes, and that a rerun makes nothing."""

from __future__ import annotations

import copy as copying
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from experiment import SMALL, Experiment
from sklearn.datasets import load_digits

from actsearch import load_benchmark
from actsearch.functions.activation import Activation
from actsearch.functions.baselines import BASELINES
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import content_digest, read_csv, read_json
from actsearch.records.lineage import SUFFIXES

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def test_nothing_is_left_to_do(finished: Experiment) -> None:
    assert "Nothing to be done" in finished.snakemake("-n").stdout


def test_the_table_holds_the_space(finished: Experiment) -> None:
    table = load_benchmark(finished.path("tiny/benchmark.parquet"))
    assert len(table) == SMALL["spaces"]["small"]["sample"]
    assert set(BASELINES) <= set(table["name"])
    assert table["validation_score"].between(0, 1).all()
    assert table["test_score"].isna().all()
    act_bench = json.loads(finished.path("tiny/benchmark.json").read_text())
    act_bench.pop("provenance")
    assert sorted(act_bench) == sorted(table["name"])
    relu = act_bench["relu(x)"]
    assert "max(relu(x),zero(x))" in relu["Equivalent Activation Functions"]
    assert relu["Runtime (s)"] > 0
    assert relu["Fisher log eigenvalue CDF"][-1] == pytest.approx(1.0)


def test_the_search_has_its_slots(finished: Experiment) -> None:
    folder = finished.path("tiny/search/union-knr")
    assert tuple(read_csv(folder / "round-0/proposals.csv")["name"]) == BASELINES
    history = pd.read_parquet(folder / "history.parquet")
    assert history.groupby("round").size().to_dict() == {0: 8, 1: 3, 2: 3}
    assert history["name"].is_unique
    for row in history.itertuples():
        trial = read_json(folder / f"round-{row.round}/{row.slot:02d}.json")
        assert trial["function"] == row.name
        assert trial["validation_score"] == row.validation_score


def test_the_test_set_is_read_for_the_finalists_alone(finished: Experiment) -> None:
    for path in finished.path("tiny").rglob("*.json"):
        if path.name != "benchmark.json":
            reads_test = '"test_score"' in path.read_text()
            assert reads_test == (path.parent.name == "final"), path
    final = read_json(finished.path("tiny/final.json"))
    assert len(final["functions"]) == 8 + SMALL["tasks"]["tiny"]["final"]["functions"]
    assert final["seeds"] == SMALL["tasks"]["tiny"]["final"]["seeds"]


def test_every_function_of_the_table_and_every_finalist_has_its_cost(finished: Experiment) -> None:
    table = load_benchmark(finished.path("tiny/benchmark.parquet"))
    costs = pd.read_parquet(finished.path("spaces/small/costs.parquet"))
    on_cpu = costs[costs["device"] == "cpu"].set_index("name")
    assert sorted(on_cpu.index) == sorted(table["name"])
    assert (on_cpu[["forward", "backward", "both", "relu_seconds"]] >= 0).all(axis=None)
    assert on_cpu.loc["relu(x)", "bytes_kept"] == 4
    functions = read_json(finished.path("tiny/final.json"))["functions"]
    finalists = read_csv(finished.path("tiny/final/costs.csv"))
    assert [f["name"] for f in functions] == list(finalists.loc[finalists["as_trained"], "name"])
    assert all(f["cost"]["both"] > 0 and f["cost"]["compiled"] is None for f in functions)
    page = finished.path("report.html").read_text()
    assert "Cost of the chosen function" in page


def test_the_chosen_function_is_a_module_of_its_own(finished: Experiment) -> None:
    chosen = read_json(finished.path("tiny/final.json"))["chosen"]["name"]
    program = (
        "import sys; sys.modules['actsearch'] = None\n"
        "import torch, final_activation\n"
        "print(final_activation.FinalActivation()(torch.tensor([-1.5, 0.25])).tolist())\n"
    )
    # Other tests may have called a command in this process.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        cwd=finished.path("tiny"),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    values = Activation(chosen)(torch.tensor([-1.5, 0.25]))
    assert done.stdout.strip() == str(values.tolist())


def test_functions_of_another_task_meet_the_baselines_in_two_processes(copy: Experiment) -> None:
    config = copying.deepcopy(SMALL)
    tiny = config["tasks"]["tiny"]
    config["tasks"]["new"] = {key: tiny[key] for key in ("data", "recipe")} | {
        "model": "digits-resnet",
        "resources": {"processes": 2},
        "final": tiny["final"] | {"candidates_from": ["tiny"], "functions_per_job": 10},
    }
    copy.configure(config)
    copy.snakemake("--cores", "2", "results/new/final_activation.py")
    comparison = read_json(copy.path("new/final.json"))
    assert comparison["candidates_from"] == ["tiny"]
    before = read_json(copy.path("tiny/final.json"))["functions"]
    found = comparison["functions"][8:]
    assert [f["name"] for f in found] == [f["name"] for f in before[8:]]
    assert [f["score_there"] for f in found] == [f["validation_score"] for f in before[8:]]
    best = max(found, key=lambda function: function["validation_score"])
    chosen = comparison["chosen"]
    assert chosen["best_validation"] == best["name"]
    costs = {f["name"]: f["cost"]["both"] for f in found if f["name"] in chosen["tied"]}
    assert costs[chosen["name"]] <= 1.05 * min(costs.values())
    trial = read_json(copy.path("new/final/08.json"))
    assert trial["examples"] == {"validation": 200, "test": 200}
    assert trial["provenance"]["device"]["processes"] == 2
    assert chosen["name"] in copy.path("new/final_activation.py").read_text()


def test_every_file_says_what_made_it(finished: Experiment) -> None:
    paths = _artifacts(finished)
    assert len(paths) > 50
    assert {path.suffix for path in paths} == set(SUFFIXES) - {".svg"}
    known = "file step rule command configuration settings_digest code_digest modules environment"
    known += " git agent host platform cpu device started ended content_digest file_digest"
    for path in paths:
        block = read_provenance(path)
        assert set(known.split()) <= set(block), path
        assert {"python", "digest", "lock", "versions"} == set(block["environment"])
        assert block["file"] == str(path.relative_to(finished.folder))
        assert block["started"] <= block["ended"]
        for name, digest in block.get("inputs", {}).items():
            assert content_digest(finished.folder / name) == digest, (path, name)


def test_the_report_is_one_page(finished: Experiment) -> None:
    page = finished.path("report.html").read_text()
    assert "tiny" in page and "relu(x)" in page


def test_any_function_can_be_asked_for_by_name(copy: Experiment) -> None:
    target = "results/tiny/trials/mul.hard_sigmoid.x.elu.x.json"
    copy.snakemake("--cores", "1", target)
    assert read_json(copy.folder / target)["function"] == "mul(hard_sigmoid(x),elu(x))"
    assert "Nothing to be done" in copy.snakemake("-n").stdout


def test_a_changed_recipe_retrains_and_spares_the_features(copy: Experiment) -> None:
    config = copying.deepcopy(SMALL)
    config["tasks"]["tiny"]["recipe"]["learning_rate"] = 0.02
    copy.configure(config)
    planned = copy.planned()
    assert planned["train__tiny__0"] == 1
    assert planned["benchmark_table"] == 1
    assert not {"enumerate_space", "fim__tiny", "map_functions"} & set(planned)
    before = _made(copy)
    copy.snakemake("--cores", "2", "results/tiny/benchmark.parquet")
    after = _made(copy)
    assert len(after) == len(before)
    assert not set(before.items()) & set(after.items())


def test_changed_fisher_settings_retrain_nothing(copy: Experiment) -> None:
    config = copying.deepcopy(SMALL)
    config["tasks"]["tiny"]["fisher"]["examples"] = 9
    copy.configure(config)
    planned = copy.planned()
    assert planned["fim__tiny"] == 4
    assert not [name for name in planned if re.fullmatch(r"train__tiny__\d+", name)]


def test_the_pack_size_rebuilds_nothing(copy: Experiment) -> None:
    config = copying.deepcopy(SMALL)
    config["tasks"]["tiny"]["functions_per_job"] = 5
    copy.configure(config)
    assert "Nothing to be done" in copy.snakemake("-n").stdout


def _artifacts(experiment: Experiment) -> list[Path]:
    """Files under results/ that carry provenance."""
    return [path for path in experiment.path("").rglob("*") if path.suffix in SUFFIXES]


def _made(experiment: Experiment) -> dict[str, str]:
    """When each trial was made; Snakemake touches files, which changes no content."""
    folder = experiment.path("tiny/trials")
    return {path.name: read_provenance(path)["started"] for path in folder.glob("*.json")}


def test_a_larger_sample_trains_only_what_is_new(copy: Experiment) -> None:
    config = copying.deepcopy(SMALL)
    config["spaces"]["small"]["sample"] = 26
    copy.configure(config)
    before = _made(copy)
    copy.snakemake("--cores", "2", "results/tiny/benchmark.parquet")
    after = _made(copy)
    assert len(after) == len(before) + 2
    assert before.items() <= after.items()


def test_other_baselines_train_no_function_again_that_stays(copy: Experiment) -> None:
    table = "results/tiny/benchmark.parquet"
    copy.configure(copying.deepcopy(SMALL) | {"baselines": [*BASELINES, "gelu(x)"]})
    made = {"enumerate_space": 1, "benchmark_table": 1}
    assert copy.planned(table) == made | {"train__tiny__0": 1}
    before = _made(copy)
    copy.snakemake("--cores", "2", table)
    after = _made(copy)
    assert set(after) - set(before) == {"gelu.x.json"}
    assert before.items() <= after.items()
    copy.configure(SMALL)  # the function that gave way stands too
    assert copy.planned(table) == made


def test_a_lost_trial_is_made_again_alone(copy: Experiment) -> None:
    lost = copy.path("tiny/trials/relu.x.json")
    before, content = _made(copy), content_digest(lost)
    lost.unlink()
    copy.snakemake("--cores", "1", "results/tiny/trials/relu.x.json")
    after = _made(copy)
    assert [name for name in after if after[name] != before[name]] == [lost.name]
    assert content_digest(lost) == content


def test_a_file_of_data_is_an_input(fresh: Experiment) -> None:
    digits = load_digits()
    data = fresh.folder / "data.npz"
    np.savez(data, x=digits.images.astype("float32"), y=digits.target)
    config = copying.deepcopy(SMALL)
    config["data"]["digits"] |= {"source": "npz:data.npz", "inputs": "images"}
    fresh.configure(config)
    target = "results/tiny/trials/relu.x.json"
    fresh.snakemake("--cores", "1", target)
    first = read_provenance(fresh.folder / target)
    assert first["data"] == {"data.npz": content_digest(data)}
    np.savez(data, x=digits.images[::-1].astype("float32"), y=digits.target[::-1])
    fresh.snakemake("--cores", "1", target)
    assert read_provenance(fresh.folder / target)["data"] != first["data"]


def test_records_name_the_digests_that_the_rules_depend_on(finished: Experiment) -> None:
    """Snakemake's own records of parameters against what the files say."""
    known = {digest for record in _snakemake_params(finished) for digest in record}
    for path in _artifacts(finished):
        block = read_provenance(path)
        assert block["code_digest"] in known, path
        if block.get("settings"):
            assert block["settings_digest"] in known, path


def _snakemake_params(experiment: Experiment) -> list[list[str]]:
    records = (experiment.folder / ".snakemake/metadata").rglob("*")
    contents = [json.loads(path.read_text()) for path in records if path.is_file()]
    return [[value.strip("'") for value in content["params"]] for content in contents]


def test_a_table_with_an_operator_of_the_users(fresh: Experiment) -> None:
    (fresh.folder / "my_operators.py").write_text(
        "import numpy as np\nfrom actsearch import Operator, register\n\n"
        'register(Operator("sine", 1, numpy=np.sin, torch="torch.sin"))\n'
    )
    config = copying.deepcopy(SMALL)
    config["operators"] = ["my_operators"]
    config["spaces"]["small"] = {
        "schemas": ["binary(unary(x),unary(x))"],
        "include": ["baselines"],
        "unary": ["sine", "tanh", "relu", "identity"],
        "binary": ["add", "mul"],
    }
    fresh.configure(config)
    fresh.snakemake("--cores", "2", "results/tiny/benchmark.parquet")
    table = load_benchmark(fresh.path("tiny/benchmark.parquet"))
    assert "sine" in " ".join(table["name"])
