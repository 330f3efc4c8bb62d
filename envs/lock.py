"""Write the pinned locks and the conda environment from what is installed here: ``make lock``.

requirements.lock holds what a run needs, requirements-dev.lock what tests and checks need besides.
Packages that exist for Linux alone (the CUDA libraries) are marked so.
"""

from __future__ import annotations

import importlib.metadata
import platform
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
LINUX_ONLY = ("nvidia-", "cuda-", "triton")
LINUX_MARK = "; sys_platform == 'linux' and platform_machine == 'x86_64'"


def closure(requirements: list[str]) -> dict[str, str]:
    """Versions of the installed packages that ``requirements`` lead to, by name."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        key = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if key in seen:
            continue
        seen.add(key)
        distribution = importlib.metadata.distribution(requirement.name)
        found[key[0]] = distribution.version
        for text in distribution.requires or []:
            child = Requirement(text)
            extras = requirement.extras or {""}
            if child.marker is None or any(child.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(child)
    return found


def lines(versions: dict[str, str]) -> str:
    """The lines of a lock, sorted by name."""
    return "".join(
        f"{name}=={version}{LINUX_MARK if name.startswith(LINUX_ONLY) else ''}\n"
        for name, version in sorted(versions.items())
    )


def main() -> None:
    """Write the three files."""
    extras = PROJECT["optional-dependencies"]
    direct = [*PROJECT["dependencies"], *extras["workflow"], "setuptools"]
    run = closure(direct)
    dev = {name: version for name, version in closure(extras["dev"]).items() if name not in run}
    python = platform.python_version_tuple()
    note = f"# Made by `make lock` with Python {python[0]}.{python[1]}; do not edit.\n"
    (HERE / "requirements.lock").write_text(note + lines(run))
    (HERE / "requirements-dev.lock").write_text(note + lines(dev))
    # The whole lock, and no reference to another file: Snakemake copies this one elsewhere.
    pins = "".join(f'      - "{line}"\n' for line in lines(run).splitlines())
    (HERE / "environment.yaml").write_text(
        f"{note}# For clusters with conda: conda env create -f envs/environment.yaml, then, in\n"
        "# this environment, pip install --no-deps -e . at the top of the repository.\n"
        "name: actsearch\n"
        "channels:\n  - conda-forge\n  - nodefaults\n"
        f"dependencies:\n  - python={python[0]}.{python[1]}\n  - pip\n"
        f"  - pip:\n{pins}"
    )


if __name__ == "__main__":
    main()
