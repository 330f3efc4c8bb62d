"""The report: everything an experiment found, as one HTML page that needs no network.

The page depends on the data alone: the same data give the same bytes.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from actsearch.report import formats, script
from actsearch.report.across import across_section
from actsearch.report.data import ReportData
from actsearch.report.drawings import curve_ground
from actsearch.report.explorer import explorer_block
from actsearch.report.figures import Figures
from actsearch.report.origins import origins_of
from actsearch.report.sections import task_sections
from actsearch.report.strategies import strategies_section
from actsearch.report.summary import task_summary

_FILTERS = {
    "finite": "Finite",
    "finite_at_zero": "Finite at 0",
    "monotone": "Monotone",
    "bounded": "Bounded",
    "diverged": "Diverged",
    "baseline": "Baseline",
    "exportable": "Exportable",
}
"""Of the list of functions, by the names that the page's script knows them by."""


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
            "space": task.space,
            "summary": task_summary(task, data.baselines),
            "sections": task_sections(task, data.baselines, f"task-{number}", figures),
        }
        for number, task in enumerate(data.tasks, start=1)
    ]
    scores = {task.name: task.score for task in data.tasks}
    strategies = strategies_section(data.strategies, scores, figures)
    functions = explorer_block(data)
    environment = _environment()
    environment.globals["origins"] = functools.partial(origins_of, data.origins)
    return environment.get_template("report.html.j2").render(
        title=data.title,
        tasks=tasks,
        strategies=strategies,
        across=across_section(data.tasks, data.baselines),
        functions=functions,
        filters=_FILTERS,
        block=htmlsafe_json_dumps(functions, dumps=_dump),
        origins_of_all=data.origins,
        command=data.command,
        paths=data.paths,
        figures=htmlsafe_json_dumps(figures.compact(), dumps=_dump),
        curve_ground=curve_ground(data.baselines),
        interactive=bool(figures) or functions is not None,
        own_script=Markup(script.join(functools.partial(_read, environment))),
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
    environment.globals["asset"] = lambda name: Markup(_read(environment, name))
    environment.filters["fn"] = formats.function_name
    environment.filters["fn_link"] = formats.function_link
    return environment


def _read(environment: Environment, name: str) -> str:
    """A file of the templates as it is."""
    return environment.loader.get_source(environment, name)[0]  # type: ignore[union-attr]


def _dump(value: Any, **_: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
