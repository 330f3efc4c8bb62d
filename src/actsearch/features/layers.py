"""Which layers of a network have a Fisher block, and fixing the statistics of batch norm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class FisherLayers(NamedTuple):
    """Names of modules with weights, in the network's order."""

    covered: list[str]
    """Linear layers and convolutions: they have a block."""
    passed_over: list[str]
    """All other modules that hold parameters themselves: norms, embeddings, attention projections
    that are no module of their own, and subclasses that compute something else than their base. The
    network itself, where it holds parameters, has the name ``""``."""


def fisher_layers(model: nn.Module) -> FisherLayers:
    """Which modules with weights ``fisher_spectrum`` covers, and which it passes over."""
    attention = [m for m in model.modules() if isinstance(m, nn.MultiheadAttention)]
    # torch's attention calls the weights of its output projection without calling the module
    uncalled = {id(m.out_proj) for m in attention}
    covered, passed_over = [], []
    for name, module in model.named_modules():
        if _is_covered(module) and id(module) not in uncalled:
            covered.append(name)
        elif next(module.parameters(recurse=False), None) is not None:
            passed_over.append(name)
    return FisherLayers(covered, passed_over)


def _is_covered(module: nn.Module) -> bool:
    kind = type(module)
    if isinstance(module, nn.Linear):
        return kind.forward is nn.Linear.forward
    for base in (nn.Conv1d, nn.Conv2d):
        if isinstance(module, base):
            methods = ("forward", "_conv_forward")
            return all(getattr(kind, method) is getattr(base, method) for method in methods)
    return False


def calibrate_batch_norm(model: nn.Module, x: Tensor) -> None:
    """Set the statistics of all batch norms to those of ``x`` and put the model in eval mode.

    Batch norm in training mode ties the examples of a batch together, so that no example has a
    gradient of its own. One pass over ``x`` (N, ...) sets the running mean and the running variance
    (unbiased, as always in torch) to those of all its examples; dropout and the like are off during
    the pass. Batch norms that keep no statistics stay without.

    The pass takes all examples at once: a layer's statistics hang on those of the layers before, so
    that chunks would need a pass a batch norm. It keeps no graph, only the layer at hand.
    """
    model.eval()
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average: one pass gives the statistics of x
        norm.train()
    try:
        with torch.no_grad():
            model(x)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; ValueError if a batch norm has no fixed statistics."""
    training = [module for module in model.modules() if module.training]
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and (module.training or module.running_mean is None):
            remedy = (
                "build it with track_running_stats=True, or use another norm"
                if module.running_mean is None
                else "fix them with calibrate_batch_norm(model, x)"
            )
            raise ValueError(
                f"batch norm {name!r} takes its statistics from the batch, so examples have no "
                f"gradients of their own; {remedy}"
            )
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
