"""Counting what one example, and one training step, of a network cost, by running it once."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from actsearch.config import Task
from actsearch.data.dataset import DataShape
from actsearch.functions.activation import every_activation
from actsearch.networks.building import build_network
from actsearch.networks.work import TENSORS_PER_OPERATOR, TYPICAL, Work

_EXAMPLES = 2  # batch norm needs two
_EIGENVALUES = 4 / 3  # flops of all eigenvalues of a symmetric (n, n) matrix, over n^3
_KERNELS_PER_MODULE = 4  # forward, backward to inputs and weights, update


def count_work(task: Task, shape: DataShape) -> Work:
    """Count the work of a task's network, with a typical function in it, on the CPU.

    Args:
        task: network and replaced activations.
        shape: of its data.

    Returns:
        The work of one example, and of one step.

    Raises:
        ModelError: when the network cannot be built.
        ValueError: when nothing was replaced.
    """
    model, _ = build_network(task, shape, TYPICAL, 0)
    values = 0
    factors = [0.0, 0.0, 0.0]

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal values
        values += output.numel()

    def count_factors(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        weight = module.get_parameter("weight")
        groups = int(getattr(module, "groups", 1))
        fan_in, fan_out = weight[0].numel(), len(weight) // groups
        positions = output.numel() / len(weight) / _EXAMPLES
        factors[0] += 2 * groups * positions * fan_in**2
        factors[1] += 2 * groups * positions * fan_out**2
        factors[2] += _EIGENVALUES * groups * (fan_in**3 + fan_out**3)

    places = every_activation(model)
    for place in places:
        place.register_forward_hook(count)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
            module.register_forward_hook(count_factors)
    model.train()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad(), torch.random.fork_rng(devices=[]):
        model(torch.zeros(_EXAMPLES, *shape.input_shape, dtype=shape.dtype))
    leaves = sum(1 for module in model.modules() if not list(module.children()))
    kernels = _KERNELS_PER_MODULE * leaves + TENSORS_PER_OPERATOR * TYPICAL.size * len(places)
    forward = counter.get_total_flops() / _EXAMPLES
    return Work(forward, values / _EXAMPLES, kernels, *factors)
