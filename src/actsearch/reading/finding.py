"""Finding a task by name: among the results here, and among the tables that ship."""

from __future__ import annotations

from pathlib import Path

from actsearch.config.base import guess
from actsearch.config.plain import show
from actsearch.plan import layout
from actsearch.reading.errors import ResultsError
from actsearch.reading.experiment import Experiment
from actsearch.reading.tasks import TaskResults
from actsearch.records import shipped

HERE = Path(layout.RESULTS)


def experiments(results: Path | None = None, config: Path | None = None) -> list[Experiment]:
    """The experiment with the results here, if there is one, and the tables that ship.

    Args:
        results: the folder, which must exist; ``results``, if it exists, when left out.
        config: the configuration of the results; see :class:`Experiment`.

    Returns:
        At most two, that of the results first.

    Raises:
        ResultsError: when a folder is given that does not exist.
    """
    is_there = results is not None or HERE.is_dir()
    found = [Experiment(results or HERE, config)] if is_there else []
    if shipped.tables_in(shipped.FOLDER):
        found.append(Experiment.shipped())
    return found


def find_task(
    name: str,
    results: Path | None = None,
    only_shipped: bool = False,
    config: Path | None = None,
) -> TaskResults:
    """The results of a task; those here go before a table that ships under the same name.

    Args:
        name: of the task.
        results: the folder with the results, which alone is looked into when it is given; when
            left out, ``results`` and the tables that ship.
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
    asked = known[:1] if results is not None and not only_shipped else known
    for experiment in asked:
        if name in experiment:
            return experiment[name]
    names = sorted({task for experiment in asked for task in experiment})
    here = [task for e in known if e.folder != shipped.FOLDER for task in e]
    ships = [task for e in known if e.folder == shipped.FOLDER for task in e]
    option = " (--shipped)" if results is not None and ships and not only_shipped else ""
    places = [] if only_shipped else [f"in {results or HERE}: {', '.join(here) or 'none'}"]
    places.append(f"tables that ship{option}: {', '.join(ships) or 'none'}")
    what = "table that ships of" if only_shipped else "results of"
    raise ResultsError(f"no {what} a task {show(name)}{guess(name, names)}; {'; '.join(places)}")
