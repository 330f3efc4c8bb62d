"""What stands around the work: dry runs, imports, and the default experiment as a whole."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.children import Spent, best, spent
from benchmarks.folders import BIN, copy_of_sources
from benchmarks.machine import ROOT
from benchmarks.measuring import Row, Setting, guarded

SNAKEMAKE = BIN / "snakemake"
CONFIGURATIONS = ("config", "config.yaml")
NOTHING_SAID = "Nothing to be done"
NOTHING, PROGRAMME, RESULTS = 2.0, 8.0, 20.0
"""Goals: CPU seconds of two dry runs, CPU minutes of the default experiment."""
PLAIN = """
rule all:
    input: expand("out/{{k}}", k=range({n}))
rule make:
    output: "out/{{k}}"
    shell: "touch {{output}}"
"""
LIGHT = "actsearch.cli.steps, actsearch.functions.spaces"


def rows(setting: Setting) -> Iterator[Row]:
    """All but the run of the whole experiment."""
    turns = setting.turns(3)
    yield guarded("what the Snakefile imports", partial(imports, turns))
    yield guarded("dry run, default experiment, nothing to do", partial(nothing_to_do, turns))
    yield guarded("dry run, the paper's programme", partial(programme, turns))


def imports(turns: int) -> Row:
    """Beside the same with torch."""
    ours, other = (
        best([spent([sys.executable, "-c", f"import {what}"]) for _ in range(turns)])
        for what in (LIGHT, f"{LIGHT}, torch")
    )
    python = best([spent([sys.executable, "-c", ""]) for _ in range(turns)])
    row = _row("what the Snakefile imports", ours, other, "the same with torch")
    row.limit, row.limit_is = python.cpu, "what Python itself takes to start"
    return row


def nothing_to_do(turns: int) -> Row:
    """In this folder, when its results are complete."""
    name = "dry run, default experiment, nothing to do"
    if not (ROOT / "results/report.html").exists():
        return Row(name, error="not measured: results/ is not complete (make results)")
    runs = [spent([SNAKEMAKE, "-n"]) for _ in range(turns)]
    if NOTHING_SAID not in runs[0].said:
        return Row(name, error="not measured: results/ is there, but something is to be done")
    row = _row(name, best(runs), *_plain(1, turns, made=True))
    row.goal, row.met = f"{NOTHING:g} CPU s", (row.ours or 9e9) <= NOTHING
    return row


def programme(turns: int) -> Row:
    """All of ``config/paper.yaml``, in a folder without results; spaces are listed before."""
    with tempfile.TemporaryDirectory() as name:
        folder = copy_of_sources(Path(name) / "programme", *CONFIGURATIONS)
        command: list[str | Path] = [SNAKEMAKE, "-n", "--configfile", "config/paper.yaml"]
        first = spent(command, folder)
        runs = [spent(command, folder) for _ in range(turns)]
        jobs = _jobs(runs[0].said)
    row = _row("dry run, the paper's programme", best(runs), *_plain(jobs, turns, made=False))
    row.goal, row.met = f"{PROGRAMME:g} CPU s", (row.ours or 9e9) <= PROGRAMME
    row.more |= {"jobs": jobs, "first_cpu_seconds": first.cpu}
    return row


def whole(setting: Setting) -> Iterator[Row]:
    """The default experiment from nothing; asked for by name alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = copy_of_sources(Path(name) / "results", *CONFIGURATIONS)
        done = spent([SNAKEMAKE, "--cores", "all", "--quiet", "all"], folder)
    yield Row(
        "make results, set-up apart",
        done.cpu / 60,
        unit="CPU min",
        goal=f"{RESULTS:g} CPU minutes",
        met=done.cpu / 60 <= RESULTS,
        more={"wall_minutes": done.wall / 60},
    )


def _plain(jobs: int, turns: int, made: bool) -> tuple[Spent, str]:
    """A dry run of Snakemake alone with as many jobs; with nothing to do where all is ``made``."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "Snakefile").write_text(PLAIN.format(n=max(jobs - 1, 1)))
        if made:
            spent([SNAKEMAKE, "--cores", "1", "--quiet", "all"], Path(name))
        runs = [spent([SNAKEMAKE, "-n"], Path(name)) for _ in range(turns)]
    if made and NOTHING_SAID not in runs[0].said:
        raise RuntimeError("the plain Snakefile still has something to do")
    said = "Snakemake alone, a file and nothing to do" if made else "one rule with as many jobs"
    return best(runs), said


def _jobs(said: str) -> int:
    """Of the table that a dry run prints."""
    totals = [line.split() for line in said.splitlines() if line.startswith("total")]
    return int(totals[-1][1])


def _row(name: str, ours: Spent, other: Spent, against: str) -> Row:
    return Row(
        name,
        ours.cpu,
        other.cpu,
        against,
        other.cpu / ours.cpu,
        "times as fast",
        unit="s of CPU",
        more={"wall_seconds": ours.wall, "memory_mb": ours.memory / 1e6},
    )
