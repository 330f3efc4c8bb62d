"""A task's network looked at: what is replaced in it, what stays, and whether it can be trained.

One step on two made-up images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from actsearch.config import FAULTS, Task
from actsearch.data.dataset import Dataset, DataShape
from actsearch.functions.activation import Activation
from actsearch.functions.call_scopes import with_plain_calls
from actsearch.functions.known import activations_of
from actsearch.functions.plain_calls import PlainCall
from actsearch.networks.building import build_plain, plain_calls, put_in
from actsearch.networks.by_name import ModelError
from actsearch.networks.devices import run_settings
from actsearch.rehearsal.hidden import HiddenCalls, KnownCalls
from actsearch.rehearsal.images import FUNCTION, images, reason
from actsearch.rehearsal.kernels import WatchedKernels

EXAMPLES = 2


@dataclass(frozen=True)
class NetworkCheck:
    """What a network of a task is made of.

    Attributes:
        parameters: Number of parameters.
        replaced: Names of the modules and of the plain calls that give way to the function.
        idle: Those of them that the network never calls, or whose result it does not use.
        stays: Class of each activation module or gate that stays, by name; recurrent layers of
            torch too, which have activations inside.
        plain: Activations and gates that are called as plain functions, replaced or not.
        hidden: How often one pass computes an activation where none can be replaced, by function
            and line of code: in a script, a kernel or an autograd function.
        no_longer_in_place: Names of the modules that worked in place and do so no more.
    """

    parameters: int
    replaced: list[str]
    idle: list[str]
    stays: dict[str, str]
    plain: list[PlainCall]
    hidden: dict[str, int]
    no_longer_in_place: list[str]


def check_network(
    task: Task,
    data: Dataset | DataShape,
    device: torch.device | None = None,
    n: int = EXAMPLES,
) -> NetworkCheck:
    """Build the task's network and take it through one step of training and one evaluation.

    On images of the data's shape drawn from N(0, 1), which is how data are scaled.

    Args:
        task: the task.
        data: its data, or what of them shapes a network.
        device: where; the CPU when left out.
        n: number of images.

    Returns:
        What it is made of, and what is replaced in it.

    Raises:
        ModelError: when the network cannot be built, cannot take such images, does not return
            finite logits with a row an image and a column a class, uses nothing of what was
            replaced, cannot go back through its gradients, or could not do so on a GPU that
            is to be deterministic.
        ValueError: when nothing was replaced.
    """
    device = device or torch.device("cpu")
    foreseen = task.deterministic and task.resources.gpu > 0 and device.type == "cpu"
    kernels = WatchedKernels() if foreseen else None
    with run_settings(task, device):
        model = build_plain(task, data, task.seeds[0])
        plain = plain_calls(task, data, task.seeds[0], model)
        replaced, altered = put_in(task, model, FUNCTION, plain)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        stays = {n: kind for n, kind in activations_of(model).items() if n not in replaced}
        stays |= {name: type(module).__name__ for name, module in _recurrent(model).items()}
        model.to(device)
        _refuse_complex(task, model)
        names = {*model.state_dict()}
        torch.manual_seed(0)
        x = images(data, n, device).images
        with kernels or nullcontext():
            with _watched(model, altered) as seen:
                logits = _logits(task, model.train(), x, data.n_classes)
            _back(task, logits)
        with torch.no_grad():
            _logits(task, model.eval(), x, data.n_classes)
    if grown := sorted({*model.state_dict()} - names):
        raise ModelError(
            f"model {task.model!r} makes {', '.join(grown[:3])} in its first pass, which no "
            "optimizer knows and no checkpoint fits: make them when it is built"
        )
    if kernels is not None and kernels.found:
        raise ModelError(
            f"model {task.model!r} cannot be trained with deterministic: true, since a GPU has no "
            f"deterministic kernel for {' and '.join(kernels.found)}: set deterministic: false in "
            "the task, or leave it out of the network"
        )
    places = with_plain_calls(model)
    idle = [name for name in replaced if not seen.uses(places[name])]
    _refuse_unused(task, places, replaced, idle, altered, seen)
    hidden = plain.fixed | seen.hidden.found
    return NetworkCheck(parameters, replaced, idle, stays, plain.calls, hidden, altered)


def _recurrent(model: nn.Module) -> dict[str, nn.Module]:
    """Layers of torch that have activations inside, where nothing can be replaced."""
    kinds = (nn.RNNBase, nn.RNNCellBase)
    return {name: module for name, module in model.named_modules() if isinstance(module, kinds)}


def _refuse_complex(task: Task, model: nn.Module) -> None:
    if complex_ := [name for name, weight in model.named_parameters() if weight.is_complex()]:
        raise ModelError(
            f"model {task.model!r} has complex parameters ({', '.join(complex_[:3])}), which "
            "cannot be trained here: keep real and imaginary part as two"
        )


def _logits(task: Task, model: nn.Module, x: Tensor, n_classes: int) -> Tensor:
    """The network's output, if it is what training can use."""
    where = f"model {task.model!r}"
    shape = " x ".join(map(str, x.shape[1:]))
    mode = "training" if model.training else "evaluation"
    try:
        logits = model(x)
    except FAULTS as error:
        raise ModelError(
            f"{where} cannot take the data's images, {shape}, in {mode}: {reason(error)}"
        ) from error
    if not isinstance(logits, Tensor):
        raise ModelError(
            f"{where} must return one tensor of logits, got {type(logits).__name__} in {mode}"
        )
    if logits.shape != (len(x), n_classes):
        raise ModelError(
            f"{where} must return logits (N, {n_classes}), a column for each of the data's "
            f"{n_classes} classes; for {len(x)} images it returned {tuple(logits.shape)}"
        )
    if not logits.is_floating_point():
        raise ModelError(f"{where} must return logits of floating point, got {logits.dtype}")
    if not logits.isfinite().all():
        raise ModelError(
            f"{where} returns logits that are not finite in {mode}, before it was trained and with "
            f"{FUNCTION.name} in place of its activations; its images are drawn from N(0, 1)"
        )
    return logits


def _back(task: Task, logits: Tensor) -> None:
    try:
        logits.sum().backward()  # type: ignore[no-untyped-call]
    except FAULTS as error:
        raise ModelError(f"model {task.model!r} cannot be trained: {reason(error)}") from error


@dataclass
class _Seen:
    """What a pass called.

    Attributes:
        hidden: counts activations that are neither modules nor calls of torch's functions.
        results: what each module that was watched returned, by its identity.
    """

    hidden: HiddenCalls = field(default_factory=HiddenCalls)
    results: dict[int, list[Tensor]] = field(default_factory=dict)

    def calls(self, module: nn.Module) -> bool:
        """Whether the module was called."""
        return id(module) in self.results

    def uses(self, module: nn.Module) -> bool:
        """Whether a result of it reached the logits, after the backward pass."""
        results = self.results.get(id(module), [])
        # Of what was computed without a graph nothing is known.
        return any(not y.retains_grad or y.grad is not None for y in results)


def _refuse_unused(
    task: Task,
    places: Mapping[str, nn.Module],
    replaced: list[str],
    idle: list[str],
    altered: list[str],
    seen: _Seen,
) -> None:
    """Refuse a network whose function would make no difference."""
    where = f"model {task.model!r}"
    if len(idle) == len(replaced):
        called = any(seen.calls(places[name]) for name in replaced)
        what = "uses no result" if called else "calls none"
        raise ModelError(
            f"{where} {what} of the activations that are replaced: {', '.join(replaced)}"
        )
    for name in altered:
        module = places[name]
        if seen.calls(module) and not seen.uses(module):
            raise ModelError(
                f"{where} calls {name!r} without using its result, since it works in place; behind "
                f"a function that is replaced it must not: write x = self.{name}(x)"
            )


@contextmanager
def _watched(model: nn.Module, altered: list[str]) -> Iterator[_Seen]:
    """What is called meanwhile of the activations and of the modules called ``altered``."""
    seen = _Seen()

    def enter(module: nn.Module, _: Any) -> None:
        seen.hidden.inside += 1
        seen.results.setdefault(id(module), [])

    def leave(module: nn.Module, _: Any, result: Any) -> None:
        seen.hidden.inside -= 1
        if isinstance(result, Tensor):
            seen.results[id(module)].append(result)
            if result.requires_grad:
                result.retain_grad()

    names = {*activations_of(model), *_recurrent(model), *altered}
    watched = {
        module: None  # as a set, in order: once, whatever its names
        for name, module in with_plain_calls(model).items()
        if name in names or isinstance(module, Activation)
    }
    hooks = []
    for module in watched:
        hooks.append(module.register_forward_pre_hook(enter))
        hooks.append(module.register_forward_hook(leave))
    try:
        with seen.hidden, KnownCalls(seen.hidden):
            yield seen
    finally:
        for hook in hooks:
            hook.remove()
