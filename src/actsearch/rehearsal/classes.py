"""Modules of a network that may be activations of a user's own, for a message."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from actsearch.config.plain import guess
from actsearch.functions.known import GATES, ORDINARY


def own_classes(model: nn.Module, asked: Sequence[str] = ()) -> str:
    """What to add to the message that nothing in a network was replaced.

    Args:
        model: the network.
        asked: classes that were to be replaced.

    Returns:
        The classes of its modules without parameters and without parts, and how to name one; with
        a guess at what was meant. Nothing where there are none.
    """
    kinds = {
        type(module).__name__
        for name, module in model.named_modules()
        if name and not any(True for _ in module.parameters()) and not any(module.children())
    }
    own = sorted(kinds - _NO_ACTIVATIONS - ORDINARY - GATES)
    if not own:
        return ""
    hints = [guess(kind, own) for kind in asked if kind not in kinds]
    return (
        f"; classes of its modules without parameters: {', '.join(own)}{''.join(hints)}; if one "
        f"is the activation, name it in the task: replace: {{types: [{own[0]}]}}"
    )


_NO_ACTIVATIONS = {
    name
    for name, kind in vars(nn).items()
    if isinstance(kind, type)
    and kind.__module__.startswith("torch.nn.modules.")
    and not kind.__module__.endswith(".activation")
}
"""Classes of torch, such as Flatten, Dropout and poolings."""
