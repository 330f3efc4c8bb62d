"""Networks by name, built from a seed, with their ordinary activations still in."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from actsearch.config import BUILT_IN_MODELS


class ModelError(ValueError):
    """A network that cannot be built; the message names it and what is allowed."""


def build_model(
    name: str, image_shape: tuple[int, int, int], n_classes: int, seed: int
) -> nn.Module:
    """Build a network with weights drawn from ``seed``.

    Networks are built on the CPU. Its global generator is seeded for the build and then put back,
    and a GPU's is not touched, so the weights depend on the network and the seed alone: every
    activation function starts from the same ones.

    Args:
        name: a built-in name, ``torchvision:NAME``, ``timm:NAME``, or ``package.module:function``,
            which is called with the keywords ``image_shape`` and ``n_classes``.
        image_shape: channels, height and width.
        n_classes: number of outputs.
        seed: seed of the initial weights.

    Raises:
        ModelError: when the name is unknown or its package is not installed.
    """
    build = _builder(name)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed seeds GPUs too
        model = build(image_shape=image_shape, n_classes=n_classes)
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"model {name!r} must return a torch.nn.Module, got {type(model).__name__}"
        )
    return model


def _builder(name: str) -> Callable[..., Any]:
    source, colon, rest = BUILT_IN_MODELS.get(name, name).partition(":")
    if not colon:
        raise ModelError(
            f"unknown model {name!r}; allowed: {', '.join(BUILT_IN_MODELS)}, torchvision:NAME, "
            "timm:NAME, package.module:function"
        )
    if source == "torchvision":
        return _torchvision(rest)
    if source == "timm":
        return _timm(rest)
    try:
        # Imported on use: the code of a task's trials is that of its own network alone.
        function: Callable[..., Any] = getattr(importlib.import_module(source), rest)
    except (ImportError, AttributeError, ValueError) as error:
        raise ModelError(f"model {name!r} cannot be imported: {error}") from error
    return function


def _torchvision(name: str) -> Callable[..., nn.Module]:
    from torchvision import models

    if name not in models.list_models():
        raise ModelError(
            f"unknown model 'torchvision:{name}'; torchvision.models.list_models() lists the "
            "allowed ones"
        )

    def build(image_shape: tuple[int, int, int], n_classes: int) -> nn.Module:
        if image_shape[0] != 3:
            raise ModelError(
                f"model 'torchvision:{name}' takes images of 3 channels, the data have "
                f"{image_shape[0]}"
            )
        model: nn.Module = models.get_model(name, weights=None, num_classes=n_classes)
        return model

    return build


def _timm(name: str) -> Callable[..., nn.Module]:
    try:
        timm = importlib.import_module("timm")
    except ImportError:
        raise ModelError(f"model 'timm:{name}' needs the package timm: pip install timm") from None
    if name not in timm.list_models():
        raise ModelError(f"unknown model 'timm:{name}'; timm.list_models() lists the allowed ones")

    def build(image_shape: tuple[int, int, int], n_classes: int) -> nn.Module:
        known = timm.models.get_pretrained_cfg(name)
        # most transformers are built for one size of images, the others take any
        size = {"img_size": image_shape[1:]} if known and known.fixed_input_size else {}
        model: nn.Module = timm.create_model(
            name, pretrained=False, num_classes=n_classes, in_chans=image_shape[0], **size
        )
        return model

    return build
