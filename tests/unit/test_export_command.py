"""The command that writes a function for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commanding import refused, run, said

from actsearch.cli.app import load_commands
from actsearch.functions.expressions import parse
from actsearch.functions.gradient_at_zero import problem_at_zero


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_commands()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)


def test_export_to_torch(tmp_path: Path) -> None:
    function = parse("div(square(x),bessel_i1e(x))")
    file = tmp_path / "deep" / "f.py"
    assert said("export", function.slug, "--to", "torch", "--out", str(file)) == ""
    found: dict[str, Any] = {}
    exec(compile(file.read_text(), "f.py", "exec"), found)
    x = torch.linspace(-3, 3, 50)
    assert torch.equal(found["FoundActivation"]()(x), function(x))
    printed = said("export", function.name, "--to", "torch")
    assert printed == file.read_text()


def test_export_to_onnx_says_how_far_it_agrees(tmp_path: Path) -> None:
    import onnxruntime

    file = tmp_path / "f.onnx"
    result = run("export", "mul.x.bessel_i1e.x", "--to", "onnx", "--out", str(file), "--dims", "4")
    assert result.exception is None
    assert "5,001 numbers from -10 to 10: the largest difference is" in result.stderr
    assert "bessel_i1e: a polynomial" in result.stderr and "warning" not in result.stderr
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    (y,) = session.run(["y"], {"x": x})
    expected = parse("mul(x,bessel_i1e(x))")(x.astype(np.float64))
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-7)


def test_exports_of_text() -> None:
    assert said("export", "square.x", "--to", "latex") == "{x}^{2}\n"
    assert "f = x**2" in said("export", "square.x", "--to", "sympy")


@pytest.mark.parametrize("target", ["torch", "latex", "sympy"])
def test_export_warns_of_what_is_not_finite_at_zero(target: str) -> None:
    warned = run("export", "div(sin(x),x)", "--to", target)
    assert "div(sin(x),x) is undefined (NaN) at x = 0" in warned.stderr
    assert "at x = 0" not in run("export", "swish(x)", "--to", target).stderr


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("div(sin(x),x)", "undefined (NaN) at x = 0"),
        ("reciprocal(x)", "infinite at x = 0"),
        ("relu(x)", None),
        ("zero(x)", None),
        ("abs(x)", None),
    ],
)
def test_problems_at_zero(name: str, problem: str | None) -> None:
    assert problem_at_zero(parse(name)) == problem


def test_exports_that_cannot_be() -> None:
    assert "give the file with --out FILE.onnx" in refused("export", "relu.x", "--to", "onnx")
    assert run("export", "relu.x", "--to", "tensorflow").exit_code == 2
