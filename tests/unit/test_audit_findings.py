"""What an audit finds, on a handful of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actsearch.plan.steps import is_watching
from actsearch.records.audit import KINDS, NO_FAILURES, Finding, Rules, audit
from actsearch.records.differences import changes
from actsearch.records.digests import digest_file
from actsearch.records.embedded import read_provenance
from actsearch.records.folders import entries_under
from actsearch.records.formats import write_json
from actsearch.records.lineage import Lineage, alike, read_artifacts, read_sources
from actsearch.records.reasons import Present, reasons

SETTINGS = {"tasks": {"t": {"seeds": [0]}}}
MODULES = {"a": "1", "b": "2"}
VERSIONS = {"torch": "2.0"}
CODE, OTHER_CODE = "sha256:1", "sha256:2"
PRESENT = Present(SETTINGS, "s", MODULES, CODE)
RULES = Rules(
    can_make=lambda path: "stray" not in path and Path(path).name != "workflow",
    make_always=lambda path: "stray" not in path,
    once_made=lambda artifact: False,
)
HERE = {"lock": "now", "versions": VERSIONS}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: str, content: int = 0, *, inputs: tuple[str, ...] = (), **block: Any) -> None:
    """A file that is as the present would make it, but for what ``block`` says."""
    given = {name: read_provenance(name)["content_digest"] for name in inputs}
    usual = {
        "step": "train" if "trial" in path else "benchmark",
        "settings": SETTINGS,
        "settings_digest": "s",
        "modules": MODULES,
        "code_digest": CODE,
        "git": {"commit": "0123", "clean": True},
        "environment": HERE,
        "inputs": given,
    }
    write_json(path, {"content": content}, usual | block)


def findings(
    present: Present = PRESENT,
    planned: Mapping[str, list[str]] | None = None,
    rules: Rules = RULES,
) -> list[Finding]:
    root = Path("results")
    artifacts = read_artifacts(root)
    plans = planned or {}
    return audit(
        artifacts,
        entries=entries_under(root),
        rules=rules,
        reasons_of=lambda a: reasons(
            a, artifacts, None if is_watching(a.step) else plans.get(a.path), present
        ),
        environment=HERE,
    )


def kinds(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.kind, Path(finding.path).name) for finding in found]


@pytest.fixture
def table() -> str:
    for name in "ab":
        write(f"results/trial-{name}.json", ord(name))
    write("results/table.json", inputs=("results/trial-a.json", "results/trial-b.json"))
    return "results/table.json"


def test_nothing_is_found_where_nothing_is_wrong(table: str) -> None:
    assert findings() == []


def test_a_cut_file_is_unreadable_and_makes_its_table_doubtful(table: str) -> None:
    trial = Path("results/trial-a.json")
    trial.write_bytes(trial.read_bytes()[:50])
    assert kinds(findings()) == [("unreadable", "trial-a.json"), ("inputs", "table.json")]


def test_what_was_edited_is_told(table: str) -> None:
    trial, other = Path("results/trial-a.json"), Path("results/trial-b.json")
    trial.write_text(trial.read_text().replace('"content": 97', '"content": 98'))
    other.write_text(other.read_text().replace('"commit": "0123"', '"commit": "4567"'))
    one, two = findings()
    assert (one.kind, one.message) == ("altered", "its content was edited")
    assert two.kind == "altered" and "the numbers are as they were written" in two.message


def test_swapped_files_are_told_from_edited_ones(table: str) -> None:
    one, two = Path("results/trial-a.json"), Path("results/trial-b.json")
    a, b = one.read_bytes(), two.read_bytes()
    one.write_bytes(b)
    two.write_bytes(a)
    moved = [(f.path, f.message) for f in findings() if f.kind == "moved"]
    assert moved == [
        (str(one), f"was written as {two}"),
        (str(two), f"was written as {one}"),
    ]


def test_files_that_no_rule_makes_are_strays_and_unfinished_work_is_not(table: str) -> None:
    folder = Path("results")
    (folder / "stray.txt").write_text("x")
    (folder / ".table.json.1234.tmp").write_text("x")
    (folder / ".hidden").write_text("x")
    unfinished = [f".trial-c.json.{end}" for end in ("finished", "checkpoint", "checkpoint.0a.new")]
    for name in (*unfinished, ".snakemake_timestamp"):
        (folder / name).write_text("x")
    names = {name for kind, name in kinds(findings()) if kind == "stray"}
    assert names == {"stray.txt", ".table.json.1234.tmp", ".hidden"}
    assert (folder / "stray.txt").exists()


def test_caches_of_python_are_nobodys_business(table: str) -> None:
    cache = Path("results/__pycache__/stray.cpython-311.pyc")
    cache.parent.mkdir()
    cache.write_bytes(b"")
    assert findings() == []


def test_settings_and_code_are_compared_with_the_present(table: str) -> None:
    write("results/trial-a.json", 97, settings={"tasks": {"t": {"seeds": [1]}}}, settings_digest="")
    write("results/trial-b.json", 98, modules=MODULES | {"b": "3"}, code_digest=OTHER_CODE)
    found = {finding.kind: finding.message for finding in findings()}
    assert found["settings"] == "tasks.t.seeds: [1] -> [0]"
    assert found["code"] == "b"
    assert found["mixed-code"] == "train: 1 by code 1, 1 by code 2"


def test_strategies_have_code_of_their_own(table: str) -> None:
    """Files of one step by two strategies are no mixture; two codes of one strategy are."""
    write("results/trial-a.json", 97, wildcards={"strategy": "random"})
    other = {"wildcards": {"strategy": "mine:Mine"}, "code_digest": OTHER_CODE}
    write("results/trial-b.json", 98, **other)
    assert "mixed-code" not in {finding.kind for finding in findings()}
    write("results/trial-a.json", 97, wildcards={"strategy": "mine:Mine"})
    told = [finding.message for finding in findings() if finding.kind == "mixed-code"]
    assert told == ["train: 1 by code 1, 1 by code 2"]


def test_operators_of_the_users_are_code(table: str) -> None:
    write("results/trial-a.json", 97, operators={"sine": "1"})
    assert [f.message for f in findings() if f.kind == "code"] == ["operators: sine"]


def test_what_the_configuration_lacks_is_told(table: str) -> None:
    found = findings(Present(problem="unknown task 't'"))
    assert {finding.message for finding in found} == {"unknown task 't'"}


def test_environments_are_compared(table: str) -> None:
    old = {"lock": "old", "versions": {"torch": "1.0"}}
    write("results/trial-a.json", 97, environment=old)
    found = {(f.kind, f.path): f.message for f in findings()}
    assert found.keys() == {("lock", "results/trial-a.json"), ("mixed-environment", table)}
    assert found["lock", "results/trial-a.json"] == 'torch: "1.0" -> "2.0"'


def test_a_dirty_tree_is_told_and_an_unknown_one_is_not(table: str) -> None:
    write("results/trial-a.json", 97, git={"commit": "0123", "clean": False})
    write("results/trial-b.json", 98, git={})
    assert kinds(findings()) == [("dirty", "trial-a.json")]


def test_changed_inputs_and_data_are_told(table: str) -> None:
    write("results/trial-a.json", 1)
    write("results/trial-b.json", 98, data={"d.npz": "1"})
    for data, told in (
        ({"d.npz": "2"}, "d.npz changed"),
        ({"d.npz": None}, "d.npz missing"),
        ({}, "d.npz not used any more"),
        ({"moved/d.npz": "2"}, "moved/d.npz changed"),
        ({"moved/d.npz": "1"}, None),
    ):
        found = {f.path: f.message for f in findings(replace(PRESENT, data=data))}
        assert found[table].startswith("results/trial-a.json changed")
        assert found.get("results/trial-b.json") == told


def test_other_inputs_than_the_workflow_gives_are_told(table: str) -> None:
    trials = ["results/trial-a.json", "results/trial-b.json"]
    assert findings(planned={table: trials}) == []
    (found,) = findings(planned={table: [trials[0], "results/trial-c.json"]})
    assert (found.kind, found.path) == ("inputs", table)
    assert found.message == "results/trial-c.json new; results/trial-b.json not used any more"
    write("results/crate.json", step="crate", inputs=(table,))
    assert findings(planned={table: trials, "results/crate.json": []}) == []


def test_copies_of_sources_are_compared_with_the_crate(table: str) -> None:
    copy, lost = Path("results/workflow/Snakefile"), "results/workflow/rules.smk"
    copy.parent.mkdir()
    copy.write_text("rule all:\n")
    copies = {str(copy): digest_file(copy), lost: "sha256:0"}
    write("results/crate.json", step="crate", copies=copies)
    assert kinds(findings()) == [("unreadable", "rules.smk")]
    copy.write_text("rule none:\n")
    assert kinds(findings()) == [("unreadable", "rules.smk"), ("altered", "Snakefile")]


def test_a_file_of_an_old_version_is_no_more_than_that() -> None:
    Path("results").mkdir()
    Path("results/trial.json").write_text('{"provenance": {"step": "train"}}')
    (found,) = findings()
    assert found.kind == "altered" and "old version" in found.message


def test_every_kind_is_explained() -> None:
    assert all(" " in meaning for meaning in KINDS.values())


def test_changes_name_keys_and_both_values() -> None:
    old = {"a": {"b": 1, "c": [1]}, "gone": None}
    new = {"a": {"b": 2, "c": [1]}, "new": {}}
    assert changes(old, new) == ["a.b: 1 -> 2", "gone: null -> none", "new: none -> {}"]
    assert changes(old, old) == []


def test_lineage_goes_both_ways(table: str) -> None:
    graph = Lineage(read_artifacts(Path("results")))
    assert graph.made_from(table) == ["results/trial-a.json", "results/trial-b.json"]
    assert graph.made_into("results/trial-a.json") == [table]
    assert reasons(graph.artifacts[table], graph.artifacts) == []
    assert set(read_sources(table)) == {table, *graph.made_from(table)}
    assert set(read_sources("results/trial-a.json")) == {"results/trial-a.json"}
    paths = graph.made_from(table)
    assert alike([*paths, table], graph.artifacts, limit=1) == [paths, [table]]
    assert alike(paths, graph.artifacts, limit=2) == [[path] for path in paths]


def test_code_and_operators_are_one_finding_that_says_both(table: str) -> None:
    old = {"modules": {"a": "9", "b": "2"}, "code_digest": OTHER_CODE, "operators": {"mine": "1"}}
    write("results/other.json", **old)
    (found,) = findings()
    assert (found.kind, found.path) == ("code", "results/other.json")
    assert found.message == "a; operators: mine"


LEFT = Rules(
    can_make=lambda path: "old" not in path and Path(path).suffix != "",
    make_always=lambda path: "trial-a" not in path and "old" not in path,
    once_made=lambda artifact: "stray" not in artifact.path,
)


def test_what_a_run_does_not_make_is_left_over_as_long_as_it_is_whole(table: str) -> None:
    old, asked = Path("results/old.json"), "results/trial-a.json"
    write(str(old))
    write(asked, 97, settings={"tasks": {"t": {"seeds": [1]}}}, settings_digest="")
    found = {finding.path: finding for finding in findings(rules=LEFT)}
    assert found.keys() == {str(old), asked}
    assert {finding.kind for finding in found.values()} == {"left-over"}
    assert found[asked].message == "settings: tasks.t.seeds: [1] -> [0]"
    old.write_text(old.read_text().replace('"content": 0', '"content": 1'))
    assert [f.kind for f in findings(rules=LEFT) if f.path == str(old)] == ["altered", "stray"]


def test_what_is_left_over_has_a_record_under_its_own_name(table: str) -> None:
    Path("results/old-copy.json").write_bytes(Path("results/trial-b.json").read_bytes())
    Path("results/old-brought.json").write_text("{}")
    write("results/old-stray.json")
    found = [(f.kind, Path(f.path).name) for f in findings(rules=LEFT) if "old" in f.path]
    assert found == [
        ("unreadable", "old-brought.json"),
        ("moved", "old-copy.json"),
        ("stray", "old-brought.json"),
        ("stray", "old-copy.json"),
        ("stray", "old-stray.json"),
    ]
    assert "left-over" in NO_FAILURES


def test_copies_that_cannot_be_read_are_told(table: str) -> None:
    copy = Path("results/workflow")
    copy.mkdir()
    write("results/crate.json", step="crate", copies={str(copy): "sha256:0"})
    (found,) = findings()
    assert (found.kind, found.message) == ("unreadable", "is a folder, no file; not opened")
