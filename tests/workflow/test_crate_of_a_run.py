"""The RO-Crate that a run leaves."""

from __future__ import annotations

import copy as copying
from pathlib import Path

import pytest
from crate_validation import issues
from experiment import SMALL, Experiment

from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_json
from actsearch.records.lineage import SUFFIXES

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

CRATE = "results/ro-crate-metadata.json"
# What nobody told us, and a README that we do not write.
UNKNOWN = ("have a url", "`publisher`", "affiliation", "README.md", "absolute URI", "license type")


def test_it_is_valid(finished: Experiment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = issues(finished.path(""), "RECOMMENDED", monkeypatch, tmp_path)
    assert not [told for told in found if not any(words in told for words in UNKNOWN)]


def test_every_file_has_the_action_that_made_it(finished: Experiment) -> None:
    graph = read_json(finished.folder / CRATE)["@graph"]
    made: list[str] = []
    for entity in graph:
        if entity["@type"] == "CreateAction" and entity["@id"] != "#run":
            results = entity["result"]
            made += [one["@id"] for one in (results if isinstance(results, list) else [results])]
    files = [path for path in finished.path("").rglob("*") if path.suffix in SUFFIXES]
    names = {str(path.relative_to(finished.path(""))) for path in files}
    assert sorted(made) == sorted(names - {"audit.json", "ro-crate-metadata.json"})
    entities = {entity["@id"]: entity for entity in graph}
    assert entities["tiny/trials/relu.x.json"]["description"].startswith("relu(x): completed")
    assert (finished.path("workflow/config.yaml")).read_text() == (
        finished.folder / "config.yaml"
    ).read_text()
    assert (finished.path("workflow/workflow/rules/trials.smk")).is_file()


def test_a_licence_is_stated_without_making_anything_else_again(copy: Experiment) -> None:
    copy.configure(copying.deepcopy(SMALL) | {"license": "CC-BY-4.0"})
    assert copy.planned() == {"crate": 1, "audit": 1, "all": 1}
    copy.snakemake("--cores", "1", CRATE)
    root = read_json(copy.folder / CRATE)["@graph"][0]
    assert root["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    assert read_provenance(copy.folder / CRATE)["rule"] == "crate"
