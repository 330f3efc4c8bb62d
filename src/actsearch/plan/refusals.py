"""What the configuration asks for and cannot have, found before any job."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from actsearch.benchmark.act_bench.check import check_file
from actsearch.config import (
    ACT_BENCH_SCORE,
    ACT_BENCH_TABLES,
    BLIND_STRATEGIES,
    FEWEST_TO_PREDICT,
    VALIDATION_IS_OPEN,
    ConfigError,
    users_strategy,
)
from actsearch.config.plain import closest
from actsearch.functions.expressions import ExpressionError
from actsearch.functions.spaces import SearchSpace
from actsearch.functions.syntax import shorten
from actsearch.plan import counts, layout
from actsearch.plan.environment import is_asked_for_outputs
from actsearch.plan.experiment import Plan
from actsearch.plan.screens import check_screen
from actsearch.plan.space_checks import check_spaces
from actsearch.plan.strategy_checks import check_strategies

LONGEST_SHOWN = 60
"""Characters of a name in a message."""


def refuse_unless(holds: bool, message: str) -> None:
    """Raise ConfigError with ``message`` unless something ``holds``."""
    if not holds:
        raise ConfigError(message)


def check_plan(plan: Plan, look_into_files: bool, with_files: bool | None = None) -> None:
    """Refuse, by name, whatever asks for more than there is.

    Args:
        plan: the experiment.
        look_into_files: whether files to import are read, and spaces that no task uses are tried;
            a job leaves that to the main process.
        with_files: whether data and files to import must be there. When left out, they must unless
            a command asks what rules make: it asks that of results without their data too.

    Raises:
        ConfigError: with the key of the configuration, and what is allowed.
        ActBenchError: when a file to import is bad, or lacks functions of the task's space.
        SpaceError: when a space cannot be what is asked.
        DigestError: when code of the user's is not there, or is no Python.
    """
    check_strategies(plan.config)
    check_baselines(plan)
    if look_into_files:
        check_spaces(plan)
    if with_files is None:
        with_files = not is_asked_for_outputs()
    for name in plan.tasks:
        if name in plan.imported and with_files:
            check_import(plan, name, look_into_files)
        check_sizes(plan, name)
        if name in plan.screened:
            check_screen(plan, name)
        if with_files:
            for path in plan.missing_data(name):
                raise ConfigError(f"data.{plan.tasks[name].data}: {_no_file(Path(path))}")
    for name in plan.compared:
        check_finalists(plan, name)
    check_code(plan)


def check_baselines(plan: Plan) -> None:
    """Refuse baselines that no search can start from.

    Each must be a function, of outputs that are finite on the normal samples (others are on no map)
    and not those of another; and a strategy that predicts needs a few.

    Raises:
        ConfigError: naming the function, or the strategy.
    """
    try:
        finite = plan.kept.finite(plan.baselines)
    except ExpressionError as error:
        raise ConfigError(f"baselines: {error}") from None
    first: dict[int, str] = {}
    numbers = plan.kept.classes(plan.baselines)
    for name, is_finite, number in zip(plan.baselines, finite, numbers, strict=True):
        refuse_unless(
            is_finite,
            f"baselines: {shorten(name)!r} is not finite on every normal sample, so it is on no "
            "map; allowed: functions that are",
        )
        other = first.setdefault(number, name)
        refuse_unless(
            other == name,
            f"baselines: {shorten(name)!r} is the same function as {shorten(other)!r} on the "
            "normal samples; give one of them",
        )
    n_baselines = len(plan.baselines)
    asked = [("simulation.strategies", plan.config.simulation.strategies)] * bool(plan.benchmarked)
    asked += [
        (f"tasks.{name}.search.strategies", plan.search(name).strategies) for name in plan.searched
    ]
    for where, strategies in asked:
        for strategy in strategies:
            refuse_unless(
                strategy in BLIND_STRATEGIES
                or bool(users_strategy(strategy))  # which says itself what it needs
                or n_baselines >= FEWEST_TO_PREDICT,
                f"baselines: {strategy!r} of {where} predicts from trained functions, and must "
                f"begin with {FEWEST_TO_PREDICT}; the list has {n_baselines}",
            )


def check_code(plan: Plan) -> None:
    """Raise DigestError for code of the user's that cannot be read, before rules ask for it."""
    for name in plan.tasks:
        plan.code("train", name)
    plan.operators_of_task(*plan.tasks)


def check_import(plan: Plan, name: str, look_into_it: bool) -> None:
    """Refuse an Act-Bench file that is missing or bad, or lacks functions of the task's space."""
    benchmark = plan.tasks[name].benchmark
    assert benchmark is not None
    given = benchmark.act_bench
    score = plan.score_of(name)
    refuse_unless(
        score in (ACT_BENCH_SCORE, None),
        f"tasks.{name}.benchmark.act_bench is {given!r}, but such tables hold "
        f"{ACT_BENCH_SCORE.plural}; functions of this task are compared by "
        f"{score.name if score else 'another score'}: leave it out",
    )
    path = Path(plan.act_bench_file(name))
    refuse_unless(
        path.is_file() or given in ACT_BENCH_TABLES,
        f"tasks.{name}.benchmark.act_bench: no file {given}; allowed: "
        f"{', '.join(ACT_BENCH_TABLES)}, or the path of a file in the Act-Bench format",
    )
    if look_into_it:
        check_file(
            path,
            plan.slugs(benchmark.space),
            published=benchmark.published_features,
            memory=layout.SEEN_TABLES,
        )


def check_space(plan: Plan, where: str, space: str) -> None:
    """Refuse a space that a task uses without the baselines that searches start from."""
    whole = SearchSpace.from_config(plan.config.space(space), plan.baselines)
    included = [function.name for function in whole.include]
    refuse_unless(
        set(plan.baselines) <= set(included),
        f"{where}: space {space!r} lacks baselines; give it include: [baselines]",
    )
    standing: dict[int, str] = {}
    for name, number in zip(included, plan.kept.classes(included), strict=True):
        other = standing.setdefault(number, name)
        refuse_unless(
            other == name or name not in plan.baselines,
            f"{where}: space {space!r} includes {shorten(other)!r} before the baseline "
            f"{shorten(name)!r}, which is the same function: name baselines first",
        )


def refuse_long_slugs(where: str, slugs: Iterable[str]) -> None:
    """Refuse a function whose trial would have a file name that no file system takes."""
    for slug in slugs:
        refuse_unless(
            len(slug) <= layout.LONGEST_SLUG,
            f"{where}: {slug[:LONGEST_SHOWN]}... names a file and has {len(slug):,} characters; "
            f"allowed: {layout.LONGEST_SLUG}",
        )


def check_sizes(plan: Plan, name: str) -> None:
    """Refuse a task that asks for more functions than its spaces hold."""
    task = plan.tasks[name]
    for key, section in (("benchmark", task.benchmark), ("search", task.search)):
        if section is None:
            continue
        where = f"tasks.{name}.{key}"
        scope = layout.SEARCH_SCOPE if key == "search" else ""
        size = plan.listed_size(name, scope)
        holder = (
            "its screen lists" if plan.screen(name, scope) else f"space {section.space!r} holds"
        )
        check_space(plan, where, section.space)
        asked = {f"tasks.{name}.map.outputs_neighbors": task.map.outputs_neighbors + 1}
        if key == "search":
            asked[where] = counts.search_size(plan.search(name), len(plan.baselines))
        else:
            _check_simulation(plan, name, size)
            asked["surrogate.folds"] = plan.config.surrogate.folds
        for what, wanted in asked.items():
            refuse_unless(
                wanted <= size,
                f"{what} asks for {wanted} functions, but {holder} {size}",
            )
    if name in plan.trained:
        refuse_long_slugs(f"tasks.{name}.benchmark", plan.slugs(plan.space_of(name, "")))


def _check_simulation(plan: Plan, name: str, size: int) -> None:
    """Refuse replayed searches that a task's table, of a space of ``size``, cannot give."""
    simulation, n_baselines = plan.config.simulation, len(plan.baselines)
    evaluations, space = simulation.evaluations, plan.space_of(name, "")
    refuse_unless(
        evaluations >= n_baselines,
        f"simulation.evaluations is {evaluations}, fewer than the {n_baselines} baselines",
    )
    in_a_run = max(round(simulation.share * size), n_baselines)
    of = f", of which a run has {in_a_run} (simulation.share)" if simulation.share < 1 else ""
    refuse_unless(
        evaluations <= in_a_run,
        f"simulation.evaluations asks for {evaluations} functions, but space {space!r} holds "
        f"{size}{of}",
    )
    refuse_unless(
        simulation.sees == "score" or name not in plan.imported,
        f"simulation.sees is one-seed, but the table of {name} is imported and does not "
        "have the scores of single seeds; allowed: score",
    )


def check_finalists(plan: Plan, name: str) -> None:
    """Refuse a last comparison that asks a task for more functions than it trains.

    So is one that leaves open whether a validation part of its own is fitted on.
    """
    final = plan.final(name)
    refuse_unless(
        not (final.leaves_validation_open and plan.has_own_validation(name)),
        f"tasks.{name}.final: {VALIDATION_IS_OPEN}",
    )
    if final.stages:
        _check_stages(plan, name)
        return
    for source in final.candidates_from:
        # It may share with the other tasks all that they give.
        wanted = final.functions * len(final.candidates_from)
        there = _trained(plan, source)
        refuse_unless(
            wanted <= there,
            f"tasks.{name}.final.candidates_from: {final.functions} functions of each of "
            f"{len(final.candidates_from)} tasks, none of them twice, need {wanted} trained on "
            f"{source!r} besides the baselines, but only {there} are",
        )
    if not final.candidates_from:
        there = _trained(plan, name)
        refuse_unless(
            final.functions <= there,
            f"tasks.{name}.final asks for {final.functions} functions besides the "
            f"baselines, but only {there} are trained",
        )


def _check_stages(plan: Plan, name: str) -> None:
    """Refuse stages that ask for more functions, or baselines, than there are before them."""
    final, where = plan.final(name), f"tasks.{name}.final"
    asked, n_baselines = final.stages[0].functions, len(plan.baselines)
    for source in final.candidates_from or (name,):
        there = _trained(plan, source)
        refuse_unless(
            asked <= there,
            f"{where}.stages[0] asks for {asked} functions besides the baselines, but only {there} "
            f"are trained on {source!r}",
        )
    trained = counts.stage_baselines(final, n_baselines)
    wanted = [*trained[1:], counts.final_baselines(final, n_baselines)]
    keys = [*(f"stages[{n}].baselines" for n in range(1, len(trained))), "baselines"]
    for key, before, after in zip(keys, trained, wanted, strict=True):
        left_out = "; say how many baselines meet the finalists" if final.baselines is None else ""
        refuse_unless(
            after <= before,
            f"{where}.{key} is {after}, but only {before} baselines are trained in the stage "
            f"before{left_out}",
        )


def _trained(plan: Plan, name: str) -> int:
    benchmark = plan.tasks[name].benchmark
    size = plan.space_size(benchmark.space) if benchmark else 0
    return counts.trained_besides_baselines(plan.tasks[name], len(plan.baselines), size)


def _no_file(path: Path) -> str:
    """That there is no such file, where it was looked for, and what is near."""
    folder = path.absolute().parent
    text = f"no file {path}; looked for in {folder}"
    if not folder.is_dir():
        return f"{text}, which is no folder"
    names = [file.name for file in folder.iterdir() if file.is_file()]
    if near := closest(path.name, names):
        return f"{text}, which has {near}: did you mean it?"
    same = sorted(name for name in names if name.endswith(path.suffix))[:5]
    return f"{text}, which has {', '.join(same) or f'no {path.suffix} file'}"
