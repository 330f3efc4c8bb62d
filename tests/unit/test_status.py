"""How far a run is, from files alone: what is done, running, failed, stale, and the best so far."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from trials_of_today import CONFIG, write_trial
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.cluster.journal import JOURNAL, Journal, read_journal
from actsearch.cluster.runs import SIGNATURE
from actsearch.config import ConfigError
from actsearch.plan.progress import Parts

TASK = "results/t"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return tmp_path


def asked(folder: Path, *options: str) -> str:
    load_commands()
    done = CliRunner().invoke(app, ["status", str(folder / "results"), *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def status(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        asked(folder, "--json", "--config", str(folder / "config.yaml"))
    )
    return told


def row(told: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = (row for row in told["rows"] if row["kind"] == kind)
    return dict(found)


def trained(folder: Path, name: str, score: float, state: str = "completed", **more: Any) -> None:
    told = {"function": name, "status": state, "validation_score": score, "score": "accuracy"}
    slug = name.replace("(x)", ".x")
    write_trial(folder / TASK / f"trials/{slug}.json", 20.0, 2, told, **more)


def alive(folder: Path, **changes: Any) -> None:
    """A run that works in the folder: this process."""
    me = psutil.Process()
    signature = folder / SIGNATURE
    signature.parent.mkdir(exist_ok=True)
    run = {"user": "me", "host": platform.node(), "process": me.pid, "since": "now", "jobs": []}
    signature.write_text(json.dumps(run | {"created": me.create_time(), "ended": False} | changes))


def started(journal: Journal, number: int, *slugs: str, local: bool = True) -> None:
    files = [f"{TASK}/trials/{slug}.json" for slug in slugs]
    told = {"rule": f"train__t__{number}", "message": f"t: training pack {number} (9 functions)"}
    journal.hear("job", told | {"jobid": number, "output": files, "log": ["a.log"], "local": local})


def test_where_nothing_was_run(folder: Path) -> None:
    told = status(folder)
    table = row(told, "table")
    assert (table["functions"], table["done"], table["waiting"], table["running"]) == (50, 0, 50, 0)
    assert told["run"] is None and told["seconds_left"] is None
    assert "Nothing is running, and no run is noted" in asked(
        folder, "--config", str(folder / "config.yaml")
    )


def test_what_is_done_diverged_and_stale_and_the_best(folder: Path) -> None:
    trained(folder, "relu(x)", 0.7)
    trained(folder, "tanh(x)", 0.6, "diverged")
    trained(folder, "swish(x)", 0.9, epochs=11)  # by another recipe
    write_trial(
        *(folder / TASK / "search/gp-ei/round-1/00.json", 30.0, 2),
        {"function": "erf(x)", "status": "completed", "validation_score": 0.8},
    )
    told = status(folder)
    table = row(told, "table")
    assert (table["done"], table["diverged"], table["stale"], table["waiting"]) == (2, 1, 1, 48)
    assert table["seconds_left"] == pytest.approx(48 * 2 * 10)
    best, baseline = told["best"]["t"]["all"], told["best"]["t"]["baseline"]
    assert (baseline["function"], baseline["score"]) == ("relu(x)", 0.7)
    searched = CONFIG["tasks"]["t"]["search"].get("strategies")
    assert (best["function"] == "erf(x)") == (searched is None or "gp-ei" in searched)


def test_jobs_of_a_run_that_lives(folder: Path) -> None:
    journal = Journal(folder, "config.yaml", 7)
    alive(folder)
    trained(folder, "relu(x)", 0.7)
    # A job works on three functions, of which it has finished one; another one has failed.
    place = folder / TASK / "trials/tanh.x.json"
    write_trial(place, 20.0, 2, {"function": "tanh(x)", "status": "completed"})
    place.rename(place.with_name(".tanh.x.json.finished"))
    started(journal, 1, "tanh.x", "elu.x", "selu.x")
    started(journal, 2, "sigmoid.x", "softplus.x")
    journal.hear("failed", {"jobid": 2})
    started(journal, 3, "relu.x")
    journal.hear("finished", {"jobid": 3})
    journal.hear("progress", {"done": 1, "total": 7})
    table = row(told := status(folder), "table")
    assert (table["done"], table["running"], table["failed"], table["waiting"]) == (2, 2, 2, 44)
    assert (told["jobs"]["done"], told["jobs"]["total"], told["jobs"]["failed"]) == (1, 7, 1)
    started(journal, 2, "sigmoid.x", "softplus.x")  # it is tried again
    table = row(told := status(folder), "table")
    assert (table["running"], table["failed"]) == (4, 0)
    assert (told["jobs"]["retries"], told["workers"]) == (1, 2)
    assert told["seconds_left"] == pytest.approx(
        sum(row["seconds_left"] or 0 for row in told["rows"]) / 2
    )
    alive(folder, ended=True)
    table = row(told := status(folder), "table")
    assert (told["run"], table["running"], table["waiting"]) == (None, 0, 48)


def test_jobs_that_wait_in_the_queue_of_slurm(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(folder, "config.yaml", 2)
    alive(folder, jobs=["ours"])
    for number, slug in ((1, "elu.x"), (2, "selu.x")):
        started(journal, number, slug, local=False)
        journal.hear("submitted", {"jobid": number, "slurm": str(70 + number)})
    tools = folder / "tools"
    tools.mkdir()
    for name, says in (
        ("sbatch", "exit 1"),
        ("squeue", "printf '71|RUNNING|n1|a\\n72|PENDING||b\\n'"),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{says}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    told = status(folder)
    assert (told["jobs"]["running"], told["jobs"]["queued"]) == (1, 1)
    assert (row(told, "table")["running"], row(told, "table")["waiting"]) == (1, 49)
    (tools / "squeue").write_text("#!/bin/sh\necho gone >&2; exit 1\n")
    told = status(folder)
    assert told["problem"] == "squeue: gone" and told["jobs"]["running"] == 2


def test_the_configuration_is_that_of_the_run(folder: Path) -> None:
    (folder / "config.yaml").rename(folder / "other.yaml")
    Journal(folder, "other.yaml", 1)
    assert "0 of 1 jobs done" in asked(folder)


def test_the_configuration_that_is_given_goes_before_that_of_the_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "other.yaml").write_text("no: configuration")
    Journal(folder, "other.yaml", 1)
    load_commands()
    assert CliRunner().invoke(app, ["status"]).exception is not None
    assert "0 of 1 jobs done" in asked(folder, "--config", "config.yaml")
    (folder / "other.yaml").unlink()  # then it is the one beside the results
    monkeypatch.chdir(folder.parent)
    assert "0 of 1 jobs done" in asked(folder)


def test_a_damaged_journal_says_what_can_be_read(folder: Path) -> None:
    journal = Journal(folder, "config.yaml", 3)
    started(journal, 1, "elu.x")
    with (folder / JOURNAL).open("ab") as file:
        file.write(b'\n[1]\n{"event": "finished"}\n{"event": "job"}\n\xff\n{"event": "fini')
    found = read_journal(folder)
    assert found is not None and found.total == 3
    assert [job.rule for job in found.of("started")] == ["train__t__1"]


def test_results_are_an_argument_or_an_option(folder: Path) -> None:
    load_commands()
    place = str(folder / "results")
    done = CliRunner().invoke(app, ["status", "--results", place])
    assert done.exit_code == 0 and done.stdout == asked(folder)
    for command in ("status", "estimate", "audit"):
        config = ["--config", str(folder / "config.yaml")]
        done = CliRunner().invoke(app, [command, "here", "--results", place, *config])
        assert isinstance(done.exception, ConfigError) and "given twice" in str(done.exception)


def test_a_sum_of_times_says_what_it_lacks(folder: Path) -> None:
    both = CONFIG | {"tasks": {"t": CONFIG["tasks"]["t"], "u": CONFIG["tasks"]["t"]}}
    (folder / "config.yaml").write_text(yaml.safe_dump(both))
    trained(folder, "relu(x)", 0.7)
    told = status(folder)
    assert told["seconds_left"] > 0 and told["partly_unknown"]
    page = asked(folder)
    assert re.search(r"one job at a time,\s+and\s+more\s+for\s+what\s+is\s+shown\s+as\s+\?", page)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    assert not status(folder)["partly_unknown"]


def test_a_short_last_part_counts_as_what_it_holds() -> None:
    made = Parts("t", "", 50, 20, [Path("part-0.npz"), Path("part-2.npz")], [Path("part-1.npz")])
    assert (made.done, made.stale) == (30, 20)
    assert made.in_parts([Path("part-3.npz"), Path("other.npz")]) == 0


@pytest.mark.parametrize("text", ["0", "-1", "nan", "1e9"])
def test_seconds_between_looks_are_checked(folder: Path, text: str) -> None:
    load_commands()
    config = ["--config", str(folder / "config.yaml")]
    done = CliRunner().invoke(app, ["status", str(folder / "results"), "--every", text, *config])
    assert isinstance(done.exception, ConfigError) and f"--every {float(text):g}" in str(
        done.exception
    )


def test_watching_ends_by_ctrl_c_without_a_trace_and_torch_is_not_imported(folder: Path) -> None:
    import signal

    script = (
        "import sys; from actsearch.cli import main\n"
        "sys.argv = ['actsearch', 'status', '--watch', '--every', '0.2']\n"
        "try: main()\n"
        "finally: print('torch' in sys.modules, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    looks = 0
    while looks < 2:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        looks += "Nothing is running" in line
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in errors
    assert said.splitlines()[-1] == "False"
