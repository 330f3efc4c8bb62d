"""Ctrl-C while a run or a command starts: one line and exit code 130, no stack trace."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from experiment import BIN, Experiment

from actsearch.cluster.journal import read_journal
from actsearch.cluster.runs import SIGNATURE

pytestmark = pytest.mark.workflow

LINE = "Stopped by Ctrl-C."
SLOW = """
import pathlib, time
pathlib.Path("begun").touch()
time.sleep(600)
"""


SLOW_NETWORK = """
import pathlib, sys, time
from torch import nn

def build(image_shape, n_classes):
    if "train" in sys.argv and "--task" in sys.argv:
        pathlib.Path("begun").touch()
        time.sleep(600)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, n_classes))
"""


def interrupted(
    words: list[str], folder: Path, begun: Callable[[str], bool], path: str = ""
) -> tuple[int, str]:
    """Exit code and output of a command that got Ctrl-C, with all it started, once it had begun."""
    environment = os.environ | {"PATH": f"{path}{BIN}:{os.environ['PATH']}"}
    output = folder / "output.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            [str(BIN / words[0]), *words[1:]],
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        end = time.monotonic() + 120
        while not begun(output.read_text()):
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < end, output.read_text()
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        return process.wait(timeout=60), output.read_text()


def check(code: int, output: str) -> None:
    assert code == 130
    assert "Traceback" not in output and "Error" not in output
    assert output.splitlines()[-1] == LINE and output.count(LINE) == 1


def test_while_jobs_of_an_earlier_run_are_waited_for(fresh: Experiment) -> None:
    tools = fresh.folder / "tools"
    tools.mkdir()
    for name, says in (("squeue", "echo '12|RUNNING|node1|rule'"), ("sbatch", "exit 1")):
        (tools / name).write_text(f"#!/bin/sh\n{says}\n")
        (tools / name).chmod(0o755)
    signature = fresh.folder / SIGNATURE
    signature.parent.mkdir()
    earlier = {"user": "me", "host": platform.node(), "process": 1, "created": 0.0, "since": "then"}
    signature.write_text(json.dumps(earlier | {"jobs": ["left"], "ended": True}))
    words = ["snakemake", "--cores", "1"]
    code, output = interrupted(
        words, fresh.folder, lambda said: "Waiting for their end" in said, f"{tools}:"
    )
    check(code, output)
    left = json.loads(signature.read_text())
    assert left["ended"] and left["jobs"] == ["left"], "the next run would not wait for them"


def test_while_operators_are_imported(fresh: Experiment) -> None:
    (fresh.folder / "slow.py").write_text(SLOW)
    begun = fresh.folder / "begun"
    for words in (
        ["snakemake", "-n", "--config", "operators=[slow]"],
        ["snakemake", "--cores", "1", "--config", "operators=[slow]"],
    ):
        check(*interrupted(words, fresh.folder, lambda _: begun.exists()))
        begun.unlink()
    with (fresh.folder / "config.yaml").open("a") as file:
        file.write("operators: [slow]\n")
    check(*interrupted(["actsearch", "check"], fresh.folder, lambda _: begun.exists()))


def test_while_networks_are_tried(fresh: Experiment) -> None:
    (fresh.folder / "slow.py").write_text(f"def build(image_shape, n_classes):\n{indented(SLOW)}")
    begun = fresh.folder / "begun"
    words = ["snakemake", "--cores", "1", "--config", "tasks={tiny: {model: 'slow:build'}}"]
    check(*interrupted(words, fresh.folder, lambda _: begun.exists()))
    assert json.loads((fresh.folder / SIGNATURE).read_text())["ended"]
    assert not (fresh.folder / "results").exists()


def test_while_jobs_run(fresh: Experiment) -> None:
    """Jobs that were stopped are no failures: one line says how far it came, and how to go on."""
    (fresh.folder / "slow.py").write_text(SLOW_NETWORK)
    begun = fresh.folder / "begun"
    table = "results/tiny/benchmark.parquet"
    words = ["snakemake", table, "--cores", "1", "--config", "tasks={tiny: {model: 'slow:build'}}"]
    code, output = interrupted(words, fresh.folder, lambda _: begun.exists())
    assert code != 0
    assert "Error in rule" not in output and "Traceback" not in output
    assert re.match(r"Stopped by Ctrl-C: \d of \d jobs are done\.", output.splitlines()[-1])
    jobs = read_journal(fresh.folder)
    assert jobs is not None and not list(jobs.of("failed"))
    assert "Nothing is running. The last run:" in fresh.actsearch("status").stdout


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.strip().splitlines())


@pytest.mark.parametrize("group", [True, False])
def test_while_hours_are_counted_beside_a_dry_run(tmp_path: Path, group: bool) -> None:
    script = (
        "import atexit, os, signal, subprocess, sys\n"
        "from actsearch.cluster import start\n"
        "from actsearch.cluster.interrupts import end_on_ctrl_c\n"
        "end_on_ctrl_c()\n"
        "slow = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],\n"
        "    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)\n"
        "atexit.register(start._say_estimate, slow)\n"
        "print('planned', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "planned\n"
    time.sleep(0.5)  # it may be at its end, or not yet
    (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, f"{LINE}\n")


def test_who_has_ctrl_c_ignored_is_left_alone(tmp_path: Path) -> None:
    script = (
        "import os, signal\n"
        "from actsearch.cluster.interrupts import end_on_ctrl_c, leave_ctrl_c\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "end_on_ctrl_c()\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "leave_ctrl_c()\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
