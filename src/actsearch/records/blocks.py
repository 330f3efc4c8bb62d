"""The shape of a provenance block: checked once, where a file is read.

Whoever takes a block from ``embedded.read_provenance`` can rely on it: no key has another type than
here. Keys that are not named here may come with a later version, and hold plain data.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping
from typing import Any

MAX_DEPTH = 32
"""Objects and lists that may lie within each other; those of actsearch do not reach ten."""
_LARGEST = 2**63
_TEXTS = dict[str, str]
_TOLERANCE = {"absolute": float, "relative": float}
KEYS: dict[str, Any] = {
    **dict.fromkeys(("step", "file", "rule", "task", "item", "command", "configuration"), str),
    **dict.fromkeys(("host", "platform", "cpu", "started", "ended", "job_started"), str),
    **dict.fromkeys(("settings_digest", "code_digest", "content_digest", "file_digest"), str),
    **dict.fromkeys(("inputs", "data", "copies", "modules", "operators"), _TEXTS),
    **dict.fromkeys(("agent", "slurm"), _TEXTS),
    **dict.fromkeys(("settings", "seeds"), dict[str, Any]),
    "wildcards": dict[str, str | int | bool],
    "seconds": float,
}
"""Keys of a block and their types, as docs/audit.md has them; ``_schema`` adds those with parts."""


class BlockError(ValueError):
    """A block of another shape; the message names the key and what is wrong with it."""


def check_block(block: Any) -> dict[str, Any]:
    """A block as it was read, if it has the shape of one.

    Args:
        block: what a reader of JSON made of it.

    Returns:
        The same object.

    Raises:
        BlockError: when it has not.
    """
    from pydantic import ValidationError

    if not isinstance(block, dict):
        raise BlockError("it is no object")
    _check_plain(block)
    try:
        _schema().model_validate(block)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise BlockError(f"{key}: {first['msg']}") from None
    return block


def _check_plain(block: dict[str, Any]) -> None:
    """Refuse what reads as JSON and can be neither written again nor named."""
    level: list[Any] = [block]
    for _ in range(MAX_DEPTH + 1):
        texts: list[str] = []
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                texts.append(value)
            elif isinstance(value, dict):
                texts += value
                try:
                    texts.append("".join(value.values()))  # most hold texts alone
                except TypeError:
                    below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, float) and not math.isfinite(value):
                raise BlockError(f"a number is {value}")
            elif isinstance(value, int) and abs(value) >= _LARGEST:
                raise BlockError("a whole number has more than 64 bits")
        # A block has hundreds of texts, and an audit reads many blocks.
        whole = "".join(texts)
        if "\0" in whole or not whole.isascii():
            _check_text(whole)
        if not below:
            return
        level = below
    raise BlockError(f"more than {MAX_DEPTH} objects and lists within each other")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise BlockError("a text holds a zero byte")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BlockError("a text is no UTF-8") from None


@functools.cache
def _schema() -> Any:
    """The model of a block; made when the first one is read, since pydantic takes its time."""
    from pydantic import ConfigDict, create_model

    def model(name: str, keys: Mapping[str, Any], required: Collection[str] = ()) -> Any:
        # A key may be absent, and is never null.
        fields = {key: (kind, ... if key in required else None) for key, kind in keys.items()}
        config = ConfigDict(strict=True, extra="allow")
        return create_model(name, __config__=config, **fields)  # type: ignore[call-overload]

    parts = {
        "git": model("git", {"commit": str, "clean": bool}),
        "environment": model(
            "environment", {**dict.fromkeys(("python", "digest", "lock"), str), "versions": _TEXTS}
        ),
        "device": model("device", {"type": str, "threads": int}),
        "tolerance": model("tolerance", _TOLERANCE, required=_TOLERANCE),
    }
    return model("block", KEYS | parts, required=("step",))
