"""What the functions of a task are compared by: one number, higher is better.

Trials, tables, histories and last comparisons hold its name. How it is told and written stands here
alone. It is text that steps write, so those that do have this module in their digest of code, which
leaves out the rest of the configuration (``further`` in ``plan/steps.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from actsearch.config.plain import show

_LONG = 10_000
"""From here on numbers have a power of ten: a score may lie as far below 0 as it will."""


@dataclass(frozen=True)
class Score:
    """One kind of score, and how people read it. Texts are ASCII but for ``shown``, ``plural``."""

    name: str
    """As files have it."""
    shown: str
    """As people read it."""
    plural: str
    """Several of them, in words."""
    failure: str
    """Whose score a run that diverged counts with."""
    ends: tuple[int, int]
    """Ends of an axis of all functions: none lies above, and what lies below is drawn at its edge.
    """
    digits: int
    """Digits after the point of what is written."""
    factor: int = 1
    """What is written is so many times the number."""
    sign: str = ""
    """Follows what is written."""
    unit: str = ""
    """Unit of differences, in words."""

    @property
    def of_failure(self) -> str:
        """What a run that diverged counts with: ``the accuracy of chance``."""
        return f"the {self.shown} of {self.failure}"

    @property
    def width(self) -> int:
        """Length of the axis of all functions."""
        return self.ends[1] - self.ends[0]

    def write(self, value: float, fewer: int = 0) -> str:
        """A finite score, with so many digits fewer: 0.9781 as ``97.81%`` or ``0.9781``."""
        return self._number(value, fewer) + self.sign

    def write_difference(self, value: float, fewer: int = 0) -> str:
        """A finite difference with its sign, in ``unit``: 0.0031 as ``+0.31`` or ``+0.0031``."""
        text = self._number(abs(value), fewer)
        return text if float(text) == 0 else ("-" if value < 0 else "+") + text

    def write_size(self, value: float) -> str:
        """The size of a difference or a finite deviation, in ``unit``, without a sign."""
        return self._number(value, 0)

    def with_unit(self, text: str) -> str:
        """A difference as it was written, with its unit where it has one: ``+0.31 points``."""
        return f"{text} {self.unit}" if self.unit else text

    def _number(self, value: float, fewer: int) -> str:
        digits, scaled = self.digits - fewer, self.factor * value
        if abs(scaled) >= _LONG:
            return f"{scaled:.{max(digits - 1, 0)}e}"
        text = f"{scaled:.{digits}f}"
        return text if float(text) else text.lstrip("-")


SCORES = {
    score.name: score
    for score in (
        Score(
            "accuracy",
            shown="accuracy",
            plural="accuracies",
            failure="chance",
            ends=(0, 1),
            digits=2,
            factor=100,
            sign="%",
            unit="points",
        ),
        Score(
            "R2",
            shown="R²",
            plural="values of R²",
            failure="the mean predictor",
            ends=(-1, 1),
            digits=4,
        ),
    )
}
"""All of them by name."""

SCORE_OF_TARGETS = {
    "classes": SCORES["accuracy"],
    "positions": SCORES["accuracy"],
    "numbers": SCORES["R2"],
}
"""What functions are compared by, by the kind of targets that they are trained on."""


def score_called(name: object) -> Score:
    """The score called ``name``; ValueError, listing the known ones, where there is none."""
    if not isinstance(name, str) or name not in SCORES:
        raise ValueError(f"unknown score {show(name)}; allowed: {', '.join(SCORES)}")
    return SCORES[name]


def one_score(named: Iterable[tuple[str, object]], what: str) -> Score:
    """The score that all have.

    Args:
        named: what has a score, and the score's name.
        what: all of them in a word, for messages.

    Returns:
        The score.

    Raises:
        ValueError: when they differ, there is none, or it is unknown.
    """
    having: dict[object, str] = {}
    for owner, name in named:
        having.setdefault(name, owner)
    if not having:
        raise ValueError(f"{what}: there are none, so it is not known what they are scored by")
    if len(having) > 1:
        (first, one), (second, other), *_ = having.items()
        raise ValueError(f"{what} differ in score: {one} has {first}, {other} has {second}")
    try:
        return score_called(next(iter(having)))
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
