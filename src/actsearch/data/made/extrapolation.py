"""Small regressions that are trained on one range and validated on a wider one.

A family of our own, for the question of Vitvitskyi et al. 2026 (https://arxiv.org/abs/2602.05688),
who search activation functions by how small networks fare outside of the range they are trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_PARTS = ("train", "validation", "test")
_FREQUENCY = 3.0
_FACTORS = 2
_AT_ONCE = 4096


def make(
    sizes: Mapping[str, int],
    *,
    family: str,
    variables: int,
    terms: int,
    range: tuple[float, float],
    wider: tuple[float, float],
    noise: float,
    seed: int,
    factors: int = _FACTORS,
    frequency: float = _FREQUENCY,
) -> dict[str, NDArray[np.floating]]:
    """Three parts of a regression: examples and what a random function of the family makes of them.

    Training examples are uniform over the box ``range`` in every variable. Validation and test
    examples are uniform over the box ``wider`` without the training box, so that each has at least
    one variable outside of its range; where the two boxes are the same, over this one. The function
    hangs on ``seed`` and its own options alone, and every part has a generator of its own:
    ``np.random.default_rng([seed, 0])`` for the function, 1, 2 and 3 for the parts and 4 for the
    noise.

    Args:
        sizes: of the parts ``train``, ``validation`` and ``test``.
        family: ``polynomial``, ``waves`` or ``products``, see :func:`function_of`.
        variables: F of each example.
        terms: of the function.
        range: low and high of every variable in the training part.
        wider: those of the other parts.
        noise: deviation of what is added to training targets, in deviations of these.
        seed: of function, examples and noise.
        factors: different variables of a product.
        frequency: largest angular frequency of a wave.

    Returns:
        ``x_train`` (N, F) float32 and ``y_train`` (N, 1) float64, and so on.
    """
    rng = np.random.default_rng([seed, 0])
    function = function_of(family, variables, terms, rng, factors=factors, frequency=frequency)
    arrays: dict[str, NDArray[np.floating]] = {}
    for number, part in enumerate(_PARTS, start=1):
        own = np.random.default_rng([seed, number])
        if part == "train" or tuple(wider) == tuple(range):
            x = own.uniform(*range, (sizes[part], variables)).astype(np.float32)
        else:
            x = _outside(sizes[part], variables, range, wider, own)
        arrays[f"x_{part}"] = x
        arrays[f"y_{part}"] = function(x.astype(np.float64))[:, None]
    y = arrays["y_train"]
    drawn = np.random.default_rng([seed, 4]).normal(size=y.shape)
    arrays["y_train"] = y + noise * y.std() * drawn
    return arrays


def function_of(
    family: str,
    variables: int,
    terms: int,
    rng: np.random.Generator,
    *,
    factors: int = _FACTORS,
    frequency: float = _FREQUENCY,
) -> Callable[[Numbers], Numbers]:
    """A random function of a family. No term of it vanishes: weights are 0.5 to 1.5, of any sign.

    ``polynomial`` is the sum of ``weight[k] * (x @ direction[k]) ** (k + 1)`` over ``terms`` unit
    vectors of random direction; ``waves`` that of ``weight[k] * sin(x @ w[k] + phase[k])``, where
    ``w[k]`` has a random direction and a length between a third of ``frequency`` and this;
    ``products`` that of ``weight[k]`` times ``factors`` different variables.

    Args:
        family: one of these.
        variables: F.
        terms: that are added up.
        rng: draws weights, directions, lengths, phases and variables, in this order.
        factors: different variables of a product.
        frequency: largest angular frequency of a wave.

    Returns:
        A function of (N, F) that returns (N,).
    """
    weights = rng.uniform(0.5, 1.5, terms) * rng.choice([-1.0, 1.0], terms)
    if family == "products":
        chosen = np.array([rng.permutation(variables)[:factors] for _ in range(terms)])
        return lambda x: x[:, chosen].prod(axis=2) @ weights
    directions = rng.normal(size=(terms, variables))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    if family == "polynomial":
        powers = np.arange(1, terms + 1)
        return lambda x: (x @ directions.T) ** powers @ weights
    lengths = rng.uniform(frequency / 3, frequency, terms)
    phases = rng.uniform(0, 2 * np.pi, terms)
    return lambda x: np.sin((x @ directions.T) * lengths + phases) @ weights


def _outside(
    n: int,
    variables: int,
    inner: tuple[float, float],
    outer: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Examples (n, F), uniform over the outer box without the inner one."""
    low, high = inner
    found: list[NDArray[np.float32]] = []
    while sum(map(len, found)) < n:
        x = rng.uniform(*outer, (_AT_ONCE, variables)).astype(np.float32)
        found.append(x[((x < low) | (x > high)).any(axis=1)])
    return np.concatenate(found)[:n]
