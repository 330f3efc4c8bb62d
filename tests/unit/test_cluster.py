"""A run has its folder to itself; the watchdog ends it when nothing can come any more."""

from __future__ import annotations

import json
import os
import platform
import signal
import stat
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from actsearch.cluster import runs
from actsearch.cluster.queue import QueuedJob, QueueError, cancel, queued_jobs
from actsearch.cluster.runs import SIGNATURE, Claim, Run, RunError, claim, running
from actsearch.cluster.watchdog import PatienceError, Watchdog, patience

CLAIM = (
    "from pathlib import Path; from actsearch.cluster.runs import claim; "
    "mine = claim(Path('.'), str); "
)


def _start(folder: Path, then: str) -> subprocess.Popen[str]:
    """A process that claims ``folder`` and says so."""
    code = f"{CLAIM} print('mine', flush=True); {then}"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "mine\n"
    return process


def _signature(folder: Path, **changes: object) -> Path:
    path = folder / SIGNATURE
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(Run.here()) | changes))
    return path


def test_a_folder_in_use_is_refused_and_says_by_whom(tmp_path: Path) -> None:
    with _start(tmp_path, "import time; time.sleep(60)") as process:
        with pytest.raises(RunError, match=f"in use by a run of .* \\(process {process.pid}\\)"):
            claim(tmp_path, print)
        process.terminate()


def test_after_a_run_that_ended_nothing_is_said(tmp_path: Path) -> None:
    locks = tmp_path / ".snakemake" / "locks"
    assert _start(tmp_path, "").wait() == 0
    locks.mkdir()
    said: list[str] = []
    claim(tmp_path, said.append)
    assert said == []
    assert locks.exists(), "somebody else's"


def test_a_killed_run_leaves_its_locks_to_the_next(tmp_path: Path) -> None:
    locks = tmp_path / ".snakemake" / "locks"
    process = _start(tmp_path, "import time; time.sleep(60)")
    locks.mkdir()
    (locks / "0.output.lock").write_text("results/report.html\n")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert running(tmp_path) is None
    said: list[str] = []
    claim(tmp_path, said.append)
    assert len(said) == 1
    assert f"(process {process.pid})" in said[0]
    assert not locks.exists()
    own = running(tmp_path)
    assert own is not None
    assert own.process == os.getpid()


def test_a_process_number_that_came_again_is_not_the_run(tmp_path: Path) -> None:
    run = Run.here()
    _signature(tmp_path)
    assert running(tmp_path) == run
    _signature(tmp_path, created=run.created - 1000)
    assert running(tmp_path) is None


def test_a_run_on_another_machine_lives_as_long_as_it_gives_signs(tmp_path: Path) -> None:
    path = _signature(tmp_path, host=f"not-{platform.node()}", process=2**22 + 1)
    assert running(tmp_path) == replace(
        Run.here(), host=f"not-{platform.node()}", process=2**22 + 1
    )
    now = time.time()
    os.utime(path, (now - 400, now - 400))
    assert running(tmp_path) is None


def test_a_signature_cut_short_is_nobodys(tmp_path: Path) -> None:
    _signature(tmp_path).write_text('{"user": ')
    assert running(tmp_path) is None
    claim(tmp_path, print)
    assert running(tmp_path) is not None


@pytest.fixture
def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose ``answers`` squeue gives one after the other; scancel writes ``cancelled``."""
    tools = tmp_path / "tools"
    (tools / "answers").mkdir(parents=True)
    scripts = {
        "squeue": 'echo "$@" >> asked; f=$(ls answers | head -1); cat "answers/$f"; '
        '[ "$(ls answers | wc -l)" = 1 ] || rm "answers/$f"',
        "scancel": 'echo "$@" > cancelled',
    }
    for name, script in scripts.items():
        path = tools / name
        path.write_text(f"#!/bin/sh\ncd {tools}\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setattr("actsearch.cluster.runs._SECONDS_BETWEEN_LOOKS", 0.01)
    return tools


def test_jobs_are_asked_for_by_name(squeue: Path) -> None:
    (squeue / "answers" / "1").write_text("7|RUNNING|n1|rule_train\n9|PENDING||rule_fim\n")
    jobs = queued_jobs(["actsearch_a", "actsearch_b"])
    assert [str(job) for job in jobs] == ["7 (rule_train, running on n1)", "9 (rule_fim, pending)"]
    assert "--name=actsearch_a,actsearch_b" in (squeue / "asked").read_text()
    (squeue / "squeue").unlink()
    assert queued_jobs([]) == []


def _wait(folder: Path, said: list[str]) -> Claim:
    mine = claim(folder, print)
    mine.wait_for_leftovers(said.append)
    return mine


def test_pending_leftovers_are_cancelled_and_running_ones_waited_for(
    squeue: Path, tmp_path: Path
) -> None:
    answers = squeue / "answers"
    _start(tmp_path, "mine.submit_as('earlier'); import os; os._exit(1)").wait()
    (answers / "1").write_text("7|RUNNING|n1|rule_a\n8|PENDING||rule_b\n")
    (answers / "2").write_text("7|RUNNING|n1|rule_a\n")
    (answers / "3").write_text("7|RUNNING|n1|rule_a\n")
    (answers / "4").write_text("")
    said: list[str] = []
    _wait(tmp_path, said)
    assert (squeue / "cancelled").read_text() == "--state=PENDING 8\n"
    assert len(said) == 2
    assert "7 (rule_a, running on n1)" in said[0]
    assert "scancel 7" in said[0]
    assert "--name=earlier" in (squeue / "asked").read_text()
    assert json.loads((tmp_path / SIGNATURE).read_text())["jobs"] == []


def test_a_leftover_that_waits_again_is_cancelled(squeue: Path, tmp_path: Path) -> None:
    """Its node has failed."""
    _start(tmp_path, "mine.submit_as('earlier'); import os; os._exit(1)").wait()
    for number, answer in enumerate(("7|RUNNING|n1|a\n", "7|PENDING||a\n", "")):
        (squeue / "answers" / str(number)).write_text(answer)
    _wait(tmp_path, [])
    assert (squeue / "cancelled").read_text() == "--state=PENDING 7\n"


def test_a_run_taken_for_dead_does_not_sign_for_its_follower(tmp_path: Path) -> None:
    mine = claim(tmp_path, print)
    _signature(tmp_path, host="another", process=5)
    mine.submit_as("name")
    follower = running(tmp_path)
    assert follower is not None
    assert (follower.host, follower.jobs) == ("another", ())


def test_a_folder_of_somebody_else_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(runs, "_one_at_a_time", refuse)
    with pytest.raises(RunError, match=r"cannot be written to: .*Permission denied"):
        claim(tmp_path, print)


@pytest.mark.parametrize("end", ["import os; os._exit(1)", ""])
def test_whoever_gives_up_waiting_passes_the_names_on(
    end: str, squeue: Path, tmp_path: Path
) -> None:
    _start(tmp_path, "mine.submit_as('first'); import os; os._exit(1)").wait()
    _start(tmp_path, f"mine.submit_as('second'); {end}").wait()
    (squeue / "answers" / "1").write_text("")
    said: list[str] = []
    _wait(tmp_path, said)
    assert said == []
    assert "--name=first,second" in (squeue / "asked").read_text()
    assert not (squeue / "cancelled").exists()


def test_a_silent_slurm_is_one_error(squeue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (squeue / "squeue").write_text("#!/bin/sh\necho no controller >&2; exit 1\n")
    with pytest.raises(QueueError, match="squeue: no controller"):
        queued_jobs(["name"])
    monkeypatch.setenv("PATH", str(squeue / "answers"))
    with pytest.raises(QueueError, match="no scancel on this machine"):
        cancel([QueuedJob("1", "PENDING", "", "")])


class Cluster:
    """What the watchdog sees, and its clock."""

    def __init__(self) -> None:
        self.waiting = 2
        self.jobs: list[QueuedJob] | None = []
        self.now = 0.0
        self.dog = Watchdog(lambda: self.waiting, self._queued, 600, lambda: self.now)

    def _queued(self) -> list[QueuedJob]:
        if self.jobs is None:
            raise QueueError("squeue: no controller")
        return self.jobs

    def after(self, seconds: float) -> str | None:
        self.now += seconds
        return self.dog.check()


def test_jobs_in_the_queue_are_progress_however_long_they_take() -> None:
    cluster = Cluster()
    cluster.jobs = [QueuedJob("1", "PENDING", "", "")]
    assert [cluster.after(10_000) for _ in range(5)] == [None] * 5


def test_jobs_that_slurm_lost_end_the_run() -> None:
    cluster = Cluster()
    assert cluster.after(0) is None
    assert cluster.after(599) is None
    reason = cluster.after(1)
    assert reason is not None
    assert "SLURM has had none of the jobs waited for (2) for 10 minutes" in reason
    assert "start the same command again" in reason


def test_a_slurm_that_is_gone_ends_the_run() -> None:
    cluster = Cluster()
    cluster.jobs = None
    assert cluster.after(0) is None
    reason = cluster.after(600)
    assert reason is not None
    assert "no answer for 10 minutes (squeue: no controller)" in reason


def test_patience_starts_anew_when_something_moves() -> None:
    cluster = Cluster()
    assert cluster.after(0) is None
    assert cluster.after(599) is None
    cluster.waiting = 0  # a light step of this machine works
    assert cluster.after(10) is None
    cluster.waiting = 2
    assert cluster.after(0) is None
    assert cluster.after(599) is None
    assert cluster.after(1) is not None


def test_patience_is_a_number_of_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTSEARCH_PATIENCE", raising=False)
    assert patience() == 1200
    monkeypatch.setenv("ACTSEARCH_PATIENCE", "0.5")
    assert patience() == 30
    for text in ("soon", "0", "-1", "nan", "inf"):
        monkeypatch.setenv("ACTSEARCH_PATIENCE", text)
        with pytest.raises(PatienceError, match=f"is '{text}'; it takes a number of minutes"):
            patience()
