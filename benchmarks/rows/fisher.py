"""The spectrum of the Fisher information, of one function in one network."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from actsearch.config import Recipe, Task
from actsearch.data.dataset import DataShape
from actsearch.features import fisher
from actsearch.features.layers import calibrate_batch_norm
from actsearch.features.spectra import log_spectrum_cdf
from actsearch.functions.replacing import replace_activations
from actsearch.functions.threads import threads
from actsearch.networks.by_name import build_model
from actsearch.networks.cost import count_work
from benchmarks.functions import TYPICAL
from benchmarks.limits import Limits
from benchmarks.measuring import Row, Setting, Work, compare, in_turn
from benchmarks.textbook import fisher as textbook

Kind = Literal["true", "empirical"]
FASTER, TRUE_WITHIN = 10.0, 3.0
SECONDS = 2.0
EXAMPLES = 64
FEW = 8
PROFILE = {
    "eigenvalues": ("linalg_eig",),
    "products": ("addmm", "aten::mm", "bmm"),
    "convolutions": ("convolution",),
    "copies": ("copy_", "fill_"),
}
"""Parts of a profile, by words in the names of torch's operators."""


@dataclass(frozen=True)
class Case:
    """A network and its data."""

    model: str
    classes: int = 10
    examples: int = EXAMPLES
    side: int = 32

    @property
    def shape(self) -> DataShape:
        """Of the images."""
        return DataShape((3, self.side, self.side), self.classes)

    def network(self, device: torch.device) -> tuple[nn.Module, Tensor, Tensor]:
        """The network with a function in it, images (N, 3, side, side), labels (N,)."""
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(self.examples, *self.shape.input_shape, generator=generator)
        y = torch.arange(self.examples) % self.classes
        model = build_model(self.model, self.shape, seed=0)
        replace_activations(model, TYPICAL)
        calibrate_batch_norm(model, x)
        return model.to(device), x.to(device), y.to(device)

    def flops(self, passes: int) -> tuple[float, float]:
        """Of the definition, in float32 and in float64.

        Passes are in float32; a backward pass computes gradients of outputs alone, not of weights,
        and so takes about as many as a forward pass. Full products and all eigenvalues are in
        float64.
        """
        recipe = Recipe(optimizer="sgd", learning_rate=1, epochs=1, batch_size=1)
        work = count_work(Task(data="none", model=self.model, recipe=recipe), self.shape)
        factors = work.input_factor_flops + passes * work.gradient_factor_flops
        through = self.examples * (1 + passes) * work.forward_flops
        return through, self.examples * factors + work.eigenvalue_flops

    def put_limit(self, row: Row, passes: int, setting: Setting) -> None:
        """What these operations take at the rates of large products."""
        single, double = self.flops(passes)
        row.limit = single / Limits.flops(setting, torch.float32) + double / Limits.flops(setting)
        row.limit_is = "the definition's operations at the rates of large products"
        row.more |= {"gflop_float32": single / 1e9, "gflop_float64": double / 1e9}


def ways(case: Case, kind: Kind, device: torch.device) -> tuple[Work, Work]:
    """Ours and the textbook's."""
    model, x, y = case.network(device)
    labels = y if kind == "empirical" else None

    def ours() -> object:
        return fisher.fisher_spectrum(model, x, labels, kind)

    return ours, lambda: textbook.fisher_spectrum(model, x, labels)


def row(case: Case, kind: Kind, setting: Setting, repeats: int) -> Row:
    """One network and one kind, beside the textbook on the same device."""
    passes = 1 if kind == "empirical" else case.classes
    with threads(setting.threads):
        for way in ways(replace(case, examples=FEW), kind, setting.device):
            way()  # what is loaded at first is part of no turn
        ours, plain = ways(case, kind, setting.device)
        found = compare(
            f"FIM, {case.model}, {kind}, {case.classes} classes, batch {case.examples}",
            ours,
            plain,
            "hooks, unfold, a backward pass per class, all in turn",
            repeats,
            setting.device,
            warm=repeats > 1,
        )
    found.more |= {"threads": setting.threads}
    case.put_limit(found, passes, setting)
    return found


def rows(setting: Setting) -> Iterator[Row]:
    """The row of the issue, the true Fisher beside it, and the feature made of it."""
    case = Case("digits-cnn", side=8, examples=8) if setting.tiny else Case("all-cnn-c")
    issue = row(case, "empirical", setting, setting.turns(3))
    issue.goal = f"{SECONDS:g} s, {FASTER:g} times"
    issue.met = (issue.ours or 9e9) <= SECONDS and (issue.ratio or 0) >= FASTER
    yield issue
    yield row(case, "true", setting, 1)
    yield true_beside_empirical(case, setting)
    yield cumulative(case, setting)
    yield profile(case, setting)
    other = Case("digits-resnet", side=8, examples=8) if setting.tiny else Case("resnet-56")
    yield row(other, "empirical", setting, 1)


def true_beside_empirical(case: Case, setting: Setting) -> Row:
    """A hundred classes: how much longer the exact expectation takes than given labels."""
    case = Case(case.model, 20 if setting.tiny else 100, case.examples, case.side)
    with threads(setting.threads):
        works = {kind: ways(case, kind, setting.device)[0] for kind in ("true", "empirical")}
        ways(replace(case, examples=FEW), "true", setting.device)[0]()
        times = in_turn({"true": works["true"]}, 1, setting.device, warm=False)
        times |= in_turn({"empirical": works["empirical"]}, setting.turns(3), setting.device)
    found = Row(
        f"FIM, {case.model}, true, {case.classes} classes",
        times["true"].median,
        times["empirical"].median,
        "ours, empirical",
        ratio_of="times as long",
        goal=f"within {TRUE_WITHIN:g} times of the empirical",
    )
    found.ratio = times["true"].median / times["empirical"].median
    found.met = found.ratio <= TRUE_WITHIN
    found.more = {"cpu_seconds_ours": statistics.median(times["true"].cpu), "turns": 1}
    case.put_limit(found, case.classes, setting)
    return found


def cumulative(case: Case, setting: Setting) -> Row:
    """From eigenvalues to the feature, which is of NumPy alone."""
    model, x, y = case.network(setting.device)
    spectra = fisher.fisher_spectrum(model, x, y, "empirical")
    times = in_turn({"ours": lambda: log_spectrum_cdf(spectra)}, setting.turns(3))
    return Row(f"FIM, {case.model}: the CDF of its eigenvalues", times["ours"].median)


def profile(case: Case, setting: Setting) -> Row:
    """Where the time goes, on one thread: parts that run beside each other could not be told."""
    with threads(1):
        ours, _ = ways(case, "empirical", setting.device)
        ours()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
            ours()
    seconds = dict.fromkeys([*PROFILE, "rest"], 0.0)  # the function, its derivative, sums
    for event in found.key_averages():
        part = next(
            (p for p, words in PROFILE.items() if any(w in event.key for w in words)), "rest"
        )
        seconds[part] += event.self_cpu_time_total / 1e6
    total = sum(seconds.values())
    shares = {f"share_{part}": spent / total for part, spent in seconds.items()}
    return Row(f"FIM, {case.model}: where the time goes, on one thread", total, more=shares)
