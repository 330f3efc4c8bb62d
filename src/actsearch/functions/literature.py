"""Activation functions that others have found or use: formula, source, and name in our notation.

Names and formulas are facts of the sources; docs/literature.md shows them, and a test holds the two
together and evaluates each name against its formula. ``include: [literature]`` puts those that have
a name into a space.
"""

from __future__ import annotations

from dataclasses import dataclass

_TWO = "add(one(x),one(x))"
_PI = f"mul(square({_TWO}),arctan(one(x)))"
_HARD_GATE = f"div(add(one(x),hard_tanh(x)),{_TWO})"


@dataclass(frozen=True)
class Published:
    """A function of the literature.

    Attributes:
        name: What its source, or who uses it, calls it.
        formula: f(x) as Python writes it, with NumPy's functions; in words where it has no name.
        source: Who and when, with the number at arXiv where there is one.
        function: Its name in our notation; None where it cannot be said.
        note: What is fixed in it, or why it cannot be said.
    """

    name: str
    formula: str
    source: str
    function: str | None = None
    note: str = ""


_SWISH = "Ramachandran, Zoph, Le 2017, 1710.05941"
_ISRU = "Carlile and others 2017, 1710.09967"
_PAPER = "Bingham, Miikkulainen 2023, 2301.05785"
_MINED = "Vitvitskyi and others 2026, 2602.05688"

LITERATURE = (
    # Of everyday use
    Published("tanh", "tanh(x)", "LeCun and others 1998", "tanh(x)"),
    Published("sigmoid", "1 / (1 + exp(-x))", "Rumelhart and others 1986", "sigmoid(x)"),
    Published("ReLU", "maximum(x, 0)", "Nair, Hinton 2010", "relu(x)"),
    Published("softplus", "log(1 + exp(x))", "Dugas and others 2001", "softplus(x)"),
    Published("softsign", "x / (1 + abs(x))", "Bergstra and others 2009", "softsign(x)"),
    Published(
        "leaky ReLU",
        "where(x > 0, x, 0.01 * x)",
        "Maas, Hannun, Ng 2013",
        "leakyrelu(x)",
    ),
    Published(
        "ELU",
        "where(x > 0, x, exp(x) - 1)",
        "Clevert, Unterthiner, Hochreiter 2016, 1511.07289",
        "elu(x)",
        "alpha 1; so is CELU (Barron 2017)",
    ),
    Published(
        "SELU",
        "1.0507009873554805 * where(x > 0, x, 1.6732632423543772 * (exp(x) - 1))",
        "Klambauer and others 2017, 1706.02515",
        "selu(x)",
    ),
    Published(
        "GELU",
        "x * (1 + erf(x / sqrt(2))) / 2",
        "Hendrycks, Gimpel 2016, 1606.08415",
        "gelu(x)",
    ),
    Published("hard tanh", "minimum(maximum(x, -1), 1)", "Collobert 2004", "hard_tanh(x)"),
    Published(
        "ReLU6",
        "minimum(maximum(x, 0), 6)",
        "Krizhevsky 2010",
        "relu6(x)",
        "relu on the normal samples, which end below 3; of both, a space takes the first",
    ),
    Published(
        "hard swish",
        "x * minimum(maximum(x + 3, 0), 6) / 6",
        "Howard and others 2019, 1905.02244",
        "hard_swish(x)",
    ),
    Published(
        "squared ReLU",
        "maximum(x, 0) ** 2",
        "So and others 2021 (Primer), 2109.08668",
        "square(relu(x))",
    ),
    # Found by search
    Published(
        "swish, SiLU",
        "x / (1 + exp(-x))",
        f"{_SWISH}; Elfwing, Uchibe, Doya 2018, 1702.03118",
        "swish(x)",
        "beta 1",
    ),
    Published("maxsig", "maximum(x, 1 / (1 + exp(-x)))", _SWISH, "max(x,sigmoid(x))"),
    Published("maxtanh", "maximum(x, tanh(x))", _SWISH, "max(x,tanh(x))"),
    Published("cosid", "cos(x) - x", _SWISH, "sub(cos(x),x)"),
    Published("minsin", "minimum(x, sin(x))", _SWISH, "min(x,sin(x))"),
    Published("arctid", "arctan(x) ** 2 - x", _SWISH, "sub(square(arctan(x)),x)"),
    Published(
        "sinc and identity",
        "where(x == 0, 1, sin(x) / where(x == 0, 1, x)) + x",
        _SWISH,
        f"add(sinc(div(x,{_PI})),x)",
        "sinc(x) + x there, read as sin(x) / x",
    ),
    Published("arcsinh squared", "x * arcsinh(x) ** 2", _SWISH, "mul(x,square(arcsinh(x)))"),
    Published(
        "ELiSH",
        "where(x > 0, x, exp(x) - 1) / (1 + exp(-x))",
        "Basirat, Roth 2018, 1808.00783",
        "elish(x)",
    ),
    Published(
        "HardELiSH",
        "where(x > 0, x, exp(x) - 1) * maximum(0, minimum(1, (x + 1) / 2))",
        "Basirat, Roth 2018, 1808.00783",
        f"mul(elu(x),{_HARD_GATE})",
    ),
    Published(
        "AQuaSurF's example",
        "-x / (1 + exp(-x)) * clip(0.2 * x + 0.5, 0, 1)",
        _PAPER,
        "prod_n(sigmoid(x),negative(x),hard_sigmoid(x))",
        "the public example of what its search found",
    ),
    Published(
        "GELUSine",
        "x * (1 + erf(x / sqrt(2))) / 2 + 0.1 * sin(x)",
        _MINED,
        f"add(gelu(x),mul(hard_sigmoid(negative({_TWO})),sin(x)))",
        "0.1 is said as hard_sigmoid(-2)",
    ),
    Published(
        "GELU-Sinc-Perturbation",
        "x * (1 + erf(x / sqrt(2))) / 2 * (1 + sinc(x) / 2)",
        _MINED,
        f"mul(gelu(x),add(one(x),div(sinc(x),{_TWO})))",
        "sinc(x) is sin(pi x) / (pi x)",
    ),
    # Made by hand
    Published(
        "derivative of SiLU",
        "(1 + x * (1 - 1 / (1 + exp(-x)))) / (1 + exp(-x))",
        "Elfwing, Uchibe, Doya 2018, 1702.03118",
        "mul(sigmoid(x),add(one(x),mul(x,sigmoid(negative(x)))))",
    ),
    Published("mish", "x * tanh(log(1 + exp(x)))", "Misra 2019, 1908.08681", "mish(x)"),
    Published(
        "TanhExp",
        "x * tanh(exp(x))",
        "Liu, Di 2020, 2003.09855",
        "mul(x,tanh(exp(x)))",
        "TeLU (Fernandez, Mali 2024) is the same",
    ),
    Published(
        "Serf",
        "x * erf(log(1 + exp(x)))",
        "Nag, Bhattacharyya 2021, 2108.09598",
        "mul(x,erf(softplus(x)))",
    ),
    Published(
        "Logish",
        "x * log(1 + 1 / (1 + exp(-x)))",
        "Zhu and others 2021",
        "mul(x,softplus(log_sigmoid(x)))",
        "log(1 + s) is softplus(log(s))",
    ),
    Published(
        "Smish",
        "x * tanh(log(1 + 1 / (1 + exp(-x))))",
        "Wang, Ren, Wang 2022",
        "mul(x,tanh(softplus(log_sigmoid(x))))",
        "alpha and beta 1",
    ),
    Published(
        "Phish",
        "x * tanh(x * (1 + erf(x / sqrt(2))) / 2)",
        "Naveen 2022",
        "mul(x,tanh(gelu(x)))",
    ),
    Published("LiSHT", "x * tanh(x)", "Roy and others 2019, 1901.05894", "mul(x,tanh(x))"),
    Published(
        "penalized tanh",
        "where(x > 0, tanh(x), 0.25 * tanh(x))",
        "Xu, Huang, Li 2016, 1602.05980",
        f"max(tanh(x),div(tanh(x),square({_TWO})))",
        "penalty 1/4",
    ),
    Published(
        "ISRU",
        "x / sqrt(1 + x**2)",
        _ISRU,
        "tanh(arcsinh(x))",
        "alpha 1",
    ),
    Published(
        "ISRLU",
        "where(x > 0, x, x / sqrt(1 + x**2))",
        _ISRU,
        "max(x,tanh(arcsinh(x)))",
        "alpha 1",
    ),
    Published(
        "squareplus",
        "(x + sqrt(x**2 + 4)) / 2",
        "Barron 2021, 2112.11687",
        f"exp(arcsinh(div(x,{_TWO})))",
        "b 4",
    ),
    # Periodic, and bumps
    Published(
        "sine (SIREN)",
        "sin(x)",
        "Sitzmann and others 2020, 2006.09661",
        "sin(x)",
        "its factor 30 belongs to the weights",
    ),
    Published(
        "snake",
        "x + sin(x) ** 2",
        "Ziyin, Hartwig, Ueda 2020, 2006.08195",
        "add(x,square(sin(x)))",
        "frequency 1; often learned",
    ),
    Published("GCU", "x * cos(x)", "Noel and others 2021, 2108.12943", "mul(x,cos(x))"),
    Published(
        "FINER",
        "sin((abs(x) + 1) * x)",
        "Liu and others 2024, 2312.02434",
        "sin(mul(add(abs(x),one(x)),x))",
        "frequency 1",
    ),
    Published(
        "Gaussian",
        "exp(-(x**2))",
        "Ramasinghe, Lucey 2022, 2111.15135",
        "exp(negative(square(x)))",
        "a width of 1 / sqrt(2)",
    ),
    # What cannot be said
    Published(
        "PANGAEA's",
        "trees of operators with factors at their edges",
        "Bingham, Miikkulainen 2022, 2006.03179",
        note="the factors are learned, for each channel",
    ),
    Published(
        "swish with beta",
        "x times the sigmoid of beta x",
        _SWISH,
        note="beta is learned",
    ),
    Published(
        "PReLU",
        "x above 0, a x below",
        "He and others 2015, 1502.01852",
        note="a is learned",
    ),
    Published(
        "RReLU",
        "x above 0, a x below",
        "Xu and others 2015, 1505.00853",
        note="a is drawn at random in training",
    ),
    Published(
        "StarReLU",
        "s times the square of relu, plus b",
        "Yu and others 2022, 2210.13452",
        note="s and b are learned",
    ),
    Published(
        "APL, PAU, ACON, xIELU",
        "hinges, quotients of polynomials, smooth maxima, powers",
        "1412.6830; 1907.06732; 2009.04759; 2411.13010",
        note="their parameters are learned",
    ),
    Published(
        "scaled tanh",
        "1.7159 times tanh(2 x / 3)",
        "LeCun and others 1998",
        note="the notation has no such constant",
    ),
    Published(
        "QuickGELU",
        "x times the sigmoid of 1.702 x",
        "Hendrycks, Gimpel 2016, 1606.08415",
        note="the notation has no such constant",
    ),
    Published(
        "GMTU",
        "tanh under a Gaussian, plus a line",
        _MINED,
        note="its constants are not known to us at first hand",
    ),
    Published(
        "Turbulent",
        "a logarithm, and a sine under a Gaussian",
        _MINED,
        note="it takes mean and deviation of the batch, so it is not elementwise",
    ),
    Published(
        "GLU and its kin, maxout, CReLU",
        "one input gates another; the largest of several; both signs",
        "1612.08083 and 2002.05202; 1302.4389; 1603.05201",
        note="they change the number of channels",
    ),
    Published(
        "FReLU, dynamic ReLU",
        "the bend depends on pixels around, or on the whole image",
        "2007.11824; 2003.10027",
        note="they are not elementwise",
    ),
)
"""What the literature has, by kind."""

LITERATURE_NAMES = tuple(entry.function for entry in LITERATURE if entry.function is not None)
"""Those that can be said, as names of functions."""
