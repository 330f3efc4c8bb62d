"""What is known about an execution: code, settings, inputs, environment, machine, time.

Values that are not known are left out, never invented.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actsearch.records.artifacts import ArtifactError, read_provenance
from actsearch.records.digests import code_digest, content_digest, settings_digest


def _git(*arguments: str) -> str | None:
    """Output of git in the folder of this package, or None where it has nothing to say."""
    # Many jobs ask at once, beside a person who works: take no locks.
    command = ["git", "--no-optional-locks", "-C", str(Path(__file__).parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _repository() -> dict[str, Any] | None:
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return None
    # A site edits its profile, which changes where jobs run and no number.
    tree = (":(top)", ":(top,exclude)slurm")
    changes = _git("status", "--porcelain", "--untracked-files=no", "--", *tree)
    return {"commit": commit} | ({} if changes is None else {"clean": not changes})


@functools.cache
def _environment() -> dict[str, Any]:
    """Python, a digest over all installed versions, and the versions that shape numbers."""
    versions = {
        distribution.name.lower(): distribution.version
        for distribution in importlib.metadata.distributions()
    }
    shaping = ("numpy", "scipy", "torch", "scikit-learn", "umap-learn", "numba", "pandas")
    return {
        "python": platform.python_version(),
        "digest": settings_digest(versions),
        "versions": {name: versions[name] for name in shaping if name in versions},
    }


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine() or None


def _slurm() -> dict[str, str] | None:
    """Job, node, partition and the numbers of the GPUs on that node, as SLURM tells a job step."""
    names = {
        "SLURM_JOB_ID": "job",
        "SLURMD_NODENAME": "node",
        "SLURM_JOB_PARTITION": "partition",
        "SLURM_STEP_GPUS": "gpus",
    }
    found = {label: os.environ[name] for name, label in names.items() if os.environ.get(name)}
    return found if "job" in found else None


def _input_digest(path: Path) -> str:
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    return content_digest(path)


def now() -> str:
    """The time as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Execution:
    """One execution of a step; made when it starts, asked for a block when a file is written."""

    def __init__(
        self,
        step: str,
        *,
        settings: Mapping[str, Any] | None = None,
        code: Iterable[str] = (),
        inputs: Iterable[str | Path] = (),
        data: str | Path | None = None,
        seeds: Mapping[str, Any] | None = None,
    ) -> None:
        """Note the start.

        Args:
            step: the subcommand.
            settings: the part of the configuration the step uses, as plain data.
            code: modules whose imports make up the step's code (see ``code_digest``).
            inputs: files the step reads.
            data: a file of data that the configuration names, if any.
            seeds: seeds by what they seed.
        """
        self._fixed: dict[str, Any] = {
            "step": step,
            "command": shlex.join(["actsearch", *sys.argv[1:]]),
            "configuration": os.environ.get("ACTSEARCH_CONFIG"),
            "inputs": {str(path): _input_digest(Path(path)) for path in inputs},
            "data_digest": _input_digest(Path(data)) if data is not None else None,
            "settings": dict(settings or {}),
            "settings_digest": settings_digest(dict(settings or {})),
            "code_digest": code_digest(*code) if code else None,
            "git": _repository(),
            "environment": _environment(),
            "seeds": dict(seeds or {}) or None,
            "host": platform.node() or None,
            "platform": platform.platform(),
            "cpu": _cpu_model(),
            "slurm": _slurm(),
        }
        self.started = now()

    def made(self, path: str | Path) -> bool:
        """Whether ``path`` stands, made by this step from the same settings, code and inputs."""
        try:
            block = read_provenance(path)
        except ArtifactError:
            return False
        wanted = self.identity | {"step": self._fixed["step"], "inputs": self._fixed["inputs"]}
        return all(block.get(key, {}) == (value or {}) for key, value in wanted.items())

    @property
    def identity(self) -> dict[str, Any]:
        """Digests that are equal for executions of the same step on the same data."""
        names = ("settings_digest", "code_digest", "data_digest")
        return {name: self._fixed[name] for name in names}

    @property
    def environment_digest(self) -> str:
        """Digest of Python's installed packages with their versions."""
        return str(self._fixed["environment"]["digest"])

    def block(self, **further: Any) -> dict[str, Any]:
        """The provenance block of a file that is finished now; ``further`` fields are added."""
        whole = {**self._fixed, "started": self.started, "ended": now(), **further}
        return {key: value for key, value in whole.items() if value not in (None, {}, [])}
