"""What a training and a Fisher spectrum cost, counted before any was made.

The arithmetic of a network is counted by running it once; the rest is what a GPU is known to lose
time with: reading and writing the tensors of elementwise functions, and starting kernels. Good to a
factor of two or three, which tells days from months.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from actsearch.config import Task
from actsearch.data.dataset import DataShape
from actsearch.functions.activation import every_activation
from actsearch.functions.expressions import parse
from actsearch.networks.building import build_network

TYPICAL = parse("mul(sigmoid(x),tanh(x))")
"""Stands for the functions of a space: three operators."""

# A GPU of the class of an A100 or better, at what small networks reach of it.
FLOPS_PER_SECOND = 2e13
HALF_FLOPS_PER_SECOND = 6e13
BYTES_PER_SECOND = 1e12
SECONDS_PER_KERNEL = 6e-6

_EXAMPLES = 2  # batch norm needs two
_EIGENVALUES = 4 / 3  # flops of all eigenvalues of a symmetric (n, n) matrix, over n^3
# An operator reads and writes a tensor in the forward pass and three in the backward pass.
_TENSORS_PER_OPERATOR = 5
_FORWARD_SHARE = 0.4
_KERNELS_PER_MODULE = 4  # forward, backward to inputs and weights, update


@dataclass(frozen=True)
class Work:
    """What one example, and one step, cost."""

    forward_flops: float
    """Floating-point operations of the forward pass of one example."""
    activation_values: float
    """Values that activation functions are applied to, an example."""
    kernels: float
    """Kernels started in a training step."""
    input_factor_flops: float
    """Of the Fisher blocks' input factors, an example."""
    gradient_factor_flops: float
    """Of their gradient factors, an example and a backward pass."""
    eigenvalue_flops: float
    """Of all eigenvalues of all factors."""

    def seconds(self, examples: float, batch_size: float, training: bool, half: bool) -> float:
        """Time that one GPU takes for passes over ``examples``.

        Args:
            examples: Passes, of one example each.
            batch_size: Examples a step.
            training: Whether backward passes are made too.
            half: Whether activations are kept in 16 bits.

        Returns:
            Seconds.
        """
        forward = _FORWARD_SHARE if not training else 1.0
        rate = HALF_FLOPS_PER_SECOND if half else FLOPS_PER_SECOND
        flops = (3.0 if training else 1.0) * self.forward_flops / rate
        traffic = forward * _TENSORS_PER_OPERATOR * TYPICAL.size * (2 if half else 4)
        memory = self.activation_values * traffic / BYTES_PER_SECOND
        starting = forward * self.kernels * SECONDS_PER_KERNEL / batch_size
        return examples * max(flops + memory, starting)

    def fisher_seconds(self, examples: int, backward_passes: int) -> float:
        """Seconds of one GPU for a function's Fisher spectra; factors are float64."""
        each = self.input_factor_flops + backward_passes * self.gradient_factor_flops
        passes = (1 + 2 * backward_passes) * self.forward_flops
        flops = examples * (2 * each + passes) + 2 * self.eigenvalue_flops
        starting = self.kernels * (1 + backward_passes) * SECONDS_PER_KERNEL
        return max(flops / FLOPS_PER_SECOND, starting)


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
    kernels = _KERNELS_PER_MODULE * leaves + _TENSORS_PER_OPERATOR * TYPICAL.size * len(places)
    forward = counter.get_total_flops() / _EXAMPLES
    return Work(forward, values / _EXAMPLES, kernels, *factors)
