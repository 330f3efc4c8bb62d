"""The chosen function as a file for anybody's network, with what the last comparison says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actsearch.config import Score, score_called
from actsearch.functions.at_zero import ZEROS, is_finite_at_zero
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.formulas import plain_formula
from actsearch.functions.standalone import module_source

CLASS = "FinalActivation"


def final_activation(final: Mapping[str, Any], task: str, command: str) -> tuple[str, list[str]]:
    """Source of a file with the chosen function as the PyTorch module ``FinalActivation``.

    Args:
        final: A last comparison, as `actsearch.search.final.compare` returns it.
        task: Its task.
        command: What makes the file, for its readers.

    Returns:
        The source, and what is missing in it, see
        `actsearch.functions.standalone.module_source`.
    """
    by_name = {function["name"]: function for function in final["functions"]}
    chosen = by_name[final["chosen"]["name"]]
    reference = by_name[final["best_baseline"]]
    expression, score = parse(chosen["name"]), score_called(final["score"])
    about = [
        f"The activation function that was chosen on the task {task}. Needs torch alone.",
        f"Made by: {command}",
    ]
    docstring = [
        f"f(x) = {plain_formula(expression)}, elementwise; without parameters.",
        f"Name in the notation of Act-Bench: {expression.name}",
        _choice(final, chosen, task),
        _test(final, chosen, reference, score),
        *_cost(final, chosen),
        *_at_zero(expression),
    ]
    return module_source(expression, CLASS, about, docstring)


def _choice(final: Mapping[str, Any], chosen: Mapping[str, Any], task: str) -> str:
    how = f"Chosen on {task} for {final['chosen']['how']}."
    if not final["candidates_from"]:
        return how
    there = score_called(chosen["scored_there_by"])
    return (
        f"{how} The functions were the best of {', '.join(final['candidates_from'])}; this one "
        f"comes from {chosen['from_task']} (validation {there.shown} there: "
        f"{there.write(chosen['score_there'])})."
    )


def _cost(final: Mapping[str, Any], chosen: Mapping[str, Any]) -> list[str]:
    """What it costs beside relu, where that was measured."""
    cost = chosen["cost"]
    if not cost:
        return []
    text = (
        f"Cost on {final['measured_on']['processor']}: {cost['both']:.3g} times as long as relu, "
        f"forward and backward, and {cost['bytes_kept']:.3g} bytes kept per number (relu: 4)"
    )
    if cost["compiled"]:
        text += (
            f"; compiled {cost['compiled']['both']:.3g} times and "
            f"{cost['compiled']['bytes_kept']:.3g} bytes"
        )
    return [f"{text}."]


def _at_zero(expression: Expression) -> list[str]:
    """That it has no value at 0, where networks often ask."""
    if is_finite_at_zero(expression):
        return []
    return [f"Beware: it is not finite at x = 0, and {ZEROS}."]


def _test(
    final: Mapping[str, Any], chosen: Mapping[str, Any], reference: Mapping[str, Any], score: Score
) -> str:
    """Test score against the best baseline; a tie is called one."""
    difference = chosen["difference"]
    mean, low, high = (score.write_difference(difference[key]) for key in ("mean", "low", "high"))
    verdict = {
        "better": "better than the baseline",
        "worse": "worse than the baseline",
        "tie": "a tie, the difference is not significant",
        "undecided": "none, the seeds are too few for one",
    }[chosen["verdict"]]
    n_seeds = len(final["seeds"])
    text = (
        f"Test {score.shown}: {score.write(chosen['test_score_mean'])} (mean over {n_seeds} seeds, "
        f"{final['n_test']:,} examples); the best baseline, {reference['name']}: "
        f"{score.write(reference['test_score_mean'])}. Verdict: {verdict} "
        f"({score.with_unit(mean)}, 95% interval over seeds {low} to {high}, "
        f"p = {difference['p_holm']:.2g} after Holm)."
    )
    if diverged := chosen["n_diverged"]:
        text += f" {diverged} of {n_seeds} runs diverged and count with {score.of_failure}."
    return text
