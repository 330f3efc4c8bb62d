"""Sections: search spaces."""

from __future__ import annotations

from pydantic import model_validator

from actsearch.config.base import Model, PositiveInt, Seed


class Space(Model):
    """A set of activation functions: schemas over operators, whole or as a seeded sample."""

    schemas: tuple[str, ...] = ()
    """Shapes such as ``binary(unary(x),unary(x))``, or the name of a built-in space."""
    include: tuple[str, ...] = ()
    """Further functions by name; ``baselines`` means those of the experiment, ``literature`` the
    published ones that have a name here (docs/literature.md)."""
    unary: tuple[str, ...] | None = None
    """Unary operators that fill the schemas; the 27 of Act-Bench when left out."""
    binary: tuple[str, ...] | None = None
    """Binary operators that fill the schemas; the 7 of Act-Bench when left out."""
    nary: tuple[str, ...] | None = None
    """N-ary operators that fill the schemas; the 4 of Act-Bench when left out."""
    sample: PositiveInt | None = None
    """Number of distinct functions to draw; all of them when left out. ``include`` is always in."""
    seed: Seed = 0
    """Seed of the draw."""
    finite_only: bool = False
    """Leave out functions that are not finite on every normal sample."""

    @model_validator(mode="after")
    def _not_empty(self) -> Space:
        if not self.schemas and not self.include:
            raise ValueError("the space is empty: give schemas, include, or both")
        return self
