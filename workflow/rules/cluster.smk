"""A run in this folder, and on a cluster: one at a time, no job twice, an end where nothing moves.

Needs: Snakemake's own options. Makes: no file of results.
"""

import contextlib
import io
import os
import time

from snakemake.cli import parse_args
from snakemake.logging import logger

from actsearch.cluster.adoption import adopt
from actsearch.cluster.queue import has_slurm, queued_jobs, require_slurm
from actsearch.cluster.runs import claim, running
from actsearch.cluster.watchdog import Watchdog, patience, watch

SECONDS_TO_END = 200  # the executor may sleep for 180
# Options with which Snakemake makes no file of ours.
PLANS = "dryrun summary detailed_summary".split()
LOOKS = (
    "unlock lint list_rules list_target_rules print_compilation containerize report "
    "generate_unit_tests dag rulegraph filegraph d3dag cleanup_metadata conda_cleanup_envs "
    "conda_create_envs_only list_conda_envs cleanup_shadow container_cleanup_images list_changes "
    "list_input_changes list_params_changes list_untracked archive"
).split()


def snakemake_options():
    """Options of this process, or None in a job and where Snakemake is used as a library."""
    if not workflow.is_main_process or "snakemake" not in Path(sys.argv[0]).parts[-2:]:
        return None
    # After --directory, a profile is no more seen from here.
    for folder in (Path.cwd(), workflow.basedir):
        with (
            contextlib.suppress(SystemExit),
            contextlib.chdir(folder),
            contextlib.redirect_stderr(io.StringIO()),  # it has been said already
        ):
            return parse_args(sys.argv[1:])[1]
    raise WorkflowError("with --directory, --profile takes the profile's absolute path")


OPTIONS = snakemake_options()
ON_SLURM = OPTIONS is not None and OPTIONS.executor == "slurm"
CLAIM = None


def asked(names):
    """Whether one of these options is given."""
    return OPTIONS is not None and any(getattr(OPTIONS, name, None) for name in names)


if OPTIONS is not None and not asked([*LOOKS, "touch"]):
    told = {"ACTSEARCH_CONFIG": write_config(), SNAKEFILE_VARIABLE: SNAKEFILE}
    checked(adopt, Path.cwd(), told, logger.info)
if OPTIONS is not None and not asked([*LOOKS, *PLANS]):
    checked(patience)
    if ON_SLURM:
        checked(require_slurm)
    CLAIM = checked(claim, Path.cwd(), logger.info)
    if has_slurm():
        checked(CLAIM.wait_for_leftovers, logger.info)
elif OPTIONS is not None and OPTIONS.unlock and (other := running(Path.cwd())):
    raise WorkflowError(f"not unlocked: the run of {other} is alive")


def awaited_jobs():
    """Number of SLURM jobs that Snakemake waits for."""
    return sum(not job.is_local for job in list(workflow.scheduler.running))


def end_run(reason):
    """End with a message: softly, or without Snakemake where it hangs itself."""
    logger.error(reason)
    workflow.scheduler.executor_error_callback(WorkflowError(reason))
    time.sleep(SECONDS_TO_END)
    os._exit(1)


def look_after_jobs():
    """Note the jobs' name for whoever comes after this run, and start the watchdog."""
    name = workflow.scheduler._executor.run_uuid  # no public way leads to it
    CLAIM.submit_as(name)
    dog = Watchdog(awaited_jobs, lambda: queued_jobs([name]), patience())
    watch(dog, end_run, every=patience() / 20)


onstart:
    if ON_SLURM and CLAIM:
        look_after_jobs()


onsuccess:
    if CLAIM:
        CLAIM.forget_jobs()
