"""The standard functions that every search starts from, apart from how they are computed."""

BASELINES = tuple(
    f"{name}(x)"
    for name in ("elu", "relu", "selu", "sigmoid", "softplus", "softsign", "swish", "tanh")
)
"""The 8 standard functions every search starts from, as names of functions."""
