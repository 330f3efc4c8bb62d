from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LinearLR, MultiStepLR, SequentialLR

from actsearch.config import Recipe
from actsearch.data.examples import MemoryExamples
from actsearch.training.fitting import fit, learning_rate
from actsearch.training.outcomes import Classes

CLASSES = Classes(10)


def recipe(**changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "epochs": 10,
        "batch_size": 50,
    }
    return Recipe(**(values | changes))


def rates(n: int, **changes: Any) -> np.ndarray:
    settings = recipe(**changes)
    return np.array([learning_rate(settings, step, n) for step in range(n)])


def test_schedules_have_their_shapes() -> None:
    n = 101
    rates = {
        schedule: np.array(
            [learning_rate(recipe(schedule=schedule, learning_rate=2.0), i, n) for i in range(n)]
        )
        for schedule in ("constant", "cosine", "one-cycle")
    }
    assert (rates["constant"] == 2.0).all()
    assert (np.diff(rates["cosine"]) < 0).all()
    assert rates["cosine"][50] == pytest.approx(1.0)
    assert rates["cosine"][0] == pytest.approx(2.0, rel=0.01)
    cycle = rates["one-cycle"]
    assert cycle.argmax() == pytest.approx(0.3 * n, abs=1.5)
    assert cycle.max() == pytest.approx(2.0, rel=0.01)
    rise = np.diff(cycle[:30])
    np.testing.assert_allclose(rise, rise[0])
    assert (np.diff(cycle[31:]) < 0).all()
    assert 0 < cycle[-1] < 0.01
    assert 0 < cycle[0] < 0.1


def test_a_schedule_of_one_step_has_a_rate() -> None:
    for schedule in ("constant", "cosine", "one-cycle"):
        assert learning_rate(recipe(schedule=schedule), 0, 1) > 0


def test_step_is_the_schedule_of_he_et_al() -> None:
    """Rate 0.1, a tenth at 32k and 48k of 64k iterations."""
    expected = np.repeat([0.1, 0.01, 0.001], [32_000, 16_000, 16_000])
    found = rates(64_000, learning_rate=0.1, schedule="step", milestones=(0.5, 0.75))
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7, 0.9])
def test_a_share_that_is_no_binary_fraction_falls_on_its_step(share: float) -> None:
    for n in (10, 100, 64_000):
        found = rates(n, schedule="step", milestones=(share,))
        assert (found > 0.005).sum() == round(share * n)


def test_steps_after_a_warm_up_agree_with_torch() -> None:
    settings = {"learning_rate": 2.0, "schedule": "step", "milestones": (0.4, 0.8)}
    found = rates(100, **settings, warmup_epochs=2)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    rise = LinearLR(optimizer, start_factor=1 / 21, total_iters=20)
    schedule = SequentialLR(optimizer, [rise, MultiStepLR(optimizer, [20, 60])], [20])
    for rate in found:
        assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("epochs", [0.25, 3, 10])
def test_a_warm_up_rises_evenly_to_the_peak(schedule: str, epochs: float) -> None:
    found = rates(200, schedule=schedule, warmup_epochs=epochs, learning_rate=0.5)
    n = int(20 * epochs)
    rise = found[:n]
    np.testing.assert_allclose(rise, 0.5 * np.arange(1, n + 1) / (n + 1))
    if n < 200:
        rest = rates(200 - n, schedule=schedule, learning_rate=0.5)
        np.testing.assert_allclose(found[n:], rest)
    assert (found > 0).all()


def test_a_warm_up_that_is_longer_than_the_first_stage_meets_it() -> None:
    found = rates(100, schedule="step", milestones=(0.1,), warmup_epochs=2)
    assert found[19] == pytest.approx(0.01 * 20 / 21)
    assert found[20] == pytest.approx(0.001)


def test_the_optimizer_is_given_the_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = recipe(epochs=4, schedule="step", milestones=(0.5,), warmup_epochs=1, batch_size=4)
    seen: list[float] = []
    step = torch.optim.SGD.step

    def look(self: torch.optim.SGD, *arguments: Any) -> Any:
        seen.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.SGD, "step", look)
    examples = MemoryExamples(torch.randn(10, 1, 1, 1), torch.zeros(10, dtype=torch.int64))
    fit(nn.Sequential(nn.Flatten(), nn.Linear(1, 2)), settings, examples, CLASSES, seed=0)
    assert seen == [learning_rate(settings, number, 12) for number in range(12)]
