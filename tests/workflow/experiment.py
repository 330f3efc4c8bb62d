"""A small experiment of the real kind, run by Snakemake in a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from forked import BIN, Done, fork
from small_experiment import SMALL

__all__ = ["BIN", "ROOT", "SMALL", "SOURCES", "Experiment", "make_experiment"]

ROOT = Path(__file__).parents[2]
SOURCES = ("Snakefile", "workflow", "profiles", "envs", "slurm")


@dataclass(frozen=True)
class Experiment:
    """A folder with the workflow's sources and a configuration."""

    folder: Path

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write config.yaml."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(dict(config), sort_keys=False))

    def snakemake(self, *arguments: str, check: bool = True) -> Done:
        """Run Snakemake here; its output is both streams together."""
        done = fork("snakemake", *arguments, folder=self.folder, together=True)
        assert not check or done.returncode == 0, done.stdout[-6000:]
        return done

    def actsearch(self, *arguments: str) -> Done:
        """Run a command here."""
        return fork("actsearch", *arguments, folder=self.folder)

    def planned(self, *arguments: str) -> dict[str, int]:
        """Rules that a dry run would execute, with the number of jobs."""
        output = self.snakemake("--dry-run", *arguments).stdout
        _, _, table = output.partition("Job stats:")
        jobs = {}
        for line in table.splitlines()[3:]:
            if not line.strip():
                break
            name, count = line.split()
            jobs[name] = int(count)
        jobs.pop("total", None)
        return jobs

    def message(self, *arguments: str) -> str:
        """Output of a run that must fail before any job starts."""
        done = self.snakemake("--cores", "1", *arguments, check=False)
        assert done.returncode != 0
        assert "Traceback" not in done.stdout
        assert not (self.folder / "results").exists(), "a job has started"
        return done.stdout

    def path(self, name: str) -> Path:
        """A file under results/."""
        return self.folder / "results" / name


def make_experiment(folder: Path) -> Experiment:
    """The workflow's sources and the small configuration in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / source)
        else:
            shutil.copy(ROOT / source, folder / source)
    experiment = Experiment(folder)
    experiment.configure(SMALL)
    return experiment
