"""Who meets in the last comparison: the baselines, and the best functions found."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from actsearch.benchmark.runs import pooled_deviation
from actsearch.config import one_score
from actsearch.functions.baselines import BASELINES
from actsearch.functions.equivalence import classes
from actsearch.functions.expressions import parse
from actsearch.search.candidates import require_baselines
from actsearch.search.equal_scores import compared


def choose_candidates(
    table: pd.DataFrame | None,
    histories: Iterable[pd.DataFrame],
    n: int,
    baselines: Sequence[str] = BASELINES,
) -> pd.DataFrame:
    """The baselines and the ``n`` best distinct functions, by validation score.

    Functions that are equal on the normal samples count once, under the name with the higher
    score, and not at all when they equal a baseline. Equal scores go to the smaller
    expression, then by name. A function in several sources has the score of the first: the
    table, then the histories in order.

    Args:
        table: Benchmark table (``name``, ``validation_score``, ``score``, ``n_runs``,
            ``n_diverged``, ``run_validation_scores``), if there is one.
        histories: Histories of live searches, with the same columns.
        n: Number of functions that meet the baselines.
        baselines: Baselines by name; the paper's eight when left out.

    Returns:
        ``len(baselines) + n`` rows: ``slot`` (from 0), ``name``, ``slug``, ``kind`` ("baseline" or
        "found"), ``validation_score``, ``validation_error``, its standard error (NaN where the
        functions were trained once, or nothing is known of their runs), ``n_runs`` behind it (0
        where that is not known), and ``score``, its name; baselines in their fixed order, then
        found ones, best first. The error is the deviation between seeds, pooled over all functions
        whose runs completed, over the root of the number of runs: that of a mean. A median of
        many normal numbers has up to a quarter more.

    Raises:
        ValueError: When there is no source, sources differ in score, a baseline is in none, or
            fewer than ``n`` distinct functions are left.
    """
    sources = [source for source in (table, *histories) if source is not None]
    rows, score = joined(sources)
    known = rows["validation_score"]
    require_baselines(known.index, "the benchmark table and the histories", baselines)
    class_of = _classes([*baselines, *known.index])
    taken = {class_of[name] for name in baselines}
    chosen: list[str] = []
    for name in ranked_names(known):
        if class_of[name] not in taken:
            taken.add(class_of[name])
            chosen.append(name)
    if len(chosen) < n:
        raise ValueError(
            f"the final comparison wants {n} functions besides the baselines; only "
            f"{len(chosen)} distinct ones were trained"
        )
    candidates = _candidates(baselines, chosen[:n])
    n_runs = rows.loc[candidates["name"], "n_runs"].to_numpy(int)
    deviation = seed_deviation(rows)
    return candidates.assign(
        validation_score=known.loc[candidates["name"]].to_numpy(),
        validation_error=np.where(n_runs > 1, deviation / np.sqrt(np.maximum(n_runs, 1)), np.nan),
        n_runs=n_runs,
        score=score,
    )


def choose_from_tasks(
    sources: Mapping[str, Sequence[pd.DataFrame]],
    n: int,
    baselines: Sequence[str] = BASELINES,
    in_all: int | None = None,
) -> pd.DataFrame:
    """The baselines and ``n`` functions of each of several other tasks, or fewer ``in_all``.

    Every task ranks its functions as in ``choose_candidates``. Then the tasks take turns, ``n``
    times round: each gives the best of its functions that is new, that is, equal on the normal
    samples neither to a baseline nor to one given before. So every task gives ``n``, whatever they
    have in common; what several have comes from the one that could give it first.

    Args:
        sources: Of each task the benchmark table and the histories (``name``,
            ``validation_score``, ``score``), where a function has the score of the first.
        n: Number of functions from each task.
        baselines: Baselines by name; the paper's eight when left out.
        in_all: Number of functions of all tasks, after which nobody gives any more; ``n`` times
            the tasks when left out.

    Returns:
        ``len(baselines) + n * len(sources)`` rows, or ``len(baselines) + in_all``: ``slot``,
        ``name``, ``slug``, ``kind``, ``from_task``, ``score_there``, the validation score on that
        task, and ``scored_there_by``, its name; all three missing for baselines. Scores on
        different tasks do not compare, whether they are of one name or not, so none ranks the
        functions as a whole.

    Raises:
        ValueError: When a task has no source, sources of one differ in score, or a task has no new
            function left when it is its turn.
    """
    known = {task: joined(tables, f" of task {task!r}") for task, tables in sources.items()}
    names = (name for rows, _ in known.values() for name in rows.index)
    class_of = _classes([*baselines, *names])
    taken = {class_of[name] for name in baselines}
    scores = {task: rows["validation_score"] for task, (rows, _) in known.items()}
    ranked = {task: iter(ranked_names(of_task)) for task, of_task in scores.items()}
    chosen: list[tuple[str, str]] = []
    turns = itertools.product(range(n), ranked.items())
    for turn, (task, left) in itertools.islice(turns, in_all):
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
        score_there=pd.Series([scores[task][name] for task, name in chosen], index=found),
        scored_there_by=pd.Series(
            [known[task][1] for task, _ in chosen], index=found, dtype=object
        ),
    )


def joined(sources: Sequence[pd.DataFrame], of: str = "") -> tuple[pd.DataFrame, str]:
    """Tables and histories as one.

    Returns:
        Rows by name, a function's from the first source that has it; what their scores are.

    Raises:
        ValueError: When there is none, or they differ in score.
    """
    if not sources:
        raise ValueError(
            f"nothing to choose from{of}: give a benchmark table or a search's history"
        )
    rows = pd.concat(sources)
    score = one_score(zip(rows["name"], rows["score"], strict=True), f"functions{of}")
    return rows.drop_duplicates("name").set_index("name"), score.name


def seed_deviation(rows: pd.DataFrame) -> float:
    """Deviation between the seeds of one function, over those that completed all of several runs.

    Returns:
        The deviation; NaN where there is none. An imported table says nothing of its runs.
    """
    several = rows[(rows["n_diverged"] == 0) & (rows["n_runs"] > 1)]
    lengths = several["run_validation_scores"].map(len)
    runs = several.loc[lengths == lengths.max(), "run_validation_scores"]
    pooled = pooled_deviation(np.array(runs.to_list(), dtype=np.float64)) if len(runs) else None
    return math.nan if pooled is None else pooled


def ranked_names(scores: pd.Series[float]) -> list[str]:
    """Names, the best first; equal ones by size of the expression, then by name."""
    names = [str(name) for name in scores.index]
    return sorted(names, key=lambda name: (-compared(scores[name]), parse(name).size, name))


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
