"""What docs/own-csv.md says of networks and optimizers, against the code."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from actsearch.config import Recipe
from actsearch.data.dataset import DataShape
from actsearch.networks.by_name import build_model
from actsearch.training.fitting import _optimizer

PAGE = " ".join((Path(__file__).parents[2] / "docs/own-csv.md").read_text().split())


def test_a_class_whose_constructor_takes_both_keywords_is_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "network_of_the_page.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Linear):\n"
        "    def __init__(self, input_shape, n_outputs):\n"
        "        super().__init__(input_shape[0], n_outputs)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    network = build_model("network_of_the_page:Net", DataShape((30,), 2, "features"), 0)
    assert isinstance(network, nn.Linear)
    assert (network.in_features, network.out_features) == (30, 2)
    assert "A class whose constructor takes both is called in the same way" in PAGE


def test_adamw_without_weight_decay_is_adam() -> None:
    assert "`adamw` without `weight_decay` is Adam" in PAGE
    recipe = Recipe(optimizer="adamw", learning_rate=0.003, epochs=1, batch_size=8)
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    theirs = copy.deepcopy(ours)
    x, y = torch.randn(8, 4), torch.randint(0, 2, (8,))
    pairs = ((ours, _optimizer(ours, recipe)),
             (theirs, torch.optim.Adam(theirs.parameters(), lr=0.003)))  # fmt: skip
    for network, optimizer in pairs:
        for _ in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x), y).backward()
            optimizer.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(mine.detach(), other.detach(), rtol=1e-4, atol=1e-6)
