"""The functions that every search starts from, apart from how they are computed."""

from __future__ import annotations

from actsearch.config import Config

BASELINES = tuple(
    f"{name}(x)"
    for name in ("elu", "relu", "selu", "sigmoid", "softplus", "softsign", "swish", "tanh")
)
"""The eight of Bingham and Miikkulainen (2023), as names of functions: ``baselines: paper``."""

MODERN = (
    *BASELINES,
    "gelu(x)",  # transformers
    "mish(x)",  # detectors
    "hard_swish(x)",  # mobile devices
    "square(relu(x))",  # language models
    "leakyrelu(x)",  # detectors, generators
    "sin(x)",  # images and fields as networks
    "add(x,square(sin(x)))",  # audio: snake, whose frequency is learned there and 1 here
)
"""The eight and others that networks of today use; sources in `actsearch.functions.literature`.
ReLU6 is not among them: on the normal samples it is relu."""

SETS = {"paper": BASELINES, "modern": MODERN}


def baselines_of(config: Config) -> tuple[str, ...]:
    """The baselines of an experiment, as names of functions, in the order of their slots."""
    chosen = config.baselines
    return SETS[chosen] if isinstance(chosen, str) else chosen
