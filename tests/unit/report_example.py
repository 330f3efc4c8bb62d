"""A made-up experiment of realistic shape: for the tests of the report, and to look at the page."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd

from actsearch.config import Space
from actsearch.functions.baselines import BASELINES
from actsearch.functions.expressions import parse
from actsearch.functions.selection import select
from actsearch.report.data import ReportData, TaskData

CHANCE = 0.1
SEEDS = (0, 1, 2)
FINAL_SEEDS = (100, 101, 102, 103, 104)
TASKS = ("digits-cnn", "digits-resnet", "digits-vit")


@functools.cache
def names(n: int) -> tuple[str, ...]:
    """The baselines and functions of the three-node space, ``n`` in all."""
    space = Space(schemas=("three-node",), include=("baselines",), sample=n)
    return tuple(expression.name for expression in select(space))


def make_table(n: int, seed: int) -> pd.DataFrame:
    """A benchmark table: good functions bend a little near zero; explosive ones diverge."""
    rng = np.random.default_rng(seed)
    x = np.linspace(-3, 3, 121)
    rows = []
    for name in names(n):
        y = parse(name)(x)
        wild = not np.isfinite(y).all() or float(np.abs(y).max()) > 40
        bend = 0.0 if wild else float(np.abs(np.diff(y, 2)).sum() * 4)
        quality = 0.986 - 0.02 * abs(bend - 0.9) ** 1.3 - 0.85 * float(bend < 0.02)
        quality += rng.normal(0, 0.006)
        runs = np.clip(quality + rng.normal(0, 0.004, len(SEEDS)), CHANCE, 0.994)
        lost = rng.random(len(SEEDS)) < (0.8 if wild else 0.01)
        runs = np.where(lost, CHANCE, runs).round(4)
        n_lost = int(lost.sum())
        status = {0: "completed", len(SEEDS): "diverged"}.get(n_lost, "partial")
        median = float(np.median(runs))
        loss = None if status == "diverged" else round(-float(np.log(median)), 4)
        rows.append(
            {
                "name": name,
                "slug": parse(name).slug,
                "status": status,
                "n_runs": len(SEEDS),
                "n_diverged": n_lost,
                "train_score": min(median + 0.01, 1.0),
                "validation_score": median,
                "test_score": np.nan,
                "train_loss": loss,
                "validation_loss": loss,
                "test_loss": np.nan,
                "run_validation_scores": runs.tolist(),
                "score": "accuracy",
            }
        )
    return pd.DataFrame(rows).sort_values("name", ignore_index=True)


def make_map(n: int, seed: int) -> pd.DataFrame:
    """Coordinates that follow the functions' shape; non-finite functions are left out."""
    rng = np.random.default_rng(seed)
    x = np.linspace(-2, 2, 41)
    values = np.array([parse(name)(x) for name in names(n)])
    finite = np.isfinite(values).all(axis=1)
    bent = np.arcsinh(np.where(np.isfinite(values), values, 0))
    _, _, axes = np.linalg.svd(bent - bent.mean(axis=0), full_matrices=False)
    base = np.tanh(bent @ axes[:2].T / 4) * 6
    table = pd.DataFrame({"name": names(n), "slug": [parse(name).slug for name in names(n)]})
    table["has_outputs"] = finite
    table["has_fisher"] = finite & (rng.random(len(table)) > 0.05)
    both = table["has_outputs"] & table["has_fisher"]
    for feature, noise, kept in (
        ("outputs", 0.5, table["has_outputs"]),
        ("fisher", 0.9, table["has_fisher"]),
        ("union", 0.4, both),
    ):
        spot = base + rng.normal(0, noise, base.shape)
        spot[~kept.to_numpy()] = np.nan
        table[f"{feature}_x"], table[f"{feature}_y"] = spot[:, 0], spot[:, 1]
    return table


def make_surrogate(n: int) -> pd.DataFrame:
    """Scores for every feature set and regressor; the mean ranks nothing."""
    scores = {"outputs": (0.52, 0.61), "fisher": (0.44, 0.55), "union": (0.63, 0.70)}
    rows = []
    for features, (r2, spearman) in scores.items():
        for regressor, r2_off, spearman_off in (
            ("knr", 0.0, 0.0),
            ("rf", 0.021, 0.013),
            ("svr", -0.38, -0.112),
        ):
            rows.append(
                [features, regressor, n, r2 + r2_off, 0.034, spearman + spearman_off, 0.017]
            )
        rows.append([features, "mean", n, -0.006, 0.002, np.nan, np.nan])
    columns = ["features", "regressor", "n", "r2_mean", "r2_std", "spearman_mean", "spearman_std"]
    return pd.DataFrame(rows, columns=columns)


def make_characterisation(n: int) -> pd.DataFrame:
    """Scores that grow with the functions known: both beat each on components, not on the map."""
    level = {"outputs": 0.5, "fisher": 0.42, "union": 0.56}
    gain = {"map": 0.0, "components": 0.09}
    score_metrics = ("r2", "spearman", "kendall", "slope", "coverage_50", "coverage_90")
    kinds = [("none", "mean", "none")]
    kinds += [(d, r, f) for d in gain for r in ("knr", "et", "svr") for f in level]
    rows: list[dict[str, Any]] = []

    def add(value: float, width: float, **of: Any) -> None:
        ends = {"low": value - width, "high": value + width}
        held_out = n - 100 if of["target"] != "completed" else (n - 100) * 4 // 5
        same = {"draws": 5, "held_out": held_out, "functions": n, "left_out": [n, 2 * n]}
        rows.append(of | {"value": value} | ends | same)

    for target in ("all", "completed", "failure"):
        for known, seen in ((10, -0.3), (30, -0.1), (100, 0.0)):
            for dimensions, regressor, features in kinds:
                of = {"target": target, "known": known}
                of |= {"dimensions": dimensions, "regressor": regressor, "features": features}
                for metric in ("auc",) if target == "failure" else score_metrics:
                    value = level.get(features, 0.0) + gain.get(dimensions, 0.0) + seen
                    unknown = metric.startswith("coverage") and regressor == "svr"
                    unknown |= metric == "coverage_90" and regressor == "knr"
                    unknown |= features == "none" and metric in ("spearman", "kendall", "slope")
                    value = np.nan if unknown else 0.9 if metric == "coverage_90" else value
                    value = 0.5 if metric == "auc" and features == "none" else value
                    add(value, 0.031, **of, minus="", metric=metric)
                    if features != "union" or metric not in ("r2", "spearman", "kendall", "auc"):
                        continue
                    for minus in ("outputs", "fisher"):
                        apart = level["union"] - level[minus]
                        width = 0.07 if dimensions == "map" else 0.04
                        add(apart, width, **of, minus=minus, metric=metric)
                    if dimensions == "components":
                        add(0.09, 0.03, **of, minus="map", metric=metric)
    return pd.DataFrame(rows)


def make_predictions(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Out-of-fold predictions of two repeats."""
    rng = np.random.default_rng(seed)
    parts = []
    for features, noise in (("outputs", 0.09), ("fisher", 0.11), ("union", 0.07)):
        for repeat in range(2):
            part = table[["name"]].assign(
                features=features,
                regressor="rf",
                repeat=repeat,
                fold=np.arange(len(table)) % 5,
                measured=table["validation_score"],
            )
            mixed = 0.75 * part["measured"] + 0.25 * part["measured"].mean()
            part["predicted"] = np.clip(mixed + rng.normal(0, noise, len(part)), CHANCE, 1)
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def make_simulation(
    table: pd.DataFrame, greed: float, seed: int, runs: int = 100, evaluations: int = 100
) -> pd.DataFrame:
    """Replayed searches; ``greed`` 0 is random, larger prefers better functions."""
    rng = np.random.default_rng(seed)
    base = table[table["name"].isin(BASELINES)]
    rest = table[~table["name"].isin(BASELINES)].reset_index(drop=True)
    top = float(table["validation_score"].max())
    parts = []
    for run in range(runs):
        keys = greed * rest["validation_score"] * 12 + rng.gumbel(size=len(rest))
        order = rest.iloc[np.argsort(-keys.to_numpy())]
        walk = pd.concat([base, order]).head(evaluations)
        best = walk["validation_score"].cummax().to_numpy()
        parts.append(
            pd.DataFrame(
                {
                    "run": run,
                    "evaluation": np.arange(1, len(walk) + 1),
                    "name": walk["name"].to_numpy(),
                    "validation_score": walk["validation_score"].to_numpy(),
                    "best": best,
                    "regret": top - best,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def make_history(table: pd.DataFrame, seed: int, rounds: int = 4, slots: int = 8) -> pd.DataFrame:
    """A live search: the baselines, then rounds that grow better; a few proposals diverge."""
    rng = np.random.default_rng(seed)
    known = table.set_index("name")
    rest = known[~known.index.isin(BASELINES)]
    keys = rest["validation_score"] * 25 + rng.gumbel(size=len(rest))
    chosen = [*BASELINES, *rest.index[np.argsort(-keys.to_numpy())][: rounds * slots]]
    history = known.loc[chosen].reset_index()
    later = np.arange(rounds * slots)
    history["round"] = [0] * len(BASELINES) + (later // slots + 1).tolist()
    history["slot"] = [*range(1, len(BASELINES) + 1), *(later % slots + 1).tolist()]
    history["prediction"] = history["validation_score"] + rng.normal(0, 0.01, len(history))
    history.loc[history["round"] == 0, "prediction"] = np.nan
    broken = history.index[history["round"] > 0][rng.permutation(rounds * slots)[:2]]
    history.loc[broken, "status"] = "diverged"
    history.loc[broken, "validation_score"] = CHANCE
    columns = ["round", "slot", "name", "slug", "prediction", "status", "n_runs", "n_diverged"]
    return history[[*columns, "train_score", "validation_score", "score"]]


def make_cost(name: str) -> dict[str, Any]:
    """The more letters a name has, the more a function costs."""
    both = len(name) / 5
    compiled = {"forward": 0.4, "backward": 0.6, "both": both / 4, "bytes_kept": 4.0}
    cost = {"forward": both / 2, "backward": both / 2, "both": both, "bytes_kept": 4.0 * len(name)}
    return {"device": "cpu", **cost, "compiled": compiled if len(name) > 7 else None}


def make_costs(n: int) -> pd.DataFrame:
    """What the functions of a table cost, as the step writes it."""
    rows = []
    for name in names(n):
        cost = {key: value for key, value in make_cost(name).items() if key != "compiled"}
        rows.append({"name": name, "processor": "Processor 9000", "mode": "eager", **cost})
    return pd.DataFrame(rows)


def make_final(table: pd.DataFrame, seed: int, gain: float) -> dict[str, Any]:
    """A last comparison of the baselines and five found functions, one of them diverging once."""
    rng = np.random.default_rng(seed)
    known = table.set_index("name")["validation_score"]
    found = known[~known.index.isin(BASELINES)].nlargest(5).index.tolist()
    best_baseline = str(known.loc[list(BASELINES)].idxmax())
    shift = rng.normal(0, 0.003, len(FINAL_SEEDS))
    scores = {}
    for name in (*BASELINES, *found):
        mean = min(known[name], known[best_baseline]) - 0.004 + (gain if name in found else 0.0)
        scores[name] = np.clip(mean + shift + rng.normal(0, 0.002, len(shift)), 0, 1).round(4)
    scores[found[-1]][2] = CHANCE
    functions: list[dict[str, Any]] = []
    for name, values in scores.items():
        apart = values - scores[best_baseline]
        half = 2.776 * float(apart.std(ddof=1)) / np.sqrt(len(apart))
        mean = float(apart.mean())
        clear = abs(mean) > half
        difference = None
        verdict = "reference"
        if name != best_baseline:
            p = 0.0004 if clear else 0.31
            difference = {
                "mean": mean,
                "low": mean - half,
                "high": mean + half,
                "p": p,
                "p_holm": 3 * p,
            }
            verdict = ("better" if mean > 0 else "worse") if clear else "tie"
        diverged = int((values == CHANCE).sum())
        functions.append(
            {
                "name": name,
                "slug": parse(name).slug,
                "kind": "found" if name in found else "baseline",
                "validation_score": float(known[name]),
                "status": "partial" if diverged else "completed",
                "n_diverged": diverged,
                "test_scores": values.tolist(),
                "test_score_mean": float(values.mean()),
                "test_score_std": float(values.std(ddof=1)),
                "difference": difference,
                "verdict": verdict,
                "cost": make_cost(name),
            }
        )
    n_better = sum(f["verdict"] == "better" and f["kind"] == "found" for f in functions)
    claim = (
        f"{n_better} of 5 found functions are better than the best baseline {best_baseline}"
        if n_better
        else f"A tie: none of 5 found functions differs from the best baseline {best_baseline}"
    )
    conclusion = (
        f"{claim} (mean test accuracy {100 * scores[best_baseline].mean():.2f}% over 5 seeds "
        "on these 437 test examples)."
    )
    return {
        "score": "accuracy",
        "seeds": list(FINAL_SEEDS),
        "n_test": 437,
        "method": "paired sign-flip test",
        "measured_on": {"device": "cpu", "processor": "Processor 9000"},
        "candidates_from": [],
        "fitted_on": ["train", "validation"],
        "best_baseline": best_baseline,
        "chosen": {
            "name": found[0],
            "slug": parse(found[0]).slug,
            "how": "the best validation accuracy of the functions found, before this comparison "
            "(97.00%, of an unknown standard error: only equals tie)",
            "best_validation": found[0],
            "tied": [found[0]],
            "standard_error": None,
            "compared": "eager",
        },
        "functions": functions,
        "conclusion": conclusion,
    }


def make_task(name: str, seed: int, n: int = 500, runs: int = 100, gain: float = 0.006) -> TaskData:
    """A task with every part present."""
    table = make_table(n, seed)
    return TaskData(
        name=name,
        description={
            "Data": "digits: 8 × 8 grey images, 10 classes; 1,000 train, 360 validation, 437 test",
            "Network": "All-CNN-C, narrow; 9 ReLU replaced; 34,602 parameters",
            "Recipe": "SGD with momentum 0.9, peak rate 0.1, one-cycle, 12 epochs, batch 64",
            "Seeds": "median of 3 (0, 1, 2)",
        },
        table=table,
        costs=make_costs(n),
        map=make_map(n, seed),
        surrogate=make_surrogate(n),
        predictions=make_predictions(table, seed),
        characterisation=make_characterisation(n),
        simulations={
            "random": make_simulation(table, 0.0, seed, runs),
            "union-knr": make_simulation(table, 2.0, seed + 1, runs),
        },
        histories={"union-knr": make_history(table, seed)},
        final=make_final(table, seed, gain),
        reliability={
            "n": n,
            "n_seeds": 3,
            "n_best_quarter": -(-n // 4),
            "spearman": 0.8123,
            "spearman_best_quarter": 0.2871,
            "n_completed": n - 7,
            "seed_std": 0.0811,
            "seed_std_completed": 0.0062,
        },
    )


def make_report(n: int = 500, runs: int = 100) -> ReportData:
    """Three tasks: one with found functions that are better, one tie, one with parts left out."""
    cnn = make_task(TASKS[0], 1, n, runs)
    resnet = make_task(TASKS[1], 2, n, runs, gain=0.0)
    table = make_table(n, 3)
    vit = TaskData(
        name=TASKS[2],
        description={"Data": "digits", "Network": "a small vision transformer; 4 GELU replaced"},
        table=table,
        map=make_map(n + 120, 3),
        simulations={
            "random": make_simulation(table, 0.0, 7, runs),
            "union-knr": make_simulation(table, 1.0, 8, runs),
            "outputs-knr": make_simulation(table, 0.7, 9, runs),
            "fisher-knr": make_simulation(table, 0.5, 10, runs),
        },
        reliability={
            "n": n,
            "n_seeds": 1,
            "n_best_quarter": -(-n // 4),
            "spearman": None,
            "spearman_best_quarter": None,
            "n_completed": n - 7,
            "seed_std": None,
            "seed_std_completed": None,
        },
    )
    return ReportData(
        title="Activation functions for handwritten digits",
        tasks=(cnn, resnet, vit),
        command="snakemake --cores all results/report.html",
        paths={
            "One training": "results/{task}/trials/{slug}.json",
            "Benchmark table": "results/{task}/benchmark.parquet",
            "Last comparison": "results/{task}/final.json",
        },
    )
