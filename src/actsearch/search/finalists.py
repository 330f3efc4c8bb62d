"""Who meets in the last comparison: the baselines, and the best functions found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from actsearch.functions.baselines import BASELINES
from actsearch.functions.equivalence import classes
from actsearch.functions.expressions import parse
from actsearch.search.candidates import require_baselines


def choose_candidates(
    table: pd.DataFrame | None,
    histories: Iterable[pd.DataFrame],
    n: int,
    baselines: Sequence[str] = BASELINES,
) -> pd.DataFrame:
    """The baselines and the ``n`` best distinct functions, by validation accuracy.

    Functions that are equal on the normal samples count once, under the name with the higher
    accuracy, and not at all when they equal a baseline. Equal accuracies go to the smaller
    expression, then by name. A function in several sources has the accuracy of the first: the
    table, then the histories in order.

    Args:
        table: Benchmark table (``name``, ``slug``, ``validation_accuracy``), if there is one.
        histories: Histories of live searches, with the same columns.
        n: Number of functions that meet the baselines.
        baselines: Baselines by name; the paper's eight when left out.

    Returns:
        ``len(baselines) + n`` rows: ``slot`` (from 0), ``name``, ``slug``, ``kind`` ("baseline" or
        "found"), ``validation_accuracy``; baselines in their fixed order, then found ones, best
        first.

    Raises:
        ValueError: When there is no source, a baseline is in none, or fewer than ``n`` distinct
            functions are left.
    """
    known = _joined([source for source in (table, *histories) if source is not None])
    require_baselines(known.index, "the benchmark table and the histories", baselines)
    class_of = _classes([*baselines, *known.index])
    taken = {class_of[name] for name in baselines}
    chosen: list[str] = []
    for name in _ranked(known):
        if class_of[name] not in taken:
            taken.add(class_of[name])
            chosen.append(name)
    if len(chosen) < n:
        raise ValueError(
            f"the final comparison wants {n} functions besides the baselines; only "
            f"{len(chosen)} distinct ones were trained"
        )
    candidates = _candidates(baselines, chosen[:n])
    return candidates.assign(validation_accuracy=known.loc[candidates["name"]].to_numpy())


def choose_from_tasks(
    sources: Mapping[str, Sequence[pd.DataFrame]], n: int, baselines: Sequence[str] = BASELINES
) -> pd.DataFrame:
    """The baselines and ``n`` functions of each of several other tasks.

    Every task ranks its functions as in ``choose_candidates``. Then the tasks take turns, ``n``
    times round: each gives the best of its functions that is new, that is, equal on the normal
    samples neither to a baseline nor to one given before. So every task gives ``n``, whatever they
    have in common; what several have comes from the one that could give it first.

    Args:
        sources: Of each task the benchmark table and the histories (``name``,
            ``validation_accuracy``), where a function has the accuracy of the first.
        n: Number of functions from each task.
        baselines: Baselines by name; the paper's eight when left out.

    Returns:
        ``len(baselines) + n * len(sources)`` rows: ``slot``, ``name``, ``slug``, ``kind``,
        ``from_task`` and ``accuracy_there``, the validation accuracy on that task; both missing for
        baselines.
        Accuracies on different tasks do not compare, so none ranks the functions as a whole.

    Raises:
        ValueError: When a task has no source, or no new function left when it is its turn.
    """
    known = {task: _joined(tables, f" of task {task!r}") for task, tables in sources.items()}
    names = (name for accuracies in known.values() for name in accuracies.index)
    class_of = _classes([*baselines, *names])
    taken = {class_of[name] for name in baselines}
    ranked = {task: iter(_ranked(accuracies)) for task, accuracies in known.items()}
    chosen: list[tuple[str, str]] = []
    for turn in range(n):
        for task, left in ranked.items():
            new = next((name for name in left if class_of[name] not in taken), None)
            if new is None:
                raise ValueError(
                    f"the final comparison wants {n} functions of task {task!r}; only {turn} are "
                    "left that equal neither a baseline nor one of the other tasks"
                )
            taken.add(class_of[new])
            chosen.append((task, new))
    candidates = _candidates(baselines, [name for _, name in chosen])
    found = candidates.index[len(baselines) :]
    return candidates.assign(
        from_task=pd.Series([task for task, _ in chosen], index=found, dtype=object),
        accuracy_there=pd.Series([known[task][name] for task, name in chosen], index=found),
    )


def _joined(sources: Sequence[pd.DataFrame], of: str = "") -> pd.Series[float]:
    """Validation accuracies by name, a function's from the first source that has it."""
    if not sources:
        raise ValueError(
            f"nothing to choose from{of}: give a benchmark table or a search's history"
        )
    columns = [source[["name", "validation_accuracy"]] for source in sources]
    known = pd.concat(columns).drop_duplicates("name").set_index("name")
    return known["validation_accuracy"]


def _ranked(accuracies: pd.Series[float]) -> list[str]:
    """Names, the best first; equal ones by size of the expression, then by name."""
    names = [str(name) for name in accuracies.index]
    return sorted(names, key=lambda name: (-accuracies[name], parse(name).size, name))


def _classes(names: Iterable[str]) -> dict[str, int]:
    """Equivalence class of every name."""
    distinct = list(dict.fromkeys(names))
    return dict(zip(distinct, classes(distinct), strict=True))


def _candidates(baselines: Sequence[str], found: Sequence[str]) -> pd.DataFrame:
    names = [*baselines, *found]
    return pd.DataFrame(
        {
            "slot": range(len(names)),
            "name": names,
            "slug": [parse(name).slug for name in names],
            "kind": ["baseline"] * len(baselines) + ["found"] * len(found),
        }
    )
