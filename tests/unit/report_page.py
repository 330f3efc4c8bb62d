"""Reading a rendered report back, for its tests."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "br", "wbr", "hr", "img", "input"}


class Page(HTMLParser):
    """A page read back: balance, ids, links, and the text of every element with an id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.rows: dict[str, list[list[str]]] = {}
        self.scripts: list[str] = []
        self.section = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if (id_ := attributes.get("id")) is not None:
            self.ids.append(id_)
            self.texts[id_] = ""
        self.targets += [
            v for k, v in attrs if k in ("src", "href", "data", "action") and v is not None
        ]
        if tag == "section":
            self.section = attributes.get("id") or ""
        elif tag == "tr":
            self.rows.setdefault(self.section, []).append([])
        elif tag in ("td", "th"):
            self.rows[self.section][-1].append("")
        elif tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self.open.append((tag, id_))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        last, _ = self.open.pop()
        assert last == tag, f"</{tag}> closes <{last}>"

    def handle_data(self, data: str) -> None:
        inside = [tag for tag, _ in self.open]
        if inside and inside[-1] == "script":
            self.scripts[-1] += data
            return
        for _, id_ in self.open:
            if id_ is not None:
                self.texts[id_] += data
        if "text" not in inside and ("td" in inside or "th" in inside):
            self.rows[self.section][-1][-1] += data

    def text(self, id_: str) -> str:
        return " ".join(self.texts[id_].split())

    def row(self, section: str, *cells: str) -> list[str]:
        """The one row of a section whose cells begin with ``cells``, blank cells left out."""
        rows = [[" ".join(cell.split()) for cell in row] for row in self.rows[section]]
        rows = [[cell for cell in row if cell] for row in rows]
        [found] = [row for row in rows if tuple(row[: len(cells)]) == cells]
        return found


def named(function: dict[str, Any], final: dict[str, Any]) -> str:
    """How a function of five seeds is called in the table of its last comparison, tags included."""
    lost = function["n_diverged"]
    tags = [f"{lost} of 5 seeds diverged"] * bool(lost)
    tags += ["chosen"] * (function["name"] == final["chosen"]["name"])
    return " ".join([function["name"], *tags])


def functions_of(html: str) -> dict[str, Any]:
    """What the page's script knows of functions."""
    found = re.search(r'<script type="application/json" id="functions">(.*?)</script>', html, re.S)
    assert found
    block: dict[str, Any] = json.loads(found[1])
    return block


def figures_of(html: str) -> dict[str, Any]:
    """The figures of a page, put together again."""
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', html, re.S)
    assert found
    stored = json.loads(found[1])

    def whole(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return stored["shared"][node["$ref"]]
            return {key: whole(value) for key, value in node.items()}
        return [whole(value) for value in node] if isinstance(node, list) else node

    result: dict[str, Any] = whole(stored["figures"])
    return result
