"""The audit of tables that ship: their trials are unpacked, and judged as results are."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actsearch.cli.recording import load
from actsearch.config import Config
from actsearch.plan import layout
from actsearch.plan.settings import task_section
from actsearch.plan.staleness import PresentOf, present_of
from actsearch.records import shipped
from actsearch.records.audit import DAMAGES, Finding, Rules, audit
from actsearch.records.files import FILE
from actsearch.records.folders import FOLDER, entries_under
from actsearch.records.formats import (
    ArtifactError,
    content_digest,
    read_arrays,
    read_table,
    write_table,
)
from actsearch.records.lineage import Artifact, read_all
from actsearch.records.provenance import environment
from actsearch.records.reasons import Reason, reasons, without_missing

if TYPE_CHECKING:
    import pandas as pd

FURTHER_ALLOWED = ("code", "lock")
"""Kinds that fail no audit of tables that ship: data stand when the code that made them is edited,
and ``replay`` says whether today's gives the same."""
_SLUG = re.compile(r"[a-z0-9_.]+")
_STEP = "ship"


def audit_shipped(folder: Path) -> tuple[dict[str, Artifact], list[Finding]]:
    """The files of tables that ship, by name, trials among them, and what is wrong with them.

    Args:
        folder: of tables.

    Returns:
        Artifacts and findings; a trial is named ``TABLE/trials.parquet: SLUG``.

    Raises:
        ConfigError: when the configuration there cannot be used.
    """
    folder = folder.absolute()
    config = load(folder / shipped.CONFIGURATION)
    artifacts: dict[str, Artifact] = {}
    findings = [*_strays(folder)]
    for table in shipped.tables_in(folder):
        found, wrong = _audit_table(folder / table, table, config)
        artifacts |= found
        findings += wrong
    if not any(finding.kind in DAMAGES for finding in findings):
        findings += _card(folder)
    return artifacts, findings


def _strays(folder: Path) -> Iterator[Finding]:
    """What belongs to no table, and what a table lacks."""
    tables = shipped.tables_in(folder)
    known = {f"{table}/{name}" for table in tables for name in (*shipped.COPIED, *shipped.PACKED)}
    known |= {shipped.CARD, shipped.CONFIGURATION}
    there = {entry.path: entry.what for entry in entries_under(Path(), folder)}
    for name, what in sorted(there.items()):
        if name not in known and what != FOLDER:
            yield Finding("stray", name, "belongs to no table")
    for name in sorted(known):
        if there.get(name) != FILE:
            told = f"is {there[name]}, no file; not opened" if name in there else "missing"
            yield Finding("unreadable", name, told)


def _audit_table(
    place: Path, table: str, config: Config
) -> tuple[dict[str, Artifact], list[Finding]]:
    with tempfile.TemporaryDirectory(prefix="audit-") as scratch, contextlib.chdir(scratch):
        try:
            names = _unfold(place, table, config)
        except ValueError as error:  # no task, no packed trials
            told = str(error).removeprefix(f"{place / shipped.TRIALS}: ")
            return {}, [Finding("unreadable", f"{table}/{shipped.TRIALS}", told)]
        artifacts = read_all(names)
        present = present_of(config)
        findings = audit(
            artifacts,
            entries=(),
            rules=Rules(lambda path: True, lambda path: True, lambda artifact: True),
            reasons_of=lambda artifact: _reasons(artifact, artifacts, present),
            environment=environment(),
        )
        findings = [replace(finding, path=names[finding.path]) for finding in findings]
        is_whole = all((place / name).is_file() for name in (*shipped.COPIED, *shipped.PACKED))
        if is_whole and not any(finding.kind in DAMAGES for finding in findings):
            findings += _contents(table, config)
        return {names[path]: artifact for path, artifact in artifacts.items()}, findings


def _unfold(place: Path, table: str, config: Config) -> dict[str, str]:
    """Put the files of a table here under the names of their records.

    Returns:
        Names that an audit prints, by names of records.

    Raises:
        ValueError: when the configuration has no such task, or trials cannot be unpacked.
    """
    listing = layout.functions(task_section(config, table, "benchmark").space)
    copied = (layout.table(table), layout.map_file(table), listing)
    places = dict(zip(copied, shipped.COPIED, strict=True))
    places |= {f"{table}/{name}": name for name in shipped.PACKED}
    for path, name in places.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if (place / name).is_file():
            shutil.copyfile(place / name, path)
    names = {path: f"{table}/{name}" for path, name in places.items() if Path(path).is_file()}
    return names | unfold_trials(place, table)


def unfold_trials(place: Path, table: str, slugs: frozenset[str] | None = None) -> dict[str, str]:
    """Write packed trials under ``results/`` of the working folder, all or those with ``slugs``.

    Args:
        place: the table's folder.
        table: its name.
        slugs: of the functions wanted.

    Returns:
        Names that an audit prints, by the paths of the files.

    Raises:
        ArtifactError: when the file cannot be read.
        PackingError: when a row is no trial.
    """
    from actsearch.benchmark.shipped.packing import COLUMNS, PackingError, trial_texts

    packed = read_table(place / shipped.TRIALS)
    names = {}
    Path(layout.trials_folder(table)).mkdir(parents=True, exist_ok=True)
    if set(COLUMNS) <= set(packed.columns) and slugs is not None:
        packed = packed[packed["slug"].isin(slugs)]
    for slug, text in trial_texts(packed):
        if not _SLUG.fullmatch(str(slug)) or slug[0] == ".":  # it names a file
            raise PackingError(f"{slug!r} is not the slug of a function")
        path = layout.trial(table, slug)
        Path(path).write_text(text, encoding="utf-8")
        names[path] = f"{table}/{shipped.TRIALS}: {slug}"
    return names


def _reasons(artifact: Artifact, standing: dict[str, Artifact], present: PresentOf) -> list[Reason]:
    """What is out of date; what was not shipped (spectra, outputs, data) is no finding."""
    asked = artifact.block and not artifact.problem and artifact.step != _STEP
    now = present(artifact.block) if asked else None
    return without_missing(reasons(artifact, standing, None, now))


def _contents(table: str, config: Config) -> Iterator[Finding]:
    """Whether each file says what those say that it comes from."""
    from actsearch.benchmark.shipped.packing import not_of_its_runs, runs_table, unpack_trials
    from actsearch.benchmark.table import build_table
    from actsearch.features.packed_cdfs import unpack_cdfs
    from actsearch.functions.listed import selected_names

    def wrong(name: str, told: str) -> Finding:
        return Finding("altered", f"{table}/{name}", told)

    listing = layout.functions(task_section(config, table, "benchmark").space)
    functions = selected_names(read_table(listing))
    trials = list(unpack_trials(read_table(f"{table}/{shipped.TRIALS}")))
    if sorted(trial["function"] for trial in trials) != sorted(functions):
        yield wrong(shipped.TRIALS, f"its functions are not those of {shipped.FUNCTIONS}")
    for trial in trials:
        if keys := not_of_its_runs(trial):
            told = f"its runs do not give {', '.join(keys)}"
            yield wrong(f"{shipped.TRIALS}: {trial['slug']}", told)
    if not _same(layout.table(table), build_table(trials)):
        yield wrong(shipped.TABLE, "is not the table that the trials give")
    if not _same(f"{table}/{shipped.RUNS}", runs_table(trials)):
        yield wrong(shipped.RUNS, "is not what the trials give")
    map_table = read_table(layout.map_file(table))
    if map_table["name"].tolist() != functions:
        yield wrong(shipped.MAP, f"its functions are not those of {shipped.FUNCTIONS}")
    arrays = read_arrays(f"{table}/{shipped.FISHER}")
    try:
        problem = _fisher_problem(arrays, unpack_cdfs(arrays), map_table)
    except ValueError as error:
        problem = str(error)
    if problem:
        yield wrong(shipped.FISHER, problem)


def _same(path: str, table: pd.DataFrame) -> bool:
    """Whether a file says what ``table`` says, to the bit."""
    again = Path("again.parquet")
    write_table(again, table, {"step": _STEP})
    return content_digest(path) == content_digest(again)


def _fisher_problem(arrays: dict[str, Any], cdfs: Any, map_table: pd.DataFrame) -> str | None:
    if arrays["names"].tolist() != map_table["name"].tolist():
        return f"its functions are not those of {shipped.MAP}"
    if arrays["finite"].tolist() != map_table["has_fisher"].tolist():
        return f"it has features of other functions than {shipped.MAP} says"
    ends = arrays["bins"].cumsum() - 1
    if not (cdfs[arrays["finite"]][:, ends] == 1).all():
        return "shares of a layer that do not add up to 1"
    return None


def _card(folder: Path) -> Iterator[Finding]:
    """Whether the data card has the figures that the tables give."""
    from actsearch.benchmark.shipped.card import figure_rows, lines_of

    try:
        told = (folder / shipped.CARD).read_text(encoding="utf-8").splitlines()
        lacking = [line for line in lines_of(figure_rows(folder)) if line not in told]
    except (OSError, UnicodeError, ArtifactError) as error:
        yield Finding("unreadable", shipped.CARD, str(error))
        return
    if lacking:
        yield Finding(
            "altered", shipped.CARD, f"lacks the figures that the tables give: {lacking[0]}"
        )
