"""Command: report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from actsearch.cli.app import app
from actsearch.cli.options import (
    ConfigFile,
    Out,
    ReportActivations,
    ReportCharacterisations,
    ReportCosts,
    ReportFinals,
    ReportFunctions,
    ReportHistories,
    ReportMaps,
    ReportPredictions,
    ReportScores,
    ReportScreened,
    ReportScreens,
    ReportSimulations,
    ReportSpectra,
    ReportStrategies,
    ReportTables,
    by_key,
)
from actsearch.cli.recording import execution, load
from actsearch.config import Config
from actsearch.plan import layout
from actsearch.plan.dependencies import space_operators, task_spaces
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.embedded import read_provenance
from actsearch.records.files import ArtifactError
from actsearch.records.formats import (
    read_arrays,
    read_json,
    read_python,
    read_table,
    write_html,
)

if TYPE_CHECKING:
    import pandas as pd

    from actsearch.features.passed_over import FisherLayers
    from actsearch.report.data import TaskData
    from actsearch.report.origins import Origin


@app.command()
def report(
    out: Out,
    table: ReportTables = None,
    costs: ReportCosts = None,
    functions: ReportFunctions = None,
    map_: ReportMaps = None,
    spectra: ReportSpectra = None,
    surrogate: ReportScores = None,
    predictions: ReportPredictions = None,
    characterisation: ReportCharacterisations = None,
    simulation: ReportSimulations = None,
    strategies: ReportStrategies = None,
    screened: ReportScreened = None,
    screen: ReportScreens = None,
    history: ReportHistories = None,
    final: ReportFinals = None,
    activation: ReportActivations = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write the report: one page with all tables and plots."""
    from actsearch.functions.baselines import baselines_of
    from actsearch.report.data import ReportData
    from actsearch.report.descriptions import describe_command, describe_files
    from actsearch.report.page import render

    settings = load(config)
    files = {
        "table": by_key(table),
        "costs": by_key(costs),
        "functions": by_key(functions),
        "map": by_key(map_),
        "spectra": by_key(spectra),
        "surrogate": by_key(surrogate),
        "predictions": by_key(predictions),
        "characterisation": by_key(characterisation),
        "simulation": by_key(simulation),
        "strategies": by_key(strategies),
        "screened": by_key(screened),
        "screen": by_key(screen),
        "history": by_key(history),
        "final": by_key(final),
        "activation": by_key(activation),
    }
    spaces = {space for task in settings.tasks for space in task_spaces(settings, task)}
    record = execution(
        "report",
        settings,
        inputs=[path for kind in files.values() for path in kind.values()],
        operators=space_operators(settings, *spaces),  # it draws functions
    )
    judged = files["strategies"].get("all")
    digests = record.block().get("inputs", {})
    links = Links(out.parent)
    page = render(
        ReportData(
            title="Activation function search",
            tasks=tuple(_task(settings, name, files, links) for name in settings.tasks),
            command=describe_command(config, DEFAULT_CONFIG),
            paths=describe_files(files),
            baselines=baselines_of(settings),
            strategies=read_table(judged) if judged else None,
            origins=_origins(files, digests, links),
        )
    )
    write_html(out, page, record.block())


@dataclass(frozen=True)
class Links:
    """How the page, in ``folder``, refers to files beside it."""

    folder: Path

    def to(self, path: str | Path) -> str:
        """The way from the page to a file, with forward slashes."""
        return Path(os.path.relpath(path, self.folder)).as_posix()


def _origins(
    files: Mapping[str, Mapping[str, Path]], digests: Mapping[str, str], links: Links
) -> tuple[Origin, ...]:
    """The files behind the page, with what made each."""
    from actsearch.report.origins import Origin

    return tuple(
        Origin(
            kind,
            key,
            str(path),
            links.to(path),
            digests.get(str(path)),
            _command(path),
        )
        for kind, of_kind in files.items()
        for key, path in of_kind.items()
    )


def _command(path: Path) -> str | None:
    """What made a file; None where it does not say, as a table that somebody brought."""
    try:
        return read_provenance(path).get("command")
    except ArtifactError:
        return None


def _task(config: Config, name: str, files: dict[str, dict[str, Path]], links: Links) -> TaskData:
    from actsearch.benchmark.table import seed_reliability
    from actsearch.report.data import TaskData
    from actsearch.report.descriptions import describe_import

    def one(kind: str) -> pd.DataFrame | None:
        return read_table(files[kind][name]) if name in files[kind] else None

    def by_strategy(kind: str) -> dict[str, pd.DataFrame] | None:
        keys = {key: key.removeprefix(f"{name}/") for key in files[kind] if _of(key) == name}
        return {label: read_table(files[kind][key]) for key, label in keys.items()} or None

    table = one("table")
    imported = describe_import(config, name)
    histories = by_strategy("history")
    space = _space(config, name)
    return TaskData(
        name=name,
        description=_description(config, name),
        table=table,
        costs=read_table(files["costs"][space]) if space in files["costs"] else None,
        map=one("map"),
        layers=_layers(files["spectra"].get(name)),
        surrogate=one("surrogate"),
        predictions=one("predictions"),
        characterisation=one("characterisation"),
        simulations=by_strategy("simulation"),
        histories=histories,
        screen=read_json(files["screen"][name]) if name in files["screen"] else None,
        screened=one("screened"),
        final=read_json(files["final"][name]) if name in files["final"] else None,
        activation=read_python(files["activation"][name]) if name in files["activation"] else None,
        reliability=seed_reliability(table) if table is not None else None,
        imported=imported,
        space=space,
        functions=read_table(files["functions"][space]) if space in files["functions"] else None,
        trial_link=links.to(layout.trial(name, "{slug}"))
        if table is not None and not imported
        else None,
        final_link=links.to(*layout.final_trials(name, ["{slot:02d}"])),
        search_links={
            strategy: links.to(*layout.search_trials(name, strategy, "{round}", ["{slot:02d}"]))
            for strategy in histories or ()
        },
    )


def _description(config: Config, name: str) -> dict[str, str]:
    """Data, network and recipe, with the shape of the data where it is known."""
    from actsearch.report.descriptions import describe_task
    from actsearch.report.shapes import describe_shape

    described = describe_task(config, name)
    shape = describe_shape(config.data[config.task(name).data])
    return described | ({"Data": f"{described['Data']}: {shape}"} if shape else {})


def _space(config: Config, name: str) -> str | None:
    """The space of a task's table."""
    benchmark = config.task(name).benchmark
    return benchmark.space if benchmark else None


def _layers(path: Path | None) -> FisherLayers | None:
    """The layers behind a part's spectra."""
    from actsearch.features.passed_over import FisherLayers

    if path is None:
        return None
    part = read_arrays(path)
    names = (part[key].tolist() for key in ("passed_over", "passed_over_because"))
    return FisherLayers(part["layers"].tolist(), dict(zip(*names, strict=True)))


def _of(key: str) -> str:
    return key.rsplit("/", 1)[0]
