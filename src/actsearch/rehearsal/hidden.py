"""Activations that a network computes where none can be replaced: in scripts and kernels."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from actsearch.config import place_in_code
from actsearch.functions.known import CALLABLES

# fmt: off
_OPERATIONS = {
    "_prelu_kernel": "prelu", "elu": "elu", "gelu": "gelu", "hardswish": "hardswish",
    "hardtanh": "hardtanh", "leaky_relu": "leaky_relu", "log_sigmoid_forward": "logsigmoid",
    "mish": "mish", "relu": "relu", "relu6": "relu6", "rrelu_with_noise": "rrelu", "silu": "silu",
    "softplus": "softplus", "tanh": "tanh",
}
# fmt: on
"""Ordinary activations by ATen's name; what ends in an underscore works in place."""
_NOT_THE_USERS = (str(Path(torch.__file__).parent), __file__)


class HiddenCalls(TorchDispatchMode):
    """Notes operations that are activations, while it is entered, outside of those that are known.

    Attributes:
        inside: How many known activations are running: modules, and calls of torch's functions.
        found: How often each was met, by its name and line of code.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.inside = 0
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = _OPERATIONS.get(func.overloadpacket.__name__.rstrip("_"))
        if name and not self.inside:
            self.found[f"{name} ({_place()})"] += 1
        return func(*args, **(kwargs or {}))


class KnownCalls(TorchFunctionMode):
    """Tells ``hidden`` of the functions of torch that are activations."""

    def __init__(self, hidden: HiddenCalls) -> None:
        super().__init__()
        self._hidden = hidden

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        known = func in CALLABLES
        self._hidden.inside += known
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self._hidden.inside -= known


def _place() -> str:
    """The innermost line of code that is not torch's."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_NOT_THE_USERS) and frame.f_back is not None:
        frame = frame.f_back
    return place_in_code(frame.f_code.co_filename, frame.f_lineno)
