"""The data card of tables that ship: text that goes with every one, and figures of these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from actsearch.benchmark.shipped.packing import unpack_trials
from actsearch.benchmark.table import load_benchmark, seed_reliability
from actsearch.records import shipped
from actsearch.records.formats import read_table

_UNKNOWN = "-"
_COLUMNS = {
    "contents": (
        *("table", "functions", "seeds", "trainings", "completed", "partial", "diverged"),
        "on the map",
    ),
    "scores": (*("table", "score", "best", "best function", "relu", "median function", "worst"),),
    "noise": (
        *("table", "deviation between seeds", "rank correlation of two seeds"),
        *("the same in the best quarter", "within a deviation of the best"),
    ),
    "origin": (
        *("table", "data", "network", "epochs", "training hours", "from", "to", "commits"),
        *("Python", "torch", "processor"),
    ),
}
_TEMPLATE = "card.md.jinja"


def figure_rows(folder: Path) -> dict[str, list[list[str]]]:
    """The figures of all tables in a folder.

    Returns:
        By subject (a placeholder of the page): a row of texts per table.

    Raises:
        ArtifactError: when a file cannot be read.
        BenchmarkError: when a table is none.
        PackingError: when trials cannot be unpacked.
    """
    rows: dict[str, list[list[str]]] = {subject: [] for subject in _COLUMNS}
    for name in shipped.tables_in(folder):
        table = load_benchmark(folder / name / shipped.TABLE)
        trials = list(unpack_trials(read_table(folder / name / shipped.TRIALS)))
        map_table = read_table(folder / name / shipped.MAP)
        for subject, row in zip(
            _COLUMNS,
            (_contents(table, map_table), _scores(table), _noise(table), _origin(name, trials)),
            strict=True,
        ):
            rows[subject].append([name, *row])
    return rows


def _contents(table: pd.DataFrame, map_table: pd.DataFrame) -> list[str]:
    counts = table["status"].value_counts()
    states = [f"{counts.get(state, 0):,}" for state in ("completed", "partial", "diverged")]
    seeds = int(table["n_runs"].iloc[0])
    both = int((map_table["has_outputs"] & map_table["has_fisher"]).sum())
    return [f"{len(table):,}", f"{seeds}", f"{len(table) * seeds:,}", *states, f"{both:,}"]


def _scores(table: pd.DataFrame) -> list[str]:
    scores = table.set_index("name")["validation_score"]
    relu = f"{scores['relu(x)']:.4f}" if "relu(x)" in scores.index else _UNKNOWN
    best = f"`{scores.idxmax()}`"
    middle = f"{scores.median():.4f}"
    return [
        table["score"].iloc[0],
        f"{scores.max():.4f}",
        best,
        relu,
        middle,
        f"{scores.min():.4f}",
    ]


def _noise(table: pd.DataFrame) -> list[str]:
    found = seed_reliability(table)
    deviation = found["seed_std_completed"]
    scores = table["validation_score"]
    near = _UNKNOWN if deviation is None else f"{(scores >= scores.max() - deviation).sum():,}"
    return [
        _number(deviation, 4),
        _number(found["spearman"], 3),
        _number(found["spearman_best_quarter"], 3),
        near,
    ]


def _number(value: float | None, digits: int) -> str:
    return _UNKNOWN if value is None else f"{value:.{digits}f}"


def _origin(name: str, trials: Sequence[Mapping[str, Any]]) -> list[str]:
    blocks = [trial["provenance"] for trial in trials]
    settings = blocks[0]["settings"]
    task = settings["tasks"][name]
    source = settings["data"][task["data"]]["source"]
    environments = [block.get("environment", {}) for block in blocks]
    return [
        source,
        task["model"],
        str(task["recipe"]["epochs"]),
        f"{sum(block['seconds'] for block in blocks) / 3600:.2f}",
        min(block["started"] for block in blocks)[:10],
        max(block["ended"] for block in blocks)[:10],
        _all(block.get("git", {}).get("commit", _UNKNOWN)[:12] for block in blocks),
        _all(environment.get("python", _UNKNOWN) for environment in environments),
        _all(
            environment.get("versions", {}).get("torch", _UNKNOWN) for environment in environments
        ),
        _all(block.get("cpu", _UNKNOWN) for block in blocks),
    ]


def _all(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def lines_of(rows: Mapping[str, Sequence[Sequence[str]]]) -> list[str]:
    """The lines of a card that hold figures, as they stand there."""
    return [_line(row) for table in rows.values() for row in table]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def card(folder: Path) -> str:
    """The data card of a folder of tables.

    Returns:
        Markdown.

    Raises:
        ArtifactError: when a file cannot be read.
        BenchmarkError: when a table is none.
        PackingError: when trials cannot be unpacked.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    rows = figure_rows(folder)
    tables = {
        subject: "\n".join([_line(names), _line("---" for _ in names), *map(_line, rows[subject])])
        for subject, names in _COLUMNS.items()
    }
    size = sum(path.stat().st_size for path in folder.glob("[!.]*/[!.]*"))
    pages = Environment(
        loader=PackageLoader(__package__, "."),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown
    )
    page = pages.get_template(_TEMPLATE)
    return page.render(size=f"{size / 1e6:.1f}", example=shipped.tables_in(folder)[0], **tables)
