"""Beside other libraries."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from actsearch.data.dataset import DataShape
from actsearch.features.fisher import fisher_spectrum
from actsearch.functions.expressions import parse
from actsearch.functions.replacing import replace_activations
from actsearch.functions.threads import threads
from actsearch.networks.by_name import build_model
from benchmarks.measuring import Row, Setting, compare


def rows(setting: Setting) -> Iterator[Row]:
    """K-FAC by curvlinops, whose factors alone are timed."""
    from curvlinops import FisherType, KFACLinearOperator

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

    with threads(1):
        yield compare(
            "FIM, digits-cnn, true, batch 64",
            lambda: fisher_spectrum(model, x, kind="true"),
            curvlinops,
            "curvlinops, factors alone",
            setting.turns(5),
            clock="cpu",
        )
