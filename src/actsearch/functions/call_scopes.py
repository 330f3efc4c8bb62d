"""Activations that a module calls as plain functions, sent to other modules while it runs.

A module whose ``forward`` calls ``functional.relu(x)``, ``torch.relu(x)`` or ``x.relu()`` gets a
`Scope` in its place. This enters a ``TorchFunctionMode``, which torch asks before each function.
The modules that it calls in turn leave the mode: what they do is their own, and they run as fast as
without. A network in which no such call is replaced has neither.

A scope stands in the ``__dict__`` of its module, not among its children: names of parameters are as
before, and a network that goes through its own children does not meet it. It is copied and pickled
with its module.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


class _Replacing(TorchFunctionMode):
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
            return func(*args, **kwargs)
        if not function.in_place and not kwargs.get("inplace", False):
            return module(x)
        # Who calls it in place may use the argument afterwards. The module needs it as it was.
        return x.copy_(module(x.clone() if torch.is_grad_enabled() else x))


class Scope:
    """A module's ``forward`` in which the calls that it makes itself go to other modules."""

    def __init__(self, module: nn.Module) -> None:
        self._module = weakref.ref(module)  # no cycle: a network is freed with its last reference
        self._inner: Callable[..., Any] | None = module.__dict__.get("forward")
        self._mode = _Replacing({})

    @property
    def modules(self) -> dict[str, nn.Module]:
        """Where the calls go, by the function's name; what is not named stays as it is."""
        return self._mode.modules

    def compute_by(self, function: Callable[..., Any] | None) -> None:
        """Have the module compute ``function``, or its class's ``forward`` again."""
        self._inner = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What ``forward`` returns."""
        module = self._module()
        assert module is not None  # it calls this
        forward = self._inner or functools.partial(type(module).forward, module)
        return _run(self._mode if self._mode.modules else None, forward, args, kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_module": self._module()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _module=weakref.ref(state["_module"]))


def _run(
    mode: _Replacing | None, function: Callable[..., Any], args: Iterable[Any], kwargs: Any
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


def _leave() -> tuple[_Replacing | None, int]:
    """Take our mode off the stack of modes; returns it and how many of others' lay above it."""
    others: list[Any] = []
    ours = None
    while torch._C._len_torch_function_stack():
        mode = _pop_mode()  # type: ignore[no-untyped-call]
        if isinstance(mode, _Replacing):
            ours = mode
            break
        others.append(mode)
    for mode in reversed(others):
        _push_mode(mode)  # type: ignore[no-untyped-call]
    return ours, len(others)


def _insert(mode: _Replacing, above: int) -> None:
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

    def again(*args: Any, **kwargs: Any) -> Any:
        return _run(mode, function, args, kwargs)

    return again


def scope_of(module: nn.Module) -> Scope | None:
    """The scope that stands in the place of a module's ``forward``."""
    found = module.__dict__.get("forward")
    return found if isinstance(found, Scope) else None


def send_calls(
    model: nn.Module,
    calls: Mapping[tuple[str, str], nn.Module],
    beneath: Iterable[str],
) -> None:
    """Have modules send calls of activations elsewhere.

    Args:
        model: Changed in place.
        calls: Where they go, by the name of the module that makes them and by the function's.
        beneath: Names of modules that those call; more than are called do no harm, nor do names
            that the network has no more.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    owners = {modules[owner]: None for owner, _ in calls}  # as a set, in order
    for (owner, function), there in calls.items():
        _scope(modules[owner]).modules[function] = there
        leave_fused_path(modules[owner])
    called = (module for owner in owners for module in _may_call(owner))
    for module in [*called, *(modules[name] for name in beneath if owners and name in modules)]:
        _scope(module)


def compute_by(module: nn.Module, function: Callable[..., Any] | None) -> None:
    """Have a module compute ``function``, or its class's ``forward`` again, in the same scope."""
    if (scope := scope_of(module)) is not None:
        scope.compute_by(function)
    elif function is None:
        module.__dict__.pop("forward", None)
    else:
        module.forward = function


def take_over_scope(old: nn.Module, new: nn.Module) -> None:
    """Give ``new``, which takes the place of ``old``, a scope of its own if that had one."""
    if scope_of(old) is not None:
        _scope(new)


def leave_fused_path(module: nn.Module) -> None:
    """Have a transformer layer of torch call its activation: its fused path has its own."""
    if isinstance(module, nn.TransformerEncoderLayer):
        module.activation_relu_or_gelu = 0


def _scope(module: nn.Module) -> Scope:
    scope = scope_of(module)
    if scope is None:
        scope = Scope(module)
        module.forward = scope
    return scope


def _may_call(module: nn.Module) -> Iterator[nn.Module]:
    """A module's children, and of lists, which are not called themselves, theirs."""
    for child in module.children():
        if type(child).forward is nn.Module.forward:
            yield from _may_call(child)
        else:
            yield child


def plain_calls_of(model: nn.Module) -> dict[tuple[str, str], nn.Module]:
    """Where calls of plain functions go, by the module that makes them and the function.

    Returns:
        All names of a shared module are keys.
    """
    return {
        (name, function): there
        for name, module in model.named_modules(remove_duplicate=False)
        if (scope := scope_of(module)) is not None
        for function, there in scope.modules.items()
    }


def with_plain_calls(model: nn.Module) -> dict[str, nn.Module]:
    """All modules of a network, by name, and those that calls of plain functions go to.

    Returns:
        A module that stands in several places has several names.
    """
    plain = {call_name(*call): module for call, module in plain_calls_of(model).items()}
    return dict(model.named_modules(remove_duplicate=False)) | plain


def call_name(owner: str, function: str) -> str:
    """Name of a module's calls of a function: ``blocks.0.relu()``; of the network's: ``relu()``."""
    return f"{owner}.{function}()" if owner else f"{function}()"
