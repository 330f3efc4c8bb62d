"""Command: train."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actsearch.cli.app import app
from actsearch.cli.launch import launch, launched
from actsearch.cli.options import ConfigFile, TaskName
from actsearch.cli.progress import counter, say, track
from actsearch.cli.recording import execution, load, require_same_code
from actsearch.config import FAULTS, Config, ConfigError, Task, pass_on_ctrl_c
from actsearch.plan.dependencies import operator_digests
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_csv
from actsearch.records.packs import Pack
from actsearch.records.provenance import Execution, now

if TYPE_CHECKING:
    from actsearch.data.dataset import Dataset
    from actsearch.functions.expressions import Expression
    from actsearch.training.checkpoints import Checkpoint


def _functions_by_name(files: list[Path], function: str | None) -> dict[Path, Expression]:
    """The function of each file: given, or said by the file's name."""
    from actsearch.functions.expressions import Expression, parse

    if function is None:
        return {path: Expression.from_slug(path.name.removesuffix(".json")) for path in files}
    if len(files) != 1:
        raise ConfigError(f"--function goes with one file, got {len(files)}")
    return {files[0]: parse(function)}


def _functions_by_slot(files: list[Path], proposals: Path) -> dict[Path, Expression]:
    """The function of each file: the row of ``proposals`` with the slot the file is named by."""
    from actsearch.functions.expressions import parse

    names = read_csv(proposals).set_index("slot")["name"]
    functions = {}
    for path in files:
        if not path.stem.isdigit() or int(path.stem) not in names.index:
            allowed = ", ".join(f"{slot:02d}" for slot in names.index)
            raise ConfigError(f"{path}: {proposals} has no slot {path.stem!r}; slots: {allowed}")
        functions[path] = parse(names[int(path.stem)])
    return functions


@app.command()
def train(
    task: TaskName,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Trials to make, named by slug or slot.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The one trial to make.")] = None,
    function: Annotated[str | None, typer.Option(help="Its function, by name.")] = None,
    proposals: Annotated[
        Path | None, typer.Option(help="CSV of functions; files are then named by slot.")
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="The last comparison: new seeds, the test set is read.")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Train functions on a task, one file per function; files that exist already are kept.

    A function that fails does not stop the others; their results are kept for the next run. If the
    task asks for several processes, they are started; only the first of them prints and writes.
    """
    settings = load(config)
    if function is not None and proposals is not None:
        raise ConfigError("--function and --proposals both name the functions: give one of them")
    paths = [*(files or []), *([out] if out else [])]
    if not paths:
        raise ConfigError("no trial to make: name files, or one with --out")
    if proposals is None:
        functions = _functions_by_name(paths, function)
    else:
        functions = _functions_by_slot(paths, proposals)
    resources = settings.task(task).resources
    joining = resources.processes > 1 and launched()
    if joining and os.environ["RANK"] != "0":
        _assist(settings, task, functions, final)
        return
    record = _record(settings, task, proposals, final)
    pack = Pack(
        {path: f.slug for path, f in functions.items()},
        record.identity,
        {path: {"operators": operator_digests(f.operators)} for path, f in functions.items()},
    )
    to_do = {path: functions[path] for path in pack.to_do()}
    for path in functions.keys() - to_do.keys():
        _checkpoint_path(path).unlink(missing_ok=True)  # of a job stopped right after the trial
    if to_do and resources.processes > 1 and not joining:
        launch(resources, sys.argv[1:])
    if kept := len(functions) - len(to_do):
        say(f"{kept} of {len(functions)} trials stand and are kept")
    if failed := _train_all(settings, task, pack, to_do, record, final) if to_do or joining else []:
        say(f"error: {len(failed)} of {len(to_do)} functions failed: {', '.join(failed)}")
        raise typer.Exit(1)
    pack.release()


def _record(config: Config, name: str, proposals: Path | None, final: bool) -> Execution:
    task = config.task(name)
    if final and task.final is None:
        raise ConfigError(f"--final: task {name!r} has no section 'final'")
    return execution(
        "train-final" if final else "train",
        config,
        name,
        inputs=[proposals] if proposals else [],
        seeds={
            "split": config.data[task.data].split.seed,
            "runs": task.final.seeds if final and task.final else task.seeds,
        },
    )


def _train_all(
    config: Config,
    name: str,
    pack: Pack,
    functions: dict[Path, Expression],
    record: Execution,
    final: bool,
) -> list[str]:
    """Train each function and write its trial; returns the names of those that failed."""
    from actsearch.networks.devices import TRAINING_TOLERANCE, device_fields
    from actsearch.training.distributed import broadcast

    task = config.task(name)
    failed: list[str] = []
    with _processes(task):
        broadcast(list(functions))
        if not functions:  # another job has made them in the meantime
            return []
        dataset = _prepare(config, name, final)
        for note in dataset.notes:
            say(f"  {note}")
        device = device_fields(task, TRAINING_TOLERANCE)
        device["device"]["processes"] = task.resources.processes
        for path, expression in track(list(functions.items()), f"training on {name}"):
            started = now()
            # On a CPU, the bits hang on the installed versions and the number of threads too.
            identity = {
                **record.identity,
                "item": expression.slug,
                "operators": operator_digests(expression.operators),
                "environment": record.environment_digest,
                "threads": task.resources.threads,
            }
            checkpoint = _checkpoint(path, task, identity)
            try:
                trial, seconds = _run(task, dataset, expression, checkpoint, final)
            except FAULTS as error:
                pass_on_ctrl_c(error)
                failed.append(expression.name)
                say(f"  {expression.name}  failed\n{traceback.format_exc()}")
                continue
            times = {"job_started": record.started, "started": started}
            facts = times | {"seconds": round(seconds, 3)} | device
            pack.finish(path, {"task": name, **trial}, record.block(**facts))
            checkpoint.remove()
            score = f"{trial['score']} {trial['test_score' if final else 'validation_score']:.4f}"
            say(f"  {expression.name}  {trial['status']}  {score}  {seconds:.1f} s")
    return failed


def _assist(config: Config, name: str, functions: Mapping[Path, Expression], final: bool) -> None:
    """What a process beside the main one does: the same trainings, in silence."""
    from actsearch.training.distributed import broadcast

    task = config.task(name)
    with _processes(task):
        paths = broadcast(list(functions))  # those of the main process take their place
        if not paths:
            return
        try:
            dataset = _prepare(config, name, final)
        except Exception:
            raise SystemExit(0) from None  # the main process says it
        for path in paths:
            with contextlib.suppress(*FAULTS):
                _run(task, dataset, functions[path], _checkpoint(path, task, {}), final)


def _processes(task: Task) -> contextlib.AbstractContextManager[None]:
    """The task's processes, joined; nothing where there is one."""
    from actsearch.training.distributed import process_group

    return process_group(task) if task.resources.processes > 1 else contextlib.nullcontext()


def _prepare(config: Config, name: str, final: bool) -> Dataset:
    """The task's data, on its device, in every process or in none."""
    from actsearch.data.loading import task_dataset
    from actsearch.networks.devices import choose_device
    from actsearch.rehearsal.network import check_network
    from actsearch.rehearsal.operators import check_operators
    from actsearch.rehearsal.training import rehearse_training
    from actsearch.rehearsal.whole import fitted_and_measured
    from actsearch.training.compilation import check_compiler
    from actsearch.training.distributed import in_step
    from actsearch.training.trial import on_its_device

    task = config.task(name)
    with in_step():
        dataset = task_dataset(config, name, counter(f"decoding {task.data}"))
        # A network that cannot be trained is one error, not a failure of each function.
        check_operators()
        device = choose_device(task)
        check_network(task, dataset, device)
        if task.resources.processes == 1:
            split = config.data[task.data].split
            rehearse_training(task, dataset, *fitted_and_measured(task, split, final=final), device)
        if task.recipe.compile != "none":
            check_compiler(device)
        require_same_code(config, name)
        return on_its_device(task, dataset)


def _run(
    task: Task, dataset: Dataset, expression: Expression, checkpoint: Checkpoint, final: bool
) -> tuple[dict[str, Any], float]:
    """A trial and its seconds, in every process or in none."""
    from actsearch.training.distributed import in_step
    from actsearch.training.trial import run_final_trial, run_trial

    with in_step():
        run = run_final_trial if final else run_trial
        return run(task, dataset, expression, checkpoint=checkpoint)


def _checkpoint(path: Path, task: Task, identity: dict[str, Any]) -> Checkpoint:
    from actsearch.training.checkpoints import Checkpoint

    return Checkpoint(_checkpoint_path(path), identity, task.checkpoint_minutes, say)


def _checkpoint_path(path: Path) -> Path:
    """Where the checkpoint of the trial at ``path`` lies: hidden beside it."""
    return path.with_name(f".{path.name}.checkpoint")
