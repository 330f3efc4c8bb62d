"""The last comparison: the best functions against the baselines, on new seeds and test data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from actsearch.functions.expressions import parse
from actsearch.functions.operators import BASELINES
from actsearch.functions.spaces import SearchSpace, enumerate_space
from actsearch.search.candidates import require_baselines
from actsearch.search.paired import holm, paired_difference, smallest_p

METHOD = "paired sign-flip test"


def choose_candidates(
    table: pd.DataFrame | None, histories: Iterable[pd.DataFrame], n: int
) -> pd.DataFrame:
    """The eight baselines and the ``n`` best distinct functions, by validation accuracy.

    Functions that are equal on the normal samples count once, under the name with the higher
    accuracy, and not at all when they equal a baseline. Equal accuracies go to the smaller
    expression, then by name. A function in several sources has the accuracy of the first: the
    table, then the histories in order.

    Args:
        table: Benchmark table (``name``, ``slug``, ``validation_accuracy``), if there is one.
        histories: Histories of live searches, with the same columns.
        n: Number of functions that meet the baselines.

    Returns:
        ``8 + n`` rows: ``slot`` (from 0), ``name``, ``slug``, ``kind`` ("baseline" or "found"),
        ``validation_accuracy``; baselines in their fixed order, then found ones, best first.

    Raises:
        ValueError: When there is no source, a baseline is in none, or fewer than ``n`` distinct
            functions are left.
    """
    columns = ["name", "slug", "validation_accuracy"]
    sources = [source[columns] for source in (table, *histories) if source is not None]
    if not sources:
        raise ValueError("nothing to choose from: give a benchmark table or a search's history")
    known = pd.concat(sources).drop_duplicates("name").set_index("name")
    require_baselines(known.index, "the benchmark table and the histories")
    chosen = [*BASELINES, *_best_distinct(known["validation_accuracy"], n)]
    return pd.DataFrame(
        {
            "slot": range(len(chosen)),
            "name": chosen,
            "slug": known["slug"].loc[chosen].to_list(),
            "kind": ["baseline"] * len(BASELINES) + ["found"] * n,
            "validation_accuracy": known["validation_accuracy"].loc[chosen].to_list(),
        }
    )


def compare(
    trials: Iterable[Mapping[str, Any]], candidates: pd.DataFrame, significance: float
) -> dict[str, Any]:
    """Test accuracies of all candidates, each compared with the best baseline seed by seed.

    The best baseline is the one with the highest validation accuracy in ``candidates`` (the first
    on a tie); the test set has no say in it. p-values are those of the paired sign-flip test over
    seeds, two-sided and corrected by Holm over all comparisons made, baselines included. They and
    the intervals speak of the seeds, on the one test set that all share. A diverged run counts
    with its chance accuracy.

    Args:
        trials: Contents of the trials, one a candidate, all on the same seeds and test examples,
            with ``test_accuracy`` in every run.
        candidates: As returned by ``choose_candidates``.
        significance: A comparison is a tie unless its corrected p is below.

    Returns:
        Plain data: ``seeds``; ``n_test``, the number of test examples; ``method``, the name of
        the statistical test; ``best_baseline``; ``functions``, in the order of ``candidates``,
        each with ``name``, ``slug``, ``kind``, ``validation_accuracy``, ``status``,
        ``n_diverged``, ``test_accuracies`` (by seed), ``test_accuracy_mean``,
        ``test_accuracy_std`` (ddof 1), ``difference`` to the best baseline (``mean``, ``low`` and
        ``high`` of the 95% interval, ``p``, ``p_holm``; None for the best baseline) and
        ``verdict`` ("better", "worse", "tie", "reference"); ``conclusion``, one sentence.

    Raises:
        ValueError: When trials and candidates do not match, seeds differ or are fewer than two,
            a run has no test accuracy, or the numbers of test examples differ.
    """
    by_name = _match(trials, candidates)
    seeds, accuracies = _test_accuracies(by_name)
    n_test = _test_examples(by_name)
    baselines = candidates[candidates["kind"] == "baseline"].reset_index(drop=True)
    best_baseline = str(baselines["name"].iloc[int(baselines["validation_accuracy"].argmax())])
    differences = {
        name: paired_difference(values, accuracies[best_baseline])
        for name, values in accuracies.items()
        if name != best_baseline
    }
    corrected = holm([difference["p"] for difference in differences.values()])
    for difference, p_holm in zip(differences.values(), corrected, strict=True):
        difference["p_holm"] = p_holm
    functions = []
    for row in candidates.to_dict("records"):
        name, trial = row["name"], by_name[row["name"]]
        functions.append(
            {
                "name": name,
                "slug": row["slug"],
                "kind": row["kind"],
                "validation_accuracy": float(row["validation_accuracy"]),
                "status": trial["status"],
                "n_diverged": sum(run["status"] == "diverged" for run in trial["runs"]),
                "test_accuracies": accuracies[name],
                "test_accuracy_mean": float(np.mean(accuracies[name])),
                "test_accuracy_std": float(np.std(accuracies[name], ddof=1)),
                "difference": differences.get(name),
                "verdict": _verdict(differences.get(name), significance),
            }
        )
    return {
        "seeds": seeds,
        "n_test": n_test,
        "method": METHOD,
        "best_baseline": best_baseline,
        "functions": functions,
        "conclusion": _conclusion(functions, len(seeds), n_test, significance),
    }


def _best_distinct(accuracies: pd.Series[float], n: int) -> list[str]:
    """The ``n`` best names of distinct functions, none equal to a baseline."""
    names = [str(name) for name in accuracies.index]
    listing = enumerate_space(SearchSpace((), include=names))
    classes = dict(zip(listing.names, listing.class_of.tolist(), strict=True))
    ranked = sorted(names, key=lambda name: (-accuracies[name], parse(name).size, name))
    taken = {classes[name] for name in BASELINES}
    chosen = []
    for name in ranked:
        if classes[name] not in taken:
            taken.add(classes[name])
            chosen.append(name)
    if len(chosen) < n:
        raise ValueError(
            f"the final comparison wants {n} functions besides the baselines; only "
            f"{len(chosen)} distinct ones were trained"
        )
    return chosen[:n]


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


def _test_accuracies(
    trials: Mapping[str, Mapping[str, Any]],
) -> tuple[list[int], dict[str, list[float]]]:
    """The common seeds, and each function's test accuracies in their order."""
    seeds: list[int] | None = None
    accuracies = {}
    for name, trial in trials.items():
        by_seed = {run["seed"]: run.get("test_accuracy") for run in trial["runs"]}
        seeds = sorted(by_seed) if seeds is None else seeds
        if sorted(by_seed) != seeds or len(by_seed) != len(trial["runs"]):
            raise ValueError(
                f"{name} was trained on the seeds {[run['seed'] for run in trial['runs']]}, "
                f"others on {seeds}; a paired comparison needs the same ones, each once"
            )
        if None in by_seed.values():
            raise ValueError(f"a run of {name} has no test accuracy")
        accuracies[name] = [float(by_seed[seed]) for seed in seeds]
    if seeds is None or len(seeds) < 2:
        raise ValueError(f"a comparison needs at least two seeds, found {seeds or 'none'}")
    return seeds, accuracies


def _test_examples(trials: Mapping[str, Mapping[str, Any]]) -> int:
    sizes = {name: int(trial["examples"]["test"]) for name, trial in trials.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"trials differ in their number of test examples: {sizes}")
    return next(iter(sizes.values()))


def _verdict(difference: Mapping[str, Any] | None, significance: float) -> str:
    if difference is None:
        return "reference"
    if difference["p_holm"] >= significance:
        return "tie"
    return "better" if difference["mean"] > 0 else "worse"


def _conclusion(
    functions: Sequence[Mapping[str, Any]], n_seeds: int, n_test: int, significance: float
) -> str:
    """One sentence that claims what the numbers carry and no more."""
    reference = next(f for f in functions if f["verdict"] == "reference")
    found = [f for f in functions if f["kind"] == "found"]
    against = (
        f"the best baseline {reference['name']} (mean test accuracy "
        f"{100 * reference['test_accuracy_mean']:.2f}% over {n_seeds} seeds on these {n_test:,} "
        "test images)"
    )
    if not found:
        return f"No function was compared with {against}."
    clauses = [_claim([f["verdict"] for f in found], against), _top(found, significance)]
    if others := [
        f["name"] for f in functions if f["kind"] != "found" and f["verdict"] == "better"
    ]:
        verb = "is" if len(others) == 1 else "are"
        clauses.append(f"of the other baselines {', '.join(others)} {verb} better than it")
    if diverged := sum(f["n_diverged"] for f in functions):
        clauses.append(
            f"diverged runs ({diverged} of {n_seeds * len(functions)}) count with chance accuracy"
        )
    compared = len(functions) - 1
    if (smallest := min(1.0, compared * smallest_p(n_seeds))) >= significance:
        clauses.append(
            f"{n_seeds} seeds are too few for {compared} comparisons: no corrected p can be below "
            f"{smallest:.2g}"
        )
    return "; ".join(clauses) + "."


def _claim(verdicts: Sequence[str], against: str) -> str:
    """What the verdicts on the found functions say together."""
    n, better, tie = len(verdicts), verdicts.count("better"), verdicts.count("tie")
    if better:
        verb = "is" if better == 1 else "are"
        return f"{better} of {n} found functions {verb} better than {against}"
    if tie == n:
        return f"A tie: no found function (of {n}) differs significantly from {against}"
    if tie:
        return (
            f"A tie at best: of {n} found functions {tie} cannot be told from {against} "
            f"and {n - tie} {'is' if n - tie == 1 else 'are'} worse"
        )
    return f"Every found function ({n}) is worse than {against}"


def _top(found: Sequence[Mapping[str, Any]], significance: float) -> str:
    """The numbers of the best found function."""
    top = max(found, key=lambda f: (f["verdict"] == "better", f["difference"]["mean"]))
    lead = "the best of them is" if top["verdict"] == "better" else "the highest mean is that of"
    mean, low, high = (100 * top["difference"][key] for key in ("mean", "low", "high"))
    numbers = (
        f"{mean:+.2f} points from the baseline's (uncorrected 95% interval over seeds "
        f"{low:+.2f} to {high:+.2f}, p = {top['difference']['p_holm']:.2g} after Holm, "
        f"level {significance:g})"
    )
    return f"{lead} {top['name']}, {numbers.replace('-', '−')}"
