"""What the rules of the workflow make, as its own process knows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Made:
    """What the rules of the workflow make."""

    rules: frozenset[str] = frozenset()
    """Their names."""
    files: frozenset[str] = frozenset()
    """Files by name."""
    patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """Others, as ``results/{task}/map.parquet``, with what their names must match."""

    def holds(self, target: str) -> bool:
        """Whether a rule is called ``target`` or makes it."""
        return (
            target in self.rules
            or target in self.files
            or any(pattern.fullmatch(target) for pattern in self.patterns.values())
        )
