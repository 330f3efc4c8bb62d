"""Finding a task by name: among the results here, and among the tables that ship."""

from __future__ import annotations

from pathlib import Path

from actsearch.config.base import guess
from actsearch.config.plain import show
from actsearch.reading.errors import ResultsError
from actsearch.reading.experiment import Experiment
from actsearch.reading.tasks import TaskResults
from actsearch.records import shipped


def experiments(results: Path, config: Path | None = None) -> list[Experiment]:
    """The experiment with the results here, if there is one, and the tables that ship.

    Args:
        results: the folder.
        config: the configuration of the results; beside them when left out.

    Returns:
        At most two, that of the results first.
    """
    found = [Experiment(results, config)] if results.is_dir() else []
    if shipped.tables_in(shipped.FOLDER):
        found.append(Experiment.shipped())
    return found


def find_task(
    name: str, results: Path, only_shipped: bool = False, config: Path | None = None
) -> TaskResults:
    """The results of a task; those here go before a table that ships under the same name.

    Args:
        name: of the task.
        results: the folder with the results.
        only_shipped: whether to look at tables that ship alone.
        config: the configuration of the results.

    Returns:
        The task's results.

    Raises:
        ResultsError: when there is none; the message lists those that exist.
    """
    known = experiments(results, config)
    if only_shipped:
        known = known[-1:] if known and known[-1].folder == shipped.FOLDER else []
    for experiment in known:
        if name in experiment:
            return experiment[name]
    names = sorted({task for experiment in known for task in experiment})
    here = [task for e in known if e.folder != shipped.FOLDER for task in e]
    ships = [task for e in known if e.folder == shipped.FOLDER for task in e]
    raise ResultsError(
        f"no results of a task {show(name)}{guess(name, names)}; "
        f"in {results}: {', '.join(here) or 'none'}; tables that ship: {', '.join(ships) or 'none'}"
    )
