"""Seconds and memory that the FIM spectra of one function take in the networks of the paper.

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
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

FUNCTION = "max(swish(x),erf(x))"
PART = 250


@dataclass(frozen=True)
class Case:
    """A network, its data's shape, and how the spectra are computed."""

    model: str
    side: int
    n_classes: int
    kind: str
    examples: int
    at_once: int
    compared: bool = False


CASES = (
    Case("all-cnn-c", 32, 10, "true", 128, 32, compared=True),
    Case("all-cnn-c", 32, 10, "sampled", 128, 32),
    Case("all-cnn-c", 32, 100, "true", 128, 32),
    Case("resnet-56", 32, 10, "true", 128, 32, compared=True),
    Case("resnet-56", 32, 10, "sampled", 128, 32),
    Case("resnet-56", 32, 100, "true", 128, 32),
    Case("timm:mobilevitv2_050", 160, 10, "true", 64, 16, compared=True),
    Case("torchvision:resnet50", 224, 1000, "sampled", 64, 16),
)


def run(case: Case, walk: bool) -> dict[str, float]:
    """Seconds, bytes of memory, and bytes of eigenvalues of one function, in this process."""
    import resource
    import time

    import torch

    from actsearch.features import fisher
    from actsearch.features.layers import calibrate_batch_norm
    from actsearch.functions.activation import replace_activations
    from actsearch.networks.by_name import build_model

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if walk:
        fisher.keep_derivatives = lambda model: []
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(case.examples, 3, case.side, case.side, generator=generator)
    started = time.process_time()
    model = build_model(case.model, DataShape((3, case.side, case.side), case.n_classes), seed=0)
    replace_activations(model, FUNCTION)
    calibrate_batch_norm(model, x)
    spectra = fisher.fisher_spectrum(
        model,
        x,
        None,
        case.kind,
        generator,
        case.at_once,  # type: ignore[arg-type]
    )
    return {
        "seconds": time.process_time() - started,
        "memory": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "stored": sum(s.input_eigenvalues.nbytes + s.gradient_eigenvalues.nbytes for s in spectra),
    }


def _measured(case: Case, walk: bool = False) -> dict[str, float]:
    asked = json.dumps({**asdict(case), "walk": walk})
    command = [sys.executable, "-m", "benchmarks.fisher", "--one", asked]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Run one case and print it as JSON, or the cases of some networks or all as a table."""
    if sys.argv[1:2] == ["--one"]:
        asked = json.loads(sys.argv[2])
        walk = asked.pop("walk")
        print(json.dumps(run(Case(**asked), walk)))
        return
    out = Console(width=150)
    heads = ("network", "image", "classes", "kind", "examples (at once)", "s a function",
             "memory MB", "kB stored", "h a part", "MB a part", "times faster")  # fmt: skip
    table = Table(*heads)
    for case in CASES:
        if sys.argv[1:] and case.model not in sys.argv[1:]:
            continue
        plain = _measured(case, walk=True) if case.compared else None
        found = _measured(case)
        seconds, stored = found["seconds"], found["stored"]
        table.add_row(
            case.model, str(case.side), str(case.n_classes), case.kind,
            f"{case.examples} ({case.at_once})", f"{seconds:.1f}", f"{found['memory'] / 1e6:.0f}",
            f"{stored / 1e3:.0f}", f"{PART * seconds / 3600:.1f}", f"{PART * stored / 1e6:.0f}",
            f"{plain['seconds'] / seconds:.1f}" if plain else "",
        )  # fmt: skip
    out.print(table)


if __name__ == "__main__":
    main()
