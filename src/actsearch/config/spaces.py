"""Sections: search spaces."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, model_validator

from actsearch.config.base import Model, PositiveInt, Seed, unique
from actsearch.config.plain import closest, meant, show

SPACES = ("three-node", "four-node")
"""Names of built-in spaces, which can be among the schemas."""


def _schema(text: str) -> str:
    """Refuse a built-in space that is not spelt right."""
    plain = text.lower().replace("3", "three").replace("4", "four")
    near = closest(plain, SPACES, alike=0.75)
    if "(" in text or near in (None, text.strip()):
        return text
    raise ValueError(
        f"unknown space {show(text)}{meant(repr(near))}; allowed: "
        f"{', '.join(SPACES)}, or a shape such as binary(unary(x),unary(x))"
    )


class Space(Model):
    """A set of activation functions: schemas over operators, whole or as a seeded sample."""

    schemas: tuple[Annotated[str, AfterValidator(_schema)], ...] = ()
    """Shapes such as ``binary(unary(x),unary(x))``, or the name of a built-in space."""
    include: tuple[str, ...] = ()
    """Further functions by name; the word ``baselines`` means those of the experiment,
    ``literature`` the published ones that have a name (docs/literature.md)."""
    unary: tuple[str, ...] | None = None
    """Unary operators that fill the schemas; the 27 of Act-Bench when left out."""
    binary: tuple[str, ...] | None = None
    """Binary operators that fill the schemas; the 7 of Act-Bench when left out."""
    nary: tuple[str, ...] | None = None
    """N-ary operators that fill the schemas; the 4 of Act-Bench when left out."""
    exclude: Annotated[tuple[str, ...], AfterValidator(unique)] = ()
    """Operators that no function of the space may use, such as ``[bessel_i0e, bessel_i1e]``, which
    torch alone does not export to ONNX. They fill no schema, published functions of ``include:
    [literature]`` that use one are left out, and other functions of ``include`` that use one are
    refused."""
    sample: PositiveInt | None = None
    """Number of distinct functions to draw, including all of ``include``; all functions when left
    out."""
    seed: Seed = 0
    """Seed of the draw."""
    finite_only: bool = False
    """Leave out functions that are not finite on every normal sample."""

    @model_validator(mode="after")
    def _not_empty(self) -> Space:
        if not self.schemas and not self.include:
            raise ValueError("the space is empty: give schemas, include, or both")
        return self

    def as_settings(self) -> dict[str, Any]:
        """What files of the space depend on.

        Returns:
            Plain data, without ``exclude`` where it is empty: spaces had no such key once, and what
            was made of them then stays up to date.
        """
        return self.model_dump(mode="json", exclude=None if self.exclude else {"exclude"})
