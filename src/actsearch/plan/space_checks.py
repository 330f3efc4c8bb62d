"""Spaces that cannot be built, or do not hold what is asked of them, named before any job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from actsearch.config import Space
from actsearch.functions.schemas import SpaceError
from actsearch.functions.selection import ENUMERATED_SELECTION, known_size
from actsearch.functions.spaces import SearchSpace
from actsearch.plan.experiment import Plan


@contextmanager
def of_space(name: str) -> Iterator[None]:
    """Have errors say which space they are about, and which key of it."""
    try:
        yield
    except SpaceError as error:
        text = str(error)
        if f"space {name!r}" in text:
            raise
        key = "schemas: " if text.startswith(("bad schema", "schema ")) else ""
        is_key = (key or text).partition(":")[0] in Space.model_fields
        raise SpaceError(f"spaces.{name}{'.' if is_key else ': '}{key}{text}") from None


def check_spaces(plan: Plan) -> None:
    """Refuse a space that cannot be built or sampled as asked, whether a task uses it or not.

    A large space that is listed whole is refused where a task cannot use it, and not here.

    Raises:
        SpaceError: naming the space, the key and what is allowed.
    """
    for name, space in plan.config.spaces.items():
        with of_space(name):
            whole = SearchSpace.from_config(space, plan.baselines)
            if whole.size <= ENUMERATED_SELECTION:
                plan.slugs(name)
            elif space.sample is not None:
                known_size(name, space, plan.baselines)
