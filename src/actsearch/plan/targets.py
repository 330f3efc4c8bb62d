"""Targets of a run that no rule can make: why, and what was meant."""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from actsearch.config import ACT_BENCH_SCORE, ConfigError
from actsearch.config.plain import closest, guess, meant
from actsearch.functions.expressions import Expression, ExpressionError
from actsearch.functions.misspelt import meant_slug
from actsearch.functions.syntax import shorten
from actsearch.plan import layout
from actsearch.plan.experiment import Plan
from actsearch.plan.products import Made
from actsearch.plan.refusals import LONGEST_SHOWN, refuse_long_slugs, refuse_unless

# What a task's folder holds, by the section of the configuration that asks for it.
NEEDED = {
    "benchmark": ("benchmark.", "map.", "fim", "surrogate", "characterisation", "simulation"),
    "search": ("search",),
    "final": ("final",),
}
EVERYTHING = "all"
"""The rule of a run without targets, which is always there."""
_TRIAL = ".json"
_WILDCARD = re.compile(r"\{(\w+)[^{}]*\}")


def check_targets(plan: Plan, words: Sequence[str] | None = None) -> None:
    """Refuse a file under results/ that no rule can make, with the reason.

    Args:
        plan: the experiment.
        words: of the command line, of this process when left out: Snakemake's own settings do not
            hold the targets yet while the Snakefile is parsed. Those that are no paths under
            results/ are passed over.

    Raises:
        ConfigError: when a file belongs to no task, or to a section that its task lacks, or is a
            table in a format that does not hold what its task is scored by, or a trial that is
            named otherwise than by the slug of a function.
    """
    for target in map(os.path.normpath, sys.argv[1:] if words is None else words):
        parts = target.split("/")
        if len(parts) == 1 and "(" in target and target.endswith(_TRIAL):
            _refuse_name(plan, target)
        if parts[0] != layout.RESULTS or len(parts) < 3 or parts[1] == "spaces":
            continue
        if parts[1] not in plan.tasks:
            near = closest(parts[1], plan.tasks)
            hint = meant(near and _shown("/".join([parts[0], near, *parts[2:]])))
            raise ConfigError(
                f"{_shown(target)}: no task {parts[1]!r}{hint}; tasks: {', '.join(plan.tasks)}"
            )
        _check_sections(plan, target, parts)
        if len(parts) == 4 and parts[2] == "trials" and target.endswith(_TRIAL):
            _check_slug(target, parts[1], parts[3].removesuffix(_TRIAL))


def _check_sections(plan: Plan, target: str, parts: list[str]) -> None:
    """Refuse a file of a section that the task lacks."""
    task, score = plan.tasks[parts[1]], plan.score_of(parts[1])
    refuse_unless(
        target != layout.exported_table(parts[1]) or plan.is_exported(parts[1]),
        f"{target}: the Act-Bench format holds {ACT_BENCH_SCORE.plural}, but functions of task "
        f"{parts[1]!r} are compared by {score.name if score else 'another score'}",
    )
    for section, starts in NEEDED.items():
        refuse_unless(
            not parts[2].startswith(starts) or getattr(task, section),
            f"{target}: task {parts[1]!r} has no section {section!r}",
        )
    of_screen = (layout.screened_functions, layout.screened_outputs, layout.screen)
    refuse_unless(
        parts[1] in plan.screened or target not in [path(parts[1]) for path in of_screen],
        f"{target}: the search of task {parts[1]!r} has no section 'screen'",
    )


def _check_slug(target: str, task: str, slug: str) -> None:
    """Refuse a trial that is not named by a slug."""
    try:
        Expression.from_slug(slug)
    except ExpressionError as error:
        right = meant_slug(slug)
        if right is None:
            raise ConfigError(f"{_shown(target)}: {error}") from None
        path = layout.trial(task, right)
        raise ConfigError(
            f"{_shown(target)}: a trial is named by the function's slug: ask for {path}"
            if "(" in slug
            else f"{_shown(target)}: {shorten(slug)!r} is not the slug of a function{meant(path)}"
        ) from None
    refuse_long_slugs(target[:LONGEST_SHOWN], [slug])


def _refuse_name(plan: Plan, target: str) -> None:
    """Refuse the name of a function as a file of no folder."""
    slug = meant_slug(target.removesuffix(_TRIAL))
    if slug is not None:
        files = " or ".join(layout.trial(task, slug) for task in plan.trained or ["TASK"])
        raise ConfigError(
            f"{_shown(target)}: a trial is named by its task and the function's slug: ask for "
            f"{files}"
        )


def check_made(plan: Plan, targets: Iterable[str], products: Callable[[], Made]) -> None:
    """Refuse a target that no rule makes and that is not there, with the nearest that one does.

    Args:
        plan: the experiment.
        targets: of the command line.
        products: tells what all rules make.

    Raises:
        ConfigError: with what was meant, where something is near.
    """
    named = [os.path.normpath(target) for target in targets if target != EVERYTHING]
    made = products() if named else Made()
    for target in named:
        if made.holds(target) or os.path.lexists(target):
            continue
        if "/" not in target:
            under = f"{layout.RESULTS}/{target}"
            is_result = under in made.files or under in _expanded(plan, made)
            hint = meant(under) if is_result else guess(target, made.rules)
            raise ConfigError(f"there is no rule, and no file, called {_shown(target)}{hint}")
        known = made.files | set(_expanded(plan, made))
        near = closest(target, known, alike=0.75)
        hint = meant(near and _shown(near))
        raise ConfigError(f"no rule makes {_shown(target)}{hint}")


def _expanded(plan: Plan, made: Made) -> Iterator[str]:
    """Files of patterns for all tasks, spaces and strategies: of rounds and parts the first."""
    values: dict[str, Sequence[str]] = {
        "task": list(plan.tasks),
        "space": list(plan.config.spaces),
        "strategy": plan.strategies,
        "scope": ("", layout.SEARCH_SCOPE),
    }
    for text, pattern in made.patterns.items():
        names = list(dict.fromkeys(_WILDCARD.findall(text)))
        for chosen in itertools.product(*(values.get(name, ("0",)) for name in names)):
            given = dict(zip(names, chosen, strict=True))
            path = _WILDCARD.sub(lambda found, of=given: of[found.group(1)], text)  # type: ignore[misc]
            if pattern.fullmatch(path):
                yield path


def _shown(path: str) -> str:
    """A path for a message, cut where it is long, in quotes where a shell asks for them."""
    cut = path if len(path) <= 3 * LONGEST_SHOWN else f"{path[: 3 * LONGEST_SHOWN]}..."
    return repr(cut) if re.search(r"[^\w./+@%:,=-]", cut) else cut
