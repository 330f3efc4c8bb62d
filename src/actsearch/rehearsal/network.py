"""A task's network looked at: what is replaced in it, what stays, and whether it can be trained.

One step on two made-up examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from actsearch.config import FAULTS, Augmentation, Task
from actsearch.data.dataset import Dataset, DataShape
from actsearch.data.examples import MemoryExamples
from actsearch.functions.activation import Activation
from actsearch.functions.call_scopes import with_plain_calls
from actsearch.functions.known import activations_of
from actsearch.functions.plain_calls import PlainCall
from actsearch.networks.building import build_plain, plain_calls, put_in
from actsearch.networks.by_name import ModelError
from actsearch.networks.devices import run_settings
from actsearch.rehearsal.classes import own_classes
from actsearch.rehearsal.examples import FUNCTION, made_up, reason
from actsearch.rehearsal.hidden import HiddenCalls, KnownCalls
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
        ends_in_softmax: Name of the last module, where it is a softmax.
    """

    parameters: int
    replaced: list[str]
    idle: list[str]
    stays: dict[str, str]
    plain: list[PlainCall]
    hidden: dict[str, int]
    no_longer_in_place: list[str]
    ends_in_softmax: str | None = None


def check_network(
    task: Task,
    data: Dataset | DataShape,
    device: torch.device | None = None,
    n: int = EXAMPLES,
) -> NetworkCheck:
    """Build the task's network and take it through one step of training and one evaluation.

    On examples of the data's shape drawn from N(0, 1), which is how data are scaled.

    Args:
        task: the task.
        data: its data, or what of them shapes a network.
        device: where; the CPU when left out.
        n: number of examples.

    Returns:
        What it is made of, and what is replaced in it.

    Raises:
        ModelError: when the recipe does not go with the data; when the network cannot be built,
            cannot take such examples, does not return finite outputs of the shape that fits the
            targets, uses nothing of what was replaced, cannot go back through its gradients, or
            could not do so on a GPU that
            is to be deterministic.
        ValueError: when nothing was replaced.
    """
    device = device or torch.device("cpu")
    _refuse_recipe(task, data.shape)
    foreseen = task.deterministic and task.resources.gpu > 0 and device.type == "cpu"
    kernels = WatchedKernels() if foreseen else None
    with run_settings(task, device):
        model = build_plain(task, data, task.seeds[0])
        plain = plain_calls(task, data, task.seeds[0], model)
        try:
            replaced, altered = put_in(task, model, FUNCTION, plain)
        except ValueError as error:
            raise ValueError(f"{error}{own_classes(model, task.replace.types)}") from None
        parameters = sum(parameter.numel() for parameter in model.parameters())
        stays = {n: kind for n, kind in activations_of(model).items() if n not in replaced}
        stays |= {name: type(module).__name__ for name, module in _recurrent(model).items()}
        model.to(device)
        _refuse_complex(task, model)
        names = {*model.state_dict()}
        torch.manual_seed(0)
        examples = made_up(data, n, device)
        with kernels or nullcontext():
            with _watched(model, altered) as seen:
                outputs = _outputs(task, model.train(), examples, data.shape)
            _back(task, outputs)
        with torch.no_grad():
            _outputs(task, model.eval(), examples, data.shape)
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
    *_, (last, module) = model.named_modules()
    softmax = last if isinstance(module, nn.Softmax | nn.Softmax2d) else None
    hidden = plain.fixed | seen.hidden.found
    return NetworkCheck(parameters, replaced, idle, stays, plain.calls, hidden, altered, softmax)


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


def _refuse_recipe(task: Task, shape: DataShape) -> None:
    """Refuse a recipe that does not go with the data."""
    recipe = task.recipe
    if shape.inputs != "images":
        wrong = "channels_last" if recipe.channels_last else None
        wrong = "augmentation" if recipe.augmentation != Augmentation() else wrong
        if wrong:
            raise ModelError(f"recipe.{wrong} goes with images, but the data are {shape.in_words}")
    if shape.targets == "numbers" and recipe.label_smoothing:
        raise ModelError("recipe.label_smoothing goes with classes, but the targets are numbers")


_COLUMNS = {
    "classes": "a column for each of the data's {n} classes",
    "positions": "at each position a column for each of the data's {n} classes",
    "numbers": "a column for each number that is predicted",
}

_POOLED = "; model_options: {pooled: true} gives one output an example, without it one a token"


def _outputs(task: Task, model: nn.Module, examples: MemoryExamples, shape: DataShape) -> Tensor:
    """The network's outputs, if they are what training can use."""
    where = f"model {task.model!r}"
    mode = "training" if model.training else "evaluation"
    try:
        outputs = model(examples.inputs)
    except FAULTS as error:
        raise ModelError(
            f"{where} cannot take the data's {shape.in_words}, in {mode}: {reason(error)}"
        ) from error
    what = "numbers" if shape.targets == "numbers" else "logits"
    if not isinstance(outputs, Tensor):
        raise ModelError(
            f"{where} must return one tensor of {what}, got {type(outputs).__name__} in {mode}"
        )
    if outputs.shape != (len(examples), *shape.output_shape):
        form = ", ".join(map(str, shape.output_shape))
        columns = _COLUMNS[shape.targets].format(n=shape.n_outputs)
        raise ModelError(
            f"{where} must return {what} (N, {form}), {columns}; for {len(examples)} examples it "
            f"returned {tuple(outputs.shape)}{_POOLED if task.model == 'transformer' else ''}"
        )
    if not outputs.is_floating_point():
        raise ModelError(f"{where} must return {what} of floating point, got {outputs.dtype}")
    if not outputs.isfinite().all():
        drawn = "" if shape.inputs == "tokens" else "; its examples are drawn from N(0, 1)"
        raise ModelError(
            f"{where} returns {what} that are not finite in {mode}, before it was trained and with "
            f"{FUNCTION.name} in place of its activations{drawn}"
        )
    return outputs


def _back(task: Task, outputs: Tensor) -> None:
    try:
        outputs.sum().backward()  # type: ignore[no-untyped-call]
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
        """Whether a result of it reached the outputs, after the backward pass."""
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
