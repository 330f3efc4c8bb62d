"""How two records differ, key by key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted key, ``{"tasks.t.recipe.epochs": 5}``; lists stay whole."""
    leaves: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            leaves |= flat(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """A line for each leaf that differs, ``tasks.t.seeds: [0] -> [0, 1]``, sorted by key."""
    before, after = flat(old), flat(new)
    return [
        f"{key}: {_told(before, key)} -> {_told(after, key)}"
        for key in sorted(before.keys() | after.keys())
        if (key in before, before.get(key)) != (key in after, after.get(key))
    ]


def _told(leaves: Mapping[str, Any], key: str) -> str:
    return json.dumps(leaves[key], ensure_ascii=False) if key in leaves else "none"
