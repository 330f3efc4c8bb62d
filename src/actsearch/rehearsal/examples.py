"""Made-up examples that networks are rehearsed on, and what is said of a network that fails."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

from actsearch.config import describe_fault
from actsearch.data.dataset import Dataset, DataShape
from actsearch.data.examples import MemoryExamples
from actsearch.functions.expressions import parse

FUNCTION = parse("sigmoid(x)")
"""Its gradient is made of its output, which a network must therefore not write over."""


def made_up(data: Dataset | DataShape, n: int, device: torch.device) -> MemoryExamples:
    """Examples of the data's shape, with targets: from N(0, 1), which is how data are scaled.

    Returns:
        ``n`` examples; they shift torch's global generator.
    """
    shape = data.shape
    if shape.inputs == "tokens":
        x = torch.randint(shape.n_tokens, (n, *shape.input_shape))
    else:
        x = torch.randn(n, *shape.input_shape)
    if shape.targets == "numbers":
        return MemoryExamples(x.to(device), torch.randn(n, shape.n_outputs))
    places = (n, *shape.positions) if shape.targets == "positions" else (n,)
    classes = torch.arange(math.prod(places)).view(places) % shape.n_outputs
    return MemoryExamples(x.to(device), classes)


def stand_ins(sizes: Iterable[int]) -> dict[int, int]:
    """Small batches in place of larger ones.

    A batch of one is unlike all others, and networks may want even ones; else sizes make no
    difference.

    Args:
        sizes: that batches have, above 0.

    Returns:
        The smallest of the sizes that each stands for, by size: one, two or three, rising.
    """
    found: dict[int, int] = {}
    for size in sorted(set(sizes)):
        found.setdefault(size if size == 1 else 2 + size % 2, size)
    return dict(sorted(found.items()))


def reason(error: BaseException) -> str:
    """What went wrong with a network, in words that its author can act on."""
    said = describe_fault(error)
    if "inplace operation" in said or "modified inplace" in said:
        return (
            "it changes the input or the output of an activation in place (x += y): write x = x + y"
        )
    if "Expected more than 1 value per channel" in said:
        return f"a batch norm cannot train on a single value a channel ({said})"
    if "mark a variable ready only once" in said:
        return (
            "processes cannot share a network that recomputes activations in the reentrant way: "
            "give checkpoint(..., use_reentrant=False)"
        )
    return said


def in_words(size: int) -> str:
    """Batches of a size."""
    return "a batch of one example" if size == 1 else f"batches of {size} examples"
