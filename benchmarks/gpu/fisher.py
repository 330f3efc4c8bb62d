"""Spectra on a GPU, beside the textbook there and beside the CPU's threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from actsearch.functions.threads import threads
from benchmarks.measuring import Row, Setting, guarded, in_turn, ratios
from benchmarks.rows.fisher import Case, Kind, row, ways

KINDS: tuple[Kind, ...] = ("empirical", "true")


def rows(setting: Setting) -> Iterator[Row]:
    """Both networks and both kinds."""
    cases = [Case("all-cnn-c"), Case("resnet-56")]
    if setting.tiny:
        cases = [Case("digits-cnn", side=8, examples=8)]
    for case in cases:
        for kind in KINDS:
            name = f"FIM, {case.model}, {kind}"
            yield guarded(name, partial(row, case, kind, setting, setting.turns(3)))
            yield guarded(f"{name}, GPU beside CPU", partial(beside_cpu, case, kind, setting))
        if case.model == "all-cnn-c":
            many = replace(case, classes=100)
            yield guarded(f"FIM, {case.model}, true", partial(row, many, "true", setting, 1))


def beside_cpu(case: Case, kind: Kind, setting: Setting) -> Row:
    """Ours on both."""
    cpu = Setting(torch.device("cpu"), setting.tiny, setting.threads)
    works = {
        "gpu": ways(case, kind, setting.device)[0],
        "cpu": ways(case, kind, cpu.device)[0],
    }
    with threads(setting.threads):
        times = in_turn(works, setting.turns(2), setting.device)
    found = Row(
        f"FIM, {case.model}, {kind}, GPU beside CPU",
        times["gpu"].median,
        times["cpu"].median,
        f"ours on {setting.threads} threads",
        ratio_of="times as fast",
    )
    found.ratio, found.spread = ratios(times["cpu"].wall, times["gpu"].wall)
    return found
