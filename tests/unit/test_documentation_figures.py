"""Figures of the site and the README: drawn by one command, and in accord with the text."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from documentation import ROOT
from draw_figures import COMPARISON, DRAWN, FIGURES, draw


def test_every_figure_is_committed_and_shown() -> None:
    text = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    drawn = {path.stem for path in FIGURES.glob("*.svg")}
    assert drawn == {*DRAWN, "architecture"}
    for name in drawn:
        assert f"(figures/{name}.svg)" in text


@pytest.mark.parametrize("name", ["result", "scores"])
def test_a_figure_is_drawn_again_as_it_is_committed(name: str, tmp_path: Path) -> None:
    again, committed = (ElementTree.parse(path).getroot()
                        for path in (draw(name, tmp_path), FIGURES / f"{name}.svg"))  # fmt: skip
    texts = [[node.text for node in root.iter() if node.tag.endswith("}text")]
             for root in (again, committed)]  # fmt: skip
    assert texts[0] == texts[1] and "relu(x)" in " ".join(map(str, texts[0]))


def test_the_figures_of_the_result_are_those_of_the_text() -> None:
    table = pd.read_csv(COMPARISON, comment="#").set_index("name")
    percent = (100 * table["test_score_mean"]).round(1)
    found = percent[table["kind"] == "found"]
    said = [found.min(), found.max(), percent["square(relu(x))"], percent["relu(x)"]]
    assert len(found) == 5
    for page in ("README.md", "docs/index.md"):
        text = (ROOT / page).read_text()
        for value in said:
            assert f"{value}%" in text, (page, value)
    findings = (ROOT / "docs/findings.md").read_text()
    assert (
        f"`square(relu(x))` ({percent['square(relu(x))']}%; relu {percent['relu(x)']}%)" in findings
    )
