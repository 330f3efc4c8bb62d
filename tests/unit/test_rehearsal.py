"""A rehearsal finds what a task's jobs would stumble over, and passes what they can do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from networks_to_rehearse import (
    CLASSES,
    Complex,
    Counting,
    Discarding,
    Experts,
    Following,
    Ghost,
    Growing,
    Random,
    Recomputing,
    Remembering,
    Spare,
    Squeezing,
    View,
    WithoutDerivative,
    norm_first,
    sound,
)
from torch import Tensor, nn
from training_tasks import task_of_network

from actsearch.config import Split, Task
from actsearch.data.arrays import split_arrays
from actsearch.data.dataset import DataShape
from actsearch.features.fisher_parts import fisher_features
from actsearch.features.passed_over import NOT_CALLED
from actsearch.functions.expressions import parse
from actsearch.networks.by_name import ModelError
from actsearch.rehearsal.examples import stand_ins
from actsearch.rehearsal.network import check_network
from actsearch.rehearsal.spectra import rehearse_spectra
from actsearch.rehearsal.whole import rehearse
from actsearch.training.trial import run_final_trial, run_trial

DATA = DataShape((3, 8, 8), CLASSES)
SPLIT = Split(train=33, validation=16, test=16, seed=0)
RECIPE = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "batch_size": 16}
FINAL = {"seeds": [1, 2]}


pytestmark = pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")


@pytest.fixture
def task_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Task]:
    """A task whose network is made by the given function."""

    def task(network: Callable[[], nn.Module], **changes: Any) -> Task:
        for key, values in {"recipe": RECIPE, "fisher": {"examples": 8}}.items():
            changes[key] = values | changes.get(key, {})
        return task_of_network(monkeypatch, network, **{"final": FINAL, **changes})

    return task


def run_all_jobs(task: Task) -> None:
    """What the jobs do: trainings of both kinds, and spectra."""
    numbers = np.random.default_rng(0)
    n = SPLIT.train + SPLIT.validation + SPLIT.test
    dataset = split_arrays(
        {"x": numbers.normal(size=(n, 3, 8, 8)), "y": np.arange(n) % CLASSES}, SPLIT
    )
    functions = [parse("tanh(x)")]
    run_trial(task, dataset, functions[0])
    run_final_trial(task, dataset, functions[0])
    part = fisher_features(task, dataset, functions)
    assert part["finite"].all()


def test_a_sound_task_passes(task_of: Callable[..., Task]) -> None:
    before = torch.get_rng_state()
    found = rehearse(task_of(sound), DATA, SPLIT)
    assert found.network.replaced == ["1"]
    assert found.fisher is not None
    assert found.fisher.covered == ["0", "4"]
    assert found.fisher.passed_over == {}
    assert found.fisher.tells_apart
    # factors of 28, 4, 17 and 4 rows, and copies of the first
    assert found.fisher.factor_bytes == 8 * (3 * 28**2 + 4**2 + 17**2 + 4**2)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("network", "changes"),
    [
        (lambda: Ghost(lambda x: x.chunk(len(x) // 8)), {}),
        (Experts, {}),
        # 33 = 2 x 16 + 1, and 49 = 3 x 16 + 1 in the last comparison
        (norm_first, {}),
        (norm_first, {"fisher": {"examples": 9, "examples_at_once": 4}}),
        (Recomputing, {}),
        (Spare, {}),
        (View, {}),
        (sound, {"recipe": {"channels_last": True, "precision": "bfloat16"}}),
        (sound, {"recipe": {"augmentation": {"flip": True, "pad_crop": 2}}}),
        (sound, {"recipe": {"optimizer": "adamw", "warmup_epochs": 1, "schedule": "cosine"}}),
        (sound, {"recipe": {"batch_size": 1}}),
    ],
)
def test_what_passes_runs(
    task_of: Callable[..., Task], network: Any, changes: dict[str, Any]
) -> None:
    task = task_of(network, **changes)
    rehearse(task, DATA, SPLIT)
    run_all_jobs(task)


WIDE = nn.Flatten(), nn.ReLU(), nn.Linear(192, 40_000), nn.Linear(40_000, CLASSES)
ONCE = {"examples": 9, "examples_at_once": 8}


@pytest.mark.parametrize(
    ("network", "changes", "message"),
    [
        (
            norm_first,
            {"recipe": {"batch_size": 1}},
            "trained on a batch of one example.*batch norm",
        ),
        (norm_first, {"fisher": {"examples": 1}}, r"spectra: a batch norm .* single value"),
        (
            View,
            {"recipe": {"channels_last": True}},
            "batches of 16 examples, .* with channels_last: true: .*view",
        ),
        (
            Squeezing,
            {"fisher": ONCE},
            r"no Fisher spectra.*\(with a batch of one example at once\)",
        ),
        (Remembering, {}, "trained on batches of 16 examples.*RuntimeError: Trying to backward"),
        (
            lambda: nn.Sequential(nn.Flatten(), nn.ReLU(), nn.LazyLinear(CLASSES)),
            {},
            r"without a shape \(2.weight, 2.bias\)",
        ),
        (
            lambda: nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False), *sound()),
            {},
            "no Fisher spectra: .*track_running_stats=True",
        ),
        (Counting, {}, "keeps state that is neither a parameter nor a buffer"),
        (Random, {}, "does not give the same weights when it is trained again"),
        (Growing, {}, "makes scale in its first pass"),
        (Following, {}, "trained on batches of 17 and 16 examples after each other"),
        (Complex, {}, r"has complex parameters \(phase\)"),
        (lambda: Ghost(lambda x: x.split(15)), {}, "of 17 and 16 examples after each.* batch norm"),
        (lambda: torch.compile(sound(), backend="eager"), {}, "compiled by torch.compile"),
        (lambda: torch.jit.script(sound()), {}, "compiled by torch.jit"),
        (lambda: sys.exit(0), {}, "cannot be built .* SystemExit: 0"),
        (
            lambda: nn.Sequential(
                nn.Flatten(),
                nn.Linear(192, 600),
                nn.BatchNorm1d(600, track_running_stats=False),
                nn.ReLU(),
                nn.Linear(600, CLASSES),
            ),
            {},
            "no Fisher spectra: .*track_running_stats=True",
        ),
        (WithoutDerivative, {}, r"no Fisher spectra: those of \S*other are not finite with sigm"),
        (
            lambda: nn.Sequential(*WIDE),
            {},
            r"need 51\.2 GB of memory and more \(layer '3' is .*mem_mb is 2000",
        ),
    ],
)
def test_what_fails_is_refused(
    task_of: Callable[..., Task], network: Any, changes: dict[str, Any], message: str
) -> None:
    task = task_of(network, **changes)
    with pytest.raises(ModelError, match=message):
        rehearse(task, DATA, SPLIT)


def test_a_part_measured_with_one_image_left_over(task_of: Callable[..., Task]) -> None:
    rehearse(task_of(Squeezing), DATA, SPLIT)
    with pytest.raises(ModelError, match="evaluated on a batch of one example"):
        rehearse(task_of(Squeezing), DATA, SPLIT.model_copy(update={"test": 257}))
    rehearse(task_of(Squeezing, final=None), DATA, SPLIT.model_copy(update={"test": 257}))


def test_the_recipe_of_a_stage_is_rehearsed(task_of: Callable[..., Task]) -> None:
    def staged(**recipe: int) -> Task:
        stage = {"functions": 5, "seeds": [20], "recipe": recipe}
        return task_of(Squeezing, final=FINAL | {"stages": [stage]})

    rehearse(staged(epochs=2), DATA, SPLIT)
    with pytest.raises(ModelError):
        rehearse(staged(batch_size=1), DATA, SPLIT)


def test_spectra_that_no_layer_has(task_of: Callable[..., Task]) -> None:
    class Borrowing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act, self.head = nn.ReLU(), nn.Linear(3, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(self.act(x).mean((2, 3)), self.head.weight)

    task = task_of(Borrowing)
    with pytest.raises(ModelError, match=r"no linear layer .* with examples \(head: not called"):
        rehearse_spectra(task, DATA)
    assert (
        rehearse(
            task_of(
                Borrowing,
                benchmark=None,
                search=None,
                final={"candidates_from": ["other"], "seeds": [1, 2]},
            ),
            DATA,
            SPLIT,
        ).fisher
        is None
    )


def test_layers_passed_over_are_found(task_of: Callable[..., Task]) -> None:
    found = rehearse_spectra(task_of(Spare), DATA)
    assert found.passed_over == {"spare": NOT_CALLED}


def test_factors_of_a_gpu_lie_in_its_own_memory(task_of: Callable[..., Task]) -> None:
    def wide() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(192, CLASSES))

    small = {"resources": {"mem_mb": 1, "gpu": 1}}
    assert rehearse_spectra(task_of(wide, **small), DATA).factor_bytes > 2**19
    with pytest.raises(ModelError, match="mem_mb is 1: raise it"):
        rehearse_spectra(
            task_of(
                lambda: nn.Sequential(*WIDE[:2], nn.Linear(192, 600), nn.Linear(600, 4)),
                resources={"mem_mb": 1},
            ),
            DATA,
        )


def test_a_network_that_hides_its_functions_is_told(task_of: Callable[..., Task]) -> None:
    class Hiding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act, self.head = nn.ReLU(), nn.Linear(3, CLASSES)
            self.scale = nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            return self.head((x + self.scale * self.act(x)).mean((2, 3)))

    assert not rehearse_spectra(task_of(Hiding), DATA).tells_apart


def test_several_processes_are_rehearsed_by_one(task_of: Callable[..., Task]) -> None:
    two = {"resources": {"processes": 2}}
    rehearse(task_of(norm_first, **two), DATA, SPLIT)
    with pytest.raises(ModelError, match=r"trained on .*checkpoint\(\.\.\., use_reentrant=False\)"):
        rehearse(task_of(Recomputing, **two), DATA, SPLIT)
    with pytest.raises(ModelError, match="trained on a batch of one example"):
        rehearse(task_of(norm_first, recipe={"batch_size": 2}, **two), DATA, SPLIT)


# The network itself


def test_modules_in_place_are_so_no_more(task_of: Callable[..., Task]) -> None:
    def in_place() -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Dropout(0.1, inplace=True), *sound()[2:]
        )

    task = task_of(in_place)
    assert check_network(task, DATA).no_longer_in_place == ["2"]
    run_all_jobs(task)
    task = task_of(lambda: None, model="torchvision:mobilenet_v3_small")
    found = check_network(task, DataShape((3, 32, 32), CLASSES))
    assert found.no_longer_in_place == ["classifier.2"]


def test_results_that_are_dropped(task_of: Callable[..., Task]) -> None:
    with pytest.raises(ModelError, match=r"uses no result of the activations .* replaced: act"):
        check_network(task_of(lambda: Discarding("act")), DATA)
    with pytest.raises(ModelError, match=r"calls 'drop' without using its result.*self\.drop\(x\)"):
        check_network(task_of(lambda: Discarding("drop")), DATA)
    assert check_network(task_of(lambda: Discarding("")), DATA).idle == []


def test_kernels_that_a_gpu_lacks(task_of: Callable[..., Task]) -> None:
    gpu = {"resources": {"gpu": 1}}
    message = r"no deterministic kernel for the gradient of adaptive average pooling: set determ"
    with pytest.raises(ModelError, match=message):
        check_network(task_of(sound, **gpu), DATA)
    check_network(task_of(sound, deterministic=False, **gpu), DATA)
    check_network(task_of(sound), DATA)
    check_network(task_of(norm_first, **gpu), DATA)


def test_logits_that_are_never_finite(task_of: Callable[..., Task]) -> None:
    class Poles(View):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) / 0

    with pytest.raises(ModelError, match="logits that are not finite in training, before"):
        check_network(task_of(Poles), DATA)


def test_stand_ins() -> None:
    assert stand_ins([32, 33, 1, 100]) == {1: 1, 2: 32, 3: 33}
    assert stand_ins([2]) == {2: 2}
