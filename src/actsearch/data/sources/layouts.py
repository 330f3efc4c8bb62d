"""What arrays are taken for: examples and targets, by their ranks and dtypes or as they are told.

Nothing is reshaped silently: what fits two readings is refused, with the key that tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from actsearch.config.data import Arrays, Inputs, Targets
from actsearch.data.sources.places import DataError

REAL_KINDS = "buif"
"""Kinds of dtypes, as NumPy's letters, of examples: real numbers."""
WHOLE_KINDS = "iu"
"""Those of tokens, and of classes at positions."""
CLASS_KINDS = "buiUS"
"""Those of classes: whole numbers or strings."""
FORMS: dict[Inputs, tuple[str, ...]] = {
    "features": ("(N, F)",),
    "tokens": ("(N, T)",),
    "signals": ("(N, C, T)", "(N, T)"),
    "images": ("(N, C, H, W)", "(N, H, W)"),
    "volumes": ("(N, C, D, H, W)", "(N, D, H, W)"),
}
"""Shapes of each kind of examples, those without an axis of channels last."""
UNITS: dict[Inputs, str] = {
    "features": "numbers",
    "tokens": "tokens",
    "signals": "samples",
    "images": "pixels",
    "volumes": "voxels",
}
"""What an example of each kind is made of, in words."""
_FEW_CHANNELS = 16
"""Up to so many rows of a matrix, and fewer than half of its columns, are channels of a signal."""
_COLOURS = 4
"""Channels of images: grey or colour, with or without alpha."""


class Array(NamedTuple):
    """Shape and dtype of an array."""

    shape: tuple[int, ...]
    dtype: str
    """NumPy's description, such as ``<f4``."""

    @property
    def kind(self) -> str:
        """NumPy's letter for the kind of dtype."""
        return self.dtype.lstrip("<>|=")[:1]


class Layout(NamedTuple):
    """What a pair of arrays is taken for."""

    inputs: Inputs
    targets: Targets
    example: tuple[int, ...]
    """Shape of an example, channels first; of tokens and features their number."""


def layout_of(x: Array, y: Array, said: Arrays, names: tuple[str, str] = ("x", "y")) -> Layout:
    """What ``x`` and ``y`` are taken for.

    Of examples the rank says it: two axes are features, or tokens where the numbers are whole; four
    are images, unless the second is above 4 and no longer than the others, as the depth of volumes
    is; five are volumes. Three are signals where the second is 1, or at most 16 and less than half
    of the third; else they may be images, too. Targets with one axis are classes
    where they are whole numbers or strings, else numbers; with more they are a class at each
    position where they are whole numbers and have the positions of the example, or rows of real
    numbers.

    Args:
        x: the examples.
        y: the targets.
        said: what the configuration says.
        names: of the arrays, for messages.

    Returns:
        What they are.

    Raises:
        DataError: for shapes and dtypes that are nothing of this, that fit two readings, or are not
            what is said.
    """
    for name, shape in zip(names, (x.shape, y.shape), strict=True):
        if 0 in shape:
            raise DataError(f"{name} must not be empty, got {shape}")
    if x.kind not in REAL_KINDS:
        raise DataError(f"{names[0]} must hold real numbers, got dtype {x.dtype}")
    inputs = _inputs(x, said, names[0])
    example = _example(x.shape, inputs, said, names[0])
    if y.shape[:1] != x.shape[:1]:
        raise DataError(
            f"{names[1]} must be ({x.shape[0]},{' ...' if len(y.shape) > 1 else ''}) to fit "
            f"{names[0]}, got {y.shape}"
        )
    targets = _targets(example, inputs, y, said, names[1])
    if said.vocabulary is not None and inputs != "tokens":
        raise DataError(f"vocabulary goes with tokens, but {names[0]} is taken for {inputs}")
    if said.ignore is not None and targets != "positions":
        raise DataError(f"ignore goes with positions, but {names[1]} is taken for {targets}")
    return Layout(inputs, targets, example)


def _inputs(x: Array, said: Arrays, name: str) -> Inputs:
    rank = len(x.shape)
    if said.inputs is not None:
        ranks = {form.count(",") + 1 for form in FORMS[said.inputs]}
        if rank not in ranks:
            allowed = " or ".join(FORMS[said.inputs])
            raise DataError(f"inputs: {said.inputs} are {allowed}, but {name} is {x.shape}")
        if said.inputs == "tokens" and x.kind not in WHOLE_KINDS:
            raise DataError(f"tokens are whole numbers, but {name} holds dtype {x.dtype}")
        return said.inputs
    if rank == 2:
        return "tokens" if x.kind in WHOLE_KINDS else "features"
    if rank == 3:
        return _signals_or_images(x.shape, said, name)
    if rank == 4:
        return _images_or_volumes(x.shape, said, name)
    if rank != 5:
        forms = ", ".join(form[0] for form in FORMS.values())
        raise DataError(f"{name} must be one of {forms}, got {x.shape}")
    return "volumes"


def _images_or_volumes(shape: tuple[int, ...], said: Arrays, name: str) -> Inputs:
    _, first, *others = shape
    if said.channels_last is None and _COLOURS < first <= min(others):
        sizes = " x ".join(map(str, others))
        raise DataError(
            f"{name} of {shape} may be images of {first} channels and {sizes} pixels, or volumes "
            f"of {first} x {sizes} voxels: say inputs: images, or inputs: volumes, of the data"
        )
    return "images"


def _signals_or_images(shape: tuple[int, ...], said: Arrays, name: str) -> Inputs:
    _, first, last = shape
    if said.channels_last or first == 1 or (2 * first < last and first <= _FEW_CHANNELS):
        return "signals"
    if 2 * last < first and last <= _FEW_CHANNELS:
        return "signals"  # whose axes are looked at next
    raise DataError(
        f"{name} of {shape} may be images of {first} x {last} pixels, or signals of {first} "
        f"channels and {_many((last,), 'samples')}: say inputs: images, or inputs: signals, "
        "of the data"
    )


def _example(shape: tuple[int, ...], inputs: Inputs, said: Arrays, name: str) -> tuple[int, ...]:
    """Shape of an example, with channels first."""
    if inputs in ("features", "tokens"):
        if said.channels_last is not None:
            raise DataError(f"channels_last goes with channels, which {inputs} do not have")
        return shape[1:]
    whole, plain = FORMS[inputs]
    if len(shape) == plain.count(",") + 1:
        if said.channels_last:
            raise DataError(
                f"channels_last: true goes with {name} of {_channels_last(whole)}, got {shape}"
            )
        return (1, *shape[1:])
    if said.channels_last is None and _looks_channels_last(shape[1:]):
        _refuse_channels_last(shape, inputs, whole, name)
    return (shape[-1], *shape[1:-1]) if said.channels_last else shape[1:]


def _looks_channels_last(example: Sequence[int]) -> bool:
    """Whether the last axis of an example seems to be that of channels.

    It does when all others are as long, as in a square image, and the last is not; when the last is
    less than half of each of them; or when it has 1 to 4 numbers, the one before more, and the
    first more than 4. Of a signal the last must be shorter than the first, and at most 16.

    Args:
        example: its shape.

    Returns:
        Whether it does.
    """
    *others, last = example
    if len(others) == 1:
        return last < others[0] and last <= _FEW_CHANNELS
    square = len({*others}) == 1 and 1 < others[0] != last
    few = 2 * last < min(others) or (others[0] > 4 and last < min(others[-1], 5))
    return square or few


def _refuse_channels_last(shape: tuple[int, ...], inputs: Inputs, whole: str, name: str) -> None:
    *others, last = shape[1:]
    unit = UNITS[inputs]
    axes = ", ".join(map(str, (0, len(shape) - 1, *range(1, len(shape) - 1))))
    as_last, as_first = (_many(sizes, unit) for sizes in (others, shape[2:]))
    other = ""
    if inputs == "signals":
        other = f"; if these are images of {others[0]} x {last} pixels, say inputs: images"
    raise DataError(
        f"{name} of {shape} looks like {_channels_last(whole)}: {_many((last,), 'channels')} of "
        f"{as_last}. Store {name}.transpose({axes}), or say channels_last: true of the data; if "
        f"these are {_many(others[:1], 'channels')} of {as_first}, say channels_last: false{other}"
    )


def _many(sizes: Sequence[int], units: str) -> str:
    """``8 x 8 pixels``, ``1 sample``."""
    return f"{' x '.join(map(str, sizes))} {units.removesuffix('s') if [*sizes] == [1] else units}"


def _channels_last(form: str) -> str:
    """``(N, C, H, W)`` as ``(N, H, W, C)``."""
    first, channels, *rest = form.strip("()").split(", ")
    return f"({', '.join([first, *rest, channels])})"


def _targets(
    example: tuple[int, ...], inputs: Inputs, y: Array, said: Arrays, name: str
) -> Targets:
    positions = example if inputs == "tokens" else example[1:]
    at_positions = bool(positions) and y.shape[1:] == positions and y.kind in WHOLE_KINDS
    if said.targets is not None:
        _check_targets(said.targets, positions, y, name)
        return said.targets
    if len(y.shape) == 1 and y.kind in CLASS_KINDS:
        return "classes"
    if y.kind == "f" and len(y.shape) in (1, 2):
        return "numbers"
    if at_positions:
        return "positions"
    n = y.shape[0]
    allowed = [f"classes ({n},) of {_CLASSES}", f"numbers ({n},) or ({n}, d) of fractions"]
    if positions:
        allowed.append(
            f"a class at each position ({', '.join(map(str, (n, *positions)))}) of whole numbers"
        )
    if y.kind in WHOLE_KINDS and len(y.shape) == 2:
        raise DataError(
            f"{name} of {y.shape} holds whole numbers, dtype {y.dtype}: say targets: numbers of "
            f"the data if they are to be predicted as such; else allowed: {'; '.join(allowed)}"
        )
    raise DataError(
        f"{name} must be one of these: {'; '.join(allowed)}; got {y.shape} of dtype {y.dtype}"
    )


def _check_targets(said: Targets, positions: tuple[int, ...], y: Array, name: str) -> None:
    """Refuse targets that are not what is said of them."""
    n = y.shape[0]
    if said == "classes":
        fits, allowed = len(y.shape) == 1 and y.kind in CLASS_KINDS, f"({n},) of {_CLASSES}"
    elif said == "positions":
        if not positions:
            raise DataError("targets: positions go with tokens, signals, images and volumes")
        shape = ", ".join(map(str, (n, *positions)))
        fits = y.shape[1:] == positions and y.kind in WHOLE_KINDS
        allowed = f"({shape}) of whole numbers"
    else:
        fits = len(y.shape) in (1, 2) and y.kind in REAL_KINDS
        allowed = f"({n},) or ({n}, d) of real numbers"
    if not fits:
        raise DataError(
            f"targets: {said} are {allowed}, but {name} is {y.shape} of dtype {y.dtype}"
        )


_CLASSES = "whole numbers or strings"
