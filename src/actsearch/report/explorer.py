"""The data behind the page's list of functions: one compact block that the page's script reads.

Functions are numbered once for the whole page; what tasks know of them refers to these numbers.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from actsearch.config import Score
from actsearch.report.comparison import FEATURES
from actsearch.report.costs import cost_lines
from actsearch.report.data import ReportData, TaskData
from actsearch.report.drawings import CURVE_LIMIT
from actsearch.report.facts import HIGHEST, POINTS, Facts, X, facts_of
from actsearch.report.formats import Context, is_number, p_value
from actsearch.report.headline import IN_WORDS
from actsearch.report.plot_style import DIGITS, rounded
from actsearch.report.ranking import best_baseline, floor_of, measured, ranks

FLAGS = ("finite", "finite_at_zero", "monotone", "bounded", "baseline", "exportable")
"""What a function is or is not, a bit each from the lowest up."""
_FINE = 9
"""Decimals of what is only written: rounded once more there, it is still as tables have it."""
_EQUALS = 50  # names of one function that the page lists at most, for each space
_STATUS = {"completed": "c", "partial": "p", "diverged": "d"}


def explorer_block(data: ReportData) -> Context | None:
    """What the page's script reads; None where nothing was measured of any function.

    Returns:
        ``names``, ``slugs``, ``flags`` (see ``FLAGS``) and ``normal`` (mean, deviation and
        steepness on normal inputs) of each function, ``curves`` and ``slopes`` as base64 of 16-bit
        whole numbers, ``properties``, what the bits of ``flags`` are called, ``own``, what keeps a
        function from being exported, ``spaces``, with other names of each, and ``tasks``.
    """
    names = _names(data)
    if not names:
        return None
    place = {name: number for number, name in enumerate(names)}
    facts = facts_of(names)
    return {
        "names": names,
        "slugs": [f.slug for f in facts],
        "flags": [_flags(f, data.baselines) for f in facts],
        "normal": [rounded((f.mean, f.deviation, f.steepness), 3) for f in facts],
        "curves": _packed([f.curve for f in facts]),
        "slopes": _packed([f.slope for f in facts]),
        "limit": CURVE_LIMIT,
        "highest": HIGHEST,
        "points": POINTS,
        "x": X.tolist(),
        "own": {number: f.own for number, f in enumerate(facts) if f.own},
        "properties": FLAGS,
        "spaces": _spaces(data.tasks, place),
        "costs": _costs(data.tasks, names),
        "tasks": [
            _task(task, data.baselines, place, f"task-{number}")
            for number, task in enumerate(data.tasks, start=1)
            if task.final or len(measured(task))
        ],
    }


def _names(data: ReportData) -> list[str]:
    """Every function with a number, the best of the first task first."""
    seen: dict[str, None] = {}
    for task in data.tasks:
        seen |= dict.fromkeys(map(str, measured(task)["name"]))
        if task.final:
            seen |= dict.fromkeys(str(f["name"]) for f in task.final["functions"])
    return list(seen)


def _flags(facts: Facts, baselines: Collection[str]) -> int:
    def holds(flag: str) -> bool:
        return facts.name in baselines if flag == "baseline" else bool(getattr(facts, flag))

    return sum(1 << bit for bit, flag in enumerate(FLAGS) if holds(flag))


def _packed(rows: list[np.ndarray]) -> str:
    return base64.b64encode(np.concatenate(rows).astype("<i2").tobytes()).decode("ascii")


def _spaces(tasks: Collection[TaskData], place: Mapping[str, int]) -> list[Context]:
    """Of each space: its name, the functions that it has, and some other names of each."""
    spaces: dict[str, Context] = {}
    for task in tasks:
        if task.functions is None or task.space is None or task.space in spaces:
            continue
        names, classes = task.functions["name"], task.functions["representative"]
        # A space may have a million names: only the classes of listed functions are gone through.
        listed = names.isin(place)
        shared = task.functions[classes.isin(classes[listed].unique())]
        equals: dict[int, list[Any]] = {}
        for _, of_class in shared.groupby("representative", sort=False)["name"]:
            for name in of_class[of_class.isin(place)] if len(of_class) > 1 else ():
                some = [other for other in of_class.head(_EQUALS + 1) if other != name][:_EQUALS]
                equals[place[name]] = [some, len(of_class) - 1 - len(some)]
        known = set(names[listed])
        spaces[task.space] = {
            "name": task.space,
            "has": "".join("1" if name in known else "0" for name in place),
            "equals": equals,
        }
    return list(spaces.values())


def _task(
    task: TaskData, baselines: Collection[str], place: Mapping[str, int], anchor: str
) -> Context:
    """What a task knows of the functions, each list in their order."""
    ordered = measured(task)
    known = ordered.set_index("name")
    names = [*place]
    values = known["validation_score"].reindex(names)
    status = known["status"].reindex(names)
    lists = {
        "values": rounded(values, DIGITS),
        "status": "".join(_STATUS.get(s, "-") for s in status),
        "ranks": _by_name(ranks(task), names),
        "tabled": "".join(
            "1" if inside is True else "0" for inside in known["in_table"].reindex(names)
        ),
        "deviations": _by_name(_deviations(known), names),
        "runs": _by_name(_runs(known), names),
        "predicted": _by_name(_predicted(task), names),
    }
    best = best_baseline(ordered, baselines)
    return {
        "name": task.name,
        "anchor": anchor,
        "score": _score(task.score),
        "ranked": len(known),
        "baseline": None if best is None else place[str(best["name"])],
        "floor": None
        if task.table is None
        else next(iter(rounded([floor_of(task.table, task.score)], DIGITS))),
        "trial": task.trial_link,
        # A list without a value, as of a task that trained none of a table, is none.
        **{key: of if any(v is not None for v in of) else None for key, of in lists.items()},
        "places": _places(task, names),
        "searches": _searches(task, place),
        "final": _final(task, place),
    }


def _costs(tasks: Collection[TaskData], names: list[str]) -> dict[str, list[str | None]]:
    """What the functions cost, by space: tasks share the measurements of theirs."""
    measured_in = {task.space or task.name: cost_lines(task.costs) for task in tasks}
    return {
        space: [costs.get(name) for name in names] for space, costs in measured_in.items() if costs
    }


def _score(score: Score) -> Context:
    """What the script needs to write scores as the rest of the page does."""
    return {
        "shown": score.shown,
        "factor": score.factor,
        "digits": score.digits,
        "sign": score.sign,
        "unit": score.unit,
    }


def _by_name(column: Mapping[str, Any], names: list[str]) -> list[Any]:
    return [column.get(name) for name in names]


def _of_runs(known: pd.DataFrame, find: Callable[[np.ndarray], float | None]) -> dict[str, Any]:
    if "run_validation_scores" not in known:
        return {}
    runs = known["run_validation_scores"]
    found = {
        str(name): find(np.atleast_1d(np.asarray(of, dtype=float)))
        for name, of in runs[runs.notna()].items()
    }
    return {name: value for name, value in found.items() if is_number(value)}


def _deviations(known: pd.DataFrame) -> dict[str, float]:
    """Standard deviations over seeds, where there are several."""
    return _of_runs(
        known, lambda runs: round(float(runs.std(ddof=1)), _FINE) if len(runs) > 1 else None
    )


def _runs(known: pd.DataFrame) -> dict[str, int]:
    return _of_runs(known, lambda runs: len(runs) or None)


def _predicted(task: TaskData) -> dict[str, float]:
    """Out-of-fold predictions from both features, by the regressor that ranks best; a mean."""
    if task.surrogate is None or task.predictions is None:
        return {}
    both = task.surrogate[task.surrogate["features"] == "union"].dropna(subset=["spearman_mean"])
    if both.empty:
        return {}
    regressor = both.sort_values("spearman_mean", kind="stable")["regressor"].iloc[-1]
    chosen = task.predictions[
        (task.predictions["features"] == "union") & (task.predictions["regressor"] == regressor)
    ]
    means = chosen.groupby("name", sort=False)["predicted"].mean()
    return {
        str(name): round(float(mean), DIGITS) for name, mean in means.items() if is_number(mean)
    }


def _places(task: TaskData, names: list[str]) -> Context | None:
    """Coordinates on each map, in the order of the functions."""
    if task.map is None or task.map.empty:
        return None
    on_map = task.map.set_index("name").reindex(names)
    return {
        feature: [rounded(on_map[f"{feature}_x"], 3), rounded(on_map[f"{feature}_y"], 3)]
        for feature in FEATURES
    }


def _searches(task: TaskData, place: Mapping[str, int]) -> list[Context]:
    """Of every live search: function, round, slot, prediction, score and status of a training."""
    searches = []
    for strategy, history in (task.histories or {}).items():
        link = task.search_links.get(strategy)
        rows = []
        for row in history.to_dict("records"):
            where = {"round": int(row["round"]), "slot": int(row["slot"])}
            rows.append(
                [
                    place[row["name"]],
                    where["round"],
                    where["slot"],
                    *rounded([row["prediction"], row["validation_score"]], DIGITS),
                    _STATUS.get(row["status"], "-"),
                    link.format(**where) if link else None,
                ]
            )
        searches.append({"strategy": strategy, "rows": rows})
    return searches


def _final(task: TaskData, place: Mapping[str, int]) -> list[list[Any]] | None:
    """Of the last comparison: function, mean, deviation, difference with ends, verdict, p, file."""
    if not task.final:
        return None
    ends = ("mean", "low", "high")
    return [
        [
            place[f["name"]],
            *rounded([f["test_score_mean"], f["test_score_std"]], _FINE),
            *rounded([(f["difference"] or {}).get(end) for end in ends], _FINE),
            IN_WORDS[f["verdict"]],
            p_value((f["difference"] or {}).get("p_holm")),
            task.final_link.format(slot=slot) if task.final_link else None,
        ]
        for slot, f in enumerate(task.final["functions"])
    ]
