"""The functions of a task by their scores, for the terminal, programs and papers."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from actsearch.config import Score, score_called

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("table", "csv", "latex", "json")
COLUMNS = (
    *("rank", "name", "slug", "baseline", "status"),
    *("mean", "deviation", "seeds", "diverged", "median", "score"),
)


def ranked(table: pd.DataFrame, baselines: Collection[str]) -> pd.DataFrame:
    """All functions of a benchmark table, the best first.

    They are ordered by the median over seeds, as searches and the report order them; the diverged
    come last.

    Args:
        table: as `actsearch.benchmark.table.build_table` returns it.
        baselines: their names.

    Returns:
        A row per function, columns `COLUMNS`: mean and deviation (of n - 1) over the seeds, NaN
        where the table does not hold single trainings; seeds, their number; diverged, how many of
        them did, which count with the score of a failure; score, what the numbers are.
    """
    import numpy as np
    import pandas as pd

    from actsearch.report.ranking import best_first

    ordered = best_first(table)
    runs = [np.asarray(values, dtype=np.float64) for values in ordered["run_validation_scores"]]
    return pd.DataFrame(
        {
            "rank": range(1, len(ordered) + 1),
            "name": ordered["name"],
            "slug": ordered["slug"],
            "baseline": ordered["name"].isin(set(baselines)),
            "status": ordered["status"],
            "mean": [float(values.mean()) if len(values) else math.nan for values in runs],
            "deviation": [
                float(values.std(ddof=1)) if len(values) > 1 else math.nan for values in runs
            ],
            "seeds": [len(values) for values in runs],
            "diverged": ordered["n_diverged"].astype("int64"),
            "median": ordered["validation_score"],
            "score": ordered["score"],
        },
        columns=list(COLUMNS),
    )


def chosen_rows(rows: pd.DataFrame, n: int, with_baselines: bool) -> pd.DataFrame:
    """The best ``n``, and on request all baselines below them."""
    best = rows["rank"] <= n
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
    """A table of LaTeX with booktabs and amsmath, scores as mean and deviation over seeds.

    Of a function whose trainings are not known one by one, as in imported tables, it has the median
    and no number of seeds.

    Args:
        rows: of `ranked`, one at least.
        task: its name, for the caption.

    Returns:
        A ``tabular`` with comments that say what it needs and what it shows.
    """
    from actsearch.functions.expressions import parse
    from actsearch.functions.latex import latex

    score = score_of(rows)
    unit = r" (\%)" if score.sign == "%" else ""
    shown = {"R²": "$R^2$"}.get(score.shown, score.shown)
    lines = [
        r"% needs \usepackage{amsmath,booktabs}",
        *_comment(rows, task, score),
        r"\begin{tabular}{rlrr}",
        r"\toprule",
        rf"rank & $f(x)$ & {shown}{unit} & seeds \\",
        r"\midrule",
    ]
    for row in _records(rows):
        mark = r"\,*" if row["baseline"] else ""
        formula = latex(parse(row["name"]))
        lines.append(
            rf"{row['rank']} & ${formula}${mark} & {_in_latex(row, score)} & "
            rf"{row['seeds'] or '--'} \\"
        )
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _comment(rows: pd.DataFrame, task: str, score: Score) -> list[str]:
    """What the numbers of some rows are."""
    known = rows["seeds"] > 0
    last = "% ordered by the median over seeds; * marks baselines"
    if not known.any():
        return [
            f"% task {task}: median over seeds of the validation {score.name}",
            "% (the scores of single seeds are not known),",
            last,
        ]
    lines = [
        f"% task {task}: mean and standard deviation of the validation {score.name} over seeds,"
    ]
    if not known.all():
        lines.append("% only the median where no number of seeds is given,")
    return [*lines, last]


def _in_latex(row: dict[str, Any], score: Score) -> str:
    if not math.isfinite(row["mean"]):
        number = row["median"]
        return f"${_number(score, number)}$" if math.isfinite(number) else "--"
    text = _number(score, row["mean"])
    if math.isfinite(row["deviation"]):
        text += rf" \pm {score.write_size(row['deviation'])}"
    return f"${text}$"


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
