"""What kinds of images a source holds, and which values become black and white.

Images become 8 bits for each of red, green and blue. Those with more bits are scaled by one range
for the whole source, whole numbers and fractions each: nothing is cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from actsearch.config import Data
from actsearch.data.sources.names import printed
from actsearch.data.sources.places import DataError

Range = tuple[float, float]
BITS = (8, 10, 12, 14, 16)
"""Of cameras and scanners; the fewest that hold all counts say which is white."""
FRACTIONS: Range = (0.0, 1.0)
WHOLE, FRACTION, CUT = "whole numbers", "fractions", "16 bits a colour"
"""How images with more than 8 bits are stored; PIL keeps the upper 8 of 16 bits of colours."""
SLACK = 1e-6
"""Of a range: what rounding to single precision may put outside."""
_FEWEST_LEVELS = 16
_EXPLICIT = "say which values are black and white: pixel_range: [LOW, HIGH] of the data"


class Levels(NamedTuple):
    """The values that become black and white, of images with more than 8 bits."""

    whole: Range = (0, 65_535)
    fractions: Range = FRACTIONS


FULL = Levels()
"""Of 16 bits, and of fractions."""


class Fact(NamedTuple):
    """What one image is; as text it is kept beside the manifest."""

    mode: str
    """PIL's."""
    depth: str = ""
    """One of WHOLE, FRACTION and CUT; empty for 8 bits."""
    turned: bool = False
    """Whether EXIF says that it is to be turned or mirrored."""
    alpha: bool = False
    """Whether it has an alpha channel or a transparent colour."""
    lowest: float = 0.0
    highest: float = 0.0
    """Of more than 8 bits; the upper 8 bits of CUT."""

    def text(self) -> str:
        """The same in one line."""
        flags = f"{int(self.turned)}{int(self.alpha)}"
        return f"{self.mode}\t{self.depth}\t{flags}\t{self.lowest!r}\t{self.highest!r}"


def parse_fact(text: str) -> Fact:
    """A fact from its line."""
    mode, depth, flags, lowest, highest = text.split("\t")
    return Fact(mode, depth, flags[0] == "1", flags[1] == "1", float(lowest), float(highest))


def kinds_of(paths: Iterable[str], facts: Iterable[str]) -> dict[str, Any]:
    """What a manifest says of a source's images.

    Returns:
        Numbers of images by ``modes``, of those that are ``turned`` and that have ``alpha``; and
        for each kind of ``depth`` the number, and the lowest and the highest value with the path
        of an image that has it.
    """
    modes: dict[str, int] = {}
    flags = {"turned": 0, "alpha": 0}
    depths: dict[str, dict[str, Any]] = {}
    for path, text in zip(paths, facts, strict=True):
        fact = parse_fact(text)
        modes[fact.mode] = modes.get(fact.mode, 0) + 1
        flags["turned"] += fact.turned
        flags["alpha"] += fact.alpha
        if not fact.depth:
            continue
        found = depths.setdefault(fact.depth, {"mode": fact.mode, "images": 0})
        found["images"] += 1
        if "lowest" not in found or fact.lowest < found["lowest"]:
            found |= {"lowest": fact.lowest, "lowest_in": printed(path)}
        if "highest" not in found or fact.highest > found["highest"]:
            found |= {"highest": fact.highest, "highest_in": printed(path)}
    said = {name: count for name, count in flags.items() if count}
    return {"modes": dict(sorted(modes.items())), **said, **({"depth": depths} if depths else {})}


def levels_of(data: Data, kinds: Mapping[str, Any]) -> Levels:
    """Which values of a source become black and white: as ``pixel_range`` says, or by its bits.

    Whole numbers range from 0 to the most that 8, 10, 12, 14 or 16 bits hold, the fewest that hold
    all of them; fractions from 0 to 1.

    Args:
        data: the entry of the configuration.
        kinds: of its manifest.

    Returns:
        The levels.

    Raises:
        DataError: naming an image whose values lie outside, and for values so close together that
            8 bits would hold few of them.
    """
    depths: Mapping[str, Mapping[str, Any]] = kinds.get("depth", {})
    if (cut := depths.get(CUT)) and cut["highest"] < 128:
        raise DataError(
            f"{cut['highest_in']}: an image of {CUT} (mode {cut['mode']}), like "
            f"{cut['images']} in all, none of which uses the uppermost bit; only the upper 8 "
            "bits are read. Save them with 8 bits, or with counts up to 65535"
        )
    chosen = data.pixel_range
    whole, fractions = depths.get(WHOLE), depths.get(FRACTION)
    levels = Levels(chosen or (_bits_of(whole) if whole else FULL.whole), chosen or FRACTIONS)
    for found, limits in ((whole, levels.whole), (fractions, levels.fractions)):
        if found:
            _refuse_outside(found, limits, given=chosen is not None)
    return levels


def _bits_of(found: Mapping[str, Any]) -> Range:
    fits = [(0, 2**bits - 1) for bits in BITS if found["highest"] < 2**bits]
    return fits[0] if fits else FULL.whole


def _refuse_outside(found: Mapping[str, Any], limits: Range, *, given: bool) -> None:
    low, high = limits
    slack = SLACK * (high - low)
    below, above = found["lowest"] < low - slack, found["highest"] > high + slack
    for end, outside in (("lowest", below), ("highest", above)):
        if outside:
            raise DataError(
                f"{found[f'{end}_in']}: an image of mode {found['mode']} with the value "
                f"{found[end]:g}; allowed: {low:g} to {high:g}"
                + (", as pixel_range says" if given else f". Or {_EXPLICIT}")
            )
    used = (found["highest"] - found["lowest"]) / (high - low) * 255
    if used < _FEWEST_LEVELS and not given:
        raise DataError(
            f"{found['highest_in']}: the {found['images']} images of mode {found['mode']} have "
            f"values from {found['lowest']:g} to {found['highest']:g}, which are {used:.2g} of 256 "
            f"levels from {low:g} to {high:g}: {_EXPLICIT}"
        )


def notes_of(data: Data, kinds: Mapping[str, Any]) -> list[str]:
    """What is done with images that are not plain, in sentences."""
    notes = []
    if turned := kinds.get("turned"):
        notes.append(f"{turned:,} images are turned as their EXIF says")
    if alpha := kinds.get("alpha"):
        notes.append(f"{alpha:,} images have an alpha channel or a transparent colour: on white")
    levels = levels_of(data, kinds)
    for depth, limits in ((WHOLE, levels.whole), (FRACTION, levels.fractions)):
        if found := kinds.get("depth", {}).get(depth):
            notes.append(
                f"{found['images']:,} images of {depth} from {found['lowest']:g} to "
                f"{found['highest']:g} (mode {found['mode']}): {limits[0]:g} becomes black, "
                f"{limits[1]:g} white"
            )
    if found := kinds.get("depth", {}).get(CUT):
        notes.append(f"{found['images']:,} images of {CUT}: the upper 8 bits are read")
    return notes
