"""``make bench-gpu`` is tried on the CPU with tiny sizes: every part gives rows without a fault."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[2]
QUICK = ("limits", "fisher", "activations", "loading")


def bench(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as the Makefile calls it."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.gpu", "--out", str(out)]
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def rows(out: Path) -> list[dict[str, Any]]:
    """What was written."""
    written: dict[str, Any] = json.loads(out.read_text())
    assert written["tiny"] and written["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert written["machine"]["cores"] >= 1
    found: list[dict[str, Any]] = written["rows"]
    return found


def check(found: list[dict[str, Any]]) -> None:
    """Numbers that mean something."""
    for row in found:
        assert row["error"] == "", row
        assert row["ours"] > 0, row
        if row["ratio"] is not None:
            assert row["ratio"] > 0 and row["against"] and row["ratio_of"], row
        if row["limit"] is not None:
            assert row["share_of_limit"] > 0 and row["limit_is"], row


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_measured_and_it_says_so(tmp_path: Path) -> None:
    done = bench(tmp_path / "out.json")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1 and "no GPU" in done.stdout
    assert not (tmp_path / "out.json").exists()


@pytest.mark.slow
def test_quick_parts_give_rows(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = bench(out, "--cpu-dry", *QUICK)
    assert done.returncode == 0, done.stderr
    found = rows(out)
    check(found)
    starts = {row["name"].split()[0] for row in found}
    assert {"limit:", "FIM,", "activation,", "images"} <= starts


@pytest.mark.slow
def test_trainings_and_those_side_by_side_give_rows(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = bench(out, "--cpu-dry", "training", "beside")
    assert done.returncode == 0, done.stderr
    found = rows(out)
    check(found)
    trial = next(row for row in found if row["name"] == "trial, all-cnn-c, bfloat16")
    more = trial["more"]
    assert more["epochs"] == 50  # of the paper's programme
    assert more["seconds_a_trial"] == pytest.approx(50 * more["seconds_an_epoch"])
    assert more["seconds_an_epoch"] == pytest.approx(50_000 / more["images_a_second"])
    assert any(row["name"].startswith("side by side: 2 processes") for row in found)
    assert any(row["name"].startswith("side by side: 2 streams") for row in found)


def test_parts_for_which_no_time_is_left_say_so(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = bench(out, "--cpu-dry", "--seconds", "-1", "fisher", "loading")
    assert done.returncode == 0, done.stderr
    assert [row["error"] for row in rows(out)] == ["left out: no time was left"] * 2
