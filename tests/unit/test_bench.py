"""``make bench``: what its rows say, and every quick part tried with tiny sizes."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch.nn import functional

from actsearch.networks.function_cost import bytes_kept

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))

from benchmarks.measuring import Row, Setting, compare, curve  # noqa: E402
from benchmarks.results import Results, line, run_parts  # noqa: E402
from benchmarks.rows.growth import as_curves  # noqa: E402

TINY = Setting(torch.device("cpu"), tiny=True, threads=1)


def test_ratios_say_what_they_are_of(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def clock() -> float:
        return now[0]

    def taking(seconds: float) -> Callable[[], None]:
        def work() -> None:
            now[0] += seconds

        return work

    monkeypatch.setattr(time, "perf_counter", clock)
    monkeypatch.setattr(time, "process_time", clock)
    faster = compare("a", taking(1), taking(5), "long", 3)
    longer = compare("b", taking(5), taking(1), "short", 3, ratio_of="times as long")
    assert (faster.ratio, faster.spread, faster.ratio_of) == (5, 0, "times as fast")
    assert (longer.ratio, longer.spread, longer.ratio_of) == (5, 0, "times as long")
    assert (faster.ours, faster.textbook) == (1, 5)


def test_the_share_of_a_limit_is_one_at_the_limit_and_less_before() -> None:
    assert Row("a", ours=4.0, limit=1.0).share_of_limit == 0.25  # seconds: fewer are better
    assert Row("a", ours=1.0, limit=4.0, unit="images/s").share_of_limit == 0.25
    assert Row("a", ours=1.0).share_of_limit is None


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_a_curve_tells_its_exponent(exponent: float) -> None:
    row = curve("a", "functions", [(n, 3 * n**exponent) for n in (10.0, 100.0, 1000.0, 1e4)])
    assert row.more["exponent"] == pytest.approx(exponent)
    assert "exponent" not in curve("a", "functions", [(1.0, 2.0)]).more


@pytest.mark.parametrize("sizes", [(10.0, 100.0, 1000.0), (10.0, 100.0, 1000.0, 1e4)])
def test_what_a_start_takes_is_no_growth(sizes: tuple[float, ...]) -> None:
    points = [(n, 3 * n) for n in sizes]
    points[0] = (sizes[0], 1e3)
    assert curve("a", "functions", points).more["exponent"] == pytest.approx(1)


def test_measurements_of_growth_become_a_curve_a_kind() -> None:
    found = [
        {"part": "map", "kind": kind, "functions": n, "seconds": n * factor, "memory": 5 * n}
        for kind, factor in (("all", 1.0), ("few", 2.0))
        for n in (10, 100)
    ]
    first, second = as_curves(found)
    assert (first.name, second.name) == ("map, all", "map, few")
    assert first.points == [(10, 10), (100, 100)] and second.points == [(10, 20), (100, 200)]
    assert first.points_of == "functions" and first.more["memory_points"] == [[10, 50], [100, 500]]


def test_growth_of_trials_is_held_to_its_goals() -> None:
    found = [
        {"part": part, "trials": n, "seconds": seconds * n / 100_000, "memory": 900e6}
        for part, seconds in (("dry run, all made", 59), ("audit", 61), ("report", 1e6))
        for n in (1000, 100_000)
    ]
    rows = {row.name: row for row in as_curves(found)}
    assert [rows[name].met for name in ("dry run, all made", "audit", "report")] == [
        True, False, None,
    ]  # fmt: skip
    assert rows["audit"].more["memory_mb"] == 900 and rows["audit"].points_of == "trials"
    small = as_curves([each for each in found if each["trials"] == 1000])
    assert {row.met for row in small} == {None}  # not measured at that size


def test_bytes_kept_are_counted_once_a_storage() -> None:
    x = torch.randn(1000, requires_grad=True)
    assert bytes_kept(functional.silu, x) == 4  # the input
    assert bytes_kept(lambda v: v * v, x) == 4  # twice the same
    assert bytes_kept(lambda v: torch.sigmoid(v) * v, x) == 8  # the input, and what it is made to
    assert bytes_kept(lambda v: v + 1, x) == 0


def test_a_failure_is_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    def broken(_: Setting) -> Any:
        yield Row("first", 1.0)
        raise ValueError("no [bold] luck")

    def fine(_: Setting) -> Any:
        yield Row("second", 2.0)

    path = tmp_path / "results.json"
    with (tmp_path / "out").open("w") as out:
        results = Results(path, TINY, Console(file=out))
        run_parts({"broken": broken, "fine": fine}, TINY, results)
    written = json.loads(path.read_text())["rows"]
    assert [(row["name"], row["part"]) for row in written] == [
        ("first", "broken"), ("broken", "broken"), ("second", "fine"),
    ]  # fmt: skip
    assert written[1]["error"] == "ValueError: no [bold] luck"
    assert "FAILED" in line(results.rows[1])
    again = Results(path, TINY, Console(file=sys.stderr))
    first = again.head["machine"]["cpu"]
    again.keep_others(iter(["broken"]))
    again.head["machine"] = {"cpu": "Another", "gpu": "A card"}
    again.add(Row("third", 3.0), "broken")
    kept = [(row["name"], row["processor"]) for row in json.loads(path.read_text())["rows"]]
    assert kept == [("second", first), ("third", "A card")]


@pytest.mark.parametrize(("package", "option"), [("", "--tiny"), (".gpu", "--cpu-dry")])
def test_tiny_sizes_do_not_take_the_place_of_figures(package: str, option: str) -> None:
    command = [sys.executable, "-W", "ignore", "-m", f"benchmarks{package}", option]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{option} measures nothing" in done.stderr


@pytest.mark.slow
def test_quick_parts_give_rows(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    parts = ("limits", "training-step", "search", "libraries", "growth")
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks", *parts]
    done = subprocess.run(
        [*command, "--tiny", "--threads", "1", "--out", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(out.read_text())["rows"]
    assert {row["part"] for row in rows} == set(parts)
    for row in rows:
        assert row["error"] == "", row
        assert math.isfinite(row["ours"]) and row["ours"] > 0, row
    assert "curvlinops" in done.stdout
