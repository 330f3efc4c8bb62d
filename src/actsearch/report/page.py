"""The report: everything an experiment found, as one HTML page that needs no network.

The page depends on the data alone: the same data give the same bytes.
"""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from actsearch.report import formats
from actsearch.report.data import ReportData
from actsearch.report.drawings import curve_ground
from actsearch.report.figures import Figures
from actsearch.report.sections import task_sections
from actsearch.report.strategies import strategies_section
from actsearch.report.summary import task_summary


def render(data: ReportData) -> str:
    """Write the page.

    Returns:
        HTML that needs no other file.

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
            "score": task.score,
            "anchor": f"task-{number}",
            "description": task.description,
            "imported": task.imported,
            "summary": task_summary(task, data.baselines),
            "sections": task_sections(task, data.baselines, f"task-{number}", figures),
        }
        for number, task in enumerate(data.tasks, start=1)
    ]
    scores = {task.name: task.score for task in data.tasks}
    strategies = strategies_section(data.strategies, scores, figures)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=data.title,
            tasks=tasks,
            strategies=strategies,
            command=data.command,
            paths=data.paths,
            figures=htmlsafe_json_dumps(figures.compact(), dumps=_dump),
            curve_ground=curve_ground(data.baselines),
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
