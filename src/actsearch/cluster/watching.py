"""How far an experiment is, seen from beside: files and the queue are read, no lock is taken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from actsearch.cluster.journal import Job, Jobs, read_journal
from actsearch.cluster.queue import QueueError, has_slurm, queued_jobs
from actsearch.cluster.runs import Run, last_run, running
from actsearch.config import Config
from actsearch.data.sources.known import score_of
from actsearch.functions.baselines import baselines_of
from actsearch.plan.progress import Group, Parts, groups, median_seconds, parts, purpose
from actsearch.plan.standing import Standing, Trial
from actsearch.search.equal_scores import compared

_PATIENCE_S = 5.0
_WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SUSPENDED"})


@dataclass(frozen=True)
class Row:
    """One kind of work for one task; numbers are of functions."""

    task: str
    kind: str
    """table, search, stage 0 and so on, final; fim and search fim for spectra."""
    functions: int
    done: int
    running: int
    """In jobs that run now, and not finished by them."""
    failed: int
    """Of jobs that failed, and were not tried again yet."""
    diverged: int
    """Of those that are done: the training diverged, which is a result."""
    stale: int
    """Made with other settings, code or data: they are made again, and counted as not done."""
    seconds_left: float | None
    """None where no training was timed; spectra are not counted."""

    @property
    def waiting(self) -> int:
        """What is neither done nor running nor failed."""
        return max(self.functions - self.done - self.running - self.failed, 0)


@dataclass(frozen=True)
class Best:
    """The best of some functions of a task, by validation score."""

    function: str
    score: float
    shown: str
    """The score as people read it."""


@dataclass(frozen=True)
class Status:
    """How far an experiment is."""

    rows: list[Row]
    best: dict[str, tuple[Best | None, Best | None]]
    """By task: the best of all its functions, and the best of the baselines."""
    run: Run | None
    """The run that works in the folder."""
    last: Run | None
    """The last one that did."""
    jobs: Jobs | None
    """Its jobs."""
    active: list[Job] = field(default_factory=list)
    """Those that run now."""
    queued: list[Job] = field(default_factory=list)
    """Those that wait in SLURM's queue."""
    problem: str | None = None
    """Why the queue could not be asked."""

    @property
    def workers(self) -> int:
        """Jobs with trainings that run beside each other now; 1 where none does."""
        kinds = [purpose(job.output[0]) for job in self.active if job.output]
        return max(sum(kind is not None and kind[1] != "fim" for kind in kinds), 1)

    @property
    def seconds_left(self) -> float | None:
        """Of all trainings that are left, at so many beside each other as now."""
        known = [row.seconds_left for row in self.rows if not row.kind.endswith("fim")]
        told = [seconds for seconds in known if seconds is not None]
        return sum(told) / self.workers if told or not known else None

    @property
    def is_partly_unknown(self) -> bool:
        """Whether trainings are left whose time is not known: ``seconds_left`` lacks them."""
        return any(row.seconds_left is None for row in self.rows if not row.kind.endswith("fim"))


class Watcher:
    """Looks at an experiment, again and again; files that are as they were are not read again."""

    def __init__(self, config: Config, results: Path, folder: Path) -> None:
        """Take the experiment.

        Args:
            config: its configuration, with the user's operators registered.
            results: its results.
            folder: in which it is run.
        """
        self._config = config
        self._results = results
        self._folder = folder
        self._standing = Standing(config, results)

    def look(self) -> Status:
        """How far it is now."""
        self._standing.look_again()
        run, last, jobs = running(self._folder), last_run(self._folder), read_journal(self._folder)
        active, queued, problem = _at_work(run, jobs)
        failed = list(jobs.of("failed")) if jobs else []
        status = Status([], {}, run, last, jobs, active, queued, problem)
        for task in self._config.tasks:
            found = list(groups(self._config, task, self._standing))
            usual, _ = median_seconds(trial for group in found for trial in group.trials)
            for group in found:
                status.rows.append(_row(group, active, failed, usual))
            for made in parts(self._config, task, self._standing, self._results):
                status.rows.append(_row_of_spectra(made, active, failed))
            status.best[task] = self._best(task, found)
        return status

    def _best(self, task: str, found: Iterable[Group]) -> tuple[Best | None, Best | None]:
        known = [
            trial
            for group in found
            if group.asked.kind in ("table", "search")
            for trial in group.trials
            if trial.is_current and trial.status != "diverged"
        ]
        baselines = frozenset(baselines_of(self._config))
        return (
            self._highest(task, known),
            self._highest(task, [trial for trial in known if trial.function in baselines]),
        )

    def _highest(self, task: str, trials: Iterable[Trial]) -> Best | None:
        scored = [
            (t.validation_score, t.function) for t in trials if t.validation_score is not None
        ]
        if not scored:
            return None
        # Ties by name, as in tables.
        score, function = min(scored, key=lambda found: (-compared(found[0]), found[1]))
        kind = score_of(self._config.data[self._config.task(task).data], self._config.data_folder)
        shown = f"{kind.shown} {kind.write(score)}" if kind else f"{score:.4f}"
        return Best(function, score, shown)


def _at_work(run: Run | None, jobs: Jobs | None) -> tuple[list[Job], list[Job], str | None]:
    """Jobs that run and jobs that wait in the queue, of the run that works now."""
    started = list(jobs.of("started")) if jobs and run else []
    far = [job for job in started if job.slurm is not None]
    if not far or run is None or not has_slurm():
        return started, [], None
    try:
        states = {job.job_id: job.state for job in queued_jobs(run.jobs, _PATIENCE_S)}
    except QueueError as error:
        return started, [], str(error)
    waiting = [job for job in far if states.get(str(job.slurm)) in _WAITING]
    return [job for job in started if job not in waiting], waiting, None


def _row(group: Group, active: Iterable[Job], failed: Iterable[Job], usual: float | None) -> Row:
    """The row of trainings; ``usual``: seconds of one where none of this kind was timed."""
    done = {trial.place for trial in group.trials if trial.is_current}
    left = group.asked.functions - group.done
    now, lost = (
        {
            path
            for job in some
            for path in job.output
            if path not in done and purpose(path) == (group.task, group.kind)
        }
        for some in (active, failed)
    )
    seconds = median_seconds(group.trials)[0] or usual
    total = None if seconds is None else left * group.asked.runs * seconds
    return Row(
        *(group.task, group.kind, group.asked.functions, group.done),
        running=min(len(now), left),
        failed=min(len(lost - now), left),
        diverged=sum(trial.is_current and trial.status == "diverged" for trial in group.trials),
        stale=group.stale,
        seconds_left=total if left else 0.0,
    )


def _row_of_spectra(made: Parts, active: Iterable[Job], failed: Iterable[Job]) -> Row:
    """The row of parts with spectra."""
    left = made.functions - made.done
    now, lost = (
        {Path(p) for job in some for p in job.output if _is_of(p, made.task, made.place)}
        for some in (active, failed)
    )
    return Row(
        *(made.task, "search fim" if made.place else "fim", made.functions, made.done),
        running=min(made.in_parts(now), left),
        failed=min(made.in_parts(lost - now), left),
        diverged=0,
        stale=made.stale,
        seconds_left=None,
    )


def _is_of(path: str, task: str, place: str) -> bool:
    """Whether a path is of a part with spectra of a task, of its table or its search."""
    return purpose(path) == (task, "fim") and ("/search/fim/" in path) == bool(place)
