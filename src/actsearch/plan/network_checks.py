"""Tasks rehearsed before a run, by ``actsearch check`` in a process of its own.

The workflow imports this at every parse, and must not import torch.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from actsearch.config import Config, ConfigError, Task
from actsearch.data.sources.places import is_function
from actsearch.plan.data_files import data_file
from actsearch.plan.dependencies import task_modules
from actsearch.plan.steps import TORCH_OPERATORS
from actsearch.records.code import module_digests
from actsearch.records.digests import settings_digest
from actsearch.records.provenance import environment

TRIED = ("actsearch.rehearsal.whole", "actsearch.data.loading", "actsearch.rehearsal.work")
"""Modules that rehearse a task, tell the shape of its data, and count what its network costs."""
_NO_MATTER: Any = {
    "map": True,
    "functions_per_job": True,
    "checkpoint_minutes": True,
    "recipe": {"epochs", "learning_rate"},
}
"""Parts of a task that a rehearsal does not try."""
_LINES = 20
"""Of a failure that is not the user's."""


def has_network(task: Task) -> bool:
    """Whether a job builds the task's network; none does where all was imported."""
    return task.has_trainings or task.has_spectra or task.final is not None


def check_networks(
    config: Config, tasks: Iterable[str], told: Mapping[str, str], memory: Path
) -> None:
    """Refuse a task whose network cannot be trained on its data, in the words of its first job.

    What was found good is not tried again until the task, its code, the data or the installed
    versions change.

    Args:
        config: the configuration, with the user's operators registered.
        tasks: names of tasks whose data stand, or tell their shape without standing.
        told: variables of the environment by which commands find the configuration.
        memory: folder of empty files, named after what was found good.

    Raises:
        ConfigError: with the task and what is wrong with it.
    """
    waiting = {
        name: seen
        for name in tasks
        if has_network(config.task(name))
        and not (seen := memory / network_digest(config, name)).exists()
    }
    if not waiting:
        return
    options = [part for name in waiting for part in ("--task", name)]
    done = subprocess.run(
        [sys.executable, "-m", "actsearch.cli", "check", "--shapes", *options],
        env=os.environ | dict(told),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConfigError(_reason(done.stdout, done.stderr))
    memory.mkdir(parents=True, exist_ok=True)
    for seen in waiting.values():
        seen.touch()


def network_digest(config: Config, name: str) -> str:
    """Digest of all that checking a task's network, or counting what it costs, depends on.

    Returns:
        16 hexadecimal digits.
    """
    task = config.task(name)
    data = config.data[task.data]
    known = data.published or data.made or is_function(data)
    path = None if known else data_file(config, name)
    state = path.stat() if path is not None and path.is_file() else None
    modules = {*TRIED, TORCH_OPERATORS, *task_modules(config, name)}
    what = [
        task.model_dump(mode="json", exclude=_NO_MATTER),
        data.model_dump(mode="json"),
        module_digests(*sorted(modules)),
        module_digests(*config.operators),
        environment()["digest"],
        [state.st_size, state.st_mtime_ns] if state else [],
    ]
    return settings_digest(what).removeprefix("sha256:")[:16]


def _reason(said: str, errors: str) -> str:
    """The one error, after the task that it was found in."""
    tasks = [line for line in said.splitlines() if line.startswith("task ")]
    where = f"tasks.{tasks[-1].removeprefix('task ')}: " if tasks else ""
    lines = errors.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("error: "):
            return where + "\n".join(lines[number:]).removeprefix("error: ")
    return f"{where}the network cannot be tried out:\n" + "\n".join(lines[-_LINES:])
