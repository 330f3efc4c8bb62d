"""The steps of an experiment, one record each: all that tells one step from another.

A step is a command and the files that it makes; a rule of the workflow calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actsearch.plan import layout, settings

# Looked up by name when a function is first evaluated, so the import graph does not show it.
TORCH_OPERATORS = "actsearch.functions.torch_operators"
# What people read of a score is written by the steps that tell it; its room carries for all others.
_SCORES = "actsearch.config.scores"
_COMMANDS = "actsearch.cli.steps"
# Commands that choose among functions share it.
_SOURCES = "actsearch.cli.sources"


@dataclass(frozen=True)
class Step:
    """One kind of job: a command, what its files depend on, and how its files are treated."""

    name: str
    """As records have it."""
    makes: tuple[str, ...]
    """Paths of its files, with wildcards."""
    reads: tuple[str, ...] = ()
    """Paths of its inputs under results/, with wildcards; data are besides."""
    settings: Callable[..., dict[str, Any]] = settings.nothing
    """The part of the configuration that it depends on."""
    command: tuple[str, ...] = ()
    """Words after ``actsearch``, where they are not the step's name."""
    home: str = ""
    """Module of its command, where it does not have the command's name: another name would be
    another code digest."""
    further: tuple[str, ...] = ()
    """Modules that its code digest covers besides what its command imports: reached by name, or of
    a room that carries for all other steps."""
    task_code: bool = False
    """Whether it builds the task's network and reads its data, which may be the user's code."""
    strategy_code: bool = False
    """Whether a strategy decides what it makes, whose module is code then."""
    packed: bool = False
    """Whether a job makes several files, trials, of which a replay makes one."""
    kept: bool = False
    """Whether the command keeps a file that stands, though its job runs."""
    watching: bool = False
    """Whether it looks at whatever stands, besides what the workflow gives it."""
    replayable: bool = True
    """Whether its recorded inputs make its file again: a download may bring other bytes, and what
    was timed is never timed the same again."""

    @property
    def words(self) -> tuple[str, ...]:
        """Words of the command line after ``actsearch``."""
        return self.command or (self.name,)

    @property
    def module(self) -> str:
        """The module of its command: the root of its code."""
        return f"{_COMMANDS}.{self.home or self.words[0].replace('-', '_')}"


_T, _S, _SCOPE = "{task}", "{space}", "{scope}"
_LISTED = layout.functions(_S)
_SCREENED = layout.screened_functions(_T)
_TRIAL = layout.trial(_T, "{slug}")
_PROPOSALS = layout.proposals(_T, "{strategy}", "{round}")
(_SEARCH_TRIAL,) = layout.search_trials(_T, "{strategy}", "{round}", ["{slot}"])
(_FINAL_TRIAL,) = layout.final_trials(_T, ["{slot}"])
_STAGED, _RANKING = (f(_T, "{stage}") for f in (layout.stage_candidates, layout.stage_ranking))
(_STAGE_TRIAL,) = layout.stage_trials(_T, "{stage}", ["{slot}"])
_PART, _PUBLISHED = layout.fim_part(_T, _SCOPE, "{part}"), layout.published_features(_T)
_HISTORY = layout.history(_T, "{strategy}")
# What decides the findings of an audit, of rooms that carry for all other steps.
_JUDGING_FILES = (
    *("audit", "blocks", "reasons", "lineage", "folders", "embedded"),
    *("code", "imports", "mentions", "named_files", "sources"),
)
_JUDGING_PLANS = (
    *("staleness", "outputs", "internals", "layout", "data_files", "dependencies"),
    *("settings", "steps", "made", "proposed"),
)
_SIMULATION = layout.simulation(_T, "{strategy}")

STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step(
            "fetch",
            makes=("{data_folder}/{place}/manifest.json",),
            settings=settings.fetching,
            replayable=False,
        ),
        Step(
            "fetch-act-bench",
            makes=(
                layout.public_table("{data_folder}", "{table}"),
                layout.public_checksum("{data_folder}", "{table}"),
            ),
            replayable=False,
        ),
        Step(
            "enumerate",
            makes=(_LISTED, layout.outputs(_S)),
            settings=settings.enumeration,
        ),
        Step(
            "costs",
            makes=(layout.costs(_S),),
            reads=(_LISTED,),
            further=(TORCH_OPERATORS,),
            replayable=False,
        ),
        Step(
            "train",
            makes=(_TRIAL, _SEARCH_TRIAL),
            reads=(_PROPOSALS,),
            settings=settings.training,
            further=(TORCH_OPERATORS,),
            task_code=True,
            packed=True,
            kept=True,
        ),
        Step(
            "train-final",
            makes=(_FINAL_TRIAL,),
            reads=(layout.candidates(_T),),
            command=("train", "--final"),
            settings=settings.final_training,
            further=(TORCH_OPERATORS,),
            task_code=True,
            packed=True,
            kept=True,
        ),
        Step(
            "train-stage",
            makes=(_STAGE_TRIAL,),
            reads=(_STAGED,),
            settings=settings.stage_training,
            further=(TORCH_OPERATORS, f"{_COMMANDS}.train"),
            task_code=True,
            packed=True,
            kept=True,
        ),
        Step("benchmark", makes=(layout.table(_T),), reads=(_LISTED, _TRIAL), further=(_SCORES,)),
        Step(
            "export",
            makes=(layout.exported_table(_T),),
            command=("export-act-bench",),
            home="export",
            reads=(_LISTED, layout.table(_T), _TRIAL, _PART),
            settings=settings.export,
            further=(_SCORES,),
        ),
        Step(
            "import-act-bench",
            makes=(layout.imported_file(_T),),
            settings=settings.act_bench_import,
        ),
        Step(
            "imported-table",
            makes=(layout.table(_T),),
            reads=(_LISTED, layout.imported_file(_T)),
        ),
        Step(
            "published-features",
            makes=(_PUBLISHED,),
            reads=(_LISTED, layout.imported_file(_T)),
        ),
        Step(
            "export-imported",
            makes=(layout.exported_table(_T),),
            reads=(layout.imported_file(_T),),
        ),
        Step(
            "fim",
            makes=(_PART,),
            reads=(_LISTED, _SCREENED),
            settings=settings.fim,
            further=(TORCH_OPERATORS,),
            task_code=True,
            kept=True,
        ),
        Step(
            "map",
            makes=(layout.map_file(_T, _SCOPE),),
            reads=(
                *(_LISTED, layout.outputs(_S), _SCREENED, layout.screened_outputs(_T)),
                *(_PART, _PUBLISHED),
            ),
            settings=settings.embedding,
        ),
        Step(
            "priors",
            makes=(layout.priors(_T, _SCOPE),),
            reads=(
                _LISTED,
                layout.outputs(_S),
                layout.table(_T),
                _SCREENED,
                layout.screened_outputs(_T),
            ),
            settings=settings.priors,
        ),
        Step(
            "surrogate",
            makes=(layout.surrogate(_T), layout.predictions(_T), layout.characterisation(_T)),
            reads=(layout.map_file(_T), layout.table(_T)),
            settings=settings.surrogate,
        ),
        Step(
            "simulate",
            makes=(_SIMULATION,),
            reads=(layout.map_file(_T), layout.table(_T), layout.priors(_T)),
            settings=settings.simulation,
            strategy_code=True,
        ),
        Step(
            "judge",
            makes=(layout.STRATEGIES,),
            reads=(layout.table(_T), _SIMULATION),
            settings=settings.judging,
        ),
        Step(
            "screen",
            makes=(_SCREENED, layout.screened_outputs(_T), layout.screen(_T)),
            reads=(layout.table(_T), _LISTED, layout.outputs(_S)),
            settings=settings.screening,
        ),
        Step(
            "propose",
            makes=(_PROPOSALS,),
            reads=(
                layout.map_file(_T, layout.SEARCH_SCOPE),
                layout.priors(_T, layout.SEARCH_SCOPE),
                _PROPOSALS,
                _SEARCH_TRIAL,
            ),
            settings=settings.proposals,
            further=(_SCORES,),
            strategy_code=True,
        ),
        Step("history", makes=(_HISTORY,), reads=(_PROPOSALS, _SEARCH_TRIAL), further=(_SCORES,)),
        Step(
            "stage",
            makes=(_STAGED,),
            reads=(layout.table(_T), _HISTORY, _RANKING),
            settings=settings.stage_choice,
            further=(_SCORES, _SOURCES),
        ),
        Step(
            "rank-stage",
            makes=(_RANKING,),
            reads=(_STAGED, _STAGE_TRIAL, layout.table(_T), _HISTORY),
            further=(_SCORES,),
        ),
        Step(
            "finalists",
            makes=(layout.candidates(_T),),
            reads=(layout.table(_T), _HISTORY, _RANKING),
            settings=settings.finalists,
            further=(_SCORES, _SOURCES),
        ),
        Step(
            "final-costs",
            makes=(layout.final_costs(_T),),
            reads=(layout.candidates(_T),),
            settings=settings.final_costs,
            further=(TORCH_OPERATORS,),
            replayable=False,
        ),
        Step(
            "final",
            makes=(layout.final(_T),),
            reads=(layout.candidates(_T), layout.final_costs(_T), _FINAL_TRIAL, _RANKING),
            settings=settings.comparison,
            further=(_SCORES,),
        ),
        Step(
            "final-activation",
            makes=(layout.final_activation(_T),),
            reads=(layout.final(_T),),
            further=(TORCH_OPERATORS, _SCORES),
        ),
        Step(
            "report",
            makes=(layout.REPORT,),
            reads=(
                layout.table(_T),
                layout.costs(_S),
                layout.functions(_S),
                layout.map_file(_T),
                layout.fim_part(_T, "", 0),
                layout.surrogate(_T),
                layout.predictions(_T),
                layout.characterisation(_T),
                _SIMULATION,
                layout.STRATEGIES,
                _SCREENED,
                layout.screen(_T),
                _HISTORY,
                layout.final(_T),
                layout.final_activation(_T),
            ),
            settings=settings.report,
            further=(_SCORES, "actsearch.plan.layout"),  # it links to files
        ),
        Step(
            "crate",
            makes=(layout.CRATE, f"{layout.COPIES}/{{source}}"),
            reads=(f"{layout.RESULTS}/{{file}}",),
            settings=settings.crate,
            further=(
                "actsearch.records.crate",
                "actsearch.records.crate_entities",
                "actsearch.plan.steps",
            ),
            watching=True,
            replayable=False,
        ),
        Step(
            "audit",
            makes=(layout.AUDIT,),
            reads=(f"{layout.RESULTS}/{{file}}",),
            further=(
                *(f"actsearch.records.{name}" for name in _JUDGING_FILES),
                *(f"actsearch.plan.{name}" for name in _JUDGING_PLANS),
            ),
            watching=True,
            replayable=False,
        ),
    )
}


def step_called(name: object) -> Step | None:
    """The step of a record, which may be of another version; None where there is none."""
    return STEPS.get(str(name))


def is_watching(name: object) -> bool:
    """Whether the step called ``name`` looks at whatever stands."""
    step = step_called(name)
    return step is not None and step.watching
