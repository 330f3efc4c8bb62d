"""Python on the pages: blocks that are marked as runnable run, and all that is imported exists."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documentation import PAGES, ROOT, Block, blocks

THERE = {
    "compiler": shutil.which("c++") is not None,
    "onnx": all(map(importlib.util.find_spec, ("onnx", "onnxscript", "onnxruntime"))),
}


def runnable(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "python" and block.runs]


def run(page: list[Block], folder: Path) -> subprocess.CompletedProcess[str]:
    """Do a page's blocks in one process; those with a file's name are modules."""
    lines = ["import importlib, sys", "sys.path.insert(0, '')"]
    for block in page:
        if block.file:
            (folder / block.file).write_text(block.text)
            lines.append(f"importlib.import_module({Path(block.file).stem!r})")
        elif all(THERE[need] for need in block.needs):
            lines.append(block.text)
    (folder / "page.py").write_text("\n".join(lines))
    return subprocess.run(
        [sys.executable, "-W", "ignore", "page.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("page", [p for p in PAGES if runnable(p)], ids=lambda page: page.stem)
def test_what_a_page_shows_runs(page: Path, tmp_path: Path) -> None:
    done = run(runnable(page), tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]


def test_a_wrong_block_is_found(tmp_path: Path) -> None:
    done = run([Block("python", None, "from actsearch import nothing\n", True)], tmp_path)
    assert done.returncode == 1 and "nothing" in done.stderr


def test_the_pages_that_show_how_to_use_functions_and_tables_are_run() -> None:
    run_pages = {page.stem for page in PAGES if runnable(page)}
    assert run_pages >= {"README", "use-a-function", "tutorial-strategy", "tutorial-operator",
                         "figures-and-tables", "act-bench-small"}  # fmt: skip


def imported(code: str) -> list[tuple[str, str]]:
    """Module and name of everything that is imported from this package."""
    return [
        (node.module, alias.name)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("actsearch")
        for alias in node.names
        if node.module
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_imports_exists(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            for module, name in imported(block.text):
                there = hasattr(importlib.import_module(module), name)
                assert there, f"{module}.{name}"
