"""Networks by name, built from a seed, with their ordinary activations still in."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from actsearch.config import BUILT_IN_MODELS, FAULTS, describe_fault
from actsearch.records.search_path import UsersOwnProcesses

_OF_THE_DATA = ("image_shape", "n_classes")
_RESERVED = {
    "torchvision": ("num_classes", "progress", "weights"),
    "timm": ("in_chans", "num_classes", "pretrained"),
}
"""Keywords that the builders below give themselves."""


_COMPILED = {"OptimizedModule": "torch.compile", "ScriptModule": "torch.jit"}


class ModelError(ValueError):
    """A network that cannot be built; the message names it and what is allowed."""


def build_model(
    name: str,
    image_shape: tuple[int, int, int],
    n_classes: int,
    seed: int,
    options: Mapping[str, Any] | None = None,
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
        options: further keywords for the function, or for the constructor behind the name.

    Returns:
        The network, on the CPU, as it is built: in training mode, unless its builder says
        otherwise.

    Raises:
        ModelError: when the name is unknown or its package is not installed; when what is called
            does not take its keywords, fails, or returns no module.
    """
    build, given = _builder(name), dict(options or {})
    if source := next((source for source in _RESERVED if name.startswith(f"{source}:")), None):
        _refuse_reserved(name, given, _RESERVED[source])
    else:
        _check_keywords(name, build, given)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed seeds GPUs too
        try:
            with UsersOwnProcesses():
                model = build(image_shape=image_shape, n_classes=n_classes, **given)
        except ModelError:
            raise
        except FAULTS as error:
            problem = _failed(name, build, image_shape, n_classes, given, error)
            raise ModelError(problem) from error
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


def _refuse_reserved(name: str, options: Mapping[str, Any], reserved: Collection[str]) -> None:
    if clashing := [option for option in options if option in reserved]:
        raise ModelError(
            f"model {name!r}: model_options may not hold {', '.join(map(repr, clashing))}, which "
            "we set ourselves: networks take their shape from the data and start untrained"
        )


def _check_keywords(name: str, build: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse a function that does not take the keywords it is about to be called with."""
    _refuse_reserved(name, options, _OF_THE_DATA)
    parameters = inspect.signature(build).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    names = [p.name for p in named]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        if missing := [keyword for keyword in _OF_THE_DATA if keyword not in names]:
            raise ModelError(
                f"model {name!r} must take the keywords image_shape (channels, height, width) and "
                f"n_classes, and lacks {' and '.join(missing)}; it takes "
                f"{', '.join(names) or 'none'}"
            )
        if unknown := [option for option in options if option not in names]:
            raise ModelError(_unknown_option(name, unknown[0], names))
    needed = {p.name for p in named if p.default is p.empty} - {*_OF_THE_DATA, *options}
    if needed or any(p.kind is p.POSITIONAL_ONLY and p.default is p.empty for p in parameters):
        what = ", ".join(sorted(needed)) or "arguments without a name"
        raise ModelError(
            f"model {name!r} needs {what} besides image_shape and n_classes: give it a default, or "
            "a value in the task's model_options"
        )


def _unknown_option(name: str, option: str, known: Collection[str]) -> str:
    allowed = [keyword for keyword in known if keyword not in _OF_THE_DATA]
    return (
        f"model {name!r} takes no option {option!r}; allowed in model_options: "
        f"{', '.join(allowed) or 'none'}"
    )


def _failed(
    name: str,
    build: Callable[..., Any],
    image_shape: tuple[int, int, int],
    n_classes: int,
    options: Mapping[str, Any],
    error: BaseException,
) -> str:
    """What to say of a network that could not be built."""
    refused = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    if isinstance(error, TypeError) and refused and refused[1] in options:
        # Names of torchvision and timm hand keywords on to a class, which the plain network shows.
        with contextlib.suppress(Exception):
            plain = build(image_shape=image_shape, n_classes=n_classes)
            parameters = inspect.signature(type(plain)).parameters.values()
            ours = {keyword for keywords in _RESERVED.values() for keyword in keywords}
            known = [p.name for p in parameters if p.default is not p.empty and p.name not in ours]
            return _unknown_option(name, refused[1], known)
    given = {"image_shape": image_shape, "n_classes": n_classes, **options}
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
