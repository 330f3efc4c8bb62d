"""What happens between ``snakemake`` and the first job, in order; docs/start.md is the page on it.

A run that makes files:

1. results that were brought here are checked and noted (``plan.adoption``; starts a process)
2. SLURM must answer, on a cluster
3. the folder is taken for this run, or refused (``runs.claim``)
4. jobs that an earlier run left in SLURM are waited for
5. data must be there, and usable
6. networks are tried out (``plan.network_checks``; starts a process, once for each state)

A dry run does 1 and 5, and on GPUs estimates hours beside its planning. What only looks at the
workflow does 5 and warns. Jobs do nothing of it.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actsearch.cluster.found import what_was_found
from actsearch.cluster.interrupts import EXIT_CODE, leave_ctrl_c, was_pressed
from actsearch.cluster.journal import Jobs, Journal
from actsearch.cluster.queue import has_slurm, queued_jobs, require_slurm
from actsearch.cluster.runs import Claim, RunError, claim, running
from actsearch.cluster.watchdog import Watchdog, patience, watch
from actsearch.plan import internals, layout
from actsearch.plan.adoption import adopt
from actsearch.plan.experiment import Plan
from actsearch.plan.network_checks import check_networks
from actsearch.plan.wanted import check_data, wanted
from actsearch.plan.whole import refused_in

Say = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """A process of Snakemake that is about to look, to plan, or to make files."""

    options: internals.Options
    claim: Claim | None
    """The folder, where it was taken."""

    def look_after_jobs(self, workflow: Any) -> None:
        """Note the jobs' name for whoever comes after this run, and start the watchdog."""
        if self.claim is None or not self.options.on_slurm:
            return
        name = internals.name_of_jobs(workflow)
        self.claim.submit_as(name)
        dog = Watchdog(
            lambda: internals.awaited_jobs(workflow), lambda: queued_jobs([name]), patience()
        )
        watch(dog, lambda reason: internals.end_run(workflow, reason), every=patience() / 20)

    def note_jobs(self, workflow: Any, configuration: str, say: Say) -> None:
        """Note what happens to jobs for whoever watches; end in one line after Ctrl-C.

        Args:
            workflow: Snakemake's.
            configuration: the file that the run was started with.
            say: is called with what each SLURM job has found, whose words are in its log alone.
        """
        if self.claim is None or self.options.touches:
            return
        try:
            journal = Journal(Path.cwd(), configuration, internals.number_of_jobs(workflow))
        except OSError:  # what watchers are shown is no reason to fail
            return

        def hear(event: str, told: Mapping[str, Any]) -> None:
            job = journal.hear(event, told)
            far = job is not None and self.options.on_slurm and not job.is_local
            if job and far and event == "finished" and (found := what_was_found(job)):
                say(found)

        internals.listen(hear)
        leave_ctrl_c(lambda: _stopped(journal.jobs))
        internals.be_quiet_about_failures(was_pressed)

    def forget_jobs(self) -> None:
        """Note that no job is left."""
        if self.claim is not None:
            self.claim.forget_jobs()


def _stopped(jobs: Jobs) -> str:
    """The last line of a run that Ctrl-C has ended."""
    return (
        f"Stopped by Ctrl-C: {jobs.done} of {jobs.total} jobs are done. What was finished is kept, "
        "also of jobs that were stopped; the same command continues from there."
    )


def start(
    plan: Plan, options: internals.Options, told: Mapping[str, str], say: Say, warn: Say
) -> Run:
    """Take the steps above that ``options`` ask for.

    Args:
        plan: the experiment, in the working folder.
        options: of Snakemake.
        told: variables of the environment by which commands find configuration and Snakefile.
        say: takes what is to be told.
        warn: takes warnings.

    Returns:
        The run, which holds the folder from now on if files are made.

    Raises:
        RunError: when another run lives in the folder.
        ValueError: with one sentence, when anything else is refused: an error of the package.
    """
    here = Path.cwd()
    taken = None
    if not options.looks and not options.touches:
        adopt(here, told, say)
    if options.makes_files:
        taken = _take(here, options, say)
    elif options.unlocks and (other := running(here)):
        raise RunError(f"not unlocked: the run of {other} is alive")
    tasks, data = wanted(plan, options.targets)
    makes_new_files = options.makes_files and not options.touches
    with refused_in(plan.origin):
        check_data(plan, data, refused=makes_new_files, warn=warn)
        if makes_new_files:
            check_networks(plan.config, tasks, told, layout.SEEN_NETWORKS)
    if options.dry_run and any(task.resources.gpu for task in plan.tasks.values()):
        _estimate_beside(told)
    return Run(options, taken)


def _take(here: Path, options: internals.Options, say: Say) -> Claim:
    patience()  # refused here if it is no number
    if options.on_slurm:
        require_slurm()
    taken = claim(here, say)
    if has_slurm():
        taken.wait_for_leftovers(say)
    return taken


def _estimate_beside(told: Mapping[str, str]) -> None:
    """Print the hours that are left at the end; they are counted beside the planning."""
    process = subprocess.Popen(
        [sys.executable, "-m", "actsearch.cli", "estimate"],
        env=os.environ | dict(told),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    atexit.register(_say_estimate, process)


def _say_estimate(process: subprocess.Popen[str]) -> None:
    """Print what the command says, or its last line where it failed; nothing where it was ended."""
    try:
        if was_pressed():
            raise SystemExit
        said, errors = process.communicate()
    except (KeyboardInterrupt, SystemExit):  # nobody would take it here
        process.kill()
        sys.stdout.flush()
        os._exit(EXIT_CODE)
    if process.returncode == 0:
        sys.stderr.write(said)
    elif process.returncode > 0:
        last = (errors.strip().splitlines() or ["it says nothing"])[-1]
        print(f"no estimate: {last.removeprefix('error: ')}", file=sys.stderr)
