"""What is known about an execution: code, settings, inputs, environment, machine, time.

Values that are not known are left out, never invented.
"""

from __future__ import annotations

import functools
import getpass
import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actsearch.records.code import module_digests
from actsearch.records.digests import digest_bytes, settings_digest
from actsearch.records.embedded import input_digest, read_provenance
from actsearch.records.formats import ArtifactError, shown
from actsearch.records.names import printable_name

ROOT = Path(__file__).parents[3]
LOCK = ROOT / "envs" / "requirements.lock"
RULE_VARIABLE = "ACTSEARCH_RULE"
"""In which the workflow tells a command the rule that called it."""
NO_CODE = ("slurm", "config", "config.yaml")
"""What a user edits in a clone: no code."""
SHAPING = (
    "numpy",
    "scipy",
    "torch",
    "torchvision",
    "scikit-learn",
    "umap-learn",
    "numba",
    "pandas",
    "timm",
    "pillow",
)
"""Packages whose versions shape numbers."""


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
    # A site edits its profile, which changes where jobs run and no number; and the configuration
    # is in the settings of whatever depends on it.
    tree = (":(top)", *(f":(top,exclude){name}" for name in NO_CODE))
    changes = _git("status", "--porcelain", "--untracked-files=no", "--", *tree)
    return {"commit": commit} | ({} if changes is None else {"clean": not changes})


@functools.cache
def environment() -> dict[str, Any]:
    """Python, digests of the installed versions and of the lock, versions that shape numbers."""
    described = (distribution.metadata for distribution in importlib.metadata.distributions())
    versions = {metadata["Name"].lower(): metadata["Version"] for metadata in described}
    return {
        "python": platform.python_version(),
        "digest": settings_digest(versions),
        "lock": lock_digest(),
        "versions": {name: versions[name] for name in SHAPING if name in versions},
    }


def lock_digest() -> str | None:
    """Digest of the pinned versions, without comments; None where the package came without them."""
    try:
        lines = LOCK.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return digest_bytes("\n".join(line for line in lines if not line.startswith("#")).encode())


@functools.cache
def _agent() -> dict[str, str]:
    """Who runs this: the name that git knows, and the account."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        account = ""
    found = {"name": _git("config", "user.name"), "account": account}
    return {key: value for key, value in found.items() if value}


@functools.cache
def cpu_model() -> str | None:
    """The processor's model as the system names it; None where it says nothing."""
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


def _named(path: str | Path) -> str:
    """A file as a record names it; ArtifactError when its name is no UTF-8."""
    if _text(name := shown(path)) != name:
        raise ArtifactError(
            f"{printable_name(name)}: its name is no UTF-8, so no record can say it"
        )
    return name


def _text(text: str) -> str:
    """What the system has said, as UTF-8: other bytes are escaped."""
    return text.encode(errors="backslashreplace").decode()


def now() -> str:
    """The time as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def says(block: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a provenance block says all that is wanted; the same data may lie elsewhere now."""

    def of(values: Mapping[str, Any], key: str) -> Any:
        found = values.get(key) or None
        return sorted(found.values()) if key == "data" and isinstance(found, Mapping) else found

    return all(of(block, key) == of(wanted, key) for key in wanted)


class Execution:
    """One execution of a step; made when it starts, asked for a block when a file is written."""

    def __init__(
        self,
        step: str,
        *,
        task: str | None = None,
        wildcards: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        code: Iterable[str] = (),
        operators: Mapping[str, str] | None = None,
        inputs: Iterable[str | Path] = (),
        data: str | Path | None = None,
        seeds: Mapping[str, Any] | None = None,
        is_made: Callable[[str | Path], bool] = lambda path: False,
    ) -> None:
        """Note the start.

        Args:
            step: the subcommand.
            task: the task it works for, if one.
            wildcards: what else tells its files from others of the step, such as ``part``.
            settings: the part of the configuration the step uses, in the configuration's own form.
            code: modules whose imports make up the step's code (see ``module_digests``).
            operators: digests of the user's modules that define operators it evaluates.
            inputs: files the step reads.
            data: a file of data that the configuration names, if any.
            seeds: seeds by what they seed.
            is_made: whether a rule makes a file, which is then no raw data.

        Raises:
            ArtifactError: when an input is missing or cannot be read, was altered after it was
                written, or has lost its provenance though a rule makes it.
        """
        modules = module_digests(*code)
        outside = [] if data is None else [data]
        self._fixed: dict[str, Any] = {
            "step": step,
            "rule": os.environ.get(RULE_VARIABLE),
            "task": task,
            "wildcards": dict(wildcards or {}),
            "command": _text(shlex.join(["actsearch", *sys.argv[1:]])),
            "configuration": os.environ.get("ACTSEARCH_CONFIG"),
            "inputs": {_named(path): input_digest(path, made=is_made(path)) for path in inputs},
            "data": {_named(path): input_digest(path, made=is_made(path)) for path in outside},
            "settings": dict(settings or {}),
            "settings_digest": settings_digest(dict(settings or {})),
            "code_digest": settings_digest(modules) if modules else None,
            "modules": {name: digest[7:19] for name, digest in modules.items()},
            "operators": dict(operators or {}),
            "git": _repository(),
            "environment": {key: value for key, value in environment().items() if value},
            "seeds": dict(seeds or {}),
            "agent": _agent(),
            "host": platform.node() or None,
            "platform": platform.platform(),
            "cpu": cpu_model(),
            "device": {"type": "cpu"},
            "slurm": _slurm(),
        }
        self.started = now()

    def made(self, path: str | Path) -> bool:
        """Whether ``path`` stands, made by this step from the same settings, code and inputs."""
        try:
            block = read_provenance(path)
        except ArtifactError:
            return False
        own = {key: self._fixed[key] for key in ("step", "task", "wildcards", "inputs")}
        return says(block, self.identity | own)

    @property
    def identity(self) -> dict[str, Any]:
        """What is equal for executions of the same step on the same data."""
        names = ("settings_digest", "code_digest", "operators", "data")
        return {name: self._fixed[name] for name in names}

    @property
    def environment_digest(self) -> str:
        """Digest of Python's installed packages with their versions."""
        return str(self._fixed["environment"]["digest"])

    def block(self, **further: Any) -> dict[str, Any]:
        """The provenance block of a file that is finished now; ``further`` fields are added."""
        whole = {**self._fixed, "started": self.started, "ended": now(), **further}
        return {key: value for key, value in whole.items() if value not in (None, {}, [])}
