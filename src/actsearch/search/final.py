"""The last comparison: the best functions against the baselines, on new seeds and test data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from actsearch.config import Score, one_score
from actsearch.search.choice import NOISE, choose
from actsearch.search.conclusion import conclusion
from actsearch.search.equal_scores import compared
from actsearch.search.final_costs import FinalCosts
from actsearch.search.paired import holm, paired_difference, smallest_p
from actsearch.search.stage_summary import left_out
from actsearch.search.validation_errors import standard_errors

METHOD = "paired sign-flip test"
BEFORE = "before this comparison"
HERE = "a mean over these trainings"
"""Which validation score has chosen."""


def compare(
    trials: Iterable[Mapping[str, Any]],
    candidates: pd.DataFrame,
    significance: float,
    costs: pd.DataFrame | None = None,
    stages: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Test scores of all candidates, each compared with the best baseline seed by seed.

    Validation score alone says which baseline is the best (the first on a tie), and with it cost
    which of the found functions is chosen (``actsearch.search.choice``); the test set has no say in
    either. Candidates of this task were ranked by it before, in ``candidates``. Those of other
    tasks have no such number: for them it is the mean over the very trainings that are tested.

    p-values are those of the paired sign-flip test over seeds, two-sided and corrected by Holm over
    all comparisons made, baselines included. They and the intervals speak of the seeds, on the one
    test set that all share. A diverged run counts with the value that
    the task has for it.

    Args:
        trials: Contents of the trials, one a candidate, all on the same seeds and test examples,
            with the same ``score`` (a name), with ``test_score`` in every run, and
            ``validation_score`` where validation examples were not fitted, as always if the
            candidates are those of other tasks.
        candidates: As returned by ``choose_candidates`` or ``choose_from_tasks``.
        significance: A comparison is a tie unless its corrected p is below.
        costs: What the candidates cost, see ``actsearch.search.final_costs``; None where nothing
            was measured.
        stages: What was trained before it, as ``actsearch.search.stage_summary`` lists it: of
            baselines that were left out there, none was better on validation than those here.

    Returns:
        Plain data: ``score``, the name of what functions are compared by; ``seeds``; ``n_test``,
        the number of test examples; ``method``, the name of the statistical test;
        ``candidates_from``, the other tasks, none for candidates of this one; ``best_baseline``,
        and ``equal_baselines``, the others with its validation score; ``significance``;
        ``measured_on``, the ``device`` and ``processor`` of the costs, or None; ``chosen``, a found
        function's ``name`` and ``slug``, ``how`` it was chosen, ``best_validation``, the one with
        the highest score, ``tied``, those within ``standard_error`` of it (None where that is not
        known), and ``compared`` ("eager", "compiled" or None), as what their costs were compared;
        ``functions``, in the order of ``candidates``, each with ``name``, ``slug``, ``kind``,
        ``validation_score``, ``status``, ``n_diverged``, ``test_scores`` (by seed),
        ``test_score_mean``, ``test_score_std`` (ddof 1), ``difference`` to the best baseline
        (``mean``, ``low`` and ``high`` of the 95% interval, ``p``, ``p_holm``; None for the best
        baseline), ``cost`` (``FinalCosts.of``; None where nothing was measured) and ``verdict``
        ("better", "worse", "tie", "reference", or "undecided" where seeds are too few for any),
        where numbers are predicted with ``test_errors``, the root mean
        squared error of each in its own unit (a mean over the completed runs; None without one),
        and those of other tasks with ``from_task``, ``score_there`` and ``scored_there_by``;
        ``conclusion``, one sentence; and after stages ``stages``, as given, and ``left_out``, the
        baselines that stages left out, with their scores.

    Raises:
        ValueError: When trials and candidates do not match, no function was found, seeds differ or
            are fewer than two, a run lacks a score, or scores or the numbers of test examples
            differ.
    """
    by_name = _match(trials, candidates)
    others = _other_tasks(candidates)
    score = _score(by_name, candidates, others)
    seeds, scores = _by_seed(by_name, "test")
    n_test = _test_examples(by_name)
    if others:
        validation = {name: _mean(of) for name, of in _by_seed(by_name, "validation")[1].items()}
    else:
        validation = dict(zip(candidates["name"], candidates["validation_score"], strict=True))
    measured = FinalCosts(costs) if costs is not None else None
    best_baseline, equals = _best_baseline(candidates, validation, measured)
    chosen = choose(
        _of_kind(candidates, "found"),
        validation,
        standard_errors(by_name, candidates, others),
        measured,
        score,
        HERE if others else BEFORE,
    )
    differences = {
        name: paired_difference(values, scores[best_baseline])
        for name, values in scores.items()
        if name != best_baseline
    }
    corrected = holm([difference["p"] for difference in differences.values()])
    for difference, p_holm in zip(differences.values(), corrected, strict=True):
        difference["p_holm"] = p_holm
    errors = {name: _errors(trial) for name, trial in by_name.items()}
    of_numbers = any(errors.values())
    possible = smallest_p(len(seeds), len(differences)) < significance
    functions = []
    for row in candidates.to_dict("records"):
        name, trial = row["name"], by_name[row["name"]]
        function = {
            "name": name,
            "slug": row["slug"],
            "kind": row["kind"],
            "validation_score": float(validation[name]),
            "status": trial["status"],
            "n_diverged": sum(run["status"] == "diverged" for run in trial["runs"]),
            "test_scores": scores[name],
            "test_score_mean": float(np.mean(scores[name])),
            "test_score_std": float(np.std(scores[name], ddof=1)),
            "difference": differences.get(name),
            "verdict": _verdict(differences.get(name), significance, possible),
            "cost": measured.of(name) if measured else None,
        }
        if of_numbers:
            function["test_errors"] = errors[name]
        if others and row["kind"] == "found":
            function |= {
                "from_task": row["from_task"],
                "score_there": float(row["score_there"]),
                "scored_there_by": row["scored_there_by"],
            }
        functions.append(function)
    slugs = dict(zip(candidates["name"], candidates["slug"], strict=True))
    before = left_out(stages)
    return {
        "score": score.name,
        "seeds": seeds,
        "n_test": n_test,
        "method": METHOD,
        "candidates_from": others,
        "best_baseline": best_baseline,
        "equal_baselines": equals,
        "significance": significance,
        "measured_on": measured.machine if measured else None,
        "chosen": {
            "name": chosen.name,
            "slug": slugs[chosen.name],
            "how": chosen.how,
            "best_validation": chosen.best,
            "tied": list(chosen.tied),
            "standard_error": chosen.error,
            "compared": chosen.mode,
        },
        "functions": functions,
        "conclusion": conclusion(
            functions,
            chosen.name,
            chosen.by_cost,
            len(seeds),
            n_test,
            significance,
            score,
            left_out=[baseline["name"] for baseline in before],
            equals=equals,
        ),
    } | ({"stages": list(stages), "left_out": before} if stages else {})


def _other_tasks(candidates: pd.DataFrame) -> list[str]:
    """The tasks that candidates come from, in order; none where they are those of this task."""
    if "from_task" not in candidates.columns:
        return []
    return [str(task) for task in candidates["from_task"].dropna().unique()]


def _score(
    trials: Mapping[str, Mapping[str, Any]], candidates: pd.DataFrame, others: Sequence[str]
) -> Score:
    """What the trials, and candidates of this task before, were compared by."""
    named = [(f"the trial of {name}", trial.get("score")) for name, trial in trials.items()]
    if not others:
        ranked = zip(candidates["name"], candidates["score"], strict=True)
        named += [(f"the candidate {name}", score) for name, score in ranked]
    return one_score(named, "trials and candidates")


def _best_baseline(
    candidates: pd.DataFrame, validation: Mapping[str, float], costs: FinalCosts | None
) -> tuple[str, list[str]]:
    """Of the baselines with the highest validation score the cheapest, and the others.

    Costs as near as ``NOISE`` are equal, as those that are not known; then the first is taken.

    Returns:
        Its name, and those of the others.
    """
    names = _of_kind(candidates, "baseline")
    highest = max(compared(validation[name]) for name in names)
    best = [name for name in names if compared(validation[name]) == highest]
    times = costs.to_compare(best)[1] if costs else dict.fromkeys(best, 1.0)
    taken = next(name for name in best if times[name] <= NOISE * min(times.values()))
    return taken, [name for name in best if name != taken]


def _of_kind(candidates: pd.DataFrame, kind: str) -> list[str]:
    """Names of the candidates of a kind, one at least."""
    names = [str(name) for name in candidates.loc[candidates["kind"] == kind, "name"]]
    if not names:
        raise ValueError(f"the final comparison needs a {kind} function among the candidates")
    return names


def _mean(values: Sequence[float]) -> float:
    """The mean, the same in any order of seeds, so that ties are ties."""
    return math.fsum(values) / len(values)


def _errors(trial: Mapping[str, Any]) -> list[float] | None:
    """Errors (d,) of predicted numbers on the test part, a mean over the runs that have them."""
    found = [run["test_errors"] for run in trial["runs"] if "test_errors" in run]
    return np.mean(found, axis=0).tolist() if found else None


def _match(
    trials: Iterable[Mapping[str, Any]], candidates: pd.DataFrame
) -> dict[str, Mapping[str, Any]]:
    """Trials by name, after a check that each candidate has exactly one."""
    trials = list(trials)
    names = [trial["function"] for trial in trials]
    expected = candidates["name"].to_list()
    if sorted(names) != sorted(expected):
        missing = sorted(set(expected) - set(names))
        other = sorted(set(names) - set(expected))
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(
            "the final comparison needs one trial a candidate; "
            f"missing: {missing}, not a candidate: {other}, repeated: {repeated}"
        )
    by_name = dict(zip(names, trials, strict=True))
    return {name: by_name[name] for name in expected}


def _by_seed(
    trials: Mapping[str, Mapping[str, Any]], part: str
) -> tuple[list[int], dict[str, list[float]]]:
    """The common seeds, and each function's scores on a part of the data in their order."""
    seeds: list[int] | None = None
    scores = {}
    for name, trial in trials.items():
        by_seed = {run["seed"]: run.get(f"{part}_score") for run in trial["runs"]}
        seeds = sorted(by_seed) if seeds is None else seeds
        if sorted(by_seed) != seeds or len(by_seed) != len(trial["runs"]):
            raise ValueError(
                f"{name} was trained on the seeds {[run['seed'] for run in trial['runs']]}, "
                f"others on {seeds}; a paired comparison needs the same ones, each once"
            )
        if None in by_seed.values():
            raise ValueError(f"a run of {name} has no {part} score")
        scores[name] = [float(by_seed[seed]) for seed in seeds]
    if seeds is None or len(seeds) < 2:
        raise ValueError(f"a comparison needs at least two seeds, found {seeds or 'none'}")
    return seeds, scores


def _test_examples(trials: Mapping[str, Mapping[str, Any]]) -> int:
    sizes = {name: int(trial["examples"]["test"]) for name, trial in trials.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"trials differ in their number of test examples: {sizes}")
    return next(iter(sizes.values()))


def _verdict(difference: Mapping[str, Any] | None, significance: float, possible: bool) -> str:
    """What a difference is; no verdict where seeds are too few for one, however large it is."""
    if difference is None:
        return "reference"
    if not possible:
        return "undecided"
    if difference["p_holm"] >= significance:
        return "tie"
    return "better" if difference["mean"] > 0 else "worse"
