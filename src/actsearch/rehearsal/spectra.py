"""What a Fisher job does, done in short: spectra of a few made-up examples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from actsearch.config import FAULTS, Task
from actsearch.config.data import Targets
from actsearch.data.dataset import Dataset, DataShape
from actsearch.features.factors import factor_shapes
from actsearch.features.fisher import fisher_spectrum
from actsearch.features.fisher_parts import task_layers
from actsearch.features.layers import calibrate_batch_norm
from actsearch.features.outcomes import backward_passes
from actsearch.features.passed_over import FisherLayers
from actsearch.features.spectra import LayerSpectrum, n_bins
from actsearch.functions.expressions import Expression, parse
from actsearch.networks.building import build_network
from actsearch.networks.by_name import ModelError
from actsearch.networks.devices import run_settings
from actsearch.networks.work import gigabytes
from actsearch.rehearsal.examples import FUNCTION, in_words, made_up, reason, stand_ins

_ANOTHER = parse("tanh(x)")
_WIDEST = 256
"""Rows of a factor up to which a layer is rehearsed: eigenvalues of more take seconds."""
_EXAMPLES = 8
_SHOWN = 3
"""Names in a message."""
_FEW_BINS = 5
"""Fewer say little of a layer."""
_COPIES = 2
"""Of a factor, while its eigenvalues are computed."""
_BYTES = 8


@dataclass(frozen=True)
class FisherCheck:
    """What Fisher spectra of a task are made of.

    Attributes:
        covered: Names of the layers that have a block.
        passed_over: Why each other module with weights has none, by name.
        factor_bytes: Memory of the factors of one function, eigenvalues included.
        widest: Name of the layer whose factors take most of it.
        tells_apart: Whether spectra of two functions differ; unknown, and said to, where layers
            were too wide to be rehearsed.
        backward_passes: What one function takes of them.
        coarse: Names of the layers with fewer than 5 bins, of those that were rehearsed.
    """

    covered: list[str]
    passed_over: dict[str, str]
    factor_bytes: int
    widest: str
    tells_apart: bool
    backward_passes: int
    coarse: list[str]


def rehearse_spectra(
    task: Task, data: Dataset | DataShape, device: torch.device | None = None
) -> FisherCheck:
    """Spectra of one function on made-up examples, of the layers that are not too wide for it.

    Args:
        task: the task.
        data: its data, or what of them shapes a network.
        device: where; the CPU when left out.

    Returns:
        Which layers have a block, and the memory that they need.

    Raises:
        ModelError: when spectra cannot be computed, no layer has a block, or a layer's spectrum is
            not finite; when the factors alone need more memory than the task asks for.
    """
    device = device or torch.device("cpu")
    settings = task.fisher
    with run_settings(task, device):
        try:
            layers, needed = _layers(task, data, device)
        except FAULTS as error:
            raise ModelError(_problem(task, reason(error))) from error
        if not needed:
            raise ModelError(_problem(task, _nothing_covered(layers.passed_over)))
        total, widest = _memory(needed)
        _refuse_wide(task, total, widest, device)
        spectra: list[LayerSpectrum] = []
        others: list[LayerSpectrum] = []
        narrow = [name for name in needed if max(needed[name]) <= _BYTES * _WIDEST**2]
        at_once = min(settings.examples_at_once, settings.examples)
        chunks = {at_once, settings.examples % at_once or at_once}
        for few, size in stand_ins(chunks).items():
            try:
                spectra, others = (
                    _spectra(task, data, function, few, narrow, device)
                    for function in (FUNCTION, _ANOTHER)
                )
            except FAULTS as error:
                problem = f"{reason(error)} (with {in_words(size)} at once)"
                raise ModelError(_problem(task, problem)) from error
    if broken := [found.name for found in spectra if found.missing]:
        some = ", ".join(broken[:_SHOWN])
        raise ModelError(_problem(task, f"those of {some} are not finite with {FUNCTION.name}"))
    tells_apart = narrow != layers.covered or not all(map(_are_same, spectra, others))
    passes = backward_passes(data.shape.targets, settings.kind, data.shape.output_shape)
    passes *= math.ceil(settings.examples / settings.examples_at_once)
    per_bin, fewest = settings.weights_per_bin, settings.minimum_bins
    coarse = [s.name for s in spectra if n_bins(s.n_weights, per_bin, fewest) < _FEW_BINS]
    return FisherCheck(
        layers.covered, layers.passed_over, total, widest, tells_apart, passes, coarse
    )


def _refuse_wide(task: Task, needed: int, widest: str, device: torch.device) -> None:
    """Refuse factors that do not fit; those of a GPU lie in its own memory, unknown elsewhere."""
    if device.type == "cuda":
        _, there = torch.cuda.mem_get_info(device)
        said = f"the GPU has {gigabytes(there)}: narrow that layer"
    elif task.resources.gpu:
        return
    else:
        there = task.resources.mem_mb * 2**20
        said = f"resources.mem_mb is {task.resources.mem_mb}: raise it, or narrow that layer"
    if needed > there:
        raise ModelError(
            f"Fisher spectra of model {task.model!r} need {gigabytes(needed)} of memory and more "
            f"(layer {widest!r} is the widest), but {said}"
        )


def _are_same(one: LayerSpectrum, other: LayerSpectrum) -> bool:
    pairs = (
        (one.input_eigenvalues, other.input_eigenvalues),
        (one.gradient_eigenvalues, other.gradient_eigenvalues),
    )
    return all(np.array_equal(*pair) for pair in pairs)


def fisher_bytes(task: Task, data: Dataset | DataShape) -> int:
    """Memory that the factors of a task's Fisher spectra take; nothing else is rehearsed.

    Returns:
        Bytes; 0 where no layer has a block.

    Raises:
        ModelError: when the network cannot be built.
    """
    device = torch.device("cpu")
    with run_settings(task, device):
        _, needed = _layers(task, data, device)
    return _memory(needed)[0] if needed else 0


def _layers(
    task: Task, data: Dataset | DataShape, device: torch.device
) -> tuple[FisherLayers, dict[str, tuple[int, ...]]]:
    """Which layers have a block, and the memory of the factors of each that has."""
    torch.manual_seed(0)
    layers = task_layers(task, data, made_up(data, _EXAMPLES, device).inputs)
    model, _ = build_network(task, data, FUNCTION, task.fisher.seed)
    return layers, {name: _factor_bytes(model.get_submodule(name)) for name in layers.covered}


def _factor_bytes(layer: nn.Module) -> tuple[int, ...]:
    """Memory of a layer's input factor and of its gradient factor."""
    shapes = factor_shapes(layer)  # type: ignore[arg-type]
    return tuple(_BYTES * groups * size * size for groups, size, _ in shapes)


def _memory(needed: Mapping[str, tuple[int, ...]]) -> tuple[int, str]:
    """Bytes that the factors of a function take at most, and the layer that takes most of them."""
    # Factors of all layers stand at once; what is added to them, and eigenvalues, take copies.
    widest = max(needed, key=lambda name: max(needed[name]))
    return sum(map(sum, needed.values())) + _COPIES * max(needed[widest]), widest


def _spectra(
    task: Task,
    data: Dataset | DataShape,
    function: Expression,
    n: int,
    layers: list[str],
    device: torch.device,
) -> list[LayerSpectrum]:
    """Spectra of ``n`` examples; batch norms calibrated on as many as the job has, or on few."""
    settings = task.fisher
    torch.manual_seed(0)
    model, _ = build_network(task, data, function, settings.seed)
    model.to(device)
    [most] = stand_ins([settings.examples])
    calibrate_batch_norm(model, made_up(data, most, device).inputs)
    examples = made_up(data, n, device)
    few = _FewOutputs(model, data.shape.targets)
    called: set[str] = set()
    for name in layers:
        model.get_submodule(name).register_forward_hook(lambda *_, name=name: called.add(name))
    found = fisher_spectrum(
        few,
        examples.inputs,
        few.targets(examples.targets).to(device),
        settings.kind,
        torch.Generator().manual_seed(settings.seed),
        layers=[f"inner.{name}" for name in layers],
        targets=data.shape.targets,
    )
    named = (replace(spectrum, name=name) for spectrum, name in zip(found, layers, strict=True))
    # An expert that none of so few examples met is not broken.
    return [spectrum for spectrum in named if spectrum.name in called]


class _FewOutputs(nn.Module):
    """A network with a few of its outputs: the exact Fisher takes a backward pass for each."""

    _outputs = 4
    _positions = 2

    def __init__(self, inner: nn.Module, kind: Targets) -> None:
        super().__init__()
        self.inner = inner
        self._kind = kind

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.inner(x)
        if self._kind == "positions":
            outputs = outputs.flatten(1, -2)[:, : self._positions]
        return outputs[..., : self._outputs]

    def targets(self, targets: Tensor) -> Tensor:
        """Targets of these outputs."""
        if self._kind == "numbers":
            return targets[:, : self._outputs]
        if self._kind == "positions":
            targets = targets.flatten(1)[:, : self._positions]
        return targets % self._outputs


def _nothing_covered(passed_over: Mapping[str, str]) -> str:
    listed = [f"{name or 'the network itself'}: {why}" for name, why in passed_over.items()]
    more = f"; and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return (
        "no linear layer and no convolution is called with examples "
        f"({'; '.join(listed[:_SHOWN])}{more})"
    )


def _problem(task: Task, what: str) -> str:
    return f"model {task.model!r} has no Fisher spectra: {what}"
