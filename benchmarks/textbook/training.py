"""A loop over batches, as in any tutorial."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def train(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    batch_size: int,
    clip: float | None = None,
) -> None:
    """One epoch of classes.

    Args:
        model: on the device of the data.
        optimizer: of its parameters.
        x: (N, ...) float32 inputs.
        y: (N,) labels.
        batch_size: examples a step.
        clip: largest norm of the gradient.
    """
    model.train()
    order = torch.randperm(len(x)).to(x.device)
    for rows in torch.split(order, batch_size):
        loss = functional.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
