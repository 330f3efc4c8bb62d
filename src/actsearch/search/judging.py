"""Strategies compared on all tables: how many trainings each needs, and what it costs to stop.

Whatever is set by hand in a strategy, its weight, is set on the other tables and reported on the
one that is left out, each in turn.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.benchmark.runs import pooled_deviation

Floats = NDArray[np.float64]

RESAMPLES = 2000
"""Bootstrap samples of the runs behind an interval."""
NEAR_THE_TOP = 0.1
"""Share of a table's functions, the best ones, whose seeds tell the noise of the best."""
FEWEST_NEAR_THE_TOP = 10
COLUMNS = (
    *("task", "strategy", "family", "held_out", "runs", "horizon", "noise", "reached"),
    *("trainings", "trainings_low", "trainings_high", "trainings_median"),
    *("settled", "settled_low", "settled_high"),
    *("regret", "regret_low", "regret_high", "last_regret"),
)


def noise_of_best(table: pd.DataFrame) -> float:
    """Deviation of one training of a function near the top of a benchmark table.

    Args:
        table: ``validation_score``, ``n_diverged`` and ``run_validation_scores``.

    Returns:
        The deviation between seeds (ddof 1), pooled over the best tenth of the functions whose runs
        all completed, ten at least; 0 for a table with one run a function, or none that it says.
    """
    if not {"n_diverged", "run_validation_scores"} <= set(table):
        return 0.0
    trained = table[table["n_diverged"] == 0].nlargest(
        max(FEWEST_NEAR_THE_TOP, round(NEAR_THE_TOP * len(table))), "validation_score"
    )
    lengths = trained["run_validation_scores"].map(len)
    if trained.empty or lengths.min() < 2:
        return 0.0
    runs = np.array([scores[: lengths.min()] for scores in trained["run_validation_scores"]])
    return pooled_deviation(runs.astype(np.float64)) or 0.0


def judge(
    tables: Mapping[str, pd.DataFrame],
    simulations: Mapping[str, Mapping[str, pd.DataFrame]],
    n_baselines: int,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare strategies on every table.

    Args:
        tables: Benchmark table of each task.
        simulations: Of each task the replayed searches by strategy, as
            ``actsearch.search.simulation.simulate`` returns them.
        n_baselines: Functions that every run begins with; they count as no training.
        seed: Of the bootstrap.

    Returns:
        One row for each task and strategy. ``family``: the strategy without its weight.
        ``held_out``: whether the other tables choose this variant of its family for this task.
        ``runs``; ``horizon``: trainings of a run beyond the baselines; ``noise``: that of one
        training near the top. ``reached``: share of the runs that come within the noise of the best
        function. ``trainings``: how many it takes until then, a run that does not get there counts
        with the horizon; mean, 95% interval (bootstrap over runs) and median. ``settled``: the
        same until the function that looks best is within the noise, and stays so. ``regret``: mean
        over all trainings of a run, and its interval; ``last_regret``: at the end.
    """
    rows = [
        _row(task, strategy, simulation, noise_of_best(tables[task]), n_baselines, seed)
        for task, of_task in simulations.items()
        for strategy, simulation in of_task.items()
    ]
    judged = pd.DataFrame(rows)
    judged["held_out"] = held_out(judged)
    return judged[list(COLUMNS)]


def held_out(judged: pd.DataFrame) -> NDArray[np.bool_]:
    """Which variants are chosen for a task by all other tasks.

    Of a family that is the variant with the lowest geometric mean of ``trainings`` over them; of
    equal ones the first. With one task there are no others, and it chooses for itself.

    Args:
        judged: ``task``, ``family``, ``strategy`` and ``trainings``.

    Returns:
        For each row whether its strategy is the one chosen.
    """
    chosen: NDArray[np.bool_] = np.zeros(len(judged), dtype=bool)
    for _, family in judged.groupby("family", sort=False):
        trainings = family.pivot(index="strategy", columns="task", values="trainings")
        logs = trainings.loc[family["strategy"].drop_duplicates()].clip(lower=0.5).map(np.log)
        for task in logs.columns:
            others = logs.drop(columns=task) if logs.shape[1] > 1 else logs
            best = others.mean(axis=1).idxmin()
            chosen |= ((judged["task"] == task) & (judged["strategy"] == best)).to_numpy()
    return chosen


def _row(
    task: str,
    strategy: str,
    simulation: pd.DataFrame,
    noise: float,
    n_baselines: int,
    seed: int,
) -> dict[str, object]:
    by_run = simulation.sort_values(["run", "evaluation"])
    runs = by_run["run"].nunique()
    regret = by_run["regret"].to_numpy().reshape(runs, -1)[:, n_baselines - 1 :]
    gap = by_run["gap"].to_numpy().reshape(runs, -1)[:, n_baselines - 1 :]
    near = noise + 1e-12
    horizon = regret.shape[1] - 1
    there = gap <= near
    trainings = np.where(there.any(axis=1), there.argmax(axis=1), horizon).astype(float)
    # The first training after the last one at which the choice was worse than noise.
    worse = regret > near
    settled = np.where(worse.any(axis=1), regret.shape[1] - worse[:, ::-1].argmax(axis=1), 0)
    settled = np.minimum(settled, horizon).astype(float)
    mean_regret = regret[:, 1:].mean(axis=1) if horizon else regret[:, 0]
    rng = np.random.default_rng(seed)
    drawn = rng.integers(runs, size=(RESAMPLES, runs))
    row: dict[str, object] = {
        "task": task,
        "strategy": strategy,
        "family": strategy.partition("@")[0],
        "runs": runs,
        "horizon": horizon,
        "noise": noise,
        "reached": float(there.any(axis=1).mean()),
        "trainings_median": float(np.median(trainings)),
        "last_regret": float(regret[:, -1].mean()),
    }
    measures = {"trainings": trainings, "settled": settled, "regret": mean_regret}
    for name, values in measures.items():
        low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
        row |= {name: float(values.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}
    return row
