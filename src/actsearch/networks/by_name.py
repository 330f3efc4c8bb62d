"""Networks by name, built from a seed, with their ordinary activations still in."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from actsearch.config import BUILT_IN_MODELS, FAULTS, describe_fault
from actsearch.data.dataset import DataShape
from actsearch.networks.keywords import (
    OF_THE_DATA,
    of_the_data,
    refuse_reserved,
    unknown_option,
)
from actsearch.networks.keywords import ModelError as ModelError
from actsearch.records.search_path import UsersOwnProcesses

_RESERVED = {
    "torchvision": ("num_classes", "progress", "weights"),
    "timm": ("in_chans", "num_classes", "pretrained"),
}
"""Keywords that the builders below give themselves."""


_COMPILED = {"OptimizedModule": "torch.compile", "ScriptModule": "torch.jit"}


def build_model(
    name: str,
    shape: DataShape,
    seed: int,
    options: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Build a network with weights drawn from ``seed``.

    Networks are built on the CPU. Its global generator is seeded for the build and then put back,
    and a GPU's is not touched, so the weights depend on the network and the seed alone: every
    activation function starts from the same ones.

    Args:
        name: a built-in name, ``torchvision:NAME``, ``timm:NAME``, or ``package.module:function``,
            which is called with the keywords ``input_shape`` and ``n_outputs``, and with
            ``n_tokens`` where examples are tokens. For images and classes it may take
            ``image_shape`` (channels, height, width) and ``n_classes`` instead.
        shape: what of the data shapes a network.
        seed: seed of the initial weights.
        options: further keywords for the function, or for the constructor behind the name.

    Returns:
        The network, on the CPU, as it is built: in training mode, unless its builder says
        otherwise.

    Raises:
        ModelError: when the name is unknown or its package is not installed; when what is called
            does not take its keywords, fails, or returns no module; when it takes images or classes
            and the data have none.
    """
    build, options = _builder(name), dict(options or {})
    if source := next((source for source in _RESERVED if name.startswith(f"{source}:")), None):
        refuse_reserved(name, options, _RESERVED[source])
    else:
        refuse_reserved(name, options, OF_THE_DATA)
    given = of_the_data(name, build, shape, options) | options
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed seeds GPUs too
        try:
            with UsersOwnProcesses():
                model = build(**given)
        except ModelError:
            raise
        except FAULTS as error:
            raise ModelError(_failed(name, build, given, options, error)) from error
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"model {name!r} must return a torch.nn.Module, got {type(model).__name__}"
        )
    _refuse_compiled(name, model)
    if lazy := [module for module, tensor in model.named_parameters() if is_lazy(tensor)]:
        raise ModelError(
            f"model {name!r} has parameters without a shape ({', '.join(lazy[:3])}), which the "
            "first batch would draw, and not the seed: name the sizes of lazy modules, as in "
            "nn.Linear(64, 10) for nn.LazyLinear(10)"
        )
    return model


def _refuse_compiled(name: str, model: nn.Module) -> None:
    """Refuse a network in which nothing can be seen or replaced."""
    for place, module in model.named_modules():
        how = next((how for kind, how in _COMPILED.items() if kind in _class_names(module)), None)
        if how:
            raise ModelError(
                f"model {name!r} returns {place or 'the network'!r} compiled by {how}, in which no "
                "activation can be replaced: return it as it is (the recipe's compile says what is "
                "compiled)"
            )


def _class_names(module: nn.Module) -> list[str]:
    return [kind.__name__ for kind in type(module).__mro__]


def _failed(
    name: str,
    build: Callable[..., Any],
    given: Mapping[str, Any],
    options: Mapping[str, Any],
    error: BaseException,
) -> str:
    """What to say of a network that could not be built."""
    refused = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    if isinstance(error, TypeError) and refused and refused[1] in options:
        # Names of torchvision and timm hand keywords on to a class, which the plain network shows.
        with contextlib.suppress(Exception):
            plain = build(**{key: given[key] for key in given if key not in options})
            parameters = inspect.signature(type(plain)).parameters.values()
            ours = {keyword for keywords in _RESERVED.values() for keyword in keywords}
            known = [p.name for p in parameters if p.default is not p.empty and p.name not in ours]
            return unknown_option(name, refused[1], known)
    call = ", ".join(f"{keyword}={value!r}" for keyword, value in given.items())
    return f"model {name!r} cannot be built with {call}: {describe_fault(error)}"


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
        with UsersOwnProcesses():
            module = importlib.import_module(source)
    except FAULTS as error:  # whatever the module stumbles over
        raise ModelError(f"model {name!r} cannot be imported: {describe_fault(error)}") from error
    function = getattr(module, rest, None)
    if not callable(function):
        own = [
            key
            for key, value in vars(module).items()
            if callable(value) and getattr(value, "__module__", None) == source
        ]
        raise ModelError(
            f"model {name!r} cannot be imported: module {source!r} has no function {rest!r}; it "
            f"has {', '.join(own) or 'none'}"
        )
    return function  # type: ignore[no-any-return]


def _torchvision(name: str) -> Callable[..., nn.Module]:
    from torchvision import models

    if name not in models.list_models():
        raise ModelError(
            f"unknown model 'torchvision:{name}'; torchvision.models.list_models() lists the "
            "allowed ones"
        )

    def build(image_shape: tuple[int, int, int], n_classes: int, **options: Any) -> nn.Module:
        if image_shape[0] != 3:
            raise ModelError(
                f"model 'torchvision:{name}' takes images of 3 channels, the data have "
                f"{image_shape[0]}"
            )
        model: nn.Module = models.get_model(name, weights=None, num_classes=n_classes, **options)
        return model

    return build


def _timm(name: str) -> Callable[..., nn.Module]:
    try:
        timm = importlib.import_module("timm")
    except ImportError:
        raise ModelError(f"model 'timm:{name}' needs the package timm: pip install timm") from None
    if name not in timm.list_models():
        raise ModelError(f"unknown model 'timm:{name}'; timm.list_models() lists the allowed ones")

    def build(image_shape: tuple[int, int, int], n_classes: int, **options: Any) -> nn.Module:
        known = timm.models.get_pretrained_cfg(name)
        # most transformers are built for one size of images, the others take any
        size = {"img_size": image_shape[1:]} if known and known.fixed_input_size else {}
        model: nn.Module = timm.create_model(
            name,
            pretrained=False,
            num_classes=n_classes,
            in_chans=image_shape[0],
            **(size | options),
        )
        return model

    return build
