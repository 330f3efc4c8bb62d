"""What a function costs beside relu: seconds forward and backward, and bytes kept between them.

Seconds depend on the machine and on who else works there. So a function and relu are timed in
turns, on a CPU in seconds of one core and on a GPU in seconds of its own. What is told is the ratio
of the fastest passes of both: whatever else a machine does only adds to a time, by tens of per
cent, and medians with it. The unit is torch's own relu as a network calls it that is not compiled,
for compiled functions too: so both compare.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional

from actsearch.functions.activation import Activation
from actsearch.functions.expressions import Expression
from actsearch.functions.threads import flushed_denormals, threads
from actsearch.networks.pass_times import CpuTimer, Function, GpuTimer, Timer, Turn, backward
from actsearch.records.provenance import cpu_model

SHAPE = {"cpu": (64, 16, 32, 32), "cuda": (64, 96, 32, 32)}
"""Of the tensor of normal numbers, float32, that functions take, by the type of device."""
FEWEST_TURNS = 3
MOST_TURNS = 100
_SEED = 0


@dataclass(frozen=True)
class Cost:
    """What a function costs; times are multiples of relu's."""

    forward: float
    backward: float
    both: float
    """Forward and backward together."""
    bytes_kept: float
    """Bytes that are kept for the backward pass, for each number of the input; relu keeps 4."""
    relu_seconds: float
    """Of relu, forward and backward, on one tensor."""
    compile_seconds: float = math.nan
    """That compiling took, which are in none of the above; less where torch has it in its cache."""


NOT_KNOWN = Cost(*[math.nan] * 5)
"""Of what cannot be compiled here."""


class Fastest(NamedTuple):
    """The fastest passes of a function, and of relu in its turns."""

    function: Turn
    relu: Turn

    def faster(self, other: Fastest) -> Fastest:
        """The fastest of both: what else a machine does only adds to a time."""
        return Fastest(*map(_faster, self, other))


def _faster(one: Turn, other: Turn) -> Turn:
    return Turn(*map(min, one, other))


class Meter:
    """Measures functions on a device."""

    def __init__(
        self,
        device: torch.device,
        seconds: float = 0.1,
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        """Draw the tensor; the same on every machine.

        Args:
            device: where.
            seconds: that a function is timed for, relu's turns among them; at least
                ``FEWEST_TURNS`` turns.
            clock: of the CPU, seconds from any start; those that this process took when left out.
        """
        generator = torch.Generator().manual_seed(_SEED)
        numbers = torch.randn(2, *SHAPE[device.type], generator=generator).to(device)
        self._x, self._gradient = numbers[0].clone().requires_grad_(), numbers[1].clone()
        self._seconds, self._clock = seconds, clock
        self._timer: Timer = (
            GpuTimer(self._x, self._gradient)
            if device.type == "cuda"
            else CpuTimer(self._x, self._gradient, clock)
        )

    def eager(self, expression: Expression) -> Cost:
        """Of a function as a network calls it that is not compiled."""
        function = Activation(expression)
        return self._cost(function, self._in_turns(function))

    def eager_in_rounds(
        self,
        expressions: Sequence[Expression],
        rounds: int,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[Cost]:
        """Of functions that are compared: each has its turns in every round.

        What slows the machine down for a while then slows all of them; and all are compared with
        the fastest relu of any.

        Args:
            expressions: the functions, at least one.
            rounds: each as long as a function is timed for.
            progress: called with the number of times done and of all.

        Returns:
            A cost per function.
        """
        functions = [Activation(expression) for expression in expressions]
        found: list[Fastest] = []
        for done in range(rounds * len(functions)):
            place = done % len(functions)
            fastest = self._in_turns(functions[place])
            if done < len(functions):
                found.append(fastest)
            else:
                found[place] = found[place].faster(fastest)
            progress(done + 1, rounds * len(functions))
        relu = functools.reduce(_faster, (fastest.relu for fastest in found))
        shared = [Fastest(fastest.function, relu) for fastest in found]
        return list(map(self._cost, functions, shared))

    def compiled(self, expression: Expression) -> Cost:
        """Of a function compiled by itself for tensors of this shape, where the compiler works."""
        torch.compiler.reset()  # torch stops compiling after a few functions otherwise
        function = torch.compile(Activation(expression), fullgraph=True, dynamic=False)
        started = time.perf_counter()  # compilers are other processes
        self._warm_up(function)
        seconds = time.perf_counter() - started
        cost = self._cost(function, self._in_turns(function))
        return replace(cost, compile_seconds=seconds)

    def _cost(self, function: Function, fastest: Fastest) -> Cost:
        one, relu = fastest
        return Cost(
            forward=one.forward / relu.forward,
            backward=one.backward / relu.backward,
            both=one.both / relu.both,
            bytes_kept=bytes_kept(function, self._x),
            relu_seconds=relu.both,
        )

    def _in_turns(self, function: Function) -> Fastest:
        """The fastest passes of a function and of relu: one turn each, again and again."""
        with torch.enable_grad():
            for once in (functional.relu, function):
                self._warm_up(once)
            started = self._clock()
            fastest = self._both(function)
            turns = 1
            while turns < FEWEST_TURNS or (
                turns < MOST_TURNS and self._clock() - started < self._seconds
            ):
                fastest = fastest.faster(self._both(function))
                turns += 1
        return fastest

    def _both(self, function: Function) -> Fastest:
        return Fastest(relu=self._timer.turn(functional.relu), function=self._timer.turn(function))

    def _warm_up(self, function: Function) -> None:
        """The first time compiles, loads kernels and asks for memory."""
        with torch.enable_grad():
            backward(function(self._x), self._x, self._gradient)


def bytes_kept(function: Function, x: Tensor) -> float:
    """Bytes that autograd keeps for the backward pass of a function, for each number of its input.

    Args:
        function: elementwise.
        x: its input, which requires a gradient.

    Returns:
        The sizes of all distinct memory that is saved, over the numbers of ``x``; the input's and
        the output's own memory counts where it is saved.
    """
    held: dict[int, torch.UntypedStorage] = {}

    def note(saved: Tensor) -> None:
        storage = saved.untyped_storage()
        held[storage.data_ptr()] = storage  # held, so that no other takes its place

    with torch.enable_grad(), saved_tensors_hooks(note, lambda _: _never()):
        function(x)
    return sum(storage.nbytes() for storage in held.values()) / x.numel()


def _never() -> Tensor:
    raise AssertionError("nothing is passed back")


@contextmanager
def settled() -> Iterator[None]:
    """Compute on one core and, as in trainings, without denormal numbers."""
    with threads(1), flushed_denormals():
        yield


def devices_here() -> list[torch.device]:
    """The CPU, and a GPU if there is one."""
    gpu = [torch.device("cuda")] if torch.cuda.is_available() else []
    return [torch.device("cpu"), *gpu]


def name_of(device: torch.device) -> str:
    """``cpu``, or the GPU's name."""
    return "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device)


def device_field(devices: Sequence[torch.device]) -> dict[str, Any]:
    """What a record says of the devices: the GPU where there is one, else nothing."""
    gpu = next((device for device in devices if device.type != "cpu"), None)
    return {"device": {"type": gpu.type, "name": name_of(gpu)}} if gpu else {}


def row_of(expression: Expression, device: torch.device, mode: str, cost: Cost) -> dict[str, Any]:
    """One row of a table of costs.

    Args:
        expression: the function.
        device: where it was measured.
        mode: "eager" or "compiled".
        cost: what was measured.

    Returns:
        ``name``, ``slug``, ``device`` ("cpu", or the GPU's name), ``processor`` (the model of what
        computed, ``unknown`` where the system does not say it), ``mode``, and the cost's fields.
    """
    where = name_of(device)
    processor = (cpu_model() or "unknown") if device.type == "cpu" else where
    named = {"name": expression.name, "slug": expression.slug}
    return named | {"device": where, "processor": processor, "mode": mode} | asdict(cost)


def eager_rows(
    expressions: Sequence[Expression],
    devices: Sequence[torch.device],
    done: Sequence[dict[str, Any]] = (),
) -> Iterator[dict[str, Any]]:
    """Rows of a table of costs: every function on every device, function by function.

    Args:
        expressions: the functions.
        devices: where.
        done: the first rows, as an earlier call gave them; they are not measured again.

    Yields:
        The rows that are missing, as of :func:`row_of`.
    """
    meters = [(device, Meter(device)) for device in devices]
    places = [(expression, *meter) for expression in expressions for meter in meters]
    for expression, device, meter in places[len(done) :]:
        with settled():
            cost = meter.eager(expression)
        row = row_of(expression, device, "eager", cost)
        yield {key: value for key, value in row.items() if key != "compile_seconds"}
