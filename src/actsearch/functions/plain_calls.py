"""Finding the activations that a network calls as plain functions, by running it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList
from torch.overrides import TorchFunctionMode
from torch.utils import checkpoint

from actsearch.config import FAULTS, describe_fault, place_in_code
from actsearch.functions.call_modes import activated
from actsearch.functions.call_scopes import call_name, with_plain_calls
from actsearch.functions.known import CALLABLES, FUNCTIONS, is_activation

_BETWEEN = frozenset(
    str(sys.modules[name].__file__) for name in (__name__, "torch.overrides", "torch.nn.functional")
)
"""Files between a call and what is told of it."""


@dataclass(frozen=True)
class PlainCall:
    """Calls of one function of torch by one module, which are one place for another function.

    Attributes:
        function: Name of the function, such as ``relu``.
        owners: Names of the module that makes them, all that it has; the network's is ``""``.
        places: How often a pass makes them, by line of code (``my_lab/network.py, line 12``).
    """

    function: str
    owners: tuple[str, ...]
    places: dict[str, int]

    @property
    def by_owner(self) -> list[tuple[str, str]]:
        """Owner and function, for each owner."""
        return [(owner, self.function) for owner in self.owners]

    @property
    def names(self) -> list[str]:
        """Names of the calls, such as ``blocks.0.relu()``: they stay when lines of code move."""
        return [call_name(*call) for call in self.by_owner]

    @property
    def kind(self) -> str:
        """Class of the module that does the same, such as ``ReLU``."""
        return FUNCTIONS[self.function]


@dataclass(frozen=True)
class PlainCalls:
    """All that were found in a network.

    Attributes:
        calls: In the network's order.
        beneath: Names of the modules that are called by modules that make such calls.
        fixed: How often a pass calls one where nothing can be replaced, by function and line: in
            an autograd function, whose gradient is its own.
        failure: Why a pass ended early; empty where none did.
    """

    calls: list[PlainCall] = field(default_factory=list)
    beneath: list[str] = field(default_factory=list)
    fixed: dict[str, int] = field(default_factory=dict)
    failure: str = ""


def find_plain_calls(model: nn.Module, x: Tensor) -> PlainCalls:
    """Run a network, in training and in evaluation mode, and note which activations it calls.

    A call belongs to the module whose ``forward`` is running; inside of an activation module, and
    of a parametrization of weights, it is none. Calls on what is not of floating point and on
    parameters are none either. Where one of a module's calls of a function is made in an autograd
    function, all of them stay. What is fused in torch's recurrent layers, or lies in a script or a
    kernel of one's own, is not seen.

    Args:
        model: Left as it was, except for what it keeps outside of its buffers.
        x: Examples (N, ...) as the model takes them, on its device, two or more.

    Returns:
        What was found. A pass that fails is no error: what it met before counts.
    """
    watch = _Watch()
    names = _names(model)
    failure = ""
    with _left_alone(model), torch.random.fork_rng(devices=[]), _eager(), _watched(model, watch):
        for training in (True, False):
            torch.default_generator.manual_seed(0)
            model.train(training)
            try:
                with watch, torch.set_grad_enabled(training):
                    model(x)
            except FAULTS as error:
                failure = failure or describe_fault(error)
            watch.end_of_pass()
    free = watch.found.keys() - watch.fixed
    order = {owner: number for number, owner in enumerate(names)}
    calls = [
        PlainCall(function, names[owner], dict(watch.found[owner, function]))
        for owner, function in sorted(free, key=lambda call: (order[call[0]], call[1]))
    ]
    owners = {owner for owner, _ in free}
    beneath = {inner for owner, inner in watch.beneath if owner in owners} & names.keys()
    fixed: Counter[str] = Counter()
    for owner, function in watch.fixed:
        for place, number in watch.found[owner, function].items():
            fixed[f"{function} ({place})"] += number
    return PlainCalls(
        calls, sorted(names[inner][0] for inner in beneath), dict(sorted(fixed.items())), failure
    )


def _names(model: nn.Module) -> dict[int, tuple[str, ...]]:
    """All names of each module, by its identity, in the network's order."""
    names: dict[int, tuple[str, ...]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names[id(module)] = (*names.get(id(module), ()), name)
    return names


class _Watch(TorchFunctionMode):
    """Notes calls of activations, and which module makes them.

    Attributes:
        found: How often a pass made a call, by line of code, by module and function.
        fixed: Those of them that were made where nothing can be replaced.
        beneath: Pairs of a module and another that it called.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[tuple[int, str], Counter[str]] = {}
        self.fixed: set[tuple[int, str]] = set()
        self.beneath: set[tuple[int, int]] = set()
        self._own_gradients = _own_gradients()
        self._in_this_pass: dict[tuple[int, str], Counter[str]] = {}
        self._running: list[tuple[int, bool]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        function = CALLABLES.get(func)
        if function and self._running and activated(args, kwargs) is not None:
            owner, is_whole = self._running[-1]
            if not is_whole:
                key = (owner, function.name)
                place, codes = _caller()
                self._in_this_pass.setdefault(key, Counter())[place] += 1
                if codes & self._own_gradients:
                    self.fixed.add(key)
        return func(*args, **kwargs)

    def enter(self, module: nn.Module) -> None:
        """A module is about to run."""
        is_whole = is_activation(module) or isinstance(module, ParametrizationList)
        if self._running:
            owner, around = self._running[-1]
            is_whole = is_whole or around
            self.beneath.add((owner, id(module)))
        self._running.append((id(module), is_whole))

    def leave(self) -> None:
        """It has run."""
        self._running.pop()

    def end_of_pass(self) -> None:
        """Take in what the pass has met: the same calls in two modes are not twice as many."""
        for key, places in self._in_this_pass.items():
            self.found[key] = self.found.get(key, Counter()) | places
        self._in_this_pass = {}


def _caller() -> tuple[str, set[CodeType]]:
    """The line of code that makes a call, and the code that led to it from the module's forward."""
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_code.co_filename in _BETWEEN:
        frame = frame.f_back
    assert frame is not None  # a network's own code, or torch's
    place = place_in_code(frame.f_code.co_filename, frame.f_lineno)
    codes = set()
    while frame and frame.f_code.co_filename != __file__:
        codes.add(frame.f_code)
        frame = frame.f_back
    return place, codes


def _own_gradients() -> frozenset[CodeType]:
    """Code of autograd functions, but for that of checkpointing, which calls what it is given."""
    codes = set()
    kinds: list[Any] = [torch.autograd.Function]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        code = getattr(kind.forward, "__code__", None)
        if code is not None and kind is not checkpoint.CheckpointFunction:
            codes.add(code)
    return frozenset(codes)


def _eager() -> AbstractContextManager[Any]:
    """Run what a network has compiled as it stands: calls are told by their place in the code."""
    if "torch._dynamo" not in sys.modules:  # nothing is compiled, and its import takes seconds
        return nullcontext()
    stance: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
    return stance


@contextmanager
def _watched(model: nn.Module, watch: _Watch) -> Iterator[None]:
    """Tell ``watch`` of each module that runs, however its ``forward`` is called."""

    def telling(module: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            watch.enter(module)
            try:
                return forward(*args, **kwargs)
            finally:
                watch.leave()

        return run

    modules = dict.fromkeys(with_plain_calls(model).values())
    own = {module: module.__dict__.get("forward") for module in modules}
    try:
        for module in modules:
            module.__dict__["forward"] = telling(module, module.forward)
        yield
    finally:
        for module, forward in own.items():
            if forward is None:
                del module.__dict__["forward"]
            else:
                module.__dict__["forward"] = forward


@contextmanager
def _left_alone(model: nn.Module) -> Iterator[None]:
    """Put buffers, and the mode of every module, back afterwards."""
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    training = {module: module.training for module in model.modules()}
    try:
        yield
    finally:
        with torch.no_grad():
            for module, name, buffer, value in buffers:
                buffer.copy_(value)
                module._buffers[name] = buffer
        for module, mode in training.items():
            module.training = mode
