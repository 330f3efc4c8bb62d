"""Where the data of a source lie, and how they come there."""

from __future__ import annotations

import functools
import importlib.metadata
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

from actsearch.config import Config, Data
from actsearch.config.data import MadeData
from actsearch.records.code import code_digest
from actsearch.records.digests import digest_bytes, settings_digest

MANIFEST = "manifest.json"
ARRAYS = "arrays.npz"
FOLDERS = "folders"
"""Under the data folder, where the manifests of image folders lie."""
SHORTER_SIDE = 256 / 224
"""Pixels of an image's shorter side for each of the square that is cut out of its middle."""
IMAGENET_ARCHIVES = (
    "ILSVRC2012_devkit_t12.tar.gz",
    "ILSVRC2012_img_train.tar",
    "ILSVRC2012_img_val.tar",
)
"""What https://image-net.org/download gives to who signs up: 2.6 MB, 148 GB and 6.7 GB."""
IMAGENET_UNPACKED = ("meta.bin", "train", "val")
"""What torchvision makes of the archives, in the same order."""


class DataError(ValueError):
    """A data set that cannot be used; the message names the value and what is allowed."""


class MissingDataError(DataError):
    """A data set that is not there; the message names where it was looked for."""


class ChangedDataError(DataError):
    """A data set that is not what its manifest says; the message names the difference."""


class Place(NamedTuple):
    """The folder of a source's files, of their manifest, and of what is decoded from them."""

    folder: Path

    @property
    def manifest(self) -> Path:
        """The file that says what the source holds."""
        return self.folder / MANIFEST

    @property
    def known(self) -> Path:
        """What is known of each file: its size, times and digest. It may be removed."""
        return self.folder / "contents.npz"

    @property
    def arrays(self) -> Path:
        """The arrays of a source that is made here."""
        return self.folder / ARRAYS


def place_of(data: Data, data_folder: str | Path) -> Place | None:
    """Where the files of ``data`` lie under ``data_folder``; entries of one source share it.

    An image folder stays where it is; its place holds the manifest, and is named by its absolute
    path where the data folder lies outside of the working folder. So does that of a function of
    the user's, a place for each state of its code. What is made here has a place for all that it
    hangs on: options, sizes, code, and the version of the package that it is made with.

    Returns:
        The place; None for sources that are nothing to fetch: digits, ``.npz`` files.

    Raises:
        DigestError: when a function's module is not there.
        DataError: when the package is not installed that a source is made with.
    """
    kind, _, rest = data.source.partition(":")
    root = Path(data_folder)
    if kind == "torchvision":
        name = f"{rest}-{imagenette_size(data)}" if rest == "Imagenette" else rest
        return Place(root / name)
    if kind == "folder":
        # The name goes into a rule's, and into commands; folders of one name may lie at two places.
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(rest).name)
        told = rest
        if not root.resolve().is_relative_to(Path.cwd()):
            # Others may share the data folder, and mean another folder by the same words.
            told = str(Path(rest).absolute())
        return Place(root / FOLDERS / f"{name}-{digest_bytes(told.encode())[7:15]}")
    if made := data.made:
        sizes = (data.split.train, data.split.validation, data.split.test)
        facts = [data.source, made_options(made), sizes, made_with(made), code_digest(made.maker)]
        return Place(root / f"{data.source}-{settings_digest(facts)[7:15]}")
    if is_function(data):
        state = settings_digest([data.source, code_digest(kind)])
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", data.source)
        return Place(root / "functions" / f"{name}-{state[7:15]}")
    return None


def made_options(made: MadeData) -> dict[str, Any]:
    """How a source is made, as plain data: the same for options that mean the same."""
    return made.plain()


def made_with(made: MadeData) -> str | None:
    """The package that a source is made with, and its version; None where it needs none."""
    return None if made.package is None else f"{made.package} {_version(made.package)}"


@functools.cache
def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as error:
        raise DataError(f"the package {package} is not installed: pip install {package}") from error


def is_function(data: Data) -> bool:
    """Whether the source of ``data`` is a function of the user's."""
    kind, colon, _ = data.source.partition(":")
    return bool(colon) and kind not in ("torchvision", "folder", "npz")


def imagenette_size(data: Data) -> str:
    """The smallest published version that need not be enlarged: 160px, 320px or full."""
    needed = (data.image_size or 0) * SHORTER_SIDE
    return "160px" if needed <= 160 else "320px" if needed <= 320 else "full"


def image_folder(data: Data) -> Path:
    """The folder of a source ``folder:PATH``."""
    return Path(data.source.removeprefix("folder:"))


def require_fetched(place: Place, name: str = "NAME") -> None:
    """Refuse a place that lacks its manifest.

    Args:
        place: Where the data should lie.
        name: Of the entry of the configuration's data.

    Raises:
        MissingDataError: with the command to run.
    """
    if not place.manifest.is_file():
        command = shlex.join(["actsearch", "fetch", "--data", name, "--out", str(place.manifest)])
        raise MissingDataError(
            f"no data set at {place.folder} (it has no {place.manifest.name}); fetch it, on a "
            f"cluster on the login node: {command}"
        )


def require_task_data(config: Config, task: str) -> None:
    """Raise MissingDataError unless a task's data, if they are to be fetched, have been."""
    name = config.task(task).data
    place = place_of(config.data[name], config.data_folder)
    if place is None:
        return
    if is_function(config.data[name]) and not place.manifest.is_file():
        raise MissingDataError(
            f"data.{name}: the arrays that {config.data[name].source!r} gives as its code stands "
            f"now are not noted yet ({place.manifest} is missing): actsearch fetch --data {name}"
        )
    require_fetched(place, name)


def require_imagenet(folder: Path) -> None:
    """Raise MissingDataError unless ImageNet lies in ``folder``, unpacked or as archives."""
    for archive, unpacked in zip(IMAGENET_ARCHIVES, IMAGENET_UNPACKED, strict=True):
        if not (folder / archive).is_file() and not (folder / unpacked).exists():
            raise MissingDataError(
                f"ImageNet cannot be downloaded by a program: {folder} holds neither {archive} nor "
                f"{unpacked}. Sign up at https://image-net.org/download, put "
                f"{', '.join(IMAGENET_ARCHIVES)} into {folder}, and run: snakemake --cores 1 "
                "fetch_data (it unpacks them)"
            )
