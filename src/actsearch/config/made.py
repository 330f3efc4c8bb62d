"""Sections: options of the data that are made here, a class for each source."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from actsearch.config.base import Model, NonNegativeInt, PositiveInt, Seed

Inputs = Literal["features", "tokens", "signals", "images", "volumes"]
"""What an example is: numbers without an order, whole numbers in a row that stand for tokens, or
channels along one, two or three axes."""
Targets = Literal["classes", "positions", "numbers"]
"""What is learned of it: a class, a class at every position, or real numbers."""
Amount = Annotated[float, Field(ge=0, le=1000)]
Padding = tuple[NonNegativeInt, NonNegativeInt]
Range = tuple[float, float]
_TEMPLATE = 12
"""Samples of the templates of MNIST-1D."""
_FACTORS, _FREQUENCY = 2, 3.0
"""Of products and waves that do not say them."""
_MOST_PADDING = 4096
"""Samples, as of a signal."""
_FARTHEST = 1e9
"""Of ranges, and one over it their least width: examples are float32."""
_LEAST_WIDTH = 1e-3
"""Width of a range in its largest number."""
_LEAST_STEP = 1e-5
"""What ``wider`` adds to ``range``, in its largest number: many steps of float32."""
_LARGEST_TARGET = 1e100
_LEAST_OUTSIDE = 0.01
"""Share of the wider range that must lie outside of the training range: examples are drawn there
until they are enough."""


class MadeData(Model):
    """Options of a source that is made here, and what is known of it before it is made."""

    maker: ClassVar[str]
    """The module that makes it: a source is made anew when its code changes."""
    package: ClassVar[str | None] = None
    """The distribution that it is made with, whose version counts too."""
    inputs: ClassVar[Inputs]
    targets: ClassVar[Targets]
    n_outputs: ClassVar[int]
    """Classes, or numbers that are predicted."""

    @property
    def example(self) -> tuple[int, ...]:
        """Shape of an example, channels first."""
        raise NotImplementedError

    def plain(self) -> dict[str, Any]:
        """Options as plain data, the same for the same meaning: by it settings and places differ.

        Returns:
            All that have a default; of the others those that say something else than left out.
        """
        return self.model_dump(mode="json", exclude_none=True)


class Shift(Model):
    """Settings of MNIST-1D that differ in the validation and test parts."""

    padding: Padding | None = None
    """Samples that are added to the template: at least and at most."""
    scale_coeff: Amount | None = None
    """Width of the range of factors around 1."""
    max_translation: PositiveInt | None = None
    """Samples that a signal is moved by, in a circle: below this number."""
    corr_noise_scale: Amount | None = None
    """Deviation of the noise beside the signal, before it is smoothed."""
    iid_noise_scale: Amount | None = None
    """Deviation of the noise of every sample."""
    shear_scale: Amount | None = None
    """Width of the range of slopes around 0."""


class Mnist1d(MadeData):
    """Options of MNIST-1D, by the names and with the values of the package ``mnist1d``."""

    maker: ClassVar[str] = "actsearch.data.made.mnist1d"
    package: ClassVar[str | None] = "mnist1d"
    inputs: ClassVar[Inputs] = "signals"
    targets: ClassVar[Targets] = "classes"
    n_outputs: ClassVar[int] = 10

    seed: Seed = 42
    """Seed of the training part; those of the validation and test parts are derived from it."""
    padding: Padding = (36, 60)
    """Samples that are added to the template: at least and at most."""
    scale_coeff: Amount = 0.4
    """Width of the range of factors around 1."""
    max_translation: PositiveInt = 48
    """Samples that a signal is moved by, in a circle: below this number."""
    corr_noise_scale: Amount = 0.25
    """Deviation of the noise beside the signal, before it is smoothed."""
    iid_noise_scale: Amount = 0.02
    """Deviation of the noise of every sample."""
    shear_scale: Amount = 0.75
    """Width of the range of slopes around 0."""
    shuffle_seq: bool = False
    """Whether the samples of all signals are put into another order, the same for all."""
    final_seq_length: Annotated[int, Field(ge=2, le=4096)] = 40
    """Samples of a signal."""
    shift: Shift | None = None
    """Settings that differ in the validation and test parts."""

    @property
    def example(self) -> tuple[int, ...]:
        """One channel of samples."""
        return (1, self.final_seq_length)

    def plain(self) -> dict[str, Any]:
        """See :meth:`MadeData.plain`: a shift to the training part's settings is none."""
        found = super().plain()
        shift = {key: v for key, v in found.pop("shift", {}).items() if v != found[key]}
        return found | ({"shift": shift} if shift else {})

    @model_validator(mode="after")
    def _fits(self) -> Mnist1d:
        shift = self.shift or Shift()
        for name, padding, most in (
            ("", self.padding, self.max_translation),
            (
                "shift: ",
                shift.padding or self.padding,
                shift.max_translation or self.max_translation,
            ),
        ):
            low, high = padding
            if high > _MOST_PADDING:
                raise ValueError(
                    f"{name}padding is {[low, high]}; allowed: at most {_MOST_PADDING}"
                )
            if low > high:
                raise ValueError(
                    f"{name}the first of padding must not be above the second, got {[low, high]}"
                )
            if most > _TEMPLATE + high:
                raise ValueError(
                    f"{name}max_translation is {most}; allowed: 1 to {_TEMPLATE + high}, the "
                    f"samples of a template with a padding of {high}"
                )
        return self


class Extrapolation(MadeData):
    """Options of a small regression that is trained on one range and validated on a wider one."""

    maker: ClassVar[str] = "actsearch.data.made.extrapolation"
    inputs: ClassVar[Inputs] = "features"
    targets: ClassVar[Targets] = "numbers"
    n_outputs: ClassVar[int] = 1

    family: Literal["polynomial", "waves", "products"] = "polynomial"
    """What is added up: powers of 1, 2, 3 ... along random directions, sine waves along random
    directions, or products of variables."""
    variables: Annotated[int, Field(gt=0, le=1000)] = 2
    """Number of variables of each example."""
    terms: Annotated[int, Field(gt=0, le=100)] = 3
    """Terms that are added up; of a polynomial its degree."""
    factors: Annotated[int, Field(ge=2, le=100)] | None = None
    """Different variables of a product; 2 when left out."""
    frequency: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Largest angular frequency of a wave; 3 when left out."""
    range: Range = (-1.0, 1.0)
    """Range of every variable in the training part."""
    wider: Range = (-2.0, 2.0)
    """Range of every variable in the validation and test parts, of which no example lies in the
    training range; the same as ``range`` for parts without a shift."""
    noise: Amount = 0.0
    """Standard deviation of the noise on training targets, relative to the targets without it."""
    seed: Seed = 0
    """Seed of the function and of the examples."""

    @property
    def example(self) -> tuple[int, ...]:
        """Features."""
        return (self.variables,)

    @property
    def n_factors(self) -> int:
        """Different variables of a product."""
        return self.factors or _FACTORS

    def plain(self) -> dict[str, Any]:
        """See :meth:`MadeData.plain`."""
        left_out = {"factors": _FACTORS, "frequency": _FREQUENCY}
        return {k: v for k, v in super().plain().items() if (k, v) not in left_out.items()}

    @model_validator(mode="after")
    def _fits(self) -> Extrapolation:
        for key, family in (("factors", "products"), ("frequency", "waves")):
            if getattr(self, key) is not None and self.family != family:
                raise ValueError(f"{key} goes with family: {family}, not with {self.family}")
        if self.family == "products" and self.n_factors > self.variables:
            raise ValueError(
                f"products of {self.n_factors} different variables need as many, got variables: "
                f"{self.variables}"
            )
        self._ranges_fit()
        return self

    def _ranges_fit(self) -> None:
        (low, high), (lowest, highest) = self.range, self.wider
        for name, ends in (("range", self.range), ("wider", self.wider)):
            if max(map(abs, ends)) > _FARTHEST:
                raise ValueError(
                    f"{name} is {list(ends)}; allowed: from {-_FARTHEST:g} to {_FARTHEST:g}"
                )
        if low >= high:
            raise ValueError(f"range: the first must be below the second, got {[low, high]}")
        least = max(1 / _FARTHEST, _LEAST_WIDTH * max(abs(low), abs(high)))
        if high - low < least:
            raise ValueError(
                f"range {[low, high]} is {high - low:.2g} wide; allowed: {least:.2g} and more"
            )
        if lowest > low or highest < high:
            raise ValueError(f"wider must hold range {[low, high]}, got {[lowest, highest]}")
        outside = 1 - ((high - low) / (highest - lowest)) ** self.variables
        if self.wider != self.range and outside < _LEAST_OUTSIDE:
            raise ValueError(
                f"wider {[lowest, highest]} leaves {outside:.2g} of itself outside of range "
                f"{[low, high]}; allowed: {_LEAST_OUTSIDE:g} and more, or the same as range"
            )
        largest = max(abs(lowest), abs(highest))
        added = low - lowest + highest - high
        if self.wider != self.range and added < _LEAST_STEP * largest:
            raise ValueError(
                f"wider {[lowest, highest]} adds {added:.2g} to range {[low, high]}; allowed: "
                f"{_LEAST_STEP * largest:.2g} and more, or the same as range"
            )
        if self.family == "waves":
            return
        power, reach = self.n_factors, largest
        if self.family == "polynomial":
            power, reach = self.terms, largest * math.sqrt(self.variables)
        if power * math.log10(reach) > math.log10(_LARGEST_TARGET):
            raise ValueError(
                f"wider {[lowest, highest]} makes targets of up to {reach:g} to the power of "
                f"{power}; allowed: {_LARGEST_TARGET:g}"
            )


MADE: dict[str, type[MadeData]] = {"mnist1d": Mnist1d, "extrapolation": Extrapolation}
"""Sources that are made here once, with their options."""
