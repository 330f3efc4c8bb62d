"""The last comparison of a task as a table: for the terminal, programs and papers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from actsearch.config import Score, score_called
from actsearch.report.score_table import heading, mean_and_deviation

REFERENCE = "reference"
"""Verdict of the best baseline, with which all others are compared."""
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def escaped(text: str) -> str:
    """Text as LaTeX has to be given it, outside of formulas."""
    return "".join(_SPECIAL.get(sign, sign) for sign in text)


def verdict_rows(final: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All functions of a last comparison, the highest mean on the test set first, ties by name.

    Args:
        final: as `actsearch.search.final.compare` returns it.

    Returns:
        A dict per function: rank (equal means share one), name, slug, kind, best_baseline, chosen,
        verdict, test_mean, test_deviation (of n - 1), seeds (their number), diverged, difference
        from the best baseline with low and high (its 95% interval, not corrected), p, p_holm
        (after Holm), validation_score, score, test_scores. Numbers have full precision; those of
        a difference are None for the best baseline.
    """
    from actsearch.report.ranking import shared_ranks

    functions = sorted(final["functions"], key=lambda f: (-f["test_score_mean"], f["name"]))
    ranks = shared_ranks([function["test_score_mean"] for function in functions])
    rows: list[dict[str, Any]] = []
    for rank, function in zip(ranks, functions, strict=True):
        apart = function["difference"] or {}
        rows.append(
            {
                "rank": rank,
                "name": function["name"],
                "slug": function["slug"],
                "kind": function["kind"],
                "best_baseline": function["verdict"] == REFERENCE,
                "chosen": function["name"] == final["chosen"]["name"],
                "verdict": function["verdict"],
                "test_mean": function["test_score_mean"],
                "test_deviation": function["test_score_std"],
                "seeds": len(function["test_scores"]),
                "diverged": function["n_diverged"],
                "difference": apart.get("mean"),
                **{key: apart.get(key) for key in ("low", "high", "p", "p_holm")},
                "validation_score": function["validation_score"],
                "score": final["score"],
                "test_scores": list(function["test_scores"]),
            }
        )
    return rows


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Comma-separated, with full precision and a header; without the scores of single seeds."""
    import pandas as pd

    return pd.DataFrame(rows).drop(columns="test_scores").to_csv(index=False, lineterminator="\n")


def as_json(rows: list[dict[str, Any]]) -> str:
    """A list with an object per function; ``test_scores`` are in the order of the seeds."""
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def cells(row: Mapping[str, Any], score: Score) -> list[str]:
    """What people read of a row: mean, difference, interval, p after Holm, verdict."""
    deviation = row["test_deviation"] if row["seeds"] > 1 else None
    mean = mean_and_deviation(score, row["test_mean"], deviation)
    if row["best_baseline"]:
        return [mean, "", "", "", "best baseline"]
    interval = p = ""
    if row["low"] is not None and row["high"] is not None:
        ends = (score.write_difference(row[key]) for key in ("low", "high"))
        interval = " to ".join(ends)
    if row["p_holm"] is not None:
        p = f"{row['p_holm']:.2g}"
    verdict = "no verdict" if row["verdict"] == "undecided" else row["verdict"]
    return [mean, score.write_difference(row["difference"]), interval, p, verdict]


def notes(final: Mapping[str, Any]) -> list[str]:
    """What the columns are, in short sentences."""
    from actsearch.report.formats import plural

    functions, n = final["functions"], len(final["seeds"])
    reference = next(f["name"] for f in functions if f["verdict"] == REFERENCE)
    spread = "" if n == 1 else " and standard deviation"
    score = score_called(final["score"])
    unit = f", in {score.unit}" if score.unit else ""
    return [
        f"test {score.name}: mean{spread} over {plural(n, 'seed')}, on {final['n_test']:,} test "
        "examples",
        f"difference: from the best baseline, {reference}{unit}, with its 95% interval over seeds, "
        "not corrected for the number of comparisons",
        f"p: {final['method']}, after Holm's correction for "
        f"{plural(len(functions) - 1, 'comparison')}; the verdict follows it, not the interval",
    ]


def as_latex(final: Mapping[str, Any]) -> str:
    """A table of LaTeX with booktabs and amsmath, with comments that say what it shows.

    Args:
        final: as `actsearch.search.final.compare` returns it.

    Returns:
        A ``tabular``; formulas are in math mode, and all other text is escaped.
    """
    from actsearch.functions.expressions import parse
    from actsearch.functions.latex import latex

    score = score_called(final["score"])
    points = f" ({escaped(score.unit)})" if score.unit else ""
    lines = [
        r"% needs \usepackage{amsmath,booktabs}",
        f"% task {final['task']}, last comparison",
        *(f"% {text}" for text in notes(final)),
        "% * marks baselines, the dagger the function that was chosen before this comparison",
        r"\begin{tabular}{lrrrrl}",
        r"\toprule",
        rf"$f(x)$ & test {heading(score)} & difference{points} & 95\% interval & "
        r"$p_\text{Holm}$ & verdict \\",
        r"\midrule",
    ]
    for row in verdict_rows(final):
        mean, difference, interval, p, verdict = cells(row, score)
        mean = mean.replace(score.sign, "") if score.sign else mean
        mark = (r"\,*" if row["kind"] == "baseline" else "") + (
            r"\,$^\dagger$" if row["chosen"] else ""
        )
        low_high = interval.replace(" to ", "$ to $")
        numbers = [mean.replace("±", r"\pm"), difference, low_high, _power(p)]
        shown_numbers = " & ".join(f"${text}$" if text else "--" for text in numbers)
        formula = latex(parse(row["name"]))
        lines.append(rf"${formula}${mark} & {shown_numbers} & {escaped(verdict)} \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _power(p: str) -> str:
    """``1.2e-05`` as LaTeX has it."""
    mantissa, e, exponent = p.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else p
