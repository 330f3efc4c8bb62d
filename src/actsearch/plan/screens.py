"""Screens that cannot be made, found before any job."""

from __future__ import annotations

from actsearch.config import FEWEST_TO_PREDICT, ConfigError
from actsearch.functions.enumeration import MAX_ENUMERATED
from actsearch.functions.expressions import Expression
from actsearch.functions.selection import ENUMERATED_SELECTION
from actsearch.functions.spaces import SearchSpace
from actsearch.plan import layout
from actsearch.plan.experiment import Plan


def check_screen(plan: Plan, name: str) -> None:
    """Refuse a screen that lists more functions than its space holds, or fewer than it includes.

    How many different functions a large space has is known only once it is enumerated: there the
    number of names is the bound, and the step itself refuses what is still too much.

    Raises:
        ConfigError: with the key, and what is allowed.
        SpaceError: for a bad space.
    """
    search, screen = plan.search(name), plan.screen(name, layout.SEARCH_SCOPE)
    if screen is None:
        return
    where = f"tasks.{name}.search.screen"
    space = plan.config.space(search.space)
    whole = SearchSpace.from_config(space, plan.baselines)
    if whole.size > MAX_ENUMERATED:
        raise ConfigError(
            f"{where}: space {search.space!r} has {whole.size:,} names; allowed: "
            f"{MAX_ENUMERATED:,}, or a sample without a screen"
        )
    included = len({*plan.kept.classes([function.name for function in whole.include])})
    if screen.functions < included:
        raise ConfigError(
            f"{where}.functions is {screen.functions}, fewer than the {included} different "
            f"functions that space {search.space!r} includes"
        )
    most = _most(plan, name, whole)
    if screen.functions > most:
        raise ConfigError(
            f"{where}.functions is {screen.functions}, but space {search.space!r} has only {most} "
            "functions that are included, or are finite on every normal sample and not in the table"
        )
    if plan.space_size(plan.space_of(name, "")) < FEWEST_TO_PREDICT:
        raise ConfigError(
            f"{where} predicts from {FEWEST_TO_PREDICT} known functions or more, which space "
            f"{plan.space_of(name, '')!r} does not hold"
        )


def _most(plan: Plan, name: str, whole: SearchSpace) -> int:
    """How many functions a screen can list, exactly where the space is small."""
    if whole.size > ENUMERATED_SELECTION:
        return whole.size
    finite = plan.config.space(plan.search(name).space).model_copy(update={"finite_only": True})
    slugs = plan.kept.slugs(finite, plan.baselines)
    known = plan.slugs(plan.space_of(name, ""))
    names = [Expression.from_slug(slug).name for slug in [*known, *slugs]]
    classes = plan.kept.classes(names)
    of_known = set(classes[: len(known)])
    of_included = set(plan.kept.classes(names + [f.name for f in whole.include])[len(names) :])
    return sum(n in of_included or n not in of_known for n in classes[len(known) :])
