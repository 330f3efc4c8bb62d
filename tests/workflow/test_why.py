"""Why files would be made again: the named cause, and that Snakemake plans just that."""

from __future__ import annotations

import copy as copying
import json
import re
from typing import Any

import pytest
from experiment import SMALL, Experiment

from actsearch.records.formats import read_json, write_json

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def asked(experiment: Experiment, *targets: str) -> dict[str, dict[str, Any]]:
    """What ``why`` says of each file, which must be what a dry run plans."""
    done = experiment.actsearch("why", *targets, "--json")
    assert done.returncode == 0, done.stderr
    files: dict[str, dict[str, Any]] = json.loads(done.stdout)["files"]
    rules = {file["rule"] for file in files.values() if file["rebuild"]}
    assert rules == set(experiment.planned(*targets)) - {"all"}
    assert all(bool(file["causes"]) == file["rebuild"] for file in files.values())
    return files


def by_kind(files: dict[str, dict[str, Any]], kind: str) -> dict[str, str]:
    """Files with a cause of this kind, and what it is."""
    return {
        path.removeprefix("results/"): cause["what"]
        for path, file in files.items()
        for cause in file["causes"]
        if cause["kind"] == kind
    }


def test_nothing_to_do(finished: Experiment) -> None:
    files = asked(finished)
    assert len(files) > 60
    assert not [path for path, file in files.items() if file["rebuild"]]
    assert "nothing would be made again" in finished.actsearch("why").stdout


def test_a_changed_recipe_is_named_by_key(copy: Experiment) -> None:
    config = copying.deepcopy(SMALL)
    config["tasks"]["tiny"]["recipe"]["learning_rate"] = 0.02
    copy.configure(config)
    told = by_kind(asked(copy), "settings")
    change = "tasks.tiny.recipe.learning_rate: 0.01 -> 0.02"
    assert set(told.values()) == {change}
    assert "tiny/trials/relu.x.json" in told and "tiny/map.parquet" not in told
    assert change in copy.actsearch("why").stdout


def test_changed_fisher_settings_concern_the_features(copy: Experiment) -> None:
    config = copying.deepcopy(SMALL)
    config["tasks"]["tiny"]["fisher"]["examples"] = 9
    copy.configure(config)
    files = asked(copy, "results/tiny/map.parquet")
    change = "tasks.tiny.fisher.examples: 8 -> 9"
    assert by_kind(files, "settings") == {f"tiny/fim/part-{part}.npz": change for part in (0, 1)}
    assert set(by_kind(files, "follows")) == {"tiny/map.parquet"}


def test_a_lost_trial_is_missing_and_its_pack_is_kept(copy: Experiment) -> None:
    lost, table = "results/tiny/trials/relu.x.json", "results/tiny/benchmark.parquet"
    (copy.folder / lost).unlink()
    files = asked(copy, lost, table)
    assert set(by_kind(files, "missing")) == {"tiny/trials/relu.x.json"}
    kept = set(by_kind(files, "kept"))
    assert len(kept) == SMALL["tasks"]["tiny"]["functions_per_job"] - 1
    assert set(by_kind(files, "follows")) == {"tiny/benchmark.parquet"}
    told = copy.actsearch("why", table).stdout  # which stands: Snakemake leaves it
    assert f"1 files are missing and not needed, {lost} first" in told


def test_a_changed_input_is_named(copy: Experiment) -> None:
    path = copy.path("tiny/trials/relu.x.json")
    trial = read_json(path)
    block = trial.pop("provenance")
    write_json(path, trial | {"validation_score": 0.5}, block)
    files = asked(copy, "results/tiny/benchmark.parquet")
    told = by_kind(files, "inputs")
    assert told == {"tiny/benchmark.parquet": "results/tiny/trials/relu.x.json changed"}


def test_an_altered_input_is_named(copy: Experiment) -> None:
    """Its record says what it was, and nothing of the edit."""
    path = copy.path("tiny/trials/relu.x.json")
    path.write_text(path.read_text().replace('"status": "completed"', '"status": "diverged"', 1))
    files = asked(copy, "results/tiny/benchmark.parquet")
    told = by_kind(files, "inputs")
    expected = "results/tiny/trials/relu.x.json altered after it was written"
    assert told == {"tiny/benchmark.parquet": expected}


def test_an_unknown_target_is_one_message(finished: Experiment) -> None:
    done = finished.actsearch("why", "results/nothing/here.json")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert re.search(r"no task 'nothing'; tasks: tiny", done.stderr)
