"""A private SLURM cluster, real runs on it, and trouble made on request."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml
from forked import BIN, clients

from actsearch.records.formats import content_digest

ROOT = Path(__file__).parents[2]
SOURCES = ("Snakefile", "workflow", "profiles", "envs", "slurm", "config")
SCRIPT = ROOT / "tests" / "slurm" / "cluster"
STATE = Path("/var/tmp/actsearch-test-cluster")
# The profile waits as suits a real cluster; tests have no time for that.
QUICK = (
    "--slurm-init-seconds-before-status-checks=2",
    "--seconds-between-status-checks=2",
    "--latency-wait=10",
)
T = TypeVar("T")


def wait_for(what: str, found: Callable[[], T | None], seconds: float = 300) -> T:
    """The first answer of ``found`` that is not false."""
    until = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < until, f"no {what} within {seconds} s"
        time.sleep(0.2)
    return answer


class Cluster:
    """The cluster that tests/slurm/cluster starts."""

    def __call__(self, *arguments: str) -> None:
        environment = os.environ | {
            "ACTSEARCH_CLUSTER": str(STATE),
            "ACTSEARCH_CLUSTER_NODE_TIMEOUT": "15",
        }
        # Daemons inherit the pipes of a capture and keep them open: say to a file.
        with (STATE.parent / f"{STATE.name}.log").open("w+") as log:
            done = subprocess.run(
                [SCRIPT, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
            log.seek(0)
            assert done.returncode == 0, log.read()

    @staticmethod
    def ended(folder: Path) -> list[dict[str, str]]:
        """Jobs of a folder that have ended, as SLURM's own completion log has them."""
        path = STATE / "log" / "jobcomp.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        jobs = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]
        return [job for job in jobs if job["WorkDir"] == str(folder)]

    @staticmethod
    def queued(folder: Path) -> list[dict[str, str]]:
        """Jobs of a folder that wait or run."""
        names = ("id", "state", "node", "rule")
        done = subprocess.run(
            ["squeue", "--noheader", "--format=%i|%T|%N|%k|%Z"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        rows = [line.split("|") for line in done.stdout.splitlines()]
        return [dict(zip(names, row, strict=False)) for row in rows if row[-1] == str(folder)]


@dataclass(frozen=True)
class Experiment:
    """A checkout with a configuration of its own."""

    folder: Path
    forked: bool = True
    """Whether Snakemake and what it does on this machine is forked, and no process of its own."""

    def configure(self, config: Mapping[str, Any]) -> None:
        (self.folder / "config.yaml").write_text(yaml.safe_dump(dict(config), sort_keys=False))

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start Snakemake; what it says is appended to ``said``."""
        path = {"PATH": f"{BIN}:{os.environ['PATH']}"}
        with (self.folder / "said").open("a") as said:
            return subprocess.Popen(
                [str((clients() if self.forked else BIN) / "snakemake"), *arguments],
                cwd=self.folder,
                env=os.environ | path | environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def slurm(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start ``snakemake --profile slurm``, with little patience."""
        return self.start("--profile", "slurm", *QUICK, *arguments, **environment)

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def succeeds(self, process: subprocess.Popen[bytes], seconds: float = 600) -> None:
        assert process.wait(seconds) == 0, self.said()[-8000:]

    def fails(self, process: subprocess.Popen[bytes], seconds: float = 600) -> str:
        assert process.wait(seconds) != 0, self.said()[-8000:]
        return self.said()

    def trials(self) -> dict[str, dict[str, Any]]:
        """Finished trials by function: those in their place, and those that wait for their pack."""
        files = [*self.folder.glob("results/lab/trials/[a-z]*.json")]
        files += self.folder.glob("results/lab/trials/.*.json.finished")
        contents = [json.loads(path.read_text()) for path in files]
        return {content["function"]: content for content in contents}

    def contents(self) -> dict[str, str]:
        """Content digests of all results, but of those that say when and where they were made."""
        results = self.folder / "results"
        return {
            str(path.relative_to(results)): content_digest(path)
            for path in results.rglob("*")
            if path.is_file() and path.name not in TELL_TIMES
        }

    def makers(self) -> dict[str, str]:
        """The time at which each finished function was begun: another one if it was made again."""
        return {name: trial["provenance"]["started"] for name, trial in self.trials().items()}


def make_folder(folder: Path) -> Experiment:
    folder.mkdir(parents=True)
    for source in SOURCES:
        path = ROOT / source
        if path.is_dir():
            shutil.copytree(path, folder / source)
        else:
            shutil.copy(path, folder / source)
    return Experiment(folder)


TELL_TIMES = ("audit.json", "benchmark.json", "ro-crate-metadata.json")


# A user's network. In a hidden folder, where nothing is code, ``trouble`` holds a number and what
# happens, once, when the network is built for that time; ``pace`` holds the seconds that each
# building takes, and may change meanwhile, ``slow`` those of a step.
NETWORK = """
import os, sys, time, traceback
from pathlib import Path
from torch import nn

TROUBLES = {
    "exit": lambda: os._exit(1),
    "memory": lambda: (bytearray(3 << 30), time.sleep(60)),
    "hang": lambda: time.sleep(600),
    "error": lambda: 1 / 0,
}

HERE = Path(".lab")

def seconds(name):
    return float((HERE / name).read_text()) if (HERE / name).exists() else 0.0

class Slow(nn.Module):
    def __init__(self):
        super().__init__()
        self.seconds = seconds("slow")

    def forward(self, x):
        time.sleep(self.seconds)
        return x

def build(image_shape, n_classes):
    # A run rehearses the task first, looks for calls of activations, and a dry run counts its work.
    codes = [frame.f_code for frame, _ in traceback.walk_stack(None)]
    rehearsed = any("rehearsal/training" in code.co_filename for code in codes)
    looked_at = any(code.co_name == "plain_calls" for code in codes)
    if "train" in sys.argv and not rehearsed and not looked_at:
        disturb()
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, n_classes))

def disturb():
    with (HERE / "built").open("a") as file:
        file.write("x")
    begun = time.monotonic()
    while time.monotonic() - begun < seconds("pace"):
        time.sleep(0.1)
    if (HERE / "trouble").exists():
        number, what = (HERE / "trouble").read_text().split()
        if (HERE / "built").stat().st_size >= int(number):
            (HERE / "trouble").unlink()
            TROUBLES[what]()
"""
LAB: dict[str, Any] = {
    "data": {
        "digits": {"source": "digits", "split": {"train": 200, "validation": 200, "test": 200}}
    },
    "spaces": {
        "few": {"schemas": ["three-node"], "include": ["baselines"], "sample": 10, "seed": 2}
    },
    "tasks": {
        "lab": {
            "data": "digits",
            "model": "lab:build",
            "recipe": {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "batch_size": 50},
            "functions_per_job": 10,
            "resources": {"gpu": 1, "runtime": 5},
            "map": {"outputs_neighbors": 5},
            "fisher": {"examples": 8},
            "benchmark": {"space": "few"},
        }
    },
    "surrogate": {"folds": 2},
    "simulation": {"evaluations": 8},
}
N_FUNCTIONS = 10
_TRIED = tempfile.TemporaryDirectory()
"""What runs remember of networks that they tried: it is the same one in every lab."""
TABLE = "results/lab/benchmark.parquet"


def make_lab(folder: Path, *, forked: bool = True, **changes: Any) -> Experiment:
    """An experiment of one pack of ten functions; ``changes`` are of its task."""
    experiment = replace(make_folder(folder), forked=forked)
    (folder / "lab.py").write_text(NETWORK)
    (folder / ".lab").mkdir()
    (folder / ".snakemake").mkdir()
    (folder / ".snakemake" / "networks").symlink_to(_TRIED.name)
    task = LAB["tasks"]["lab"] | changes
    experiment.configure({**LAB, "tasks": {"lab": task}})
    return experiment
