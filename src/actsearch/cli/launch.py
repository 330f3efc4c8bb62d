"""Starting a command again as several training processes, through torchrun.

Imports no torch: a command that finds nothing to train ends at once.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import NoReturn

from actsearch.cli.progress import say
from actsearch.config import ConfigError, Resources


def launched() -> bool:
    """Whether this process is one of several that torchrun started."""
    return "TORCHELASTIC_RUN_ID" in os.environ and "RANK" in os.environ


def launch(resources: Resources, arguments: list[str]) -> NoReturn:
    """Become torchrun, which starts the processes that ``resources`` asks for.

    Args:
        resources: of the task.
        arguments: of the command line, from the subcommand on.

    Raises:
        ConfigError: when several nodes are asked for outside a SLURM job.
    """
    command = launch_command(resources, arguments, os.environ.get("SLURM_JOB_ID"))
    say(f"starting {resources.processes} training processes")
    environment = dict(os.environ) | {"OMP_NUM_THREADS": str(resources.threads)}
    # Otherwise each process warns of a setting that replicate() chooses with intent.
    environment.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if resources.nodes > 1:
        # srun would take the limits of the step that this process is in for its own options.
        environment = {k: v for k, v in environment.items() if not _of_the_step(k)}
    sys.stdout.flush()
    os.execvpe(command[0], command, environment)


def _of_the_step(variable: str) -> bool:
    return variable.startswith("SLURM_") and variable != "SLURM_CONF"


def launch_command(resources: Resources, arguments: list[str], job: str | None) -> list[str]:
    """The command that starts ``actsearch ARGUMENTS`` as several processes.

    On one node it is torchrun; on several, an srun in the SLURM job ``job`` that starts a torchrun
    on each, which meet at a free port of this machine.

    Returns:
        Its words.

    Raises:
        ConfigError: when several nodes are asked for without a job.
    """
    nodes = resources.nodes
    each = resources.processes // nodes
    torchrun = [sys.executable, "-m", "actsearch.cli.torchrun", "--nproc-per-node", str(each)]
    program = ["-m", "actsearch.cli", *arguments]
    if nodes == 1:
        return [*torchrun, "--standalone", *program]
    if job is None:
        raise ConfigError(
            f"resources.nodes is {nodes}, but this is not a SLURM job: "
            "several nodes are allowed only there"
        )
    srun = ["srun", "--jobid", job, "--overlap", "--kill-on-bad-exit=1"]
    srun += ["--nodes", str(nodes), "--ntasks", str(nodes), "--ntasks-per-node", "1"]
    srun += ["--cpus-per-task", str(resources.threads * each)]
    if resources.gpu:
        srun += ["--gpus-per-node", str(resources.gpu // nodes)]
    meeting = ["--nnodes", str(nodes), "--rdzv-backend", "c10d"]
    meeting += ["--rdzv-endpoint", _free_endpoint(), "--rdzv-id", job]
    return [*srun, *torchrun, *meeting, *program]


def _free_endpoint() -> str:
    """This machine's name and a port of it that is free now."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return f"{socket.gethostname()}:{probe.getsockname()[1]}"
