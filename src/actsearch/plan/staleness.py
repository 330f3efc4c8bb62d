"""What is out of date among results, by the present configuration, code and workflow."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from actsearch.config import Config, ConfigError
from actsearch.plan.data_files import data_now
from actsearch.plan.dependencies import operators_today, step_modules, step_settings
from actsearch.plan.proposed import still_proposed
from actsearch.plan.steps import is_watching, step_called
from actsearch.records.code import module_digests
from actsearch.records.digests import settings_digest
from actsearch.records.lineage import Artifact
from actsearch.records.reasons import Change, Present, Reason, reasons, without

PresentOf = Callable[[Mapping[str, Any]], Present]


def present_of(config: Config) -> PresentOf:
    """What files would be made with today, by their provenance.

    Args:
        config: the configuration, with the user's operators registered.

    Returns:
        A function of a provenance block, which remembers what it was asked.
    """

    @functools.cache
    def of_step(step: str, task: str | None, wildcards: tuple[tuple[str, Any], ...]) -> Present:
        try:
            settings = settings_of(step, config, task, dict(wildcards))
            strategy = dict(wildcards).get("strategy")
            modules = module_digests(*step_modules(step, config, task, strategy))
        except ValueError as error:  # what it needs is not here: a task, a section, a module
            return Present(problem=str(error))
        return Present(
            settings=settings,
            settings_digest=settings_digest(settings),
            modules={name: digest[7:19] for name, digest in modules.items()},
            code_digest=settings_digest(modules),
            data=data_now(step, config, task, dict(wildcards).get("data")),
        )

    def of_file(block: Mapping[str, Any]) -> Present:
        step = str(block.get("step"))
        present = of_step(step, block.get("task"), tuple(block.get("wildcards", {}).items()))
        # A step uses the operators that it used, unless they are gone.
        return replace(present, operators=operators_today(block.get("operators", ())))

    return of_file


def settings_of(
    step: str, config: Config, task: str | None, wildcards: Mapping[str, Any]
) -> dict[str, Any]:
    """The part of the configuration that a step depends on, of a step that a record names.

    Returns:
        Plain data.

    Raises:
        ConfigError: when there is no such step, or it is not called like this; or when the
            configuration lacks what it needs.
    """
    known = step_called(step)
    if known is None:
        raise ConfigError(f"no step {step!r} in this version of actsearch")
    try:
        inspect.signature(known.settings).bind(config, task, **wildcards)
    except TypeError:
        told = ", ".join(sorted(wildcards)) or "none"
        raise ConfigError(f"step {step!r} is not called with these wildcards: {told}") from None
    return step_settings(step, config, task, **wildcards)


def staleness(
    config: Config,
    standing: Mapping[str, Artifact],
    inputs_of: Callable[[str], Iterable[str] | None],
    always: Collection[str],
) -> Callable[[Artifact], list[Reason]]:
    """What is out of date in each file, and why; see :func:`records.reasons.reasons`.

    Args:
        config: the configuration, with the user's operators registered.
        standing: the files that stand, by path.
        inputs_of: files under results/ that the workflow makes a path from; None where unknown.
        always: files that a run without targets makes. What looks at whatever stands saw others
            too, which may have been moved away or made again since.

    Returns:
        A function of a file.
    """
    present = present_of(config)

    def of(artifact: Artifact) -> list[Reason]:
        now = present(artifact.block) if artifact.block and not artifact.problem else None
        # What looks at whatever stands is made from more than the workflow gives it.
        planned = None if is_watching(artifact.step) else inputs_of(artifact.path)
        found = reasons(artifact, standing, planned, now)
        if is_watching(artifact.step):
            return without(found, lambda change: change.path not in always)
        return without(found, lambda change: is_no_reason(artifact, change))

    return of


def is_no_reason(artifact: Artifact, change: Change) -> bool:
    """Whether a file stands though an input of it has changed; see ``proposed.py``."""
    return change.how == "changed" and still_proposed(artifact, change.path)
