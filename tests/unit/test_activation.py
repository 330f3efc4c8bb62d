from __future__ import annotations

import copy
import io
import math
import pickle
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from actsearch.functions.activation import Activation, normal_moments
from actsearch.functions.equivalence import normal_samples
from actsearch.functions.expressions import ExpressionError, parse
from actsearch.functions.operators import BINARY, EXTRA_UNARY, NARY, UNARY
from actsearch.functions.replacing import replace_activations
from actsearch.functions.spaces import SearchSpace

BESSEL = ("bessel_i0e", "bessel_i1e")
"""The operators that ONNX lacks."""
EVERY_UNARY = f"sum_n({','.join(f'{name}(x)' for name in UNARY + EXTRA_UNARY)})"
EVERY_BINARY = f"sum_n({','.join(f'{name}(exp(x),erf(x))' for name in BINARY)})"
EVERY_NARY = f"sum_n({','.join(f'{name}(exp(x),erf(x),x)' for name in NARY)})"
EVERYTHING = f"sum_n({EVERY_UNARY},{EVERY_BINARY},{EVERY_NARY})"


# variance of clip(x, -2.5, 2.5)
CLIPPED_VARIANCE = (
    math.erf(2.5 / math.sqrt(2))
    - 5 * math.exp(-(2.5**2) / 2) / math.sqrt(2 * math.pi)
    + 2.5**2 * math.erfc(2.5 / math.sqrt(2))
)


@pytest.fixture
def x() -> Tensor:
    return torch.linspace(-3.1, 3.3, 30).reshape(5, 6)


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 3), nn.GELU(), nn.Sigmoid())
    )


def test_it_is_a_module_without_state(x: Tensor) -> None:
    activation = Activation("mul(sigmoid(x), erf(x))")
    assert repr(activation) == "Activation(mul(sigmoid(x),erf(x)))"
    assert not activation.state_dict()
    assert not list(activation.parameters())
    torch.testing.assert_close(activation(x), torch.sigmoid(x) * torch.erf(x))
    assert "normalize=True" in repr(Activation("relu(x)", normalize=True))


def test_it_takes_names_and_expressions_and_nothing_else() -> None:
    assert Activation(parse("relu(x)")).expression == Activation("relu(x)").expression
    for bad in ("relu", 3, None):
        with pytest.raises(ExpressionError):
            Activation(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("normalize", [False, True])
def test_copies_pickles_and_saves_are_equal(x: Tensor, normalize: bool) -> None:
    activation = Activation("max(relu(x),cosh(elu(x)))", normalize=normalize).eval()
    file = io.BytesIO()
    torch.save(activation, file)
    file.seek(0)
    for twin in (
        copy.deepcopy(activation),
        pickle.loads(pickle.dumps(activation)),
        torch.load(file, weights_only=False),
    ):
        assert torch.equal(twin(x), activation(x))
        assert repr(twin) == repr(activation)
        assert not twin.training


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_shape_and_dtype_are_kept(x: Tensor, dtype: torch.dtype) -> None:
    y = Activation("sum_n(zero(x),one(x),selu(x),hard_sigmoid(x))", normalize=True)(x.to(dtype))
    assert y.dtype == dtype
    assert y.shape == x.shape


def test_module_expression_and_numpy_agree() -> None:
    samples = normal_samples()
    space = SearchSpace.named("three-node")
    for index in range(0, len(space), 17):
        expression = space[index]
        y = Activation(expression)(torch.tensor(samples)).numpy()
        np.testing.assert_allclose(y, expression(samples), rtol=1e-9, atol=1e-12)


def test_sampled_gradients_are_right() -> None:
    # Points near kinks, ties, poles and edges of the domain are left out: there difference
    # quotients at two scales disagree.
    space = SearchSpace.named("four-node")
    points = torch.tensor([-2.1, -0.83, 0.37, 1.93], dtype=torch.float64)
    checked = 0
    for index in np.random.RandomState(0).randint(len(space), size=150):
        function = Activation(space[int(index)])
        usable = [p for p in points if _is_smooth(function, p)]
        if usable:
            inputs = torch.stack(usable).requires_grad_()
            assert torch.autograd.gradcheck(function, (inputs,), atol=1e-4), function
            checked += 1
    assert checked > 100


def _is_smooth(function: Activation, point: Tensor) -> bool:
    values = [function(point + step) for step in (-2e-3, -1e-3, 0.0, 1e-3, 2e-3)]
    far, near = (values[4] - values[0]) / 4e-3, (values[3] - values[1]) / 2e-3
    curved = abs(values[3] - 2 * values[2] + values[1])
    return bool(torch.stack(values).abs().max() < 1e3 and abs(far - near) < 1e-2 and curved < 1e-3)


def test_constants_give_zero_gradients_rather_than_none() -> None:
    layer = nn.Linear(2, 2)
    loss = Activation("add(zero(x),one(x))")(layer(torch.ones(1, 2))).sum()
    loss.backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.abs().max() == 0


@pytest.mark.parametrize("name", [EVERY_UNARY, EVERY_BINARY, EVERY_NARY])
def test_compiles_without_graph_breaks(name: str, x: Tensor) -> None:
    activation = Activation(name, normalize=name == EVERY_NARY)
    compiled = torch.compile(activation, fullgraph=True, backend="aot_eager")
    inputs = [x.double().clone().requires_grad_() for _ in range(2)]
    outputs = [compiled(inputs[0]), activation(inputs[1])]
    torch.testing.assert_close(*outputs, equal_nan=True)
    for output in outputs:
        output.sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, equal_nan=True)


@pytest.mark.slow
def test_compiles_with_the_default_backend(x: Tensor) -> None:
    activation = Activation("sum_n(mul(sigmoid(x),erf(x)),zero(x),one(x),elish(x),softplus(x))")
    compiled = torch.compile(activation, fullgraph=True)
    torch.testing.assert_close(compiled(x), activation(x))


def test_exports(x: Tensor) -> None:
    activation = Activation(EVERYTHING)
    batch = torch.export.Dim("batch")
    program = torch.export.export(activation, (x,), dynamic_shapes=({0: batch},))
    for inputs in (x, x[:3]):
        torch.testing.assert_close(program.module()(inputs), activation(inputs), equal_nan=True)


def test_transforms(x: Tensor) -> None:
    activation = Activation("sum_n(mul(sigmoid(x),erf(x)),one(x),max(x,zero(x)))")
    torch.testing.assert_close(torch.func.vmap(activation)(x), activation(x))
    slopes = torch.func.vmap(torch.func.grad(activation))(x.flatten())
    inputs = x.flatten().clone().requires_grad_()
    activation(inputs).sum().backward()
    torch.testing.assert_close(slopes, inputs.grad)


def _onnx_values(activation: Activation, x: Tensor) -> np.ndarray:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(activation.eval(), (x,), dynamo=True, verbose=False)
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x.numpy()})[0])


def test_exports_to_onnx_every_operator_but_bessel(x: Tensor) -> None:
    x = x.abs()  # inside the domain of pow
    unary = [f"{name}(x)" for name in UNARY + EXTRA_UNARY if name not in BESSEL]
    activation = Activation(f"sum_n({','.join(unary)},{EVERY_BINARY},{EVERY_NARY})")
    np.testing.assert_allclose(_onnx_values(activation, x), activation(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", BESSEL)
def test_bessel_has_no_onnx_operator(name: str, x: Tensor) -> None:
    with pytest.raises(Exception, match=r"[Cc]onver"):
        _onnx_values(Activation(f"{name}(x)"), x)


@pytest.mark.parametrize(
    ("name", "mean", "variance"),
    [
        ("x", 0, 1),
        ("relu(x)", 1 / np.sqrt(2 * np.pi), 1 / 2 - 1 / (2 * np.pi)),
        ("abs(x)", np.sqrt(2 / np.pi), 1 - 2 / np.pi),
        ("square(x)", 1, 2),
        ("exp(x)", np.exp(0.5), np.exp(2) - np.exp(1)),
        ("mul(exp(x),exp(x))", np.exp(2), np.exp(8) - np.exp(4)),
        ("sigmoid(x)", 0.5, 0.04337906552688),
        ("hard_sigmoid(x)", 0.5, 0.04 * CLIPPED_VARIANCE),
    ],
)
def test_normal_moments(name: str, mean: float, variance: float) -> None:
    found_mean, found_std = normal_moments(parse(name))
    np.testing.assert_allclose([found_mean, found_std**2], [mean, variance], rtol=2e-5, atol=1e-12)


@pytest.mark.parametrize("name", ["swish(x)", "max(sigmoid(x),square(x))", "erfc(sinh(x))"])
def test_normalized_outputs_have_mean_0_and_variance_1(name: str) -> None:
    quantiles = (torch.arange(1_000_000, dtype=torch.float64) + 0.5) / 1_000_000
    y = Activation(name, normalize=True)(torch.special.ndtri(quantiles))
    assert abs(y.mean()) < 1e-4
    assert abs(y.var() - 1) < 1e-3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("zero(x)", "variance is 0"),
        ("add(one(x),one(x))", "variance is 0"),
        ("reciprocal(x)", "not finite"),
        ("pow(abs(x),negative(hard_sigmoid(zero(x))))", "not finite"),  # 1 / sqrt(abs(x))
        ("exp(square(x))", "not finite"),
        ("exp(exp(x))", "not finite"),
        ("pow(x,x)", "not finite"),
        ("div(x,zero(x))", "not finite"),
        # both moments exist, the second by values beyond 16 too
        ("pow(exp(square(x)),square(hard_sigmoid(zero(x))))", r"variance \(.*\|x\| <= 16"),
    ],
)
def test_what_cannot_be_normalized_is_named(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as error:
        Activation(name, normalize=True)
    assert parse(name).name in str(error.value)


def test_ordinary_activations_are_replaced_and_gates_stay() -> None:
    model = network()
    assert replace_activations(model, "tanh(x)") == ["1", "2.1"]
    assert [type(m).__name__ for m in model.modules() if not list(m.children())] == [
        "Conv2d", "Activation", "Linear", "Activation", "Sigmoid",
    ]  # fmt: skip
    assert replace_activations(model, "relu(x)") == ["1", "2.1"]
    assert repr(model[1]) == "Activation(relu(x))"


@pytest.mark.parametrize(
    ("types", "names", "replaced"),
    [
        (["ReLU"], [], ["1"]),
        (["ReLU", "Sigmoid"], [], ["1", "2.2"]),
        ([], ["2.*"], ["2.1", "2.2"]),
        ([], ["*"], ["1", "2.1", "2.2"]),
        ([], ["2.0"], ["2.0"]),
        (["ReLU"], ["2.1"], ["1", "2.1"]),
        (["Linear"], [], ["2.0"]),
    ],
)
def test_types_and_names_choose(types: list[str], names: list[str], replaced: list[str]) -> None:
    assert replace_activations(network(), "relu(x)", types, names) == replaced


@pytest.mark.parametrize(
    ("types", "names"), [(["SiLU"], []), ([], ["1.*"]), (["relu"], ["nothing"])]
)
def test_nothing_replaced_is_an_error_that_lists_what_there_is(
    types: list[str], names: list[str]
) -> None:
    with pytest.raises(ValueError, match=r"1 \(ReLU\), 2.1 \(GELU\), 2.2 \(Sigmoid\)"):
        replace_activations(network(), "relu(x)", types, names)
    with pytest.raises(ValueError, match="no activation modules"):
        replace_activations(nn.Sequential(nn.Linear(2, 2)), "relu(x)")


@pytest.mark.parametrize(
    ("types", "names", "unmet"),
    [
        (["ReLU", "SiLU"], [], "type 'SiLU'"),
        (["ReLU"], ["2.1", "3.*"], r"name '3\.\*'"),
        (["Swish"], ["1", "blocks.0.act"], r"type 'Swish', name 'blocks\.0\.act'"),
    ],
)
def test_whatever_is_asked_for_must_be_there(
    types: list[str], names: list[str], unmet: str
) -> None:
    model = network()
    with pytest.raises(ValueError, match=rf"no module matches {unmet}; the network has 1 \(ReLU\)"):
        replace_activations(model, "relu(x)", types, names)
    assert isinstance(model[1], nn.ReLU)


def test_a_bad_function_changes_nothing() -> None:
    model = network()
    with pytest.raises(ExpressionError):
        replace_activations(model, "relu")
    assert isinstance(model[1], nn.ReLU)


def test_shared_modules_are_replaced_in_all_places_and_stay_shared() -> None:
    shared = nn.ReLU()
    block = nn.Sequential(nn.Linear(2, 2), shared)
    model = nn.ModuleDict({"a": block, "b": block, "c": nn.Sequential(shared), "d": nn.ReLU()})
    assert replace_activations(model, "elu(x)") == ["a.1", "b.1", "c.0", "d"]
    assert isinstance(block[1], Activation)
    assert block[1] is model.get_submodule("c.0")
    assert block[1] is not model["d"]
    assert not any(isinstance(module, nn.ReLU) for module in model.modules())


def test_the_fused_transformer_path_is_left() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0, activation=nn.ReLU(), batch_first=True)
    assert replace_activations(layer, "negative(x)") == ["activation"]
    x = torch.randn(1, 3, 4)
    with torch.no_grad():
        expected = layer.train()(x)
        torch.testing.assert_close(layer.eval()(x), expected)


def test_softmax_and_attention_stay() -> None:
    model = nn.ModuleList([nn.MultiheadAttention(4, 2), nn.Softmax(dim=-1), nn.ReLU()])
    assert replace_activations(model, "relu(x)") == ["2"]
