"""Opening the report in a browser: the shipped tables as one page, beside a page of baselines."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from actsearch import load_benchmark, load_map
from actsearch.functions.baselines import MODERN
from actsearch.report.data import ReportData, TaskData
from actsearch.report.page import render
from benchmarks.measuring import Row, Setting, compare, guarded

NAME = "report, shipped tables, opened"
TASKS = ("mnist1d-mlp", "mnist1d-cnn", "digits-resnet")
SECONDS, MEGABYTES = 2.0, 6.0
"""Goals for three tasks of 2,800 functions."""


def rows(setting: Setting) -> Iterator[Row]:
    """One."""
    yield guarded(NAME, partial(opened, setting.turns(5)))


def opened(turns: int) -> Row:
    """From the address to the event ``load``, when the list and all plots are there."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        return Row(NAME, error="not measured: needs Chromium (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    tasks = [_task(name) for name in TASKS]
    functions = sum(len(task.table) for task in tasks if task.table is not None)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as open_:
        whole, small = Path(name) / "whole.html", Path(name) / "small.html"
        whole.write_text(_page(tasks))
        small.write_text(_page([_task(task, MODERN) for task in TASKS]))
        play = open_.enter_context(sync_playwright())
        browser = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
        open_.callback(browser.close)

        def visit(page: Path) -> None:
            with contextlib.closing(browser.new_context()) as context:
                context.new_page().goto(page.as_uri(), wait_until="load")

        row = compare(
            NAME, partial(visit, whole), partial(visit, small),
            f"a page of the {len(MODERN)} baselines alone", turns, ratio_of="times as long",
        )  # fmt: skip
        size = whole.stat().st_size / 1e6
    # What the browser's own processes take is not among this process's seconds.
    row.more = {"turns": turns, "functions_listed": functions, "page_mb": size}
    row.goal = f"{SECONDS:g} s, {MEGABYTES:g} MB"
    row.met = (row.ours or 9e9) <= SECONDS and size <= MEGABYTES
    return row


def _task(name: str, only: tuple[str, ...] = ()) -> TaskData:
    """With its map; of the functions ``only``, or of all."""
    parts: dict[str, Any] = {"table": load_benchmark(name), "map": load_map(name)}
    if only:
        parts = {key: part[part["name"].isin(only)] for key, part in parts.items()}
    return TaskData(name=name, space="three-node", **parts)


def _page(tasks: list[TaskData]) -> str:
    return render(ReportData("Tables that ship", tuple(tasks), "python -m benchmarks report"))
