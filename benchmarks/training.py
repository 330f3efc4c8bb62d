"""What augmentation, precision, layout and compilation cost and give in training.

    python -m benchmarks.training [augmentation] [switches] [trial]

``augmentation`` times batches of images in memory with and without changes. ``switches`` trains the
paper's networks on random images of 32 x 32 pixels with and without each switch, in turn, and says
how long compiling took: with empty caches, once a function. ``trial`` times trials of the default
experiment; ``--before SRC`` times those of another checkout's ``src`` beside them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from actsearch.config import Augmentation, Recipe, Task
from actsearch.data.dataset import Dataset, DataShape
from actsearch.data.examples import MemoryExamples
from actsearch.functions.expressions import parse
from actsearch.networks.building import build_network
from actsearch.networks.devices import run_settings
from actsearch.training.compilation import check_compiler, forget_compiled
from actsearch.training.fitting import fit
from actsearch.training.outcomes import Classes
from benchmarks.made import images

ROOT = Path(__file__).parents[1]
REPEATS = 3
FUNCTION = "mul(sigmoid(x),erf(x))"
MODELS = ("all-cnn-c", "resnet-56")
SWITCHES: dict[str, dict[str, Any]] = {
    "plain": {},
    "tf32": {"precision": "tf32"},
    "bfloat16": {"precision": "bfloat16"},
    "channels_last": {"channels_last": True},
    "compile: activations": {"compile": "activations"},
    "compile: network": {"compile": "network"},
    "bfloat16, channels_last": {"precision": "bfloat16", "channels_last": True},
    "both, activations": {
        "precision": "bfloat16", "channels_last": True, "compile": "activations"
    },
}  # fmt: skip
TRIAL = """
import time, yaml
from actsearch.config import Config
from actsearch.functions.expressions import parse
from actsearch.data.loading import load_dataset
from actsearch.training.trial import run_trial
config = Config(**yaml.safe_load(open("config.yaml")))
for name, task in config.tasks.items():
    dataset = load_dataset(config.data[task.data])
    seconds = []
    for _ in range(4):
        started = time.process_time()
        run_trial(task, dataset, parse("mul(sigmoid(x),erf(x))"))
        seconds.append(time.process_time() - started)
    print(name, min(seconds[1:]))
"""


def _seconds(work: Any, clock: Any = time.perf_counter) -> float:
    started = clock()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return float(clock() - started)


def augmentation(arguments: argparse.Namespace, device: torch.device) -> Table:
    """Milliseconds a batch."""
    table = Table("images", "changes", "ms a batch of 128")
    kinds = {
        "none": Augmentation(),
        "flip, pad_crop": Augmentation(flip=True, pad_crop=4),
        "flip, resized_crop": Augmentation(flip=True, resized_crop=(0.08, 1.0)),
    }
    for side in (32, 160):
        examples = images(1024, device, side)
        rows = torch.split(torch.randperm(1024), 128)
        for name, kind in kinds.items():
            seconds = [
                _seconds(lambda e=examples, k=kind, r=rows: list(e.batches(r, k)))
                for _ in range(REPEATS + 1)
            ]
            table.add_row(f"{side} x {side}", name, f"{min(seconds[1:]) / 8 * 1e3:.1f}")
    return table


def switches(arguments: argparse.Namespace, device: torch.device) -> Table:
    """Seconds a step, and how many times faster than plain; medians over turns."""
    table = Table("network", "switches", "ms a step", "times as fast", "spread", "compiling, s")
    # Without a GPU one thread works, and its own time depends less on what else the machine does.
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    check_compiler(device)  # what the first compilation loads is no cost of a function
    for model in arguments.model or MODELS:
        examples = images(arguments.batch * arguments.steps, device)
        dataset = Dataset(
            examples, {"train": torch.arange(len(examples))}, DataShape(examples.input_shape, 10)
        )
        trained, compiling, times = {}, {}, {name: list[float]() for name in SWITCHES}
        for name, chosen in SWITCHES.items():
            recipe = Recipe(
                optimizer="sgd", learning_rate=1e-3, epochs=1, batch_size=arguments.batch, **chosen
            )
            task = Task(data="none", model=model, recipe=recipe, deterministic=False)
            network = build_network(task, dataset, parse(FUNCTION), 0)[0].to(device)

            def train(
                task: Task = task,
                network: Any = network,
                recipe: Recipe = recipe,
                examples: MemoryExamples = examples,
            ) -> None:
                with run_settings(task, device, tf32=recipe.precision == "tf32"):
                    fit(network, recipe, examples, Classes(10), seed=0)

            forget_compiled()
            trained[name], compiling[name] = train, _seconds(train)
        for _ in range(REPEATS):
            for name, train in trained.items():
                times[name].append(_seconds(train, clock) / arguments.steps)
        for name, own in times.items():
            ratios = [plain / seconds for plain, seconds in zip(times["plain"], own, strict=True)]
            spent = compiling[name] - statistics.median(own) * arguments.steps
            table.add_row(
                model, name, f"{statistics.median(own) * 1e3:.0f}",
                f"{statistics.median(ratios):.2f}", f"{max(ratios) - min(ratios):.2f}",
                f"{spent:.0f}" if "compile" in SWITCHES[name] else "",
            )  # fmt: skip
    return table


def trial(arguments: argparse.Namespace, device: torch.device) -> Table:
    """CPU seconds a trial of the default experiment, the least of processes that take turns."""
    versions = [str(ROOT / "src"), *arguments.before]
    table = Table("task", "s a trial", *(f"ours / {source}" for source in arguments.before))
    turns = [[_trials(source) for source in versions] for _ in range(3)]
    for name in turns[0][0]:
        ours, *others = (min(turn[place][name] for turn in turns) for place in range(len(versions)))
        table.add_row(name, f"{ours:.2f}", *(f"{ours / other:.2f}" for other in others))
    return table


def _trials(source: str) -> dict[str, float]:
    environment = os.environ | {"PYTHONPATH": source}
    command = [sys.executable, "-c", TRIAL]
    out = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return {line.split()[0]: float(line.split()[1]) for line in out.splitlines()}


def main() -> None:
    """Run the benchmarks named on the command line, or all."""
    kinds = {"augmentation": augmentation, "switches": switches, "trial": trial}
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*kinds, []])
    parser.add_argument("--model", action="append", choices=MODELS)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--before", action="append", default=[])
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        for name in arguments.names or kinds:
            Console().print(kinds[name](arguments, device))


if __name__ == "__main__":
    main()
