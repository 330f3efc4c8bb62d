"""Which modules with weights have a Fisher block, and why others have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

NO_BLOCK = "neither linear layer nor convolution"
NOT_CALLED = "not called in evaluation (weights may be used without a call)"
NO_EXAMPLES = "without examples in its input (positions alone, or one example under torch.vmap)"


class FisherLayers(NamedTuple):
    """Modules with weights, in the network's order."""

    covered: list[str]
    """Names of linear layers and convolutions that are called with examples: they have a block."""
    passed_over: dict[str, str]
    """Why each other module that holds parameters itself has none, by name: norms, embeddings,
    subclasses that compute something else than their base; layers that the network does not call,
    such as a head for training alone, or whose weights it uses without calling them, as torch's
    attention does; layers that see positions instead of examples. The network itself, where it
    holds parameters, has the name ``""``."""


def in_words(passed_over: Mapping[str, str], shown: int = 3) -> list[str]:
    """Passed-over modules by reason.

    Args:
        passed_over: reasons by the modules' names; ``""`` is the network itself.
        shown: names that are listed of each reason.

    Returns:
        A text for each reason, such as ``2 not called in evaluation (...): head, aux``.
    """
    by_reason: dict[str, list[str]] = {}
    for name, reason in passed_over.items():
        by_reason.setdefault(reason, []).append(name or "the network itself")
    return [
        f"{len(names):,} {reason}: {', '.join(names[:shown])}{', ...' if names[shown:] else ''}"
        for reason, names in by_reason.items()
    ]
