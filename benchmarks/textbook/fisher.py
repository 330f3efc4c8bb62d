"""Eigenvalues of K-FAC's factors (Martens & Grosse 2015; Grosse & Martens 2016), plainly.

For N examples and T positions A is the sum of a a^T over examples and positions, divided by N; G
that of g g^T divided by N T, with g the gradient of one example's negative log-likelihood.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Spectrum(NamedTuple):
    """Ascending eigenvalues of one layer's factors, float64."""

    name: str
    inputs: Tensor
    gradients: Tensor


def fisher_spectrum(model: nn.Module, x: Tensor, y: Tensor | None = None) -> list[Spectrum]:
    """Spectra of every linear layer and two-dimensional convolution without groups.

    Args:
        model: maps (N, ...) to logits (N, classes); batch norm has its statistics fixed.
        x: (N, ...) inputs.
        y: (N,) labels of the empirical Fisher; without, the true one, over what the model predicts.

    Returns:
        A spectrum a layer, in the order of modules.
    """
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }
    inputs: dict[str, Tensor] = {}
    outputs: dict[str, Tensor] = {}

    def keep(name: str) -> object:
        def hook(_: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
            inputs[name], outputs[name] = arguments[0].detach(), output

        return layers[name].register_forward_hook(hook)

    training = model.training
    model.eval()
    handles = [keep(name) for name in layers]
    logits = model(x)
    for handle in handles:
        handle.remove()  # type: ignore[attr-defined]
    model.train(training)
    log_p = functional.log_softmax(logits, dim=1)
    p = log_p.detach().double().exp()
    factors = dict.fromkeys(layers, torch.tensor(0.0, dtype=torch.float64, device=x.device))
    classes = range(logits.shape[1]) if y is None else [None]
    for c in classes:
        chosen = log_p[:, c] if y is None else log_p[torch.arange(len(x)), y]
        gradients = torch.autograd.grad(-chosen.sum(), [*outputs.values()], retain_graph=True)
        weights = p[:, c] if y is None else torch.ones_like(p[:, 0])
        for name, gradient in zip(outputs, gradients, strict=True):
            rows = _output_rows(gradient).double()  # (N, T, outputs)
            scaled = (rows * weights.sqrt()[:, None, None]).flatten(0, 1)
            factors[name] = factors[name] + scaled.T @ scaled / len(scaled)
    found = []
    for name in outputs:
        rows = _input_rows(layers[name], inputs[name]).double()
        a = rows.T @ rows / len(x)
        found.append(Spectrum(name, torch.linalg.eigvalsh(a), torch.linalg.eigvalsh(factors[name])))
    return found


def _input_rows(layer: nn.Linear | nn.Conv2d, x: Tensor) -> Tensor:
    """What the weights are applied to, (rows, fan in), with a 1 where there is a bias."""
    if isinstance(layer, nn.Conv2d):
        assert not isinstance(layer.padding, str) and layer.groups == 1
        patches = functional.unfold(
            x, layer.kernel_size, layer.dilation, layer.padding, layer.stride
        )
        rows = patches.transpose(1, 2).flatten(0, 1)
    else:
        rows = x.flatten(0, -2)
    if layer.bias is None:
        return rows
    return torch.cat([torch.ones_like(rows[:, :1]), rows], dim=1)


def _output_rows(gradient: Tensor) -> Tensor:
    """(N, T, outputs)."""
    if gradient.dim() == 4:
        return gradient.flatten(2).transpose(1, 2)
    return gradient.flatten(1, -2) if gradient.dim() > 2 else gradient[:, None]
