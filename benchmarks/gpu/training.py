"""Seconds of an epoch and of a trial of the paper's networks, by the switches of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import yaml
from torch import nn

from actsearch.config import Recipe, Task
from actsearch.data.dataset import DataShape
from actsearch.data.examples import MemoryExamples, together
from actsearch.functions.expressions import parse
from actsearch.networks.building import build_network
from actsearch.networks.cost import count_work
from actsearch.networks.devices import run_settings
from actsearch.training.compilation import check_compiler, forget_compiled
from actsearch.training.fitting import fit
from actsearch.training.outcomes import Classes
from benchmarks.functions import TYPICAL
from benchmarks.limits import PRECISIONS, Limits
from benchmarks.machine import ROOT
from benchmarks.made import images
from benchmarks.measuring import Row, Setting, Times, failed, guarded, in_turn, ratios, seconds
from benchmarks.rows.training_step import require_whole
from benchmarks.textbook.training import train

MODELS = {"all-cnn-c": "act-bench-cnn", "resnet-56": "act-bench-resnet"}
"""Networks, and the tasks of ``config/paper.yaml`` that have their recipes."""
EXAMPLES = 50_000
STEPS = 60
FAST: dict[str, Any] = {"precision": "bfloat16", "channels_last": True}
SWITCHES: dict[str, dict[str, Any]] = {
    "plain": {},
    "tf32": {"precision": "tf32"},
    "bfloat16": {"precision": "bfloat16"},
    "channels_last": {"channels_last": True},
    "bfloat16, channels_last": FAST,
    "activations compiled": {"compile": "activations"},
    "the paper's: both, activations compiled": {**FAST, "compile": "activations"},
}
NETWORK = {"both, network compiled": {**FAST, "compile": "network"}}


def models(setting: Setting) -> list[str]:
    """Both networks; a tiny run has one that stands for both."""
    return [*MODELS][: 1 if setting.tiny else None]


def paper_task(model: str, tiny: bool, **switches: Any) -> Task:
    """The task of the paper's programme with other switches, and without its data."""
    whole = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    recipe = whole["tasks"][MODELS[model]]["recipe"]
    usual = {"precision": "float32", "channels_last": False, "compile": "none"}
    if tiny:
        usual["batch_size"] = 4
    return Task(
        data="none",
        model="digits-cnn" if tiny else model,
        recipe=Recipe(**(recipe | usual | switches)),
        deterministic=False,
    )


@dataclass
class Training:
    """A network on the device, and its examples, of which the first steps are trained on."""

    task: Task
    network: nn.Module
    examples: MemoryExamples
    steps: int
    epochs: int
    """Of the whole recipe."""

    @classmethod
    def of(
        cls, model: str, setting: Setting, examples: MemoryExamples, **switches: Any
    ) -> Training:
        """With weights of a seed."""
        task = paper_task(model, setting.tiny, **switches)
        shape = DataShape(examples.input_shape, 10)
        network = build_network(task, shape, parse(TYPICAL), 0)[0].to(setting.device)
        return cls(task, network, examples, 2 if setting.tiny else STEPS, task.recipe.epochs)

    @property
    def used(self) -> MemoryExamples:
        """Examples of so many whole batches."""
        return self.examples.subset(torch.arange(self.steps * self.task.recipe.batch_size))

    def run(self) -> None:
        """So many steps, as one epoch, by actsearch."""
        once = {"epochs": 1, "schedule": "constant", "milestones": ()}
        recipe = self.task.recipe.model_copy(update=once)
        device = self.examples.device
        with run_settings(self.task, device, tf32=recipe.precision == "tf32"):
            require_whole(fit(self.network, recipe, self.used, Classes(10), seed=0), recipe)


def by_hand(training: Training) -> Callable[[], None]:
    """The same steps in a loop of one's own, without changes of images."""
    recipe = training.task.recipe
    optimizer = torch.optim.SGD(
        training.network.parameters(), recipe.learning_rate, recipe.momentum,
        weight_decay=recipe.weight_decay, nesterov=True, fused=True,
    )  # fmt: skip
    x, y = together(training.used)

    def run() -> None:
        with run_settings(training.task, x.device):
            train(training.network, optimizer, x, y, recipe.batch_size)

    return run


def plain_rows(setting: Setting) -> Iterator[Row]:
    """Every switch but the slowest to compile, for both networks."""
    examples = images(64 if setting.tiny else EXAMPLES, setting.device)
    for model in models(setting):
        by_loop = partial(beside_by_hand, model, setting, examples)
        yield guarded(f"training step, {model}", by_loop)
        yield from switched(model, SWITCHES, setting, examples)


def network_rows(setting: Setting) -> Iterator[Row]:
    """Compiling the whole network, which takes a minute a network."""
    examples = images(64 if setting.tiny else EXAMPLES, setting.device)
    for model in models(setting):
        if setting.left < (60 if model == "all-cnn-c" else 90) and not setting.tiny:
            yield Row(f"trial, {model}, network compiled", error="left out: too little time left")
            continue
        yield from switched(model, {"plain": {}, **NETWORK}, setting, examples)


def beside_by_hand(model: str, setting: Setting, examples: MemoryExamples) -> Row:
    """A step of ours over one of a hand-written loop, neither with augmentation."""
    trainings = [
        Training.of(model, setting, examples, augmentation={}, gradient_clip=None) for _ in range(2)
    ]
    works = {"ours": trainings[0].run, "by hand": by_hand(trainings[1])}
    times = in_turn(works, setting.turns(5), setting.device)
    ratio, spread = ratios(times["ours"].wall, times["by hand"].wall)
    return Row(
        f"training step, {model}",
        times["ours"].median / trainings[0].steps,
        times["by hand"].median / trainings[0].steps,
        "a hand-written loop",
        ratio,
        "times as long",
        spread,
        goal="under 1.05",
        met=ratio < 1.05,
    )


def switched(
    model: str,
    switches: Mapping[str, dict[str, Any]],
    setting: Setting,
    examples: MemoryExamples,
) -> Iterator[Row]:
    """A row a switch, in turn with the others."""
    forget_compiled()
    trainings, compiling, peaks = {}, {}, {}
    for name, chosen in switches.items():
        try:
            if "compile" in chosen:
                check_compiler(setting.device)
            training = Training.of(model, setting, examples, **chosen)
            if setting.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
            compiling[name] = seconds(training.run, setting.device)[0]
            if setting.device.type == "cuda":
                peaks[name] = torch.cuda.max_memory_allocated() / 1e6
            trainings[name] = training
        except Exception as error:  # the other switches go on
            yield failed(f"trial, {model}, {name}", error)
    works = {name: training.run for name, training in trainings.items()}
    times = in_turn(works, setting.turns(3), setting.device, warm=False)
    task = trainings["plain"].task
    flops = 3 * count_work(task, DataShape((3, 32, 32), 10)).forward_flops * task.recipe.batch_size
    for name, training in trainings.items():
        yield _row(model, name, training, times, flops, setting, compiling[name], peaks.get(name))


def _row(
    model: str,
    name: str,
    training: Training,
    times: Mapping[str, Times],
    flops: float,
    setting: Setting,
    first: float,
    peak: float | None,
) -> Row:
    step = times[name].median / training.steps
    ratio, spread = ratios(times["plain"].wall, times[name].wall)
    precision = training.task.recipe.precision
    epoch = step * EXAMPLES / training.task.recipe.batch_size
    row = Row(
        f"trial, {model}, {name}",
        step,
        times["plain"].median / training.steps,
        "plain float32",
        ratio,
        "times as fast",
        spread,
        limit=flops / Limits.flops(setting, *PRECISIONS[precision]),
        limit_is=f"the network's operations at the rate of {precision} products",
    )
    row.more = {
        "ms_a_step": step * 1e3,
        "images_a_second": training.task.recipe.batch_size / step,
        "seconds_an_epoch": epoch,
        "epochs": training.epochs,
        "seconds_a_trial": epoch * training.epochs,
        "first_run_extra_seconds": first - times[name].median,
    }
    if peak is not None:
        row.more["peak_mb"] = peak
    return row
