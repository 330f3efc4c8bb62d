"""The interactive figures of a page, collected while it is written and stored without repeats."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from actsearch.report.plot_style import Spec

_WORTH_SHARING = 40  # elements a list must have


@dataclass(frozen=True)
class Figure:
    """What the template needs to place a figure."""

    id: str
    label: str
    height: int


class Figures:
    """All figures of a page by their ids."""

    def __init__(self) -> None:
        self._specs: dict[str, Spec] = {}

    def __len__(self) -> int:
        return len(self._specs)

    def add(self, id: str, spec: Spec, label: str) -> Figure:
        """Keep a figure.

        Args:
            id: Its id on the page.
            spec: Plotly ``data`` and ``layout``.
            label: What it shows, for screen readers.

        Returns:
            What the template needs to place it.

        Raises:
            ValueError: when the id is taken.
        """
        if id in self._specs:
            raise ValueError(f"two figures have the id {id!r}")
        self._specs[id] = spec
        return Figure(id, label, spec["layout"]["height"])

    def compact(self) -> dict[str, Any]:
        """All figures as the page holds them, without repeats.

        The panels of a map hold the same names and scores; once is enough for them.

        Returns:
            ``figures`` by id, their long lists replaced by ``{"$ref": i}``, and ``shared``, what
            they refer to.
        """
        shared: list[Any] = []
        places: dict[str, int] = {}

        def walk(node: Any) -> Any:
            if isinstance(node, dict):
                return {key: walk(value) for key, value in node.items()}
            if isinstance(node, list):
                if len(node) < _WORTH_SHARING:
                    return [walk(value) for value in node]
                key = json.dumps(node, allow_nan=False)
                if key not in places:
                    places[key] = len(shared)
                    shared.append(node)
                return {"$ref": places[key]}
            return node

        return {"figures": walk(self._specs), "shared": shared}
