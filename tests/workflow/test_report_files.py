"""The page of a finished run lies beside its results: what it links to is there."""

from __future__ import annotations

import html
import json
import re

import pytest
from experiment import Experiment

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def test_every_file_that_the_page_links_to_is_there(finished: Experiment) -> None:
    page = finished.path("report.html")
    text = page.read_text(encoding="utf-8")
    links = {html.unescape(link) for link in re.findall(r'<a href="([^"#][^"]*)"', text)}
    assert {"tiny/benchmark.parquet", "tiny/final.json"} <= links
    found = re.search(r'<script type="application/json" id="functions">(.*?)</script>', text, re.S)
    assert found
    block = json.loads(found[1])
    for task in block["tasks"]:
        tabled = [i for i, inside in enumerate(task["tabled"]) if inside == "1"]
        if task["trial"]:
            assert tabled
            links |= {task["trial"].replace("{slug}", block["slugs"][i]) for i in tabled}
        links |= {row[-1] for row in task["final"] or ()}
        links |= {row[-1] for search in task["searches"] for row in search["rows"]}
    assert any("/search/" in link for link in links)
    assert any("/final/" in link for link in links)
    assert {link for link in links if not (page.parent / link).is_file()} == set()


def test_each_file_behind_the_page_has_its_digest_and_command(finished: Experiment) -> None:
    text = finished.path("report.html").read_text(encoding="utf-8")
    sources = re.findall(r'<details class="source">.*?</details>', text, re.S)
    files = re.findall(r"<li>(.*?)</li>", "".join(sources), re.S)
    assert len(files) > 8
    for file in files:
        assert re.search(r"sha256:[0-9a-f]{64}", file)
        assert "<code>actsearch " in file
