"""The report: everything an experiment found, as one HTML page that needs no network.

The page depends on the data alone: the same data give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from actsearch.functions.operators import BASELINES
from actsearch.report import formats
from actsearch.report.drawings import curve_ground
from actsearch.report.figures import Figures
from actsearch.report.sections import task_sections, task_summary


@dataclass(frozen=True)
class TaskData:
    """What is known about one task. A part that is None was not part of the experiment.

    Attributes:
        name: The task's name.
        description: Data, model and recipe: a label and its value each.
        table: Benchmark table, as `actsearch.benchmark.table.build_table` returns it.
        map: Embedding, as `actsearch.features.embedding.embed` returns it.
        surrogate: Scores, as `actsearch.search.surrogates.score` returns them.
        predictions: Out-of-fold predictions behind those scores.
        simulations: Replayed searches by strategy, as `actsearch.search.simulation.simulate`
            returns them.
        histories: Live searches by strategy, as `actsearch.search.rounds.build_history` returns
            them.
        final: The last comparison, as `actsearch.search.final.compare` returns it.
        activation: Source of the chosen function as a module.
        reliability: Agreement between seeds, as `actsearch.benchmark.table.seed_reliability`
            returns it.
        imported: Where the table was imported from, in words; None when it was trained here.
    """

    name: str
    description: Mapping[str, str] = field(default_factory=dict)
    table: pd.DataFrame | None = None
    map: pd.DataFrame | None = None
    surrogate: pd.DataFrame | None = None
    predictions: pd.DataFrame | None = None
    simulations: Mapping[str, pd.DataFrame] | None = None
    histories: Mapping[str, pd.DataFrame] | None = None
    final: Mapping[str, Any] | None = None
    activation: str | None = None
    reliability: Mapping[str, Any] | None = None
    imported: str | None = None


@dataclass(frozen=True)
class ReportData:
    """A whole experiment.

    Attributes:
        title: Heading of the page.
        tasks: One entry a task, in the order shown.
        command: The command that makes the page and everything it shows.
        paths: What lies where: a label and its path each.
    """

    title: str
    tasks: tuple[TaskData, ...]
    command: str
    paths: Mapping[str, str] = field(default_factory=dict)


def render(data: ReportData) -> str:
    """The page as one string of HTML.

    Raises:
        ValueError: when two tasks have the same name.
    """
    names = [task.name for task in data.tasks]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"the report holds task {repeated[0]!r} more than once")
    figures = Figures()
    tasks = [
        {
            "name": task.name,
            "anchor": f"task-{number}",
            "description": task.description,
            "imported": task.imported,
            "summary": task_summary(task),
            "sections": task_sections(task, f"task-{number}", figures),
        }
        for number, task in enumerate(data.tasks, start=1)
    ]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=data.title,
            tasks=tasks,
            command=data.command,
            paths=data.paths,
            figures=htmlsafe_json_dumps(figures.compact(), dumps=_dump),
            curve_ground=curve_ground(BASELINES),
            plotly=_plotly() if figures else None,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("actsearch.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["asset"] = lambda name: Markup(
        environment.loader.get_source(environment, name)[0]  # type: ignore[union-attr]
    )
    environment.filters["fn"] = formats.function_name
    return environment


def _plotly() -> Markup:
    """The plotting library's source, for one inline script."""
    from plotly.offline import get_plotlyjs

    return Markup(get_plotlyjs())


def _dump(value: Any, **_: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
