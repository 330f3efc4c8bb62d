"""A task tried out before it is trained on: its operators, its network, a step on made-up images.

All that a user's own code can get wrong is found here in a moment, and said in one sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from actsearch.config import Task, describe_fault
from actsearch.data.dataset import Dataset, DataShape
from actsearch.functions.activation import Activation, activations_of
from actsearch.functions.agreement import check_operator
from actsearch.functions.expressions import parse
from actsearch.functions.operators import own_operators
from actsearch.networks.building import build_network
from actsearch.networks.by_name import ModelError
from actsearch.networks.devices import run_settings

PROBE = "sigmoid(x)"
"""Its gradient is made of its output, which a network must therefore not write over."""
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
        idle: Those of them that the network never calls.
        stays: Class of each activation module or gate that stays, by name.
        plain: How often one pass calls an activation or gate as a plain function, by its name.
    """

    parameters: int
    replaced: list[str]
    idle: list[str]
    stays: dict[str, str]
    plain: dict[str, int]


def check_operators() -> list[str]:
    """Compare both sides of the user's operators.

    Returns:
        Their names, in the order they were registered.

    Raises:
        OperatorError: for one that fails or whose sides differ.
    """
    operators = own_operators()
    for operator in operators:
        check_operator(operator)
    return [operator.name for operator in operators]


def check_network(task: Task, data: Dataset | DataShape) -> NetworkCheck:
    """Build the task's network and take it through one step of training and one evaluation.

    On the CPU, on images of the data's shape drawn from N(0, 1), which is how data are scaled.

    Returns:
        What it is made of, and what is replaced in it.

    Raises:
        ModelError: when the network cannot be built, cannot take such images, does not return
            logits with a row an image and a column a class, calls none of the modules that were
            replaced, or cannot go back through its gradients.
        ValueError: when nothing was replaced.
    """
    with run_settings(task, torch.device("cpu")):
        model, replaced = build_network(task, data, parse(PROBE), task.seeds[0])
        parameters = sum(parameter.numel() for parameter in model.parameters())
        stays = {n: kind for n, kind in activations_of(model).items() if n not in replaced}
        torch.manual_seed(0)
        images = torch.randn(EXAMPLES, *data.image_shape)
        with _watched(model) as (called, plain):
            logits = _logits(task, model.train(), images, data.n_classes)
        idle = [name for name in replaced if id(model.get_submodule(name)) not in called]
        if len(idle) == len(replaced):
            raise ModelError(
                f"model {task.model!r} calls none of the modules that are replaced: "
                f"{', '.join(replaced)}"
            )
        _step(task, logits)
        with torch.no_grad():
            _logits(task, model.eval(), images, data.n_classes)
    return NetworkCheck(parameters, replaced, idle, stays, dict(plain))


def _logits(task: Task, model: nn.Module, images: Tensor, n_classes: int) -> Tensor:
    """The network's output, if it is what training can use."""
    where = f"model {task.model!r}"
    shape = " x ".join(map(str, images.shape[1:]))
    mode = "training" if model.training else "evaluation"
    try:
        logits = model(images)
    except Exception as error:
        raise ModelError(
            f"{where} cannot take the data's images, {shape}, in {mode}: {describe_fault(error)}"
        ) from error
    if not isinstance(logits, Tensor):
        raise ModelError(
            f"{where} must return one tensor of logits, got {type(logits).__name__} in {mode}"
        )
    if logits.shape != (len(images), n_classes):
        raise ModelError(
            f"{where} must return logits (N, {n_classes}), a column for each of the data's "
            f"{n_classes} classes; for {len(images)} images it returned {tuple(logits.shape)}"
        )
    return logits


def _step(task: Task, logits: Tensor) -> None:
    try:
        logits.sum().backward()  # type: ignore[no-untyped-call]
    except Exception as error:
        reason = describe_fault(error)
        if "inplace operation" in reason:
            reason = "it changes the output of an activation in place (x += y): write x = x + y"
        raise ModelError(f"model {task.model!r} cannot be trained: {reason}") from error


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


@contextmanager
def _watched(model: nn.Module) -> Iterator[tuple[set[int], Counter[str]]]:
    """Ids of the activations put in that are called meanwhile, and plain calls by name."""
    called: set[int] = set()
    calls = _PlainCalls()

    def enter(module: nn.Module, _: Any) -> None:
        calls.inside += 1
        called.add(id(module))

    def leave(*_: Any) -> None:
        calls.inside -= 1

    hooks = []
    names = activations_of(model)
    for name, module in model.named_modules():
        if name in names or isinstance(module, Activation):
            hooks.append(module.register_forward_pre_hook(enter))
            hooks.append(module.register_forward_hook(leave))
    try:
        with calls:
            yield called, calls.found
    finally:
        for hook in hooks:
            hook.remove()
