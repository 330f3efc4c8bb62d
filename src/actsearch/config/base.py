"""What all sections of the configuration share: the base class, and types of single values."""

from __future__ import annotations

import ast
import inspect
import itertools
import keyword
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import GenerateJsonSchema

from actsearch.config.plain import LONGEST_NAME, show
from actsearch.config.plain import ConfigError as ConfigError
from actsearch.config.plain import guess as guess
from actsearch.config.strategies import named_strategy

MOST = 2**31 - 1
"""Largest number of anything, which every library takes."""
LARGEST_SEED = 2**32 - 1
"""Largest seed that NumPy, scikit-learn and torch all take."""
_LONGEST_PART = 255
_LONGEST_PATH = 1000


class _Described(GenerateJsonSchema):
    """Reads what is written under each key when a schema is asked for.

    pydantic's ``use_attribute_docstrings`` reads it at every import: 0.1 s of each process.
    """

    def model_schema(self, schema: Any) -> dict[str, Any]:
        made = super().model_schema(schema)
        for key, text in _texts(schema["cls"]).items():
            made["properties"][key].setdefault("description", text)
        return made


def _texts(model: type) -> dict[str, str]:
    """The text under each key of a section, those of the sections that it extends too."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, Model) and owner is not Model:
            body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
            for field, text in itertools.pairwise(getattr(body, "body", ())):
                match field, text:
                    case ast.AnnAssign(target=ast.Name(id=key)), ast.Expr(
                        value=ast.Constant(value=str(words))
                    ) if key in owner.model_fields:
                        found[key] = inspect.cleandoc(words)
    return found


class Model(BaseModel):
    """Base of all sections: immutable; an unknown key is an error, and so is another type.

    A whole number is a number, but text and true or false are none, and the reverse.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
    )

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """The schema, with what is written under each key."""
        return super().model_json_schema(*args, **{"schema_generator": _Described} | options)

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, values: Any) -> Any:
        """Lists as tuples, which strict types ask for."""
        if not isinstance(values, dict):
            return values
        return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}


PositiveInt = Annotated[int, Field(gt=0, le=MOST)]
NonNegativeInt = Annotated[int, Field(ge=0, le=MOST)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


def _unique_seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"a seed appears twice in {list(seeds)}")
    return seeds


def unique(words: tuple[str, ...]) -> tuple[str, ...]:
    """``words``; raises ValueError where one is given twice."""
    if twice := next((word for word in words if words.count(word) > 1), None):
        raise ValueError(f"{show(twice)} is given twice")
    return words


Seeds = Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_unique_seeds)]
Name = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", min_length=1, max_length=LONGEST_NAME)
]


def _module(name: str) -> str:
    if not is_module(name):
        raise ValueError(
            f"{show(name)} is not the name of a module; allowed: words of the letters a to z, "
            "digits and underscores, joined by dots, none of them a keyword of Python"
        )
    return name


def is_module(name: str) -> bool:
    """Whether ``name`` can be a module's: ASCII, since files and digests go by it."""
    words = name.split(".")
    return len(name) <= _LONGEST_PART and all(map(is_word, words))


def is_word(name: str) -> bool:
    """Whether ``name`` can be a function's or a module's without dots."""
    return name.isascii() and name.isidentifier() and not keyword.iskeyword(name)


def require_path(path: str) -> str:
    """``path``, if it can stand in a rule and in a file system.

    Returns:
        The path.

    Raises:
        ValueError: when it is empty, too long, or holds what Snakemake reads as a wildcard.
    """
    too_long = [part for part in path.split("/") if len(part.encode()) > _LONGEST_PART]
    if too_long or len(path.encode()) > _LONGEST_PATH:
        raise ValueError(
            f"the path {show(path)} is too long; allowed: {_LONGEST_PATH:,} bytes, "
            f"{_LONGEST_PART} in each part"
        )
    if not path.strip():
        raise ValueError("a path is empty")
    if found := re.search(r"[{}\n\t]", path):
        raise ValueError(
            f"the path {show(path)} holds {found.group()!r}, which Snakemake cannot take; allowed: "
            "anything but braces, tabs and line ends"
        )
    return path


def _class_name(name: str) -> str:
    if not name.isidentifier() or len(name) > _LONGEST_PART:
        raise ValueError(f"{show(name)} is not the name of a class, such as ReLU")
    return name


def _pattern(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST_PATH or not text.isprintable():
        raise ValueError(
            f"{show(text)} is not a pattern of module names, such as blocks.*.act; allowed: "
            f"1 to {_LONGEST_PATH:,} printable characters"
        )
    return text


Path = Annotated[str, AfterValidator(require_path)]
Modules = Annotated[tuple[Annotated[str, AfterValidator(_module)], ...], AfterValidator(unique)]
ClassNames = Annotated[
    tuple[Annotated[str, AfterValidator(_class_name)], ...], AfterValidator(unique)
]
Patterns = Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], AfterValidator(unique)]


def _strategy(name: str) -> str:
    named_strategy(name)
    return name


Strategies = Annotated[
    tuple[Annotated[str, AfterValidator(_strategy)], ...],
    Field(min_length=1),
    AfterValidator(unique),
]


def named_source(
    name: str, built_in: Iterable[str], forms: str, kinds: Mapping[str, Callable[[str], object]]
) -> str:
    """``name`` if it is built in, ``kind:rest``, or ``package.module:function``.

    Args:
        name: as the configuration has it.
        built_in: names that stand alone.
        forms: the other forms, for the message.
        kinds: what raises ValueError for a bad rest, or is false for one, by kind.

    Returns:
        ``name``.

    Raises:
        ValueError: when it is none of them.
    """
    if name in built_in:
        return name
    kind, _, rest = name.partition(":")
    if kind in kinds and rest:
        good = kinds[kind](rest)
    else:
        good = kind not in kinds and is_module(kind) and is_word(rest)
    if not good:
        hint = guess(name, built_in)
        raise ValueError(f"unknown {show(name)}{hint}; allowed: {', '.join(built_in)}, {forms}")
    return name


def known(value: str, allowed: Iterable[str], where: str) -> None:
    """Raise ValueError, with a guess at what was meant, unless ``value`` is among ``allowed``."""
    names = sorted(allowed)
    if value not in names:
        hint = guess(value, names)
        raise ValueError(f"{where}: unknown {show(value)}{hint}; allowed: {', '.join(names)}")
