"""Losses and scores of all kinds of targets, against scikit-learn and loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_squared_error, r2_score
from torch import Tensor, nn

from actsearch.config.data import IGNORED
from actsearch.data.dataset import DataShape
from actsearch.data.examples import MemoryExamples
from actsearch.training.fitting import evaluate
from actsearch.training.outcomes import Classes, Numbers, Positions, outcome_of


class Given(nn.Module):
    """Returns what stands in a table, by the numbers of the examples."""

    def __init__(self, outputs: Tensor) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        return self.outputs[x[:, 0].long()]


def numbered(targets: Tensor) -> MemoryExamples:
    return MemoryExamples(torch.arange(float(len(targets)))[:, None], targets)


def test_the_outcome_is_that_of_the_targets() -> None:
    kinds = {"classes": Classes, "positions": Positions, "numbers": Numbers}
    for targets, kind in kinds.items():
        assert type(outcome_of(DataShape((5,), 3, "tokens", targets, 4))) is kind  # type: ignore[arg-type]


# Numbers


def test_scores_of_numbers_are_scikit_learns() -> None:
    torch.manual_seed(0)
    targets = torch.randn(700, 3)  # more than two batches, the last one short
    outputs = targets + torch.tensor([0.1, 0.5, 0.9]) * torch.randn(700, 3)
    score, loss, errors = evaluate(Given(outputs), numbered(targets), Numbers(3))
    y, predicted = targets.double().numpy(), outputs.double().numpy()
    expected = r2_score(y, predicted, multioutput="uniform_average")
    assert score == pytest.approx(expected, abs=1e-12)
    assert loss == pytest.approx(mean_squared_error(y, predicted), rel=1e-12)
    raw = mean_squared_error(y, predicted, multioutput="raw_values")
    assert errors == pytest.approx(raw.tolist(), rel=1e-12)
    trained = Numbers(3).loss(outputs, targets, 0.0)
    assert trained.item() == pytest.approx(mean_squared_error(y, predicted), rel=1e-6)


def test_nothing_scores_below_the_mean_predictor() -> None:
    """Numbers have mean 0 over the training part, so that zeros are its mean."""
    torch.manual_seed(0)
    shifted = torch.randn(50, 2) + 3  # another distribution than that of training
    worst = r2_score(shifted, np.zeros((50, 2)))
    assert worst < -5
    assert Numbers(2).failed(shifted) == pytest.approx(worst, rel=1e-6)
    for outputs, expected in (
        (-100 * torch.ones(50, 2), worst),
        (torch.zeros(50, 2), worst),
        (shifted - 2, r2_score(shifted, shifted - 2)),
    ):
        found = evaluate(Given(outputs), numbered(shifted), Numbers(2))
        assert found.score == pytest.approx(expected, rel=1e-6)
        assert found.loss == pytest.approx(mean_squared_error(shifted, outputs), rel=1e-6)
    train = torch.randn(50, 2)
    assert Numbers(2).failed(train - train.mean(dim=0)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("value", [math.nan, math.inf, 3e38])
def test_an_output_of_numbers_that_is_not_finite_has_no_finite_loss(value: float) -> None:
    outputs = torch.zeros(5, 2)
    outputs[3, 1] = value
    found = evaluate(Given(outputs), numbered(torch.randn(5, 2)), Numbers(2))
    assert math.isfinite(found.loss) == (value == 3e38)  # huge, not infinite


@pytest.mark.parametrize(
    ("outcome", "shape", "targets"),
    [
        (Numbers(1), (5,), torch.zeros(5, 1)),  # torch would take it for five times five
        (Numbers(2), (2,), torch.zeros(1, 2)),
        (Positions(3), (4, 5, 3), torch.zeros(5, 4, dtype=torch.int64)),
        (Classes(3), (3,), torch.zeros(1, dtype=torch.int64)),
    ],
)
def test_outputs_of_another_shape_are_not_fitted(
    outcome: Any, shape: tuple[int, ...], targets: torch.Tensor
) -> None:
    outputs = torch.randn(shape)
    with pytest.raises((ValueError, IndexError), match=r"do not fit|Dimension"):
        outcome.sums(outputs.double(), targets)
    if not isinstance(outcome, Classes) or isinstance(outcome, Positions):
        with pytest.raises(ValueError, match="do not fit targets of"):
            outcome.loss(outputs, targets, 0.0)


# Positions


def test_positions_are_counted_one_by_one() -> None:
    torch.manual_seed(0)
    logits = torch.randn(600, 5, 4)
    targets = torch.randint(4, (600, 5))
    targets[torch.rand(600, 5) < 0.4] = IGNORED
    targets[7] = IGNORED  # an example of which nothing counts
    right, loss, smooth, counted = 0, 0.0, 0.0, 0
    for outputs, labels in zip(logits.double(), targets, strict=True):
        for output, label in zip(outputs, labels, strict=True):
            if label == IGNORED:
                continue
            log_p = output - output.exp().sum().log()
            counted += 1
            right += int(output.argmax() == label)
            loss -= log_p[label].item()
            smooth -= (0.9 * log_p[label] + 0.1 * log_p.mean()).item()
    positions = Positions(4)
    assert positions.size(targets) == counted
    found = evaluate(Given(logits), numbered(targets), positions)
    assert found.score == right / counted
    assert found.loss == pytest.approx(loss / counted, rel=1e-9)
    assert positions.loss(logits, targets, 0.0).item() == pytest.approx(loss / counted, rel=1e-5)
    assert positions.loss(logits, targets, 0.1).item() == pytest.approx(smooth / counted, rel=1e-5)
    assert positions.failed(targets) == 0.25


def test_positions_of_images_and_a_batch_of_which_nothing_counts() -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(3, 2, 6, 4, requires_grad=True), torch.randint(4, (3, 2, 6))
    flat = Classes(4).loss(logits.reshape(-1, 4), targets.flatten(), 0.0)
    torch.testing.assert_close(Positions(4).loss(logits, targets, 0.0), flat)
    nothing = Positions(4).loss(logits, torch.full_like(targets, IGNORED), 0.0)
    nothing.backward()  # type: ignore[no-untyped-call]
    assert nothing == 0 and logits.grad is not None and not logits.grad.any()
