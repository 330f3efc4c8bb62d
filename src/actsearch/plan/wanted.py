"""What the wanted files are made from: the tasks, and the data sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from actsearch.config import ConfigError
from actsearch.data.sources.checks import check_source
from actsearch.data.sources.places import (
    ChangedDataError,
    DataError,
    MissingDataError,
    place_of,
)
from actsearch.plan import layout
from actsearch.plan.experiment import Plan, rule_name
from actsearch.plan.markers import mark
from actsearch.records.formats import ArtifactError


def named_tasks(plan: Plan, target: str) -> set[str]:
    """Names of the tasks that a target is made for: a file under results/, or a rule."""
    parts = Path(target).parts
    if parts[:1] == (layout.RESULTS,) and len(parts) > 2:
        return {parts[1]} & set(plan.tasks)
    if len(parts) > 1 and parts[0] != layout.RESULTS:
        return set()  # data, logs
    _, _, of = target.partition("__")
    named = {
        task
        for task in plan.tasks
        if of == rule_name(task) or of.startswith(f"{rule_name(task)}__")
    }
    return named or (set() if target.startswith("fetch_") else set(plan.tasks))


def named_data(plan: Plan, target: str) -> set[str]:
    """Names of the data sets that a target is the manifest of, or the rule that fetches them."""
    for manifest, names in plan.manifests.items():
        fetches = rule_name("fetch", Path(manifest).parent.name)
        if target in (os.path.normpath(manifest), fetches):
            return set(names)
    return set()


def wanted(plan: Plan, targets: Iterable[str]) -> tuple[list[str], list[str]]:
    """Names of the tasks, and of the data sets, that the wanted files are made from."""
    paths = [os.path.normpath(target) for target in targets]
    tasks = {task for path in paths for task in named_tasks(plan, path)}
    waiting = list(tasks)
    while waiting:
        chosen = plan.tasks[waiting.pop()]
        others = {*chosen.prior_from, *(chosen.final.candidates_from if chosen.final else ())}
        waiting += others - tasks
        tasks |= others
    data = {name for path in paths for name in named_data(plan, path)}
    return sorted(tasks), sorted(data | {plan.tasks[task].data for task in tasks})


def check_data(
    plan: Plan, names: Iterable[str], *, refused: bool, warn: Callable[[str], None]
) -> None:
    """Refuse data that cannot be used and, where ``refused``, data that no rule can bring.

    Image folders that have changed are marked, so that what was made of them is made again.

    Args:
        plan: the experiment.
        names: of the data sets.
        refused: whether data that are missing, or not what was fetched, are refused; they are told
            otherwise.
        warn: takes what is told.

    Raises:
        ConfigError: with the data set and what is wrong with it.
    """
    for name in names:
        data, folder = plan.config.data[name], plan.config.data_folder
        try:
            told = check_source(data, folder)
            if (place := place_of(data, folder)) and data.source.startswith("folder:"):
                mark(str(place.manifest), told)
        except (MissingDataError, ChangedDataError) as error:
            if refused:
                raise ConfigError(f"data.{name}: {error}") from None
            warn(f"data.{name}: {error}")
        except (DataError, ArtifactError) as error:
            raise ConfigError(f"data.{name}: {error}") from None
