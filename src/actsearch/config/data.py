"""Sections: data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    Field,
    FiniteFloat,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from actsearch.config.base import Model, PositiveInt, Seed, known, named_source, require_path
from actsearch.config.made import MADE, Extrapolation, Mnist1d
from actsearch.config.made import Inputs as Inputs
from actsearch.config.made import MadeData as MadeData
from actsearch.config.made import Targets as Targets

BUILT_IN_DATA = ("digits", *MADE)
MOST_TOKENS = 2**24
"""Different tokens, or classes at positions: each has a row of weights."""
IGNORED = -100
"""The class of positions that do not count, as in ``torch.nn.functional.cross_entropy``."""
OF_FILES = ("torchvision:Imagenette", "torchvision:ImageNet", "folder:")
"""Sources that are images of any size, a file each."""


class Published(NamedTuple):
    """What a data set holds, as its authors publish it."""

    train: int
    test: int
    """Of ImageNet its validation part, since the labels of its test part are not public."""
    classes: int
    channels: int
    side: int = 0
    """Of its square images in pixels; 0 where they are of any size."""


TORCHVISION_DATA = {
    "CIFAR10": Published(50_000, 10_000, 10, 3, 32),
    "CIFAR100": Published(50_000, 10_000, 100, 3, 32),
    "MNIST": Published(60_000, 10_000, 10, 1, 28),
    "FashionMNIST": Published(60_000, 10_000, 10, 1, 28),
    "SVHN": Published(73_257, 26_032, 10, 3, 32),
    "Imagenette": Published(9_469, 3_925, 10, 3),
    "ImageNet": Published(1_281_167, 50_000, 1_000, 3),
}
"""Data sets of torchvision that can be named."""


_TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".parquet", ".arff", ".data", ".json", ".npy")
"""Endings of files with tables, which newcomers name as they are."""


def _source(name: str) -> str:
    kind, _, rest = name.partition(":")
    if kind == "torchvision" and rest not in TORCHVISION_DATA:
        raise ValueError(f"unknown {name!r}; allowed: torchvision:{{{','.join(TORCHVISION_DATA)}}}")
    ending = Path(name).suffix.lower()
    if kind in ("npz", name) and ending in _TABLES and "\0" not in name:
        stem = Path(rest or name).stem
        raise ValueError(
            f"{name!r}: {ending} files are not read; write the table as NumPy's arrays once, in "
            f'Python: np.savez("{stem}.npz", x=..., y=...) (x: numbers, a row per example; y: '
            f"labels or numbers), and give source: npz:{stem}.npz"
        )
    forms = "torchvision:NAME, folder:PATH, npz:PATH, package.module:function"
    kinds: dict[str, Callable[[str], object]] = {
        "folder": require_path,
        "npz": require_path,
        "torchvision": bool,
        "timm": _none,
    }
    return named_source(name, BUILT_IN_DATA, forms, kinds)


def _none(_: str) -> bool:
    """A kind of networks, not of data."""
    return False


class Split(Model):
    """How many examples go where, drawn by ``seed``.

    Stratified by class where each example has one class as its target.
    """

    train: PositiveInt
    """Examples the weights are fitted on."""
    validation: PositiveInt
    """Examples that benchmark tables, surrogates and searches see."""
    test: PositiveInt
    """Examples that only the last comparison reads, once."""
    seed: Seed = 0
    """Seed of the draw."""


class Arrays(NamedTuple):
    """What is said of arrays; None where their ranks and dtypes tell."""

    inputs: Inputs | None = None
    targets: Targets | None = None
    channels_last: bool | None = None
    vocabulary: int | None = None
    """Number of tokens."""
    ignore: int | None = None
    """The class of positions that do not count; ``IGNORED`` where it is not said."""


class Data(Model):
    """One data set and its split."""

    source: Annotated[str, AfterValidator(_source)]
    """``digits``, ``mnist1d``, ``extrapolation``, ``torchvision:NAME``, ``folder:PATH`` (a folder
    of images for each class, at the top or under ``train``, ``val`` and ``test``), ``npz:PATH``
    (arrays ``x`` and ``y``, or such of parts: ``x_train``, ``y_train``, ``x_test``, ...) or
    ``package.module:function``."""
    split: Split
    """Sizes of the three parts. Where the source has a test part of its own, ``test`` is drawn from
    that one, and the others from the rest; with a validation part of its own too, each is drawn
    from its own."""
    image_size: PositiveInt | None = None
    """Side in pixels of the square images that networks see; for sources that are image files."""
    in_memory: bool = True
    """Keep all images as one tensor on the device that trains; otherwise image files are decoded
    when they are needed."""
    pixel_range: tuple[FiniteFloat, FiniteFloat] | None = None
    """Values that become black and white, for image files with more than 8 bits. When left out: the
    range of the number of bits that the values need, or 0 to 1 for fractions."""
    nested: bool | None = None
    """Whether the folder of every class has subfolders of the same names, with the images in them.
    When left out, an image folder that looks like this is refused."""
    channels_last: bool | None = None
    """Whether the last axis of arrays is the channels, as in (N, H, W, C). When left out, arrays
    that look like this are refused."""
    inputs: Inputs | None = None
    """What the examples of arrays are: ``features`` (N, F), ``tokens`` (N, T), ``signals``
    (N, C, T), ``images`` (N, C, H, W) or ``volumes`` (N, C, D, H, W). When left out, it is
    concluded from their rank and dtype; arrays for which that is not possible are refused."""
    targets: Targets | None = None
    """What is learned of arrays: ``classes`` (N,), ``positions``, which is a class at each position
    (N, T), or ``numbers`` (N,) or (N, d), which is regression. When left out, it is concluded from
    their rank and dtype; arrays for which that is not possible are refused."""
    vocabulary: Annotated[int, Field(gt=0, le=MOST_TOKENS)] | None = None
    """Number of different tokens. When left out, one more than the largest token in the data."""
    ignore: int | None = None
    """Class of the positions that do not count; -100 when left out."""
    options: Mnist1d | Extrapolation | None = None
    """How ``mnist1d`` and ``extrapolation`` are made; the defaults when left out."""

    @property
    def of_files(self) -> bool:
        """Whether the source is image files of any size."""
        return self.source.startswith(OF_FILES)

    @property
    def of_arrays(self) -> bool:
        """Whether the source is arrays of the user's: a file or a function."""
        return not self.of_files and not self.published and self.source not in BUILT_IN_DATA

    @property
    def known_targets(self) -> Targets | None:
        """What is learned of it, where that is known without its arrays.

        What a function returns is known when it is called, but the plan is made before: of it,
        targets are classes unless it is said.
        """
        if made := self.made:
            return made.targets
        if self.source.startswith("npz:"):
            return self.targets
        return self.targets or "classes"

    @property
    def made(self) -> MadeData | None:
        """How a source is made, of one that is made here."""
        kind = MADE.get(self.source)
        return None if kind is None else self.options or kind()

    @property
    def arrays(self) -> Arrays:
        """What is said of its arrays, or known of those that come with this package."""
        if made := self.made:
            return Arrays(made.inputs, made.targets)
        if self.source == "digits":
            return Arrays(inputs="images")
        return Arrays(
            self.inputs, self.known_targets, self.channels_last, self.vocabulary, self.ignore
        )

    @property
    def published(self) -> Published | None:
        """What is known of a source of torchvision's before it is here."""
        return TORCHVISION_DATA.get(self.source.removeprefix("torchvision:"))

    @property
    def channels(self) -> int | None:
        """Channels of an image or a signal, where they are known before the data are here."""
        if self.source == "digits":
            return 1
        if made := self.made:
            return made.example[0] if made.inputs != "features" else None
        return 3 if self.of_files else self.published.channels if self.published else None

    @property
    def megabytes(self) -> float:
        """What image files take as one tensor of bytes, in MB; 0 where they are not kept so."""
        side = self.image_size if self.of_files and self.in_memory else 0
        split = self.split
        return (split.train + split.validation + split.test) * 3 * (side or 0) ** 2 / 1e6

    @field_validator("options", mode="wrap")
    @classmethod
    def _of_source(
        cls, value: Any, _: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> MadeData | None:
        """The options of this source: errors are about these alone."""
        source = info.data.get("source")
        if value is None or source is None:  # what is wrong with the source is said
            return None
        if (kind := MADE.get(source)) is None:
            raise ValueError(f"goes with {' and '.join(MADE)}, not with {source!r}")
        for key in value if isinstance(value, dict) else ():
            known(key, kind.model_fields, source)
        return kind.model_validate(value)

    @field_validator("pixel_range")
    @classmethod
    def _ascending(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError(f"the first must be below the second, got {list(value)}")
        return value

    @model_validator(mode="after")
    def _sized(self) -> Data:
        of_files = self.of_files
        if of_files and self.image_size is None:
            raise ValueError(f"source {self.source!r} is image files of any size: give image_size")
        if not of_files and self.image_size is not None:
            raise ValueError(f"image_size goes with image files, not with {self.source!r}")
        if not of_files and not self.in_memory:
            raise ValueError(f"in_memory: false goes with image files, not with {self.source!r}")
        if not of_files and self.pixel_range is not None:
            raise ValueError(f"pixel_range goes with image files, not with {self.source!r}")
        if self.nested is not None and not self.source.startswith("folder:"):
            raise ValueError(f"nested goes with folder:PATH, not with {self.source!r}")
        for key in ("channels_last", "inputs", "targets", "vocabulary", "ignore"):
            if not self.of_arrays and getattr(self, key) is not None:
                raise ValueError(
                    f"{key} goes with npz:PATH and package.module:function, not with "
                    f"{self.source!r}"
                )
        if self.vocabulary is not None and self.inputs not in ("tokens", None):
            raise ValueError(f"vocabulary goes with inputs: tokens, not with {self.inputs}")
        if self.ignore is not None and self.targets not in ("positions", None):
            raise ValueError(f"ignore goes with targets: positions, not with {self.targets}")
        if self.published:
            check_split(self.split, self.published.train, self.published.test, self.source)
        return self


def check_split(
    split: Split, train: int, test: int | None, what: str, validation: int | None = None
) -> None:
    """Refuse a split that asks for more examples than there are.

    Args:
        split: the sizes asked for.
        train: examples outside the source's own other parts ...
        test: ... in its own test part; None where it has none ...
        what: the source, for the message.
        validation: ... and in its own validation part; None where it has none.

    Raises:
        ValueError: naming the examples asked for and those there are.
    """
    fitted = f"{split.train} train + {split.validation} validation"
    if test is None:
        asked = split.train + split.validation + split.test
        if asked > train:
            raise ValueError(
                f"the split asks for {asked} examples ({fitted} + {split.test} test), "
                f"but {what} holds {train}"
            )
        return
    if validation is not None:
        for part, asked, there in (
            ("train", split.train, train),
            ("validation", split.validation, validation),
        ):
            if asked > there:
                raise ValueError(
                    f"the split asks for {asked} {part} examples, but the {part} part of {what} "
                    f"holds {there}"
                )
    elif split.train + split.validation > train:
        raise ValueError(
            f"the split asks for {split.train + split.validation} examples ({fitted}), "
            f"but {what} holds {train} outside its test part"
        )
    if split.test > test:
        raise ValueError(
            f"the split asks for {split.test} test examples, but the test part of {what} "
            f"holds {test}"
        )
