"""What is compared with what."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch
from curvlinops import FisherType, KFACLinearOperator
from torch import nn

from actsearch.config import Simulation
from actsearch.data.dataset import DataShape
from actsearch.features.fisher import fisher_spectrum
from actsearch.functions.baselines import BASELINES
from actsearch.functions.enumeration import enumerate_space
from actsearch.functions.expressions import parse
from actsearch.functions.replacing import replace_activations
from actsearch.functions.spaces import SearchSpace
from actsearch.networks.by_name import build_model
from actsearch.search.candidates import COORDINATES
from actsearch.search.rounds import propose
from actsearch.search.simulation import simulate
from actsearch.search.strategies import register
from actsearch.search.strategies.surrogate import SurrogateStrategy
from actsearch.search.surrogates import nearest_neighbors
from benchmarks import textbook_space

Work = Callable[[], object]


def all_cases() -> Iterator[tuple[str, Work, str, Work]]:
    """What, ours, name of the plain way, the plain way."""
    yield _enumeration()
    yield _proposal()
    yield _spectrum()
    yield _simulation()
    yield _import()


def _enumeration() -> tuple[str, Work, str, Work]:
    space = SearchSpace.named("three-node")
    return (
        "classes of the three-node space",
        lambda: enumerate_space(space),
        "one by one",
        lambda: textbook_space.distinct(textbook_space.three_node()),
    )


def _proposal() -> tuple[str, Work, str, Work]:
    rng = np.random.default_rng(0)
    names = [*BASELINES, *(f"f{number}" for number in range(5095))]
    points = pd.DataFrame(rng.normal(size=(len(names), len(COORDINATES))), columns=COORDINATES)
    points.insert(0, "name", names)
    points.insert(1, "slug", names)
    known = pd.DataFrame({"round": 0, "name": names[:2913], "validation_score": rng.random(2913)})
    places = dict(zip(names, zip(points["union_x"], points["union_y"], strict=True), strict=True))
    scores = dict(zip(known["name"], known["validation_score"], strict=True))
    return (
        "a proposal, 2,913 functions known",
        lambda: propose("union-knr", points, known, 8, 1, 0),
        "scikit-learn's k-NN",
        lambda: textbook_space.propose(places, scores, 8),
    )


def _spectrum() -> tuple[str, Work, str, Work]:
    model = build_model("digits-cnn", DataShape((1, 8, 8), 10), seed=0)
    replace_activations(model, parse("tanh(x)"))
    x = torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    y = torch.arange(64) % 10
    parameters = list(model.parameters())

    def curvlinops() -> None:
        KFACLinearOperator(
            model,
            nn.CrossEntropyLoss(reduction="sum"),
            parameters,
            [(x, y)],
            check_deterministic=False,
            fisher_type=FisherType.TYPE2,
            separate_weight_and_bias=False,
        ).compute_kronecker_factors()

    return (
        "FIM spectra, digits-cnn",
        lambda: fisher_spectrum(model, x, kind="true"),
        "curvlinops (factors alone)",
        curvlinops,
    )


def _simulation() -> tuple[str, Work, str, Work]:
    rng = np.random.default_rng(0)
    names = [*BASELINES, *(f"f{number}" for number in range(600))]
    points = pd.DataFrame(rng.normal(size=(len(names), len(COORDINATES))), columns=COORDINATES)
    points.insert(0, "name", names)
    points.insert(1, "slug", names)
    table = pd.DataFrame({"name": names, "validation_score": rng.random(len(names))})
    settings = Simulation(runs=2, evaluations=60)

    # Another regressor object of the same kind: the walk then refits scikit-learn's each time.
    register("refitted-knr", SurrogateStrategy("union", lambda seed: nearest_neighbors(seed)))
    return (
        "replayed search, k-NN",
        lambda: simulate("union-knr", table, points, settings),
        "a refit an evaluation",
        lambda: simulate("refitted-knr", table, points, settings),
    )


def _import() -> tuple[str, Work, str, Work]:
    def run(modules: str) -> Work:
        return lambda: subprocess.run([sys.executable, "-c", f"import {modules}"], check=True)

    light = "actsearch.cli.steps, actsearch.functions.spaces"
    return "what the Snakefile imports", run(light), "the same with torch", run(f"{light}, torch")
