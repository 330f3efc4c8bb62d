"""What a task's examples look like, for people, as far as the configuration says.

No data is looked at: the page would depend on files that its step does not read.
"""

from __future__ import annotations

from actsearch.config import Data

_DIGITS = "images of 1 x 8 x 8, 10 classes"


def describe_shape(data: Data) -> str | None:
    """Shape of an example and what is learned, such as ``signals of 1 x 40, 10 classes``.

    Returns:
        The words; None for a function of the user's, and for a file of arrays.
    """
    if made := data.made:
        learned = "classes" if made.targets != "numbers" else "numbers to predict"
        return f"{made.inputs} of {_sizes(made.example)}, {made.n_outputs} {learned}"
    if known := data.published:
        side = data.image_size or known.side
        return f"images of {_sizes((known.channels, side, side))}, {known.classes} classes"
    if data.of_files:
        side = data.image_size or 0
        return f"images of {_sizes((3, side, side))}"
    return _DIGITS if data.source == "digits" else None


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
