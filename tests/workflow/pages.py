"""Pages of docs/ as a reader follows them: blocks in order, and what is printed on the way."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from experiment import BIN, ROOT

BLOCK = re.compile(r"^```(\w+)[ ]?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FRACTION = re.compile(r"(?<![\w.])-?\d+\.\d+")


def read_page(name: str) -> str:
    """The text of a page under docs/."""
    return (ROOT / "docs" / name).read_text()


def section(page: str, title: str) -> str:
    """What stands below ``## title``, up to the next such heading."""
    _, _, rest = page.partition(f"\n## {title}\n")
    assert rest, f"no section {title!r}"
    return rest.partition("\n## ")[0]


def file_of(text: str, name: str) -> str:
    """What the page puts into a file called ``name``."""
    return next(content for _, file, content in BLOCK.findall(text) if file == name)


@dataclass(frozen=True)
class Reader:
    """Someone who does what a page says."""

    folder: Path
    """Where the commands have led."""
    programs: tuple[Path, ...] = (BIN,)
    """Where programs are looked for first."""

    def run(self, commands: str, whereabouts: Path) -> tuple[Reader, str]:
        """Commands in bash: where they lead, and both streams."""
        inherited = {key: value for key, value in os.environ.items() if key != "ACTSEARCH_CONFIG"}
        path = ":".join([*map(str, self.programs), os.environ["PATH"]])
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f'{commands}\npwd > "{whereabouts}"'],
            cwd=self.folder,
            env=inherited | {"PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout[-6000:]}"
        return Reader(Path(whereabouts.read_text().strip()), self.programs), done.stdout


def follow(text: str, reader: Reader, scratch: Path, near: float = 0.0) -> Path:
    """Do what all blocks of ``text`` say: write files, run commands, compare what they print.

    Args:
        text: a page, or a section of one.
        reader: who does it.
        scratch: a folder for notes.
        near: how far fractions that are printed may be from those shown, as a share of these
            where they are above 1; where nothing is left out (``...``).

    Returns:
        The folder that the commands have led to.
    """
    output = ""
    for language, file, block in BLOCK.findall(text):
        if file:
            (reader.folder / file).write_text(block)
        elif language == "sh":
            reader, output = reader.run(block, scratch / "whereabouts")
        else:
            assert language == "text"
            compare(block, output, near)
    return reader.folder


def compare(wanted: str, output: str, near: float = 0.0) -> None:
    """What a page shows against what was printed; ``...`` stands for anything."""
    # A table of the command line fills its lines with blanks, and a tree may lack the last newline.
    printed = "\n".join(line.rstrip() for line in output.splitlines()) + "\n"
    compared = printed if "..." in wanted else _as_shown(wanted, printed, near)
    checker, flags = doctest.OutputChecker(), doctest.ELLIPSIS
    assert checker.check_output(wanted, compared, flags), f"shown:\n{wanted}\nprinted:\n{printed}"


def _as_shown(wanted: str, printed: str, near: float) -> str:
    """``printed`` with fractions as they are shown, where these are near: CPUs round otherwise."""
    shown = iter(_FRACTION.findall(wanted))

    def nearest(found: re.Match[str]) -> str:
        figure = next(shown, found.group())
        wanted = pytest.approx(float(figure), rel=near, abs=near)
        return figure if float(found.group()) == wanted else found.group()

    return _FRACTION.sub(nearest, printed)
