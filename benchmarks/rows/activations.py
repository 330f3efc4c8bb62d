"""What a function costs in a network, forward and backward, beside torch's own SiLU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from actsearch.functions.activation import Activation
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.threads import threads
from actsearch.networks.function_cost import bytes_kept
from actsearch.training.compilation import check_compiler, compiled, forget_compiled
from benchmarks.functions import random_functions
from benchmarks.limits import Limits
from benchmarks.measuring import Row, Setting, Work, in_turn

SHAPE = (64, 96, 32, 32)
FUNCTIONS, COMPILED = 200, 20
EAGER_WITHIN, COMPILED_WITHIN = 3.0, 1.5
SLOWER = 1.05
"""Of the time that autograd takes; less is within what differs between two measurements."""
NAMED = ("mul(hard_sigmoid(hard_sigmoid(x)),elu(x))", "max(arcsinh(tanh(x)),swish(x))",
         "mul(bessel_i1e(x),exp(x))", "mul(square(x),sinh(x))")  # fmt: skip
"""Measured before, and so named."""


def values(setting: Setting) -> tuple[Tensor, Tensor]:
    """Inputs that want a gradient, and what comes back from the layers above."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, 3, 4, 4) if setting.tiny else SHAPE
    x, gradient = (torch.randn(shape, generator=generator).to(setting.device) for _ in range(2))
    return x.requires_grad_(), gradient


def pass_through(function: Any, x: Tensor, gradient: Tensor) -> Work:
    """Forward and backward."""

    def work() -> None:
        y = function(x)
        if y.requires_grad:  # a constant has no gradient
            torch.autograd.grad(y, x, gradient)

    return work


def one(
    function: Any, x: Tensor, gradient: Tensor, setting: Setting, operators: Any = None
) -> dict[str, Any]:
    """``seconds`` of a function, and how many times those of SiLU, which takes turns with it.

    With ``operators``, the same function left to autograd, also beside that, and its forward pass
    alone beside SiLU's both.
    """
    works = {
        "ours": pass_through(function, x, gradient),
        "silu": pass_through(functional.silu, x, gradient),
    }
    if operators is not None:
        works["operators"] = pass_through(operators, x, gradient)
        works["forward"] = lambda: operators(x.detach())
    inner = 20 if setting.device.type == "cuda" and not setting.tiny else 1
    times = in_turn(works, setting.turns(3), setting.device, inner)
    least = {name: min(each.wall) for name, each in times.items()}
    found = {
        "seconds": least["ours"],
        "ratio": least["ours"] / least["silu"],
        "ratio_cpu": min(times["ours"].cpu) / min(times["silu"].cpu),
    }
    if operators is not None:
        found["of_autograd"] = least["ours"] / least["operators"]
        found["forward"] = least["forward"] / least["silu"]
    return found


def summary(name: str, found: Sequence[dict[str, Any]], goal: float, setting: Setting) -> Row:
    """The median function, and how others lie around it."""
    if not found:
        return Row(name, error="left out: no time was left")
    costs = np.array([each["ratio"] for each in found])
    low, middle, high = np.quantile(costs, [0.25, 0.5, 0.75])
    row = Row(
        name,
        float(np.median([each["seconds"] for each in found])),
        against="native SiLU",
        ratio=float(middle),
        ratio_of="times as long",
        goal=f"median within {goal:g} times of SiLU",
        met=bool(middle <= goal),
    )
    row.textbook = (row.ours or 0.0) / float(middle)
    # forward reads x and writes y; backward reads x and the gradient and writes one
    row.limit = 5 * 4 * values(setting)[0].numel() / Limits.bytes(setting)
    row.limit_is = "five tensors read or written at the rate of a copy"
    worst = max(found, key=lambda each: float(each["ratio"]))
    row.more = {
        "functions": len(found),
        "median_of_cpu_seconds": statistics.median(each["ratio_cpu"] for each in found),
        "quartile_low": float(low),
        "quartile_high": float(high),
        "percentile_90": float(np.quantile(costs, 0.9)),
        "worst": worst["ratio"],
        "worst_function": worst["function"],
        "kept_bytes": statistics.median(each["kept"] for each in found),
        "kept_bytes_most": max(each["kept"] for each in found),
        "each": list(found),
    }
    if "of_autograd" in found[0]:
        row.more |= {
            "of_autograd": statistics.median(each["of_autograd"] for each in found),
            "slower": sum(each["of_autograd"] > SLOWER for each in found),
            "forward": statistics.median(each["forward"] for each in found),
        }
    return row


def eager(functions: Sequence[Expression], setting: Setting) -> list[dict[str, Any]]:
    """Each function as it is."""
    found = []
    x, gradient = values(setting)
    for expression in functions:
        if setting.left < 0:
            break
        module = Activation(expression)
        operators = expression if setting.device.type == "cpu" else None
        cost = one(module, x, gradient, setting, operators)
        found.append({"function": expression.name, **cost, "kept": bytes_kept(module, x)})
    return found


def compiled_functions(
    functions: Sequence[Expression], setting: Setting, budget: float
) -> list[dict[str, Any]]:
    """Each function as trainings compile it, until ``budget`` seconds are spent."""
    found: list[dict[str, Any]] = []
    x, gradient = values(setting)
    check_compiler(setting.device)  # what the first compilation loads is no cost of a function
    started = time.monotonic()
    for expression in functions:
        if found and min(budget - (time.monotonic() - started), setting.left) < 0:
            break
        forget_compiled()
        begun = time.monotonic()
        with compiled(nn.Sequential(Activation(expression)), "activations") as module:
            pass_through(module, x, gradient)()
            compiling = time.monotonic() - begun
            cost = one(module, x, gradient, setting)
            kept = bytes_kept(module, x)
        found.append({"function": expression.name, **cost, "kept": kept, "compiling": compiling})
    forget_compiled()
    return found


def rows(
    setting: Setting, n: int = FUNCTIONS, n_compiled: int = COMPILED, budget: float = 300.0
) -> Iterator[Row]:
    """Eager, the functions named in the issue, and compiled."""
    n, n_compiled = (2, 1) if setting.tiny else (n, n_compiled)
    functions = random_functions(n)
    with threads(setting.threads):
        limit = Limits.bytes(setting)
        found = eager(functions, setting)
        name = f"activation, eager, {len(found)} random functions"
        yield summary(name, found, EAGER_WITHIN, setting)
        for each in eager([parse(name) for name in NAMED[: 1 if setting.tiny else None]], setting):
            yield Row(
                f"activation, eager, {each['function']}",
                each["seconds"],
                against="native SiLU",
                ratio=each["ratio"],
                ratio_of="times as long",
                more={
                    "kept_bytes": each["kept"],
                    "ratio_of_cpu_seconds": each["ratio_cpu"],
                    **{key: each[key] for key in ("of_autograd", "forward") if key in each},
                },
            )
        x, gradient = values(setting)
        silu = one(functional.silu, x, gradient, setting)["seconds"]
        yield Row(
            "activation, native SiLU",
            silu,
            limit=5 * 4 * x.numel() / limit,
            limit_is="five tensors read or written at the rate of a copy",
            more={"kept_bytes": bytes_kept(functional.silu, x)},
        )
        found = compiled_functions(functions[:n_compiled], setting, budget)
        row = summary("activation, compiled", found, COMPILED_WITHIN, setting)
        if found:
            row.more["compiling_seconds"] = statistics.median(each["compiling"] for each in found)
        yield row
