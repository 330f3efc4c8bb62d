"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.arguments import complete_configured_task
from actsearch.config import ConfigError
from actsearch.plan.environment import CONFIG_VARIABLE
from actsearch.records.audit import KINDS

ConfigFile = Annotated[
    Path,
    typer.Option("--config", envvar=CONFIG_VARIABLE, help="The experiment's configuration."),
]
ConfigOfResults = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar=CONFIG_VARIABLE,
        help="The configuration. Left out: that of the last run in the folder of the results, "
        "or config.yaml there.",
    ),
]
TaskName = Annotated[
    str,
    typer.Option(
        "--task",
        help="A task of the configuration.",
        autocompletion=complete_configured_task,
    ),
]
SpaceName = Annotated[str, typer.Option("--space", help="A space of the configuration.")]
Strategy = Annotated[str, typer.Option("--strategy", help="A search strategy.")]
Out = Annotated[Path, typer.Option("--out", help="The file to make.")]
TableFile = Annotated[Path, typer.Option("--table", help="A benchmark table.")]
TaskTable = Annotated[Path | None, typer.Option("--table", help="The task's benchmark table.")]
HistoryFiles = Annotated[list[Path] | None, typer.Argument(help="Histories of searches.")]
SourcesOfTasks = Annotated[
    list[str] | None,
    typer.Option("--from", help="A table or a history of another task, as TASK=FILE, in order."),
]
StageNumber = Annotated[
    int, typer.Option("--stage", help="Which stage before the last comparison, from 0.")
]
StageCandidates = Annotated[
    Path, typer.Option("--candidates", help="CSV of what the stage trains.")
]
RankingFile = Annotated[
    Path | None, typer.Option("--ranking", help="What the functions of the stage before scored.")
]
MapFile = Annotated[Path, typer.Option("--map", help="A map of functions.")]
FunctionsFile = Annotated[Path, typer.Option("--functions", help="The functions of a space.")]
TrialFiles = Annotated[list[Path], typer.Argument(help="Trials.")]
TrialsFolder = Annotated[Path, typer.Option("--trials", help="The folder of the task's trials.")]
ProposalFiles = Annotated[
    list[Path] | None, typer.Option("--proposals", help="Proposals of earlier rounds, in order.")
]
ImportedFile = Annotated[
    Path, typer.Option("--act-bench", help="An imported file: results/TASK/act_bench.parquet.")
]
Bare = Annotated[
    bool, typer.Option("--bare", help="No key but functions: the public format to the letter.")
]
AnyFile = Annotated[Path, typer.Argument(metavar="FILE", help="A file under results/.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Files = list[str] | None
ReportTables = Annotated[Files, typer.Option(help="A benchmark table, as TASK=FILE.")]
ReportCosts = Annotated[Files, typer.Option(help="What functions cost, as SPACE=FILE.")]
ReportFunctions = Annotated[
    Files, typer.Option(help="The functions of a space, for those that are equal, as SPACE=FILE.")
]
ReportMaps = Annotated[Files, typer.Option("--map", help="A map, as TASK=FILE.")]
ReportSpectra = Annotated[
    Files, typer.Option(help="A part with Fisher spectra, for its layers, as TASK=FILE.")
]
ReportScores = Annotated[Files, typer.Option(help="Surrogate scores, as TASK=FILE.")]
ReportPredictions = Annotated[Files, typer.Option(help="Out-of-fold predictions, as TASK=FILE.")]
PriorsFile = Annotated[
    Path | None, typer.Option("--priors", help="Ranks of the functions on other tasks.")
]
ReportCharacterisations = Annotated[
    Files, typer.Option(help="What features tell by functions known, as TASK=FILE.")
]
ReportSimulations = Annotated[
    Files, typer.Option(help="Simulated searches, as TASK/STRATEGY=FILE.")
]
ReportStrategies = Annotated[
    Files, typer.Option(metavar="all=FILE", help="How strategies compare, as all=FILE.")
]
ReportScreened = Annotated[Files, typer.Option(help="The functions of a screen, as TASK=FILE.")]
ReportScreens = Annotated[Files, typer.Option(help="What a screen saw, as TASK=FILE.")]
ReportHistories = Annotated[Files, typer.Option(help="A live search, as TASK/STRATEGY=FILE.")]
ReportFinals = Annotated[Files, typer.Option(help="A last comparison, as TASK=FILE.")]
ReportActivations = Annotated[
    Files, typer.Option(help="The chosen function as a module, as TASK=FILE.")
]
FindingKinds = Annotated[
    list[str] | None,
    typer.Option(help=f"A kind of finding that is not to count as a failure: {', '.join(KINDS)}."),
]


def by_key(options: Files) -> dict[str, Path]:
    """``KEY=FILE`` options as a mapping."""
    mapping = {}
    for option in options or []:
        key, separator, path = option.partition("=")
        if not separator or not key or not path:
            raise ConfigError(f"{option!r}: expected KEY=FILE")
        mapping[key] = Path(path)
    return mapping
