"""MNIST-1D (Greydanus and Kobak 2020), by the package ``mnist1d``.

See https://arxiv.org/abs/2011.14439 and https://github.com/greydanus/mnist1d. Signals are the
package's, number for number: its templates, its transformation, its generators and its order of
calls (``mnist1d.data.make_dataset``). Only what it does afterwards is done for three parts at once:
it would give each its own mean, deviation and order of samples.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CLASSES = 10
_TRAIN_SPLIT = (4, 5)
"""The package keeps four fifths of what it makes for training (``train_split``)."""
_PARTS = {"validation": 1, "test": 2}


def make(
    sizes: Mapping[str, int],
    *,
    seed: int,
    shift: Mapping[str, Any] | None = None,
    **settings: Any,
) -> dict[str, NDArray[Any]]:
    """Three parts of MNIST-1D, each of a seed of its own.

    The training part is the first of the signals that the package makes with ``seed``, of which it
    keeps a fifth for its own test part: with 4,000 and the package's settings it is the published
    training set, bit for bit. The seeds of the other parts are the first number of
    ``np.random.SeedSequence([seed, 1])`` and ``([seed, 2])``. All parts are brought to the mean and
    deviation, and into the order of samples, of what was made with ``seed``.

    Args:
        sizes: of the parts ``train``, ``validation`` and ``test``.
        seed: of the training part.
        shift: settings that are others in the validation and test parts.
        settings: the package's, by its names.

    Returns:
        ``x_train`` (N, 1, T) float64 and ``y_train`` (N,) int64, and so on.
    """
    with _own_generators():
        kept, of = _TRAIN_SPLIT
        # The package makes as many of each class: a multiple of ten.
        n_made = _CLASSES * -(-sizes["train"] * of // (_CLASSES * kept))
        x, y = _signals(n_made, seed, settings)
        # The package draws the order of samples after all else.
        order = np.random.permutation(x.shape[1]) if settings["shuffle_seq"] else None  # noqa: NPY002
        x = _in_order(x, order)
        mean, deviation = x.mean(), x.std()
        found = {"train": (x, y)}
        for part, number in _PARTS.items():
            own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
            n_made = _CLASSES * -(-sizes[part] // _CLASSES)
            x, y = _signals(n_made, own, {**settings, **(shift or {})})
            found[part] = _in_order(x, order), y
    arrays = {}
    for part, (x, y) in found.items():
        arrays[f"x_{part}"] = ((x - mean) / deviation)[: sizes[part], None]
        arrays[f"y_{part}"] = y[: sizes[part]]
    return arrays


def _signals(
    n: int, seed: int, settings: Mapping[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """What the package makes with a seed, before it puts samples into order and scales them.

    Returns:
        Signals (n, T) and their classes (n,), shuffled.
    """
    from mnist1d.data import get_dataset_args, get_templates
    from mnist1d.transform import transform
    from mnist1d.utils import set_seed

    arguments = SimpleNamespace(**{**get_dataset_args(as_dict=True), **settings})
    templates = get_templates()
    set_seed(seed)
    labels = np.repeat(templates["y"], n // _CLASSES)
    x = np.stack([transform(templates["x"][k], templates["t"], arguments)[0] for k in labels])
    rows = np.random.permutation(n)  # noqa: NPY002 - the package's own generator
    return x[rows], labels[rows].astype(np.int64)


def _in_order(x: NDArray[np.float64], order: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Signals with their samples in an order, indexed as the package does.

    Any other way leaves another layout in memory, and its sums differ in the last bit.

    Returns:
        The signals (n, T); the same where there is no order.
    """
    return x if order is None else x[..., order]


@contextlib.contextmanager
def _own_generators() -> Iterator[None]:
    """Leave the global generators of Python and NumPy, which the package seeds, as they were."""
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002
