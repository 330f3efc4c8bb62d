"""What a network's trainings and Fisher spectra take, from its arithmetic, without torch.

What is counted of a network is in ``cost``; the rest is what a GPU is known to lose time with:
reading and writing the tensors of elementwise functions, and starting kernels. Good to a factor of
two or three, which tells days from months.
"""

from __future__ import annotations

from dataclasses import dataclass

from actsearch.functions.expressions import parse

TYPICAL = parse("mul(sigmoid(x),tanh(x))")
"""Stands for the functions of a space: three operators."""

# A GPU of the class of an A100 or better, at what small networks reach of it.
FLOPS_PER_SECOND = 2e13
HALF_FLOPS_PER_SECOND = 6e13
BYTES_PER_SECOND = 1e12
SECONDS_PER_KERNEL = 6e-6

# An operator reads and writes a tensor in the forward pass and three in the backward pass.
TENSORS_PER_OPERATOR = 5
_FORWARD_SHARE = 0.4


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
        traffic = forward * TENSORS_PER_OPERATOR * TYPICAL.size * (2 if half else 4)
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


def gigabytes(size: int) -> str:
    """Bytes in words."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{max(size / 1e6, 1):.0f} MB"
