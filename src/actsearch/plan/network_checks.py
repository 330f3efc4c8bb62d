"""Networks tried out before a run, by ``actsearch check`` in a process of its own.

The workflow imports this at every parse, and must not import torch.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from actsearch.config import Config, ConfigError, Task
from actsearch.plan.data_files import data_file
from actsearch.plan.dependencies import task_modules
from actsearch.plan.steps import TORCH_OPERATORS
from actsearch.records.code import module_digests
from actsearch.records.digests import settings_digest
from actsearch.records.provenance import environment

TRIED = ("actsearch.networks.probe", "actsearch.data.loading")
"""Modules that try a network, and that tell the shape of its data."""
_LINES = 20
"""Of a failure that is not the user's."""


def has_network(task: Task) -> bool:
    """Whether a job builds the task's network; none does where all was imported."""
    table = task.benchmark
    own = table is not None and (table.act_bench is None or not table.published_features)
    return own or task.search is not None or task.final is not None


def check_networks(
    config: Config, tasks: Iterable[str], told: Mapping[str, str], memory: Path
) -> None:
    """Refuse a task whose network cannot be trained on its data, in the words of its first job.

    What was found good is not tried again until the network, its code, the data or the installed
    versions change. How it is trained is no matter.

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
        if has_network(config.task(name)) and not (seen := memory / _digest(config, name)).exists()
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


def _digest(config: Config, name: str) -> str:
    """Digest of all that the check hangs on."""
    task = config.task(name)
    data = config.data[task.data]
    path = None if data.published else data_file(config, name)
    state = path.stat() if path is not None and path.is_file() else None
    modules = {*TRIED, TORCH_OPERATORS, *task_modules(config, name)}
    what = [
        task.model_dump(mode="json", include={"model", "model_options", "replace"}),
        data.model_dump(mode="json", include={"source", "image_size", "channels_last"}),
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
