"""Search spaces: sets of functions by number.

A space is its ``include`` functions, then its schemas in order (`actsearch.functions.schemas`).
Nothing is listed until it is asked for. A name that two schemas give, or that is included too,
counts for each.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from actsearch import config
from actsearch.functions.baselines import BASELINES
from actsearch.functions.expressions import Expression, ExpressionError
from actsearch.functions.literature import LITERATURE_NAMES
from actsearch.functions.misspelt import explain_operator, parse
from actsearch.functions.operators import BINARY, NARY, UNARY, OperatorError, get_operator
from actsearch.functions.schemas import (
    ARITIES,
    BINARY_PLACEHOLDER,
    NARY_PLACEHOLDER,
    UNARY_PLACEHOLDER,
    Schema,
)
from actsearch.functions.schemas import SpaceError as SpaceError
from actsearch.functions.syntax import shorten

BASELINES_WORD, LITERATURE_WORD = "baselines", "literature"
"""Words in ``include`` that stand for several functions."""

BUILT_IN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "three-node": (("binary(unary(x),unary(x))",), ()),
    "four-node": (
        (
            "unary(unary(unary(unary(x))))",
            "unary(binary(unary(x),unary(x)))",
            "binary(unary(unary(x)),unary(x))",
            "binary(unary(x),unary(unary(x)))",
            "n-ary(unary(x),unary(x),unary(x))",
        ),
        (BASELINES_WORD,),
    ),
}
"""Schemas and included functions of the spaces of Bingham and Miikkulainen (2023), by name."""


class SearchSpace:
    """Functions by number.

    Args:
        schemas: Shapes such as ``binary(unary(x),unary(x))``, or names of built-in spaces, which
            stand for their schemas and included functions.
        include: Functions by name, numbered first; ``baselines`` stands for ``baselines``,
            ``literature`` for the published functions that have a name.
        unary: Operators that fill the placeholder; the 27 of Act-Bench when left out.
        binary: The same; the 7 when left out.
        nary: The same; the 4 when left out.
        baselines: Baselines by name; the paper's eight when left out.
        exclude: Operators that no function of the space may use: they fill no placeholder, and
            published functions that use one are left out.

    Attributes:
        include: The included functions.
        schemas: The schemas, read.
        size: Number of names; ``len()`` is the same, but cannot exceed 2^63 - 1.

    Raises:
        SpaceError: for a bad schema, function or operator, when nothing is in the space, and when
            a schema, or a function of ``include`` that is no published one, uses what is excluded.
    """

    def __init__(
        self,
        schemas: Iterable[str],
        include: Iterable[str] = (),
        unary: Iterable[str] | None = None,
        binary: Iterable[str] | None = None,
        nary: Iterable[str] | None = None,
        baselines: Sequence[str] = BASELINES,
        exclude: Iterable[str] = (),
    ) -> None:
        excluded = _known("exclude", exclude)
        given = {
            UNARY_PLACEHOLDER: _checked(UNARY_PLACEHOLDER, UNARY if unary is None else unary),
            BINARY_PLACEHOLDER: _checked(BINARY_PLACEHOLDER, BINARY if binary is None else binary),
            NARY_PLACEHOLDER: _checked(NARY_PLACEHOLDER, NARY if nary is None else nary),
        }
        operators = {
            kind: tuple(name for name in names if name not in excluded)
            for kind, names in given.items()
        }
        texts: list[str] = []
        words: list[str] = []
        for text in _strings("schemas", schemas):
            built_in, included = BUILT_IN.get(text.strip(), ((text,), ()))
            texts += built_in
            words += included
        literature = tuple(
            name
            for name in LITERATURE_NAMES
            if not excluded or parse(name).operators.isdisjoint(excluded)
        )
        several: dict[str, Sequence[str]] = {BASELINES_WORD: baselines, LITERATURE_WORD: literature}
        words += _strings("include", include)
        names = [name for word in words for name in several.get(word, (word,))]
        try:
            self.include = tuple(dict.fromkeys(parse(name) for name in names))
        except ExpressionError as error:
            raise SpaceError(f"include: {error}") from None
        for function in self.include:
            _refuse_excluded(f"include: {shorten(function.name)!r}", function.operators, excluded)
        for kind, filling in given.items():
            used = any(re.search(rf"(?<![\w-]){kind}(?![\w-])", text) for text in texts)
            if used and filling and not operators[kind]:
                raise SpaceError(
                    f"exclude: no {kind} operator is left for the schemas: all of "
                    f"{', '.join(filling)} are excluded"
                )
        self.schemas = tuple(Schema(text, operators) for text in dict.fromkeys(texts))
        for schema in self.schemas:
            fixed = {op.name for choice, _ in schema.nodes for op in choice}
            _refuse_excluded(f"schemas: {shorten(schema.text)!r}", fixed, excluded)
        self.size = len(self.include) + sum(schema.size for schema in self.schemas)
        if not self.size:
            raise SpaceError("the space is empty: give schemas, include, or both")

    @classmethod
    def named(cls, name: str) -> SearchSpace:
        """A built-in space, ``three-node`` (5,103 names) or ``four-node`` (1,023,524).

        Returns:
            The space, with its included functions first.

        Raises:
            SpaceError: for another name.
        """
        if name not in BUILT_IN:
            raise SpaceError(f"unknown space {name!r}; built in: {', '.join(BUILT_IN)}")
        return cls((name,))

    @classmethod
    def from_config(cls, space: config.Space, baselines: Sequence[str] = BASELINES) -> SearchSpace:
        """The space of a configuration, before any sampling; see the class for ``baselines``."""
        filling = (space.unary, space.binary, space.nary)
        return cls(space.schemas, space.include, *filling, baselines, space.exclude)

    def __len__(self) -> int:
        return self.size

    @property
    def operators(self) -> frozenset[str]:
        """Names of the operators that its functions are made of."""
        filling = (op for schema in self.schemas for choice, _ in schema.nodes for op in choice)
        included = (name for function in self.include for name in function.operators)
        return frozenset({*(operator.name for operator in filling), *included})

    def __getitem__(self, index: int) -> Expression:
        position = index + self.size if index < 0 else index
        if not 0 <= position < self.size:
            raise IndexError(f"index {index} of a space of {self.size} functions")
        if position < len(self.include):
            return self.include[position]
        position -= len(self.include)
        for schema in self.schemas:
            if position < schema.size:
                break
            position -= schema.size
        return schema.expression(position)

    def __iter__(self) -> Iterator[Expression]:
        return (self[index] for index in range(self.size))

    def names(self) -> list[str]:
        """All names in order; much faster than one by one."""
        return list(itertools.chain.from_iterable(self.names_in_parts()))

    def slugs(self) -> list[str]:
        """All slugs in order; much faster than one by one."""
        return list(itertools.chain.from_iterable(self.slugs_in_parts()))

    def names_in_parts(self) -> Iterator[list[str]]:
        """All names in order, some at a time."""
        yield [expression.name for expression in self.include]
        for schema in self.schemas:
            yield from schema.names()

    def slugs_in_parts(self) -> Iterator[list[str]]:
        """All slugs in order, some at a time."""
        yield [expression.slug for expression in self.include]
        for schema in self.schemas:
            yield from schema.slugs()


def names_baselines(space: config.Space) -> bool:
    """Whether a configured space has the experiment's baselines, whichever they are."""
    brought = (BUILT_IN[text.strip()][1] for text in space.schemas if text.strip() in BUILT_IN)
    return any(BASELINES_WORD in words for words in (space.include, *brought))


def _known(what: str, names: Iterable[str]) -> tuple[str, ...]:
    """Operator names, each known and given once."""
    listed = _strings(what, names)
    for name in listed:
        try:
            get_operator(name)
        except OperatorError as error:
            raise SpaceError(f"{what}: {explain_operator(name, error)}") from None
        if listed.count(name) > 1:
            raise SpaceError(f"{what}: {name!r} is given twice")
    return listed


def _checked(kind: str, names: Iterable[str]) -> tuple[str, ...]:
    """The same for a placeholder, each of its arity."""
    listed = _known(kind, names)
    for name in listed:
        arity = get_operator(name).arity
        if arity != ARITIES[kind]:
            raise SpaceError(
                f"{kind}: {name!r} takes {arity or '2 or more'} arguments, so it is not {kind}"
            )
    return listed


def _refuse_excluded(where: str, used: Iterable[str], excluded: Iterable[str]) -> None:
    if both := sorted({*used} & {*excluded}):
        raise SpaceError(
            f"{where} uses {both[0]}, which exclude leaves out: remove one of them (of the "
            "baselines, by another choice of baselines)"
        )


def _strings(what: str, texts: Iterable[str]) -> tuple[str, ...]:
    listed = (texts,) if isinstance(texts, str) else tuple(texts)
    for text in listed:
        if not isinstance(text, str):
            raise SpaceError(f"{what}: expected strings, got {text!r}")
    return listed
