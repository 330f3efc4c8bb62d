"""Running code with its calls of activations sent to modules, by a ``TorchFunctionMode``.

Torch asks a mode that is entered before each of its functions. Of ours, one at a time is entered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, _pop_mode, _push_mode

from actsearch.functions.known import CALLABLES
from actsearch.functions.recomputation import Recomputation, recomputation, use_recomputation


def activated(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor | None:
    """The argument of a call of an activation, where it is what a network activates.

    That is not so of masks and other integers, of parameters (a scale that is kept positive), and
    where the result goes into a third tensor (``out=``).

    Args:
        args: Positional arguments of one of `actsearch.functions.known.CALLABLES`.
        kwargs: Its other arguments.

    Returns:
        The tensor, or None.
    """
    x = args[0] if args else kwargs.get("input")
    if not isinstance(x, Tensor) or not x.is_floating_point() or isinstance(x, nn.Parameter):
        return None
    return None if "out" in kwargs else x


class Replacing(TorchFunctionMode):
    """Sends calls of activations to modules, by the function's name."""

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        super().__init__()
        self.modules = modules

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        function = CALLABLES.get(func)
        module = self.modules.get(function.name) if function else None
        x = activated(args, kwargs) if module else None
        if function is None or module is None or x is None:
            if torch.compiler.is_compiling():
                # No mode can be entered within what it captures: that part runs uncompiled.
                args = tuple(_in_mode(self, arg) if _is_function(arg) else arg for arg in args)
            return func(*args, **kwargs)
        if not function.in_place and not kwargs.get("inplace", False):
            return module(x)
        # Who calls it in place may use the argument afterwards. The module needs it as it was.
        return x.copy_(module(x.clone() if torch.is_grad_enabled() else x))


def run_in(
    mode: Replacing | None, function: Callable[..., Any], args: Iterable[Any], kwargs: Any
) -> Any:
    """Call ``function`` with ``mode`` as the only one of its kind that is entered."""
    outer, above = _leave() if torch._C._len_torch_function_stack() else (None, 0)
    try:
        if mode is None:
            return function(*args, **kwargs)
        with mode:
            if torch.compiler.is_compiling():  # which recomputes what it has captured
                return function(*args, **kwargs)
            return _carrying(function, args, kwargs)
    finally:
        if outer is not None:
            _insert(outer, above)


def _leave() -> tuple[Replacing | None, int]:
    """Take our mode off the stack of modes; returns it and how many of others' lay above it."""
    others: list[Any] = []
    ours = None
    while torch._C._len_torch_function_stack():
        mode = _pop_mode()  # type: ignore[no-untyped-call]
        if isinstance(mode, Replacing):
            ours = mode
            break
        others.append(mode)
    for mode in reversed(others):
        _push_mode(mode)  # type: ignore[no-untyped-call]
    return ours, len(others)


def _insert(mode: Replacing, above: int) -> None:
    """Put our mode back below so many of others'."""
    others = [_pop_mode() for _ in range(above)]  # type: ignore[no-untyped-call]
    _push_mode(mode)  # type: ignore[no-untyped-call]
    for other in reversed(others):
        _push_mode(other)  # type: ignore[no-untyped-call]


def _carrying(function: Callable[..., Any], args: Iterable[Any], kwargs: Any) -> Any:
    """Call ``function``; what it has checkpointed is called again in the mode of the first time."""
    ways = recomputation()
    if ways.reentrant is _Reentrant:  # a module around this one has seen to it
        return function(*args, **kwargs)
    _ways.append(ways)
    try:
        use_recomputation(_CARRYING)
        return function(*args, **kwargs)
    finally:
        use_recomputation(_ways.pop())


_ways: list[Recomputation] = []
"""What checkpointing would do by itself, the innermost last."""


class _Reentrant:
    """In place of the autograd function of reentrant checkpointing."""

    @staticmethod
    def apply(function: Callable[..., Any], *args: Any) -> Any:
        return _ways[-1].reentrant.apply(_in_this_mode(function), *args)


def _with_hooks(function: Callable[..., Any], *args: Any, **settings: Any) -> Any:
    """In place of the other kind."""
    return _ways[-1].with_hooks(_in_this_mode(function), *args, **settings)


_CARRYING = Recomputation(_Reentrant, _with_hooks)


def _in_this_mode(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` in the mode of ours that is entered now, whenever it is called."""
    mode, above = _leave()
    if mode is None:
        return function
    _insert(mode, above)
    return _in_mode(mode, function)


def _in_mode(mode: Replacing, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return run_in(mode, function, args, kwargs)

    return call


def _is_function(argument: Any) -> bool:
    """Whether an argument is one that torch calls: to a compiler, checkpointing is a function."""
    return callable(argument) and not isinstance(argument, Tensor | type)
