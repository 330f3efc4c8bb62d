"""What the tests of the documentation share: the pages, and their blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
_BLOCK = re.compile(
    r"^(?:<!-- run(?:: (?P<needs>[\w, ]+))? -->\n(?P<mark>))?"
    r"(?P<indent> *)```(?P<language>\w+)(?: (?P<file>\S+))?\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    file: str | None
    """The file that the reader puts it into, if it is named."""
    text: str
    runs: bool
    """Whether the page says that it can be executed by itself: ``<!-- run -->`` above it."""
    needs: tuple[str, ...] = ()
    """What it can be executed with: ``<!-- run: compiler -->``."""


def blocks(page: Path) -> Iterator[Block]:
    """All blocks of a page, in order."""
    for found in _BLOCK.finditer(page.read_text()):
        needs = tuple((found["needs"] or "").replace(",", " ").split())
        yield Block(
            found["language"], found["file"], found["text"], found["mark"] is not None, needs
        )


def inline_code(page: Path) -> list[str]:
    """What stands in single backquotes outside of blocks; line ends become blanks."""
    text = _BLOCK.sub("", page.read_text())
    return [" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
