"""Precision, layout and compilation: what a recipe may switch on so that a GPU trains faster."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from actsearch.config import Data, Fisher, Recipe, Split, Task
from actsearch.data.dataset import Dataset
from actsearch.data.examples import MemoryExamples
from actsearch.data.loading import load_dataset
from actsearch.features.fisher_parts import fisher_features
from actsearch.functions.activation import Activation
from actsearch.functions.expressions import parse
from actsearch.networks.building import build_network
from actsearch.training import compilation
from actsearch.training.compilation import CompilerError, check_compiler, compiled, forget_compiled
from actsearch.training.fitting import _optimizer, evaluate, fit
from actsearch.training.outcomes import Classes
from actsearch.training.trial import on_its_device, run_trial

CLASSES = Classes(10)

FUNCTION = parse("mul(sigmoid(x),erf(x))")
CPU = torch.device("cpu")
SWITCHES: list[dict[str, Any]] = [
    {"precision": "tf32"},
    {"precision": "bfloat16"},
    {"channels_last": True},
    {"precision": "bfloat16", "channels_last": True, "compile": "activations"},
]
ON_A_GPU = [*SWITCHES, {"compile": "activations"}, {"compile": "network"}]


def recipe(**changes: Any) -> Recipe:
    values = {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 3, "batch_size": 50}
    return Recipe(**(values | changes))


def task(model: str = "digits-cnn", **changes: Any) -> Task:
    return Task(data="digits", model=model, recipe=recipe(**changes))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset(Data(source="digits", split=Split(train=120, validation=100, test=100)))


class Spy(nn.Module):
    """Notes dtype and layout of what goes into the network and comes out of its first layer."""

    def __init__(self, model: nn.Module, first: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.seen: set[tuple[str, torch.dtype, bool]] = set()
        first.register_forward_hook(lambda module, x, y: self._note("inside", y))

    def _note(self, where: str, x: Tensor) -> None:
        last = x.is_contiguous(memory_format=torch.channels_last)
        self.seen.add((where, x.dtype, last))

    def forward(self, x: Tensor) -> Tensor:
        self._note("image", x)
        out: Tensor = self.model(x)
        return out


def spied(digits: Dataset, **changes: Any) -> Spy:
    """A network that was trained for an epoch and evaluated."""
    model, _ = build_network(task(), digits, FUNCTION, 0)
    spy = Spy(model, model.layers[0])  # type: ignore[index, arg-type]
    settings = recipe(epochs=1, **changes)
    # Two channels: with one, both layouts are the same.
    with torch.no_grad():
        spy.model.layers[0] = nn.Conv2d(2, 16, 3, padding=1)  # type: ignore[index, operator]
    spy.model.layers[0].register_forward_hook(lambda m, x, y: spy._note("inside", y))  # type: ignore[index, union-attr]
    images = digits.part("train").subset(torch.arange(60))
    [(x, y)] = images.batches([torch.arange(60)])
    examples = MemoryExamples(x.repeat(1, 2, 1, 1), y)
    assert fit(spy, settings, examples, CLASSES, seed=0) == 1
    evaluate(spy, examples, CLASSES, settings)
    return spy


def test_bfloat16_is_inside_alone(digits: Dataset) -> None:
    spy = spied(digits, precision="bfloat16")
    assert {(where, dtype) for where, dtype, _ in spy.seen} == {
        ("image", torch.float32),
        ("inside", torch.bfloat16),
    }
    assert {p.dtype for p in spy.parameters()} == {torch.float32}
    assert {p.grad.dtype for p in spy.parameters() if p.grad is not None} == {torch.float32}


def test_the_state_of_the_optimizer_is_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(
        "actsearch.training.fitting._optimizer",
        lambda *arguments: made.append(_optimizer(*arguments)) or made[-1],
    )
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    examples = MemoryExamples(torch.randn(10, 1, 2, 2), torch.arange(10) % 3)
    fit(model, recipe(precision="bfloat16"), examples, CLASSES, seed=0)
    [optimizer] = made
    values = [v for state in optimizer.state.values() for v in state.values()]
    assert len(values) == 6 and {v.dtype for v in values} == {torch.float32}


def test_channels_last_reaches_images_and_what_follows(digits: Dataset) -> None:
    assert {last for *_, last in spied(digits, channels_last=True).seen} == {True}
    assert {last for *_, last in spied(digits).seen} == {False}


def test_losses_are_measured_in_double_whatever_the_precision() -> None:
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tensor([[-3e38, 3e38]], dtype=torch.bfloat16).expand(len(x), 2)

    examples = MemoryExamples(torch.zeros(9, 1, 1, 1), torch.zeros(9).long())
    _, loss, _ = evaluate(Constant(), examples, CLASSES, recipe(precision="bfloat16"))
    assert loss == pytest.approx(6e38, rel=0.01)


@pytest.mark.parametrize("switches", SWITCHES)
def test_a_training_is_much_the_same_with_them(switches: dict[str, Any], digits: Dataset) -> None:
    plain, _ = run_trial(task(), digits, FUNCTION)
    fast, _ = run_trial(task(**switches), digits, FUNCTION)
    again, _ = run_trial(task(**switches), digits, FUNCTION)
    assert fast == again
    close = 0.02 if switches.get("precision") == "bfloat16" else 1e-4
    for key in ("train_loss", "validation_loss"):
        assert fast[key] == pytest.approx(plain[key], rel=close)


def test_a_function_of_half_precision_is_rounded_once() -> None:
    function = Activation("sub(exp(x),add(x,one(x)))")
    x = torch.linspace(-0.1, 0.1, 99).bfloat16()
    expected = function(x.float()).bfloat16()
    assert torch.equal(function(x), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(function(x), expected)


def places() -> nn.Sequential:
    shared = Activation("swish(x)")
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3), Activation("swish(x)"), nn.Conv2d(4, 4, 1), shared, shared),
        *(nn.Flatten(), nn.Linear(36, 5), Activation("swish(x)")),
    )


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_function_is_compiled_once_for_all_places_sizes_and_layouts(
    layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs: list[Any] = []
    compile_with = torch.compile

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph

    forget_compiled()
    monkeypatch.setattr(torch, "compile", functools.partial(compile_with, backend=backend))
    plain = places().to(memory_format=layout)
    fast = copy.deepcopy(plain)
    for n in (5, 3, 1, 4):
        x = torch.randn(n, 2, 5, 5).to(memory_format=layout)
        with compiled(fast, "activations") as called:
            outputs = [plain(x), called(x)]
        torch.testing.assert_close(*outputs)
        for output in outputs:
            output.square().sum().backward()
    for p, q in zip(plain.parameters(), fast.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)
    assert len(graphs) == 1
    forget_compiled()


def test_a_compiled_function_keeps_its_input_alone_for_the_backward_pass() -> None:
    model, kept = nn.Sequential(Activation(FUNCTION)), dict[int, int]()

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    x = torch.randn(8, 2, 3, 3, requires_grad=True) * 1
    with (
        compiled(model, "activations") as called,
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        called(x)
    assert kept == {x.data_ptr(): 4 * x.numel()}


def test_an_input_that_is_changed_in_place_is_an_error_as_without(quick: None) -> None:
    model = nn.Sequential(Activation("swish(x)"))
    weight = torch.ones(3, 4, requires_grad=True)
    with compiled(model, "activations"):
        x = weight * 2
        y = model(x)
        x += 1
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


def test_nothing_stays_compiled_after_the_block() -> None:
    model = places()
    names = list(model.state_dict())
    with pytest.raises(ZeroDivisionError), compiled(model, "activations") as called:
        assert called is model and "forward" in vars(model[1])
        assert list(model.state_dict()) == names
        raise ZeroDivisionError
    assert not any("forward" in vars(module) for module in model.modules())
    copy.deepcopy(model)
    plain = nn.Linear(2, 2)
    for what in ("none", "activations"):
        with compiled(plain, what) as called:  # type: ignore[arg-type]
            assert called is plain


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """torch.compile without the making of kernels, which takes seconds."""
    forget_compiled()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    yield
    forget_compiled()


def test_more_functions_than_torch_would_compile(quick: None, digits: Dataset) -> None:
    """Dynamo gives up after eight kinds of one piece of code."""
    settings = task(compile="activations", epochs=1)
    data = Dataset(digits.examples, {**digits.rows, "train": torch.arange(8)}, digits.shape)
    for number in range(2, 12):
        name = f"sum_n({','.join(['tanh(x)'] * number)})"
        trial, _ = run_trial(settings, data, parse(name), evaluate_on=("train",))
        assert trial["status"] == "completed"


def test_a_compiled_network_trains_as_a_plain_one(quick: None, digits: Dataset) -> None:
    plain, _ = run_trial(task("digits-resnet"), digits, FUNCTION, seeds=(0, 1))
    fast, _ = run_trial(task("digits-resnet", compile="network"), digits, FUNCTION, seeds=(0, 1))
    assert fast["train_loss"] == pytest.approx(plain["train_loss"], rel=1e-4)


def test_a_compiled_network_keeps_its_names_and_takes_other_sizes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []

    def note(model: nn.Module, **options: Any) -> Any:
        def call(x: Tensor) -> Any:
            calls.append(len(x))
            return model(x)

        return call

    monkeypatch.setattr(compilation.torch, "compile", note)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    examples = MemoryExamples(torch.randn(10, 1, 2, 2), torch.arange(10) % 3)
    fit(model, recipe(compile="network", batch_size=4, epochs=1), examples, CLASSES, seed=0)
    assert calls == [4, 4]
    assert list(model.state_dict()) == ["1.weight", "1.bias"]
    with compiled(model, "network") as called:
        assert [id(p) for p in called.parameters()] == [id(p) for p in model.parameters()]


def test_a_machine_without_a_compiler_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **options: Any) -> Any:
        raise RuntimeError("InvalidCxxCompiler: no g++\nset TORCHDYNAMO_VERBOSE")

    check_compiler(CPU)
    monkeypatch.setattr(torch, "compile", lambda function, **options: fail)
    with pytest.raises(CompilerError, match=r"cpu here \(InvalidCxx.*no g\+\+\); .* compile: none"):
        check_compiler(CPU)


def test_spectra_are_those_of_full_precision(digits: Dataset) -> None:
    fisher = Fisher(examples=16)
    plain = fisher_features(task().model_copy(update={"fisher": fisher}), digits, [FUNCTION])
    for switches in SWITCHES:
        settings = task(**switches).model_copy(update={"fisher": fisher})
        found = fisher_features(settings, digits, [FUNCTION])
        for key, values in plain.items():
            np.testing.assert_array_equal(found[key], values)


def test_data_go_to_the_device_once(digits: Dataset) -> None:
    placed = on_its_device(task(), digits)
    part = placed.part("train")
    assert isinstance(part, MemoryExamples) and isinstance(placed.examples, MemoryExamples)
    assert part.inputs.data_ptr() == placed.examples.inputs.data_ptr()
    assert part.to(CPU).inputs.data_ptr() == part.inputs.data_ptr()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("switches", ON_A_GPU)
def test_a_gpu_is_close_to_the_cpu_with_them(switches: dict[str, Any], digits: Dataset) -> None:
    augmentation = {"flip": True, "pad_crop": 1}
    chosen = task("digits-resnet", augmentation=augmentation, **switches)
    on_cpu, _ = run_trial(task("digits-resnet", augmentation=augmentation), digits, FUNCTION)
    on_gpu, _ = run_trial(chosen, digits, FUNCTION, device="cuda")
    again, _ = run_trial(chosen, digits, FUNCTION, device="cuda")
    assert on_gpu["status"] == "completed"
    assert on_gpu["validation_score"] == pytest.approx(on_cpu["validation_score"], abs=0.1)
    if switches.get("compile") != "network":
        assert again == on_gpu
