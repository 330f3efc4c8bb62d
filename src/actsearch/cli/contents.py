"""The table of contents of the command line: which group a command belongs to, and their order.

A command that is in no group is refused when commands are loaded. `Steps` are the commands that
rules of the workflow call; they come last, in the order of the flow.
"""

from __future__ import annotations

from typing import Final

RUN, LOOK, USE, AUDIT, STEPS = (
    "Run: before and during an experiment",
    "Look: results, functions and files",
    "Use: functions in code and papers",
    "Audit: check, repeat and pass on results",
    "Steps: what the rules of the workflow call",
)

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    RUN: ("check", "estimate", "status", "why", "schema"),
    LOOK: ("top", "verdict", "explain", "compare", "plot", "show", "lineage"),
    USE: ("export", "slug"),
    AUDIT: ("audit", "replay", "adopt", "ship"),
}
"""Commands by group, in order; all others are steps."""

_PLACES = {
    name: (place, group)
    for place, (group, name) in enumerate(
        (group, name) for group, names in GROUPS.items() for name in names
    )
}


def place_of(command: str, steps: list[str]) -> tuple[int, str]:
    """Where a command is listed: its place, and the heading above it.

    Args:
        command: its name.
        steps: names of the steps' commands, in the order of the flow.

    Returns:
        A number that sorts commands, and the group's heading.

    Raises:
        LookupError: when it is neither in a group nor a step.
    """
    if command in _PLACES:
        return _PLACES[command]
    if command in steps:
        return len(_PLACES) + steps.index(command), STEPS
    raise LookupError(f"the command {command!r} is in no group of cli/contents.py")
