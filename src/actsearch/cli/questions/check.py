"""Command: check."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile
from actsearch.cli.progress import counter, say
from actsearch.cli.questions.check_data import data_lines, is_to_be_made, require_data
from actsearch.cli.questions.own_activations import not_compared
from actsearch.cli.recording import load
from actsearch.config import SCORE_OF_TARGETS, Config, Task, read_values
from actsearch.data.sources.places import is_function
from actsearch.functions.baselines import MODERN, baselines_of
from actsearch.plan.counts import final_slots
from actsearch.plan.dependencies import step_settings
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.experiment import Plan
from actsearch.plan.wanted import check_data
from actsearch.plan.whole import planned, refused_in
from actsearch.records.formats import read_arrays, read_json, write_arrays, write_json
from actsearch.records.provenance import Execution

if TYPE_CHECKING:
    from actsearch.data.dataset import Dataset, DataShape
    from actsearch.functions.plain_calls import PlainCall
    from actsearch.rehearsal.network import NetworkCheck
    from actsearch.rehearsal.spectra import FisherCheck

SHOWN = 12
"""Names in a line, of lists that may be long."""


@app.command()
def check(
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", help="A task; repeat it for several. All tasks when left out."),
    ] = None,
    shapes: Annotated[
        bool,
        typer.Option(
            "--shapes", help="Look at the shape of the data alone, and not at the configuration."
        ),
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Try out operators, data and network of a task in seconds; nothing is kept.

    First, all that a run checks before its first job: spaces and functions, and the sizes of
    searches, simulations and folds. Then what the jobs of each task will do, in short: trainings by
    the recipe, on the smallest batches that will occur, Fisher spectra, and records. Nothing is
    kept. What a job would refuse is refused here. Of image files only a few are opened, once
    actsearch fetch has described them.
    """
    from actsearch.rehearsal.operators import check_operators

    if shapes:  # Snakemake has checked the rest already
        settings = load(config)
        chosen = _chosen(settings, tasks)
    else:
        plan = planned(read_values(config), str(config), look_into_files=True)
        settings = plan.config
        chosen = _chosen(settings, tasks)
        with refused_in(str(config)):
            data = dict.fromkeys(settings.task(name).data for name in chosen)
            check_data(plan, data, refused=True, warn=say)
        typer.echo(f"{config}: {_counted(plan)}; keys, spaces and data files are right")
    if operators := check_operators():
        _line("Operators", f"{', '.join(operators)}: NumPy and torch agree")
    for name in chosen:
        typer.echo(f"\ntask {name}")
        _describe(settings, name, _data(settings, name, shapes), shapes)
    checked = "the shape of the data" if shapes else "a run can start"
    typer.echo(f"\nall is right: {checked}")


def _chosen(config: Config, tasks: list[str] | None) -> list[str]:
    """Names of the tasks asked for, each of which there is."""
    for name in tasks or ():
        config.task(name)
    return tasks or list(config.tasks)


def _counted(plan: Plan) -> str:
    """What of a configuration was checked."""
    config = plan.config
    counts = {"space": len(config.spaces), "task": len(config.tasks), "data set": len(config.data)}
    return ", ".join(f"{n} {name}{'s' * (n != 1)}" for name, n in counts.items())


def _data(config: Config, name: str, shapes: bool) -> Dataset | DataShape:
    """A task's data; their shape alone where that is asked for, or they are image files.

    So it is of data that are made here, and are not made yet: their shape is known.
    """
    from actsearch.data.loading import task_dataset, task_shape

    source = config.data[config.task(name).data]
    # A function is called in any case.
    if is_to_be_made(config, name) or (shapes and not is_function(source)):
        return task_shape(config, name)
    if not source.of_files:
        report = counter(f"decoding {config.task(name).data}")
        return task_dataset(config, name, report, twice=not shapes)
    require_data(config, name)
    return task_shape(config, name)


def _describe(config: Config, name: str, data: Dataset | DataShape, shapes: bool) -> None:
    from actsearch.rehearsal.whole import rehearse
    from actsearch.report.descriptions import describe_task

    task = config.task(name)
    described = describe_task(config, name)
    shape = data.shape
    _line("Data", f"{described['Data']}: {shape.in_words}; {shape.targets_in_words}")
    _line("Split", described["Split"])
    for text in data_lines(config, name, data, shapes=shapes):
        _line("", text)
    score = SCORE_OF_TARGETS[shape.targets]
    _line("Score", f"{score.name}; a run that diverges counts with {score.of_failure}")
    found = rehearse(task, data, config.data[task.data].split)
    _line("Network", f"{described['Network']}: {found.network.parameters:,} parameters")
    _say_network(found.network)
    if task.final:
        _say_own(not_compared(task, shape, found.network.replaced, baselines_of(config)))
    if shape.targets == "classes" and found.network.ends_in_softmax:
        _line("", f"note: {found.network.ends_in_softmax} (Softmax) is the last layer; the loss")
        _line("", "(cross entropy) takes a softmax itself: leave it out, or learning is slow")
    done = ["a step of training, an evaluation"]
    if found.fisher:
        _say_fisher(found.fisher, task, shape)
        done.append("Fisher spectra")
    _try_records(config, name, found.fisher)
    _say_seeds(config, task)
    _line("Passes", ", ".join([*done, "records written and read"]))


def _say_network(found: NetworkCheck) -> None:
    replaced = [call for call in found.plain if {*call.names} & {*found.replaced}]
    others = [call for call in found.plain if call not in replaced]
    _line("Replaced", _listed(found.replaced))
    _say_places(replaced)
    if found.idle:
        _line("", f"never called, or called without using the result: {_listed(found.idle)}")
    stays = [f"{module} ({kind})" for module, kind in found.stays.items()]
    stays += [name for call in others for name in call.names]
    _line("Stays", _listed(stays) if stays else "no other activation")
    _say_places(others)
    for where, number in found.hidden.items():
        _line("", f"{_calls(number)} of {where}, where nothing can be replaced")
    if found.no_longer_in_place:
        _line("", f"no longer in place, for the same results: {_listed(found.no_longer_in_place)}")


def _say_own(missing: list[str]) -> None:
    """That what is found is not compared with what the network has."""
    if missing:
        known = " (baselines: modern has it)" * (set(missing) <= {*MODERN})
        _line("", f"note: {', '.join(missing)}, which the network has now, is no baseline, so")
        _line("", f"it is not in the last comparison{known}")


def _say_places(calls: list[PlainCall]) -> None:
    """Lines of code that call plain functions; many modules may share one."""
    places: Counter[str] = Counter()
    for call in calls:
        for place, number in call.places.items():
            places[f"{call.function} ({place})"] += number
    for where, number in places.items():
        _line("", f"{_calls(number)} of {where}")


def _calls(number: int) -> str:
    return "a call" if number == 1 else f"{number} calls"


def _say_fisher(found: FisherCheck, task: Task, shape: DataShape) -> None:
    from actsearch.features.passed_over import in_words
    from actsearch.networks.work import gigabytes

    asked, kind = task.resources, task.fisher.kind
    there = "of the GPU's memory" if asked.gpu else f"of {asked.mem_mb:,} MB (resources.mem_mb)"
    size = gigabytes(found.factor_bytes)
    _line("Fisher", f"{len(found.covered)} layers; {size} for their factors, {there}")
    if shape.targets == "positions" and kind != "sampled":
        _line(
            "", f"kind: {kind} takes {found.backward_passes:,} backward passes per function, since"
        )
        _line("", "each position goes back by itself; kind: sampled takes them together")
    if 2 * len(found.coarse) >= len(found.covered):
        _line(
            "", f"note: {len(found.coarse)} of {len(found.covered)} layers have fewer than 5 bins,"
        )
        _line(
            "", f"which say little of them: {', '.join(found.coarse[:3])}; for a small network set"
        )
        _line("", "finer bins, in the task: fisher: {weights_per_bin: 10, minimum_bins: 10}")
    for text in in_words(found.passed_over):
        _line("", f"passed over: {text}")
    if not found.tells_apart:
        _line("", "the same for two functions: at initialisation the network hides what is")
        _line("", "replaced, as a norm does whose scale starts at zero; searches see outputs alone")


def _say_seeds(config: Config, task: Task) -> None:
    """That the last comparison can come to no verdict, if its seeds are too few."""
    from actsearch.search.paired import seeds_needed, smallest_p

    if not (final := task.final):
        return
    n, others = len(final.seeds), len(final_slots(final, len(baselines_of(config)))) - 1
    if smallest_p(n, others) < final.significance:
        return
    enough = seeds_needed(others, final.significance) or "no number"
    _line("Final", f"note: {n} seeds are too few for a verdict on {others} comparisons; {enough}")
    _line("", "would do (final.seeds, final.significance)")


def _try_records(config: Config, name: str, found: FisherCheck | None) -> None:
    """Write and read a trial and a part of spectra, in a folder that is removed."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        settings = step_settings("train", config, name)
        block = Execution("train", task=name, settings=settings).block()
        trial = Path(folder) / "trial.json"
        write_json(trial, {"task": name}, block)
        read_json(trial)
        if found:
            part = Path(folder) / "part.npz"
            settings = step_settings("fim", config, name)
            arrays = {
                "layers": np.array(found.covered),
                "passed_over": np.array([*found.passed_over]),
            }
            write_arrays(part, arrays, Execution("fim", task=name, settings=settings).block())
            read_arrays(part)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)}: {', '.join(names[:SHOWN])}{more}"


def _line(label: str, text: str) -> None:
    typer.echo(f"  {label:10}{text}")
