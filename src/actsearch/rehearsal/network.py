"""A task's network looked at: what is replaced in it, what stays, and whether it can be trained.

One step on two made-up examples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from actsearch.config import FAULTS, Augmentation, Task
from actsearch.data.dataset import Dataset, DataShape
from actsearch.data.examples import MemoryExamples
from actsearch.functions.activation import Activation, activations_of
from actsearch.networks.building import put_in
from actsearch.networks.by_name import ModelError, build_model
from actsearch.networks.devices import run_settings
from actsearch.rehearsal.examples import FUNCTION, made_up, reason
from actsearch.rehearsal.kernels import WatchedKernels

EXAMPLES = 2
# fmt: off
PLAIN = frozenset({
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "hardsigmoid", "hardswish", "hardtanh",
    "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6",
    "relu_", "rrelu", "selu", "selu_", "sigmoid", "sigmoid_", "silu", "softmax", "softplus",
    "softsign", "tanh", "tanh_", "tanhshrink",
})
# fmt: on
"""Activations and gates as functions of torch, by name."""


@dataclass(frozen=True)
class NetworkCheck:
    """What a network of a task is made of.

    Attributes:
        parameters: Number of parameters.
        replaced: Names of the modules that give way to the function.
        idle: Those of them that the network never calls, or whose result it does not use.
        stays: Class of each activation module or gate that stays, by name.
        plain: How often one pass calls an activation or gate as a plain function, by its name.
        no_longer_in_place: Names of the modules that worked in place and do so no more.
    """

    parameters: int
    replaced: list[str]
    idle: list[str]
    stays: dict[str, str]
    plain: dict[str, int]
    no_longer_in_place: list[str]


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
            targets, uses none of the modules that
            were replaced, cannot go back through its gradients, or could not do so on a GPU that
            is to be deterministic.
        ValueError: when nothing was replaced.
    """
    device = device or torch.device("cpu")
    _refuse_recipe(task, data.shape)
    foreseen = task.deterministic and task.resources.gpu > 0 and device.type == "cpu"
    kernels = WatchedKernels() if foreseen else None
    with run_settings(task, device):
        model = build_model(task.model, data.shape, task.seeds[0], task.model_options)
        replaced, altered = put_in(task, model, FUNCTION)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        stays = {n: kind for n, kind in activations_of(model).items() if n not in replaced}
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
    idle = [name for name in replaced if not seen.uses(model.get_submodule(name))]
    _refuse_unused(task, model, replaced, idle, altered, seen)
    return NetworkCheck(parameters, replaced, idle, stays, dict(seen.plain.found), altered)


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
            f"returned {tuple(outputs.shape)}"
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


class _PlainCalls(TorchFunctionMode):
    """Counts activations that are called as functions, outside of modules that stand for one."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = 0
        self.found: Counter[str] = Counter()

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if not self.inside and name in PLAIN:
            self.found[name.rstrip("_")] += 1
            self.inside += 1  # torch.nn.functional.relu calls torch.relu
            try:
                return func(*args, **(kwargs or {}))
            finally:
                self.inside -= 1
        return func(*args, **(kwargs or {}))


@dataclass
class _Seen:
    """What a pass called.

    Attributes:
        plain: counts plain calls.
        results: what each module that was watched returned, by its identity.
    """

    plain: _PlainCalls = field(default_factory=_PlainCalls)
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
    model: nn.Module,
    replaced: list[str],
    idle: list[str],
    altered: list[str],
    seen: _Seen,
) -> None:
    """Refuse a network whose function would make no difference."""
    where = f"model {task.model!r}"
    if len(idle) == len(replaced):
        called = any(seen.calls(model.get_submodule(name)) for name in replaced)
        what = "uses no result" if called else "calls none"
        raise ModelError(f"{where} {what} of the modules that are replaced: {', '.join(replaced)}")
    for name in altered:
        module = model.get_submodule(name)
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
        seen.plain.inside += 1
        seen.results.setdefault(id(module), [])

    def leave(module: nn.Module, _: Any, result: Any) -> None:
        seen.plain.inside -= 1
        if isinstance(result, Tensor):
            seen.results[id(module)].append(result)
            if result.requires_grad:
                result.retain_grad()

    names = {*activations_of(model), *altered}
    hooks = []
    for name, module in model.named_modules():
        if name in names or isinstance(module, Activation):
            hooks.append(module.register_forward_pre_hook(enter))
            hooks.append(module.register_forward_hook(leave))
    try:
        with seen.plain:
            yield seen
    finally:
        for hook in hooks:
            hook.remove()
