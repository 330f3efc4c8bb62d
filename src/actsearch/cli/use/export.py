"""Command: export."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from actsearch.cli.app import app
from actsearch.cli.arguments import CONFIG, FunctionName, OwnOperators, read_function, write_file
from actsearch.cli.progress import say
from actsearch.config import ConfigError

if TYPE_CHECKING:
    from actsearch.functions.expressions import Expression

Target = Literal["torch", "onnx", "latex", "sympy"]


@app.command()
def export(
    name: FunctionName,
    to: Annotated[Target, typer.Option("--to", help="What is to read it.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write; printed when left out.")
    ] = None,
    dimensions: Annotated[
        int, typer.Option("--dims", min=0, max=16, help="ONNX: dimensions of the input, such as 4.")
    ] = 2,
    config: OwnOperators = CONFIG,
) -> None:
    """Write any function for other programs: PyTorch, ONNX, LaTeX or SymPy.

    torch is a Python file with one module that needs nothing but torch. onnx is a model of float32,
    which is run by ONNX Runtime and compared with torch before it is written; it needs the packages
    onnx, onnxscript and onnxruntime. latex is a formula (amsmath), sympy a Python file with an
    expression. Whatever the target, a warning says where the function is not finite at x = 0.
    """
    from actsearch.functions.at_zero import ZEROS
    from actsearch.functions.gradient_at_zero import problem_at_zero

    function = read_function(name, config)
    command = f"actsearch export {shlex.quote(function.name)} --to {to}"
    if problem := problem_at_zero(function):
        say(f"warning: {function.name} is {problem}; {ZEROS}")
    if to == "onnx":
        if out is None:
            raise ConfigError("--to onnx writes no text: give the file with --out FILE.onnx")
        _export_onnx(function, out, dimensions)
        return
    from actsearch.functions.exporting import latex_text, sympy_file, torch_text

    missing: list[str] = []
    if to == "torch":
        text, missing = torch_text(function, command)
    else:
        text = latex_text(function) if to == "latex" else sympy_file(function, command)
    for reason in missing:
        say(f"warning: {reason}; the module raises until it is written there")
    if out is None:
        typer.echo(text, nl=False)
        return
    write_file(out, text.encode())
    say(f"{out}: {function.name}")


def _export_onnx(function: Expression, out: Path, dimensions: int) -> None:
    from actsearch.functions.onnx_export import APPROXIMATED, agreement, onnx_bytes

    model = onnx_bytes(function, dimensions)
    found = agreement(onnx_bytes(function), function)
    write_file(out, model)
    say(f"{out}: {function.name}, float32, {dimensions} dimensions of any size")
    say(
        f"compared with torch in float32 at {found.points:,} numbers from -10 to 10: the largest "
        f"difference is {found.difference:.1e} (relative where the function is above 1)"
    )
    for operator in sorted(function.operators & APPROXIMATED.keys()):
        say(
            f"{operator}: a polynomial, since ONNX has none that is as exact; its relative error "
            f"is below {APPROXIMATED[operator]:.0e}"
        )
    if not found.good:
        say(
            f"warning: that is more than rounding explains, or values are NaN or infinite in one "
            f"of both alone (at {found.apart} numbers); torch in float32 itself is "
            f"{found.torch_error:.1e} from float64"
        )
