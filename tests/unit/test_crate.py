"""The RO-Crate of a handful of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from crate_validation import issues

from actsearch.cli.steps.crate import _outcome
from actsearch.records.crate import build_crate
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_json, write_json
from actsearch.records.lineage import read_artifacts

FILE = "results/ro-crate-metadata.json"
SETTINGS = {"tasks": {"t": {"seeds": [1, 0], "recipe": {"learning_rate": 0.1, "clip": None}}}}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results/workflow").mkdir(parents=True)
    Path("results/workflow/Snakefile").write_text("rule all:\n")


def write(path: str, step: str, second: int, *, inputs: tuple[str, ...] = (), **block: Any) -> None:
    time = "2026-01-02T03:04:{:02d}.000+00:00"
    usual = {
        "step": step,
        "rule": f"{step}__t",
        "task": "t",
        "command": f"actsearch {step}",
        "inputs": {name: read_provenance(name)["content_digest"] for name in inputs},
        "settings": SETTINGS,
        "code_digest": "sha256:" + "1" * 64,
        "git": {"commit": "0123", "clean": True},
        "agent": {"name": "A. Person", "account": "ap"},
        "device": {"type": "cpu", "threads": 1},
        "started": time.format(second),
        "ended": time.format(second + 1),
    }
    write_json(path, {"content": [path, second]}, usual | block)


@pytest.fixture
def trials() -> list[str]:
    """Two trials from a file of data, and two files that one execution made of them."""
    paths = [f"results/t/{name}.json" for name in "ab"]
    for second, path in enumerate(paths):
        write(path, "train", second, data={"d.npz": "sha256:" + "2" * 64}, item=Path(path).stem)
    for name in ("scores", "guesses"):
        write(f"results/t/{name}.json", "surrogate", 10, inputs=tuple(paths))
    return paths


def crate(**options: Any) -> dict[str, dict[str, Any]]:
    """The crate's entities by name; it is written too."""
    artifacts = {
        p: a for p, a in read_artifacts(Path("results")).items() if a.step not in ("", "crate")
    }
    graph = build_crate(artifacts, ["results/workflow/Snakefile"], folder="results", **options)
    write_json(FILE, graph, {"step": "crate"})
    return {entity["@id"]: entity for entity in graph["@graph"]}


def names(value: Any) -> list[str]:
    return [one["@id"] for one in (value if isinstance(value, list) else [value])]


def of_type(found: Mapping[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [entity for entity in found.values() if entity["@type"] == kind]


def test_it_is_valid(trials: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    crate()
    assert not issues(Path("results"), "REQUIRED", monkeypatch, tmp_path)
    broken = json.loads(Path(FILE).read_text())
    for entity in broken["@graph"]:
        entity.pop("instrument", None)
    Path(FILE).write_text(json.dumps(broken))
    told = issues(Path("results"), "REQUIRED", monkeypatch, tmp_path)
    assert any("MUST have an instrument" in message for message in told)


def test_an_execution_is_one_action_with_what_it_read_and_made(trials: list[str]) -> None:
    found = crate()
    actions = [entity for entity in of_type(found, "CreateAction") if entity["@id"] != "#run"]
    assert len(actions) == 3
    action = found["#execution/t/guesses.json"]
    assert names(action["result"]) == ["t/guesses.json", "t/scores.json"]
    assert {"t/a.json", "t/b.json"} <= set(names(action["object"]))
    assert action["startTime"] == "2026-01-02T03:04:10.000+00:00"
    assert action["endTime"] == "2026-01-02T03:04:11.000+00:00"
    assert found[action["agent"]["@id"]]["name"] == "A. Person"
    assert action["instrument"] == {"@id": "#actsearch/surrogate@111111111111"}
    assert action["actionStatus"].endswith("CompletedActionStatus")
    assert set(names(found["./"]["mentions"])) == {"#run", *(a["@id"] for a in actions)}


def test_files_have_their_size_and_digest(trials: list[str]) -> None:
    found = crate()
    content = Path(trials[0]).read_bytes()
    assert found["t/a.json"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert found["t/a.json"]["contentSize"] == str(len(content))
    assert set(names(found["./"]["hasPart"])) == {
        "workflow/Snakefile",
        *(f"t/{name}.json" for name in ("a", "b", "scores", "guesses")),
    }


def test_what_is_not_in_the_crate_is_named(trials: list[str]) -> None:
    write(trials[0], "train", 20)  # again, after the scores
    found = crate()
    read = names(found["#execution/t/guesses.json"]["object"])
    outside = [found[name] for name in read if name.startswith("#elsewhere")]
    assert [entity["name"] for entity in outside] == [trials[0]]
    data = found["#elsewhere/d.npz=222222222222"]
    assert data["identifier"] == "sha256:" + "2" * 64 and "not in this crate" in data["description"]


def test_settings_are_parameters_of_the_workflow(trials: list[str]) -> None:
    found = crate()
    key = "tasks.t.recipe.learning_rate"
    values = {v["name"]: v for v in of_type(found, "PropertyValue") if "exampleOfWork" in v}
    assert values.keys() == {key, "tasks.t.seeds"}  # what is not set is no value
    assert values[key]["value"] == 0.1
    assert values["tasks.t.seeds"]["value"] == "[1, 0]"  # which has an order
    assert found[f"#parameter/{key}"]["additionalType"] == "Float"
    assert f"#parameter/{key}" in names(found["workflow/Snakefile"]["input"])


def test_rules_are_steps_and_versions_of_the_code_are_tools(trials: list[str]) -> None:
    write(trials[1], "train", 30, code_digest="sha256:" + "3" * 64)
    found = crate()
    tools = ["#actsearch/train@111111111111", "#actsearch/train@333333333333"]
    assert names(found["#step/train__t"]["workExample"]) == tools
    assert set(tools) <= set(names(found["workflow/Snakefile"]["hasPart"]))
    assert len(names(found["#control/train__t"]["object"])) == 2
    steps = of_type(found, "HowToStep")
    assert {step["name"]: step["position"] for step in steps} == {
        "train__t": "1",
        "surrogate__t": "2",
    }


def test_the_same_files_give_the_same_crate(trials: list[str]) -> None:
    crate()
    first = read_provenance(FILE)["content_digest"]
    crate()
    assert read_provenance(FILE)["content_digest"] == first
    assert read_json(FILE)["@graph"][0]["datePublished"] == "2026-01-02T03:04:11.000+00:00"


@pytest.mark.parametrize(
    ("license", "stated"),
    [
        (None, "No licence is stated; ask the authors."),
        ("CC-BY-4.0", {"@id": "https://spdx.org/licenses/CC-BY-4.0"}),
        ("https://example.org/terms", {"@id": "https://example.org/terms"}),
        ("for teaching only", "for teaching only"),
    ],
)
def test_the_licence_is_the_users(trials: list[str], license: str | None, stated: object) -> None:
    assert crate(license=license)["./"]["license"] == stated


def test_there_is_no_crate_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one artifact"):
        crate()


def test_a_diverged_trial_is_told_and_its_execution_was_completed(trials: list[str]) -> None:
    block = read_provenance(trials[0])
    trial = {"function": "exp(x)", "score": "accuracy", "status": "diverged"}
    trial |= {"validation_score": 0.1}
    write_json(trials[0], trial, block)
    other = {"function": "relu(x)", "status": "completed"}
    write_json(trials[1], other, read_provenance(trials[1]))
    found = crate(describe=_outcome)
    assert found["t/a.json"]["description"] == "exp(x): diverged, validation accuracy 0.1000"
    assert found["#execution/t/a.json"]["actionStatus"].endswith("CompletedActionStatus")
    assert "t/a.json" in names(found["./"]["hasPart"])
