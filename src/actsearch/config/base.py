"""What all sections of the configuration share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the value and what is allowed."""


class Model(BaseModel):
    """Base of all sections: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def named_source(name: str, built_in: Iterable[str], forms: str) -> str:
    """``name`` if it is built in or has one of the ``prefix:rest`` forms."""
    prefix, _, rest = name.partition(":")
    if name not in built_in and not (prefix and rest):
        raise ValueError(f"unknown {name!r}; allowed: {', '.join(built_in)}, {forms}")
    return name


def _unique_seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"a seed appears twice in {list(seeds)}")
    return seeds


Seeds = Annotated[tuple[NonNegativeInt, ...], Field(min_length=1), AfterValidator(_unique_seeds)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


def known(value: str, allowed: Iterable[str], where: str) -> None:
    """Raise ValueError, with a guess at what was meant, unless ``value`` is among ``allowed``."""
    names = sorted(allowed)
    if value not in names:
        close = difflib.get_close_matches(value, names, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ValueError(f"{where}: unknown {value!r}{hint}; allowed: {', '.join(names)}")
