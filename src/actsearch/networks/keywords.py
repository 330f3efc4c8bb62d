"""What a function that builds a network is told of the data, by the keywords that it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from actsearch.data.dataset import DataShape

_SHAPE, _OUTPUTS, _TOKENS = "input_shape", "n_outputs", "n_tokens"
_OLD = {_SHAPE: "image_shape", _OUTPUTS: "n_classes"}
"""Keywords for images and classes alone, which functions may take in place of the others."""
OF_THE_DATA = (_SHAPE, _OUTPUTS, _TOKENS, *_OLD.values())


class ModelError(ValueError):
    """A network that cannot be built; the message names it and what is allowed."""


def refuse_reserved(name: str, options: Mapping[str, Any], reserved: Collection[str]) -> None:
    """Raise ModelError where options hold keywords that are given here."""
    if clashing := [option for option in options if option in reserved]:
        raise ModelError(
            f"model {name!r}: model_options may not hold {', '.join(map(repr, clashing))}, which "
            "we set ourselves: networks take their shape from the data and start untrained"
        )


def of_the_data(
    name: str, build: Callable[..., Any], shape: DataShape, options: Mapping[str, Any]
) -> dict[str, Any]:
    """What a function is told of the data, by the keywords that it takes.

    Args:
        name: of the network, for messages.
        build: the function.
        shape: what of the data shapes a network.
        options: further keywords that it will be called with.

    Returns:
        Keywords with their values.

    Raises:
        ModelError: when it lacks a keyword, needs others, or is not for such data.
    """
    parameters = inspect.signature(build).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    names = [p.name for p in named]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    values: dict[str, Any] = {_SHAPE: shape.input_shape, _OUTPUTS: shape.n_outputs}
    old = {
        key: other
        for key, other in _OLD.items()
        if key not in names and (other in names or (takes_any and _has_old_keywords(shape)))
    }
    if not takes_any:
        if missing := [key for key in values if key not in names and key not in old]:
            raise ModelError(
                f"model {name!r} must take the keywords {_SHAPE} and {_OUTPUTS} (or, for images "
                f"and classes, {' and '.join(_OLD.values())}), and lacks {' and '.join(missing)}; "
                f"it takes {', '.join(names) or 'none'}"
            )
        if unknown := [option for option in options if option not in names]:
            raise ModelError(unknown_option(name, unknown[0], names))
    needed = {p.name for p in named if p.default is p.empty} - {*OF_THE_DATA, *options}
    if needed or any(p.kind is p.POSITIONAL_ONLY and p.default is p.empty for p in parameters):
        what = ", ".join(sorted(needed)) or "arguments without a name"
        raise ModelError(
            f"model {name!r} needs {what} besides {_SHAPE} and {_OUTPUTS}: give it a default, or a "
            "value in the task's model_options"
        )
    if _SHAPE in old and shape.inputs != "images":
        raise ModelError(
            f"model {name!r} takes images (image_shape), but the data are {shape.in_words}"
        )
    if _OUTPUTS in old and shape.targets == "numbers":
        raise ModelError(
            f"model {name!r} tells classes apart (n_classes), but the data's targets are numbers"
        )
    given = {old.get(key, key): value for key, value in values.items()}
    if shape.inputs == "tokens":
        if _TOKENS not in names and not takes_any:
            raise ModelError(
                f"model {name!r} takes no {_TOKENS}, but the data are {shape.in_words}; if they "
                "are numbers, say inputs: features of the data"
            )
        given[_TOKENS] = shape.n_tokens
    elif any(p.name == _TOKENS and p.default is p.empty for p in named):
        raise ModelError(
            f"model {name!r} takes tokens ({_TOKENS}), but the data are {shape.in_words}"
        )
    return given


def _has_old_keywords(shape: DataShape) -> bool:
    return shape.inputs == "images" and shape.targets == "classes"


def unknown_option(name: str, option: str, known: Collection[str]) -> str:
    """What to say of an option that a function does not take."""
    allowed = [keyword for keyword in known if keyword not in OF_THE_DATA]
    return (
        f"model {name!r} takes no option {option!r}; allowed in model_options: "
        f"{', '.join(allowed) or 'none'}"
    )
