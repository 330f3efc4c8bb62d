"""What a configuration may be made of: the values that JSON holds, and no surprises among them."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the value and what is allowed."""


DEEPEST = 50
"""Levels of mappings and lists in each other."""
MOST_VALUES = 1_000_000
"""Values in a configuration, those that aliases repeat counted each time."""
LONGEST_TEXT = 100_000
"""Characters of a text."""
LONGEST_NAME = 64
"""Characters of a name in the configuration."""
LONGEST_KEY = 200
"""Characters of a key."""
INTEGERS = range(-(2**63), 2**63)
"""Whole numbers that every reader of a record takes."""
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SHOWN = 60
_SHOWN_BITS = 190
"""Of whole numbers, which take as many signs as are shown of others."""


def show(value: Any) -> str:
    """A value on one line for a message, cut where it is long.

    Returns:
        Such as ``'digits-cn'``, ``[1, 2]`` or ``a whole number of 401 digits``.
    """
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:
        return f"a whole number of about {round(value.bit_length() * math.log10(2))} digits"
    if isinstance(value, str):
        text = repr(value[:_SHOWN])
        return f"{text}... ({len(value):,} characters)" if len(value) > _SHOWN else text
    if isinstance(value, Mapping):
        return f"a mapping of {len(value):,}" if value else "{}"
    if isinstance(value, list | tuple) and len(value) > 20:
        return f"a list of {len(value):,}"
    if isinstance(value, list | tuple):
        whole = ", ".join("..." if isinstance(v, list | tuple) else show(v) for v in value)
        return f"[{whole}]"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def join(path: str, key: object) -> str:
    """Path of a key or of a number in a list, below ``path``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    shown = str(key) if re.fullmatch(r"[\w.-]{1,60}", str(key)) else show(key)
    return f"{path}.{shown}" if path else shown


def require_plain(values: Any) -> None:
    """Refuse what JSON does not hold, and texts that no key of the configuration can take.

    Raises:
        ConfigError: naming the path of the value, the value and what is allowed.
    """
    waiting: list[tuple[str, Any, int]] = [("", values, 0)]
    seen = 0
    while waiting:
        path, value, depth = waiting.pop()
        seen += 1
        if seen > MOST_VALUES:
            raise ConfigError(f"more than {MOST_VALUES:,} values; so many are allowed")
        if depth > DEEPEST:
            raise ConfigError(f"{path[:200]}...: more than {DEEPEST} levels of mappings and lists")
        if isinstance(value, Mapping | list | tuple):
            waiting += ((below, item, depth + 1) for below, item in _items(path, value))
        elif problem := _problem(value):
            raise ConfigError(f"{path}: {problem}" if path else problem)


def _items(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield from ((join(path, place), item) for place, item in enumerate(value))
        return
    for key, item in value.items():
        if not isinstance(key, str):
            raise ConfigError(f"{join(path, show(key))}: a key must be text, got {show(key)}")
        if problem := _problem(key):
            raise ConfigError(f"{join(path, key)}: a key that is {problem}")
        if len(key) > LONGEST_KEY:
            raise ConfigError(
                f"{join(path, key)}: a key of {len(key):,} characters; allowed: {LONGEST_KEY}"
            )
        yield join(path, key), item


def _problem(value: Any) -> str | None:
    """Why a single value is not allowed."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _problem_of_text(value)
    if isinstance(value, int):
        whole = f"allowed: whole numbers from -2^63 to 2^63 - 1, got {show(value)}"
        return None if int(value) in INTEGERS else whole
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value} is no number that JSON holds"
    return (
        f"{show(value)} is of type {type(value).__name__}; allowed: text, finite numbers, true, "
        "false, null, lists and mappings"
    )


def _problem_of_text(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        return f"a text of {len(text):,} characters; allowed: {LONGEST_TEXT:,}"
    for found in _UNSHOWN.finditer(text):
        if found.group() in "\n\t":
            continue
        kind = (
            "half a character" if "\ud800" <= found.group() <= "\udfff" else "a control character"
        )
        return f"{show(text)} holds {kind} (U+{ord(found.group()):04X}), which is not allowed"
    return None


def guess(value: str, names: Iterable[str]) -> str:
    """What may have been meant, for a message: `` (did you mean 'relu'?)``, or nothing."""
    near = closest(value[:LONGEST_NAME], names)
    return meant(near and repr(near))


def closest(value: str, names: Iterable[str], alike: float = 0.6) -> str | None:
    """The name that is most like ``value``, if any is alike by that much, of 1."""
    close = difflib.get_close_matches(value, list(names), n=1, cutoff=alike)
    return close[0] if close else None


def meant(shown: object) -> str:
    """The one form of the question after a message: what was meant, as it is shown, if anything."""
    return f" (did you mean {shown}?)" if shown else ""
