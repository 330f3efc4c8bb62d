"""Seconds and memory that the FIM spectra of one function take, in the networks of the paper first.

    python -m benchmarks.fisher [network ...]

Each case runs in a process of its own, on one core. Seconds are those of the processor, without the
imports; memory is the largest resident set of the process, imports included. ``times faster`` is
against backward passes that walk through the graph of the activation function each time, as
autograd has it, in a process that ran just before.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from actsearch.data.dataset import DataShape
from actsearch.features.spectra import LayerSpectrum

FUNCTION = "max(swish(x),erf(x))"
PART = 250
SMALL, MIDDLE, LARGE = (DataShape((3, side, side), 10) for side in (32, 160, 224))
HUNDRED, THOUSAND = SMALL._replace(n_outputs=100), LARGE._replace(n_outputs=1000)
SIGNALS = DataShape((1, 40), 10, "signals")
TABLE = DataShape((10,), 1, "features", "numbers")
TEXT = DataShape((64,), 96, "tokens", "positions", 96)


class Case(NamedTuple):
    """A network, its data's shape, and how the spectra are computed."""

    model: str
    shape: DataShape
    kind: str
    examples: int
    at_once: int
    compared: bool = False
    warm: bool = False


CASES = (
    Case("all-cnn-c", SMALL, "true", 128, 32, compared=True),
    Case("all-cnn-c", SMALL, "sampled", 128, 32),
    Case("all-cnn-c", HUNDRED, "true", 128, 32),
    Case("resnet-56", SMALL, "true", 128, 32, compared=True),
    Case("resnet-56", SMALL, "sampled", 128, 32),
    Case("resnet-56", HUNDRED, "true", 128, 32),
    Case("timm:mobilevitv2_050", MIDDLE, "true", 64, 16, compared=True),
    Case("torchvision:resnet50", THOUSAND, "sampled", 64, 16),
    Case("mlp", SIGNALS, "true", 128, 128, warm=True),
    Case("mlp", TABLE, "true", 128, 128, warm=True),
    Case("conv1d", SIGNALS, "true", 128, 128, warm=True),
    Case("transformer", TEXT, "sampled", 128, 32, warm=True),
    Case("transformer", TEXT, "empirical", 128, 32, warm=True),
)


def run(case: Case, walk: bool) -> dict[str, float]:
    """Seconds, bytes of memory, and bytes of eigenvalues of one function, in this process."""
    import resource
    import time

    import torch

    from actsearch.data.examples import together
    from actsearch.features import fisher
    from actsearch.features.layers import calibrate_batch_norm
    from actsearch.functions.replacing import replace_activations
    from actsearch.networks.by_name import build_model
    from actsearch.rehearsal.examples import made_up

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if walk:
        fisher.keep_derivatives = lambda model: []  # type: ignore[attr-defined]
    torch.manual_seed(0)
    x, y = together(made_up(case.shape, case.examples, torch.device("cpu")))

    def spectra_of(n: int) -> list[LayerSpectrum]:
        model = build_model(case.model, case.shape, seed=0)
        replace_activations(model, FUNCTION)
        calibrate_batch_norm(model, x[:n])
        return fisher.fisher_spectrum(
            model,
            x[:n],
            y[:n],
            case.kind,  # type: ignore[arg-type]
            examples_at_once=case.at_once,
            targets=case.shape.targets,
        )

    if case.warm:  # what torch loads with its first operations takes longer than small networks
        spectra_of(2)
    started = time.process_time()
    spectra = spectra_of(case.examples)
    return {
        "seconds": time.process_time() - started,
        "memory": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "stored": sum(s.input_eigenvalues.nbytes + s.gradient_eigenvalues.nbytes for s in spectra),
    }


def _measured(case: Case, walk: bool = False) -> dict[str, float]:
    asked = json.dumps({"number": CASES.index(case), "walk": walk})
    command = [sys.executable, "-m", "benchmarks.fisher", "--one", asked]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Run one case and print it as JSON, or the cases of some networks or all as a table."""
    if sys.argv[1:2] == ["--one"]:
        asked: dict[str, Any] = json.loads(sys.argv[2])
        print(json.dumps(run(CASES[asked["number"]], asked["walk"])))
        return
    out = Console(width=150)
    heads = ("network", "examples", "targets", "kind", "examples (at once)", "s a function",
             "memory MB", "kB stored", "h a part", "MB a part", "times as fast")  # fmt: skip
    table = Table(*heads)
    for case in CASES:
        if sys.argv[1:] and case.model not in sys.argv[1:]:
            continue
        plain = _measured(case, walk=True) if case.compared else None
        found = _measured(case)
        seconds, stored = found["seconds"], found["stored"]
        table.add_row(
            case.model, case.shape.in_words, case.shape.targets_in_words, case.kind,
            f"{case.examples} ({case.at_once})", f"{seconds:.3g}", f"{found['memory'] / 1e6:.0f}",
            f"{stored / 1e3:.0f}", f"{PART * seconds / 3600:.2g}", f"{PART * stored / 1e6:.0f}",
            f"{plain['seconds'] / seconds:.1f}" if plain else "",
        )  # fmt: skip
    out.print(table)


if __name__ == "__main__":
    main()
