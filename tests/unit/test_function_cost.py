"""What a function costs: how it is timed, and the bytes that it keeps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from actsearch.functions.expressions import parse
from actsearch.networks import function_cost
from actsearch.networks.function_cost import (
    FEWEST_TURNS,
    MOST_TURNS,
    Meter,
    bytes_kept,
    eager_rows,
    row_of,
    settled,
)
from actsearch.networks.unfinished_costs import UnfinishedCosts

CPU = torch.device("cpu")
FUNCTIONS = [parse(name) for name in ("tanh(x)", "mul(sigmoid(x),erf(x))", "one(x)")]


@pytest.fixture(autouse=True)
def few_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(function_cost.SHAPE, "cpu", (2, 3, 4, 4))


class Line(torch.autograd.Function):
    """2 x, whose passes take as long as a clock is told."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, work: Callable[[str], None]) -> Tensor:
        work("forward")
        ctx.work = work
        return 2 * x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        ctx.work("backward")
        return 2 * gradient, None


class Machine:
    """A clock, and functions that take so long on it; the machine may slow down meanwhile."""

    def __init__(self, slower: Callable[[float], float] = lambda now: 1.0) -> None:
        self.now = 0.0
        self.calls: list[str] = []
        self._slower = slower

    def function(self, name: str, forward: float, backward: float) -> Callable[[Tensor], Tensor]:
        def work(part: str) -> None:
            self.calls.append(f"{name} {part}")
            self.now += self._slower(self.now) * (forward if part == "forward" else backward)

        return lambda x: Line.apply(x, work)

    def meter(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> Meter:
        monkeypatch.setattr(functional, "relu", self.function("relu", 1.0, 2.0))
        monkeypatch.setattr(
            function_cost, "Activation", lambda expression: self.function("f", 5.0, 4.0)
        )
        return Meter(CPU, seconds, lambda: self.now)


def test_function_and_relu_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    cost = machine.meter(monkeypatch, seconds=40).eager(FUNCTIONS[0])
    passes = ["relu forward", "relu backward", "f forward", "f backward"]
    *turns, kept = machine.calls  # warming up, then turns until 40 seconds are over
    assert kept == "f forward"
    assert turns == passes * (1 + 4)
    assert (cost.forward, cost.backward, cost.both) == (5.0, 2.0, 3.0)
    assert cost.relu_seconds == 3.0
    assert math.isnan(cost.compile_seconds)


def test_what_others_take_of_a_machine_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    # Three of four passes are slowed down, up to ten times.
    machine = Machine(lambda now: max(1.0, random.uniform(-2.0, 10.0)))
    cost = machine.meter(monkeypatch, seconds=1e9).eager(FUNCTIONS[0])
    assert (cost.forward, cost.backward, cost.both) == (5.0, 2.0, 3.0)


def test_a_slow_time_meets_all_functions_that_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    # All is slow for the first round: in one round alone, the second function would look cheap.
    passes = itertools.count()
    slow = 4 * (1 + FEWEST_TURNS)  # passes of one function and relu

    def slower(now: float) -> float:
        return 8.0 if next(passes) < slow and len(machine.calls) % 4 in (3, 0) else 1.0

    done: list[tuple[int, int]] = []
    machine = Machine(slower)
    meter = machine.meter(monkeypatch, seconds=0.0)
    costs = meter.eager_in_rounds(FUNCTIONS[:2], 2, lambda *call: done.append(call))
    assert [cost.both for cost in costs] == [3.0, 3.0]
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    machine = Machine(slower)
    passes = itertools.count()
    meter = machine.meter(monkeypatch, seconds=0.0)
    assert [cost.both for cost in meter.eager_in_rounds(FUNCTIONS[:2], 1)] == [24.0, 3.0]


@pytest.mark.parametrize(("seconds", "turns"), [(0.0, FEWEST_TURNS), (1e9, MOST_TURNS)])
def test_turns_are_neither_too_few_nor_too_many(
    seconds: float, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine()
    machine.meter(monkeypatch, seconds).eager(FUNCTIONS[0])
    assert machine.calls.count("f backward") == turns + 1  # one warms up
    assert machine.calls.count("relu backward") == turns + 1


def test_a_constant_has_no_backward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_cost, "Activation", lambda expression: torch.ones_like)
    cost = Meter(CPU, 0.0).eager(FUNCTIONS[0])
    assert cost.bytes_kept == 0
    assert cost.forward > 0
    assert 0 < cost.both < cost.forward + 1


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (torch.relu, 4),  # its output
        (torch.tanh, 4),
        (lambda x: 3 * x + 1, 0),
        (lambda x: x * x, 4),  # the input once, though for both factors
        (lambda x: torch.relu(x) * torch.tanh(x), 8),  # outputs, which the product saves again
        (lambda x: torch.sigmoid(x) * x, 8),
        (lambda x: torch.exp(x).view(-1).square(), 4),  # of one memory in two shapes
        (lambda x: torch.where(x > 0, x, -x), 1),  # the mask
        (lambda x: torch.relu(x.double()).float(), 8),
        (lambda x: torch.relu(x[:1]), 4 / 2),  # a half of it
    ],
)
def test_bytes_are_those_of_what_is_saved(
    function: Callable[[Tensor], Tensor], expected: float
) -> None:
    x = torch.linspace(-1, 1, 64).reshape(2, 32).requires_grad_()
    assert bytes_kept(function, x) == expected
    assert bytes_kept(function, x.detach()) == 0


def test_relu_keeps_four_bytes_whatever_it_is_called() -> None:
    assert Meter(CPU, 0.0).eager(parse("relu(x)")).bytes_kept == 4


def test_a_compiled_function_keeps_less(monkeypatch: pytest.MonkeyPatch) -> None:
    expression = parse("mul(sigmoid(x),erf(x))")
    asked: list[dict[str, Any]] = []

    def compile(function: Any, **options: Any) -> Any:
        asked.append(options)
        return lambda x: function(x)

    monkeypatch.setattr(torch, "compile", compile)
    meter = Meter(CPU, 0.0)
    cost, eager = meter.compiled(expression), meter.eager(expression)
    assert asked == [{"fullgraph": True, "dynamic": False}]
    assert cost.bytes_kept == eager.bytes_kept
    assert cost.compile_seconds > 0


def test_settings_of_the_process_are_put_back() -> None:
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError), settled():
        assert torch.get_num_threads() == 1
        assert (torch.tensor(1e-308, dtype=torch.float64) * 1e-10).item() == 0.0
        raise RuntimeError
    assert torch.get_num_threads() == before
    assert (torch.tensor(1e-308, dtype=torch.float64) * 1e-10).item() != 0.0


# Tables


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the functions that are measured."""
    names: list[str] = []

    def eager(self: Meter, expression: Any) -> function_cost.Cost:
        names.append(expression.name)
        return function_cost.Cost(1.0, 2.0, 1.5, 4.0, 0.25)

    monkeypatch.setattr(Meter, "eager", eager)
    return names


def test_a_row_a_function_and_device(measured: list[str]) -> None:
    rows = list(eager_rows(FUNCTIONS, [CPU, CPU]))
    assert measured == [f.name for f in FUNCTIONS for _ in range(2)]
    assert rows[0].pop("processor")
    assert rows[0] == {
        "name": "tanh(x)",
        "slug": "tanh.x",
        "device": "cpu",
        "mode": "eager",
        "forward": 1.0,
        "backward": 2.0,
        "both": 1.5,
        "bytes_kept": 4.0,
        "relu_seconds": 0.25,
    }
    assert "compile_seconds" in row_of(FUNCTIONS[0], CPU, "compiled", function_cost.NOT_KNOWN)


def test_a_table_that_was_stopped_goes_on(measured: list[str], tmp_path: Path) -> None:
    path, said = tmp_path / ".costs.checkpoint", list[str]()
    file = UnfinishedCosts(path, {"cpu": "a"}, said.append, seconds_between=0)
    rows = file.take_over()
    for row in itertools.islice(eager_rows(FUNCTIONS, [CPU]), 2):
        rows.append(row)
        file.keep(rows)
    del measured[:]
    again = UnfinishedCosts(path, {"cpu": "a"}, said.append)
    found = again.take_over()
    assert found == rows and said == [f"{path}: goes on after 2 rows"]
    whole = [*found, *eager_rows(FUNCTIONS, [CPU], found)]
    assert measured == ["one(x)"]
    assert [row["name"] for row in whole] == [f.name for f in FUNCTIONS]
    assert UnfinishedCosts(path, {"cpu": "b"}, said.append).take_over() == []
    assert "of other functions, code or machine" in said[-1]
    again.remove()
    assert not path.exists()
