"""Section: stages in which the candidates of a last comparison grow fewer."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from actsearch.config.base import Model, PositiveInt, Seeds, known
from actsearch.config.plain import join, require_plain
from actsearch.config.recipes import Recipe


def _of_a_recipe(changes: dict[str, Any]) -> dict[str, Any]:
    require_plain(changes)
    for key in changes:
        known(key, Recipe.model_fields, "recipe")
    return changes


class Stage(Model):
    """Trainings that choose among candidates: fitted on train only, and only validation is read."""

    functions: PositiveInt
    """Candidates that it trains besides the baselines, in all: of the first stage the best of table
    and searches, of a later one the best of the stage before. Never more than in that."""
    seeds: Seeds
    """One training each. New ones: none of the task, of ``fisher``, of ``final``, or of another
    stage with the same recipe."""
    baselines: PositiveInt | None = None
    """Baselines that it trains too, the best of the stage before; as many as that when left out.
    The first stage trains all of them."""
    recipe: Annotated[dict[str, Any], AfterValidator(_of_a_recipe)] = Field(default_factory=dict)
    """Keys of the task's recipe with other values, such as ``{epochs: 30}``; the task's recipe when
    left out. Trainings by the same recipe are ranked together, by the mean over all seeds."""


def changed_recipe(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """``recipe`` with other values.

    Returns:
        A recipe; equal recipes train alike.

    Raises:
        ValueError: when there can be none with these values.
    """
    try:
        return Recipe.model_validate(recipe.model_dump() | dict(changes))
    except ValidationError as error:
        problem = error.errors()[0]
        where = "recipe"
        for part in problem["loc"]:
            where = join(where, part)
        raise ValueError(f"{where}: {problem['msg'].removeprefix('Value error, ')}") from None


def check_stage_sizes(stages: Sequence[Stage], functions: int, baselines: int | None) -> None:
    """Refuse stages that grow.

    Args:
        stages: in order; none are needed.
        functions: that meet in the last comparison, besides the baselines.
        baselines: that do; None for all.

    Raises:
        ValueError: with the key and the number.
    """
    if not stages:
        if baselines is not None:
            raise ValueError(
                f"baselines is {baselines}, but stages choose which ones: give stages too, or "
                "leave it out"
            )
        return
    if stages[0].baselines is not None:
        raise ValueError(
            f"stages[0].baselines is {stages[0].baselines}, but the first stage trains all "
            "baselines: leave it out"
        )
    sizes = {f"stages[{n}].functions": stage.functions for n, stage in enumerate(stages)}
    for (_, before), (where, after) in itertools.pairwise(
        [*sizes.items(), ("functions", functions)]
    ):
        if after > before:
            raise ValueError(
                f"{where} is {after}, but only {before} functions are trained in the stage before"
            )


def check_stage_seeds(
    stages: Iterable[Stage], recipe: Recipe, used: Mapping[str, Iterable[int]]
) -> None:
    """Refuse a stage that trains what was trained, or cannot train.

    Args:
        stages: in order.
        recipe: of the task.
        used: seeds that no stage may have, by the key that has them.

    Raises:
        ValueError: with the key, and the seeds.
    """
    before: list[tuple[int, Recipe, set[int]]] = []
    for number, stage in enumerate(stages):
        try:
            own = changed_recipe(recipe, stage.recipe)
        except ValueError as error:
            raise ValueError(f"final.stages[{number}].{error}") from None
        seeds = set(stage.seeds)
        taken = {where: seeds & set(others) for where, others in used.items()}
        for other, recipe_there, seeds_there in before:
            if own == recipe_there:
                taken[f"final.stages[{other}].seeds, of the same recipe"] = seeds & seeds_there
        for where, both in taken.items():
            if both:
                raise ValueError(
                    f"final.stages[{number}].seeds must be new: {sorted(both)} are in {where}"
                )
        before.append((number, own, seeds))
