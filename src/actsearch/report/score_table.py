"""The functions of a task by their scores, for the terminal, programs and papers."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from actsearch.config import Score, score_called

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("table", "csv", "latex", "json")
COLUMNS = (
    *("rank", "name", "slug", "baseline", "source", "status"),
    *("median", "mean", "deviation", "seeds", "diverged", "score"),
)


def ranked(table: pd.DataFrame, baselines: Collection[str]) -> pd.DataFrame:
    """All functions of a benchmark table, the best first.

    They are ordered by the median over seeds, as searches and the report order them; the diverged
    come last. Equal medians share a rank and are listed by name.

    Args:
        table: as `actsearch.benchmark.table.build_table` returns it; a column ``source`` says where
            each row is from.
        baselines: their names.

    Returns:
        A row per function, columns `COLUMNS`: mean and deviation (of n - 1) over the seeds, NaN
        where the table does not hold single trainings; seeds, their number; diverged, how many of
        them did, which count with the score of a failure; score, what the numbers are.
    """
    import numpy as np
    import pandas as pd

    from actsearch.report.ranking import best_first, ranks_in_order

    ordered = best_first(table)
    runs = [np.asarray(values, dtype=np.float64) for values in ordered["run_validation_scores"]]
    return pd.DataFrame(
        {
            "rank": ranks_in_order(ordered),
            "name": ordered["name"],
            "slug": ordered["slug"],
            "baseline": ordered["name"].isin(set(baselines)),
            "source": ordered.get("source", "table"),
            "status": ordered["status"],
            "median": ordered["validation_score"],
            "mean": [float(values.mean()) if len(values) else math.nan for values in runs],
            "deviation": [
                float(values.std(ddof=1)) if len(values) > 1 else math.nan for values in runs
            ],
            "seeds": [len(values) for values in runs],
            "diverged": ordered["n_diverged"].astype("int64"),
            "score": ordered["score"],
        },
        columns=list(COLUMNS),
    )


def marks_of(row: Mapping[Any, Any]) -> list[str]:
    """``*`` of a baseline, ``+`` of what a live search alone trained, ``!`` if not finite at 0."""
    marks = {
        "*": row["baseline"],
        "+": row["source"] != "table",
        "!": not row.get("finite_at_zero", True),
    }
    return [mark for mark, holds in marks.items() if holds]


def chosen_rows(rows: pd.DataFrame, n: int, with_baselines: bool) -> pd.DataFrame:
    """The first ``n``, and on request all baselines below them."""
    import numpy as np

    best = np.arange(len(rows)) < n  # not by rank: it may be shared
    return rows[best | rows["baseline"]] if with_baselines else rows[best]


def as_csv(rows: pd.DataFrame) -> str:
    """Comma-separated, with full precision and a header."""
    return rows.to_csv(index=False, lineterminator="\n")


def as_json(rows: pd.DataFrame) -> str:
    """A list with an object per function; what is missing is null."""
    records: list[dict[str, Any]] = [
        {key: _plain(value) for key, value in row.items()} for row in _records(rows)
    ]
    return json.dumps(records, indent=1, ensure_ascii=False) + "\n"


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_latex(rows: pd.DataFrame, task: str) -> str:
    r"""A table of LaTeX with booktabs and amsmath, scores as median, mean and deviation over seeds.

    There is a column of its own for the median, by which functions are ordered, unless it is the
    mean: with one seed, or where trainings are not known one by one, as in imported tables.

    Args:
        rows: of `ranked`, one at least.
        task: its name, for the comment.

    Returns:
        A ``tabular`` with comments that say what it needs and what it shows.
    """
    from actsearch.functions.expressions import parse
    from actsearch.functions.latex import latex

    score = score_of(rows)
    shown = heading(score)
    several = bool((rows["seeds"] > 1).any())
    head = f"median {shown} & mean" if several else shown
    lines = [
        r"% needs \usepackage{amsmath,booktabs}",
        *_comment(rows, task, score),
        rf"\begin{{tabular}}{{rlrr{'r' * several}}}",
        r"\toprule",
        rf"rank & $f(x)$ & {head} & seeds \\",
        r"\midrule",
    ]
    for row in _records(rows):
        mark = "".join(rf"\,{sign}" for sign in marks_of(row))
        formula = latex(parse(row["name"]))
        middle = row["median"]
        numbers = [f"${_number(score, middle)}$" if math.isfinite(middle) else "--"]
        if several:
            numbers.append(_in_latex(row, score))
        lines.append(
            rf"{row['rank']} & ${formula}${mark} & {' & '.join(numbers)} & "
            rf"{row['seeds'] or '--'} \\"
        )
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _comment(rows: pd.DataFrame, task: str, score: Score) -> list[str]:
    """What the numbers of some rows are, and how they are ordered."""
    import pandas as pd

    known = rows["seeds"]
    if (known == 0).all():
        what = [
            f"% task {task}: median over seeds of the validation {score.name}",
            "% (the scores of single seeds are not known)",
        ]
    elif (known <= 1).all():
        what = [
            f"% task {task}: validation {score.name} of one training per function (1 seed),",
            "% so there is no deviation",
        ]
    else:
        what = [
            f"% task {task}: validation {score.name}: median over seeds, and mean with standard",
            "% deviation" + ("; of 1 seed there is none" if (known == 1).any() else ""),
            *(
                ["% (only the median where the single seeds are not known)"]
                * bool((known == 0).any())
            ),
        ]
    marks = "; * marks baselines"
    if (rows["source"] != "table").any():
        marks += ", + what a live search alone trained"
    if not rows.get("finite_at_zero", pd.Series([True])).all():
        marks += ", ! what is not finite at x = 0"
    order = "it" if (known == 1).all() else "the median"
    return [*what, f"% ordered by {order}, equal ones share a rank{marks}"]


def _in_latex(row: dict[str, Any], score: Score) -> str:
    if not math.isfinite(row["mean"]):
        return "--"
    text = _number(score, row["mean"])
    if math.isfinite(row["deviation"]):
        text += rf" \pm {score.write_size(row['deviation'])}"
    return f"${text}$"


def heading(score: Score) -> str:
    """A score in the head of a column of LaTeX, with its unit."""
    unit = r" (\%)" if score.sign == "%" else ""
    return {"R²": "$R^2$"}.get(score.shown, score.shown) + unit


def _number(score: Score, value: float) -> str:
    return score.write(value).removesuffix(score.sign)


def score_of(rows: pd.DataFrame) -> Score:
    """What the scores of some rows are."""
    return score_called(rows["score"].iloc[0])


def mean_and_deviation(score: Score, mean: float | None, deviation: float | None) -> str:
    """``67.31% ± 0.42``, ``67.31%``, or a dash where nothing is known."""
    if mean is None or not math.isfinite(mean):
        return "–"
    text = score.write(mean)
    if deviation is not None and math.isfinite(deviation):
        text += f" ± {score.write_size(deviation)}"
    return text
