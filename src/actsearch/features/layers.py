"""Which layers of a network have a Fisher block, and fixing the statistics of batch norm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import ParametrizationList

from actsearch.features.factors import Layer, positions
from actsearch.features.passed_over import NO_BLOCK, NO_EXAMPLES, NOT_CALLED, FisherLayers

_EXAMPLES = 8  # which of a network's experts are called depends on them


def fisher_layers(model: nn.Module, x: Tensor) -> FisherLayers:
    """Which modules with weights ``fisher_spectrum`` covers, and which it passes over.

    The model is run in evaluation mode on a few examples, and on the same twice. A layer that is
    applied to as many rows both times sees no examples. The model is left as it was.

    Args:
        model: maps (N, ...) to logits.
        x: (N, ...) at least one example, on the model's device.

    Returns:
        Both kinds.
    """
    kinds = {
        name: _has_block(module)
        for name, module in model.named_modules()
        if _has_block(module) or _holds_parameters(module)
    }
    layers = {name: model.get_submodule(name) for name, block in kinds.items() if block}
    with in_evaluation(model), torch.enable_grad():
        few = x[:_EXAMPLES] if len(x) > 1 else torch.cat([x, x])  # batch norm may need two
        once, twice = (_rows(model, layers, torch.cat([few] * n)) for n in (1, 2))
    passed_over = {}
    for name, block in kinds.items():
        if not block:
            passed_over[name] = NO_BLOCK
        elif not once[name]:
            passed_over[name] = NOT_CALLED
        elif once[name] == twice[name]:
            passed_over[name] = NO_EXAMPLES
    return FisherLayers([name for name in kinds if name not in passed_over], passed_over)


def _rows(model: nn.Module, layers: dict[str, nn.Module], x: Tensor) -> dict[str, int]:
    """How many rows each layer is applied to in a pass over ``x``."""
    rows = dict.fromkeys(layers, 0)

    def count(name: str) -> Any:
        def hook(layer: Layer, _: Any, output: Tensor) -> None:
            rows[name] += positions(layer, output)

        return hook

    handles = [layer.register_forward_hook(count(name)) for name, layer in layers.items()]
    try:
        model(x)
    finally:
        for handle in handles:
            handle.remove()
    return rows


def _holds_parameters(module: nn.Module) -> bool:
    """Whether parameters are its own; those of a parametrization are its layer's."""
    own = next(module.parameters(recurse=False), None) is not None
    return own and not isinstance(module, ParametrizationList)


def _has_block(module: nn.Module) -> bool:
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
    with in_evaluation(model):
        yield


@contextmanager
def in_evaluation(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
