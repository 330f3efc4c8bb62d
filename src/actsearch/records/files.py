"""Files that a reader finds whole or not at all, and errors that name them."""

from __future__ import annotations

import contextlib
import difflib
import itertools
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

from actsearch.records.names import printable

NOT_THERE = ": no such file"
"""What is said of a file that is missing, after its path."""
_MOST_NAMES = 10_000
"""In a folder that is searched for what was meant."""
_ALIKE = 0.75


class ArtifactError(ValueError):
    """A file that cannot be written, or read as what its name says; the message names it."""


@contextlib.contextmanager
def written_beside(path: Path, *, ending: str = "tmp", durable: bool = False) -> Iterator[Path]:
    """A hidden name beside ``path`` to write to; renamed at the end, removed after an error.

    The folder is made where there is none.

    Args:
        path: the file, which keeps what it holds until all of the new content is written.
        ending: of the hidden name, which tells what a killed job has left.
        durable: whether the content is on the disk before ``path`` is replaced: for what must
            outlive the machine.

    Yields:
        The name, in the folder of ``path``: a rename within it is atomic.

    Raises:
        OSError: when the file cannot be written.
    """
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.{ending}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        if durable:
            with beside.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(beside, path)  # noqa: PTH105 - the atomic rename is the point
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn what the system says against writing ``path`` into one error that names the file."""
    try:
        yield
    except OSError as error:  # a full disk, a quota, a folder of somebody else's
        raise ArtifactError(f"{path}: cannot be written ({error.strerror or error})") from error


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """The one way to open a file: whatever its reader raises becomes one error that names it.

    What is no file is not opened at all: a pipe would be waited for, a device has no end.

    Raises:
        ArtifactError: also for a missing file, and in place of any error of a reader.
    """
    try:
        require_file(path)
        yield
    except FileNotFoundError:
        raise ArtifactError(f"{path}{NOT_THERE}") from None
    except ArtifactError:
        raise
    # Readers of damaged files raise whatever they stumble on.
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from error
        raise ArtifactError(
            f"{path}: cut short or not a {path.suffix} file ({_in_short(error)})"
        ) from error


def nearest(path: Path) -> Path | None:
    """A file that is there, at a path that differs by misspelt names alone.

    Args:
        path: of a file that is not there.

    Returns:
        The file; None where nothing is near.
    """
    here = Path(path.anchor)
    for part in path.parts[len(here.parts) :]:
        there = here / part
        if not there.exists():
            try:
                names = [entry.name for entry in itertools.islice(os.scandir(here), _MOST_NAMES)]
            except OSError:
                return None
            close = difflib.get_close_matches(part, names, n=1, cutoff=_ALIKE)
            if not close:
                return None
            there = here / close[0]
        here = there
    return here if here.is_file() else None


def require_file(path: Path) -> None:
    """Refuse what is no file, without opening it.

    Raises:
        ArtifactError: when there is something else.
        OSError: when there is nothing.
    """
    if (what := kind_of(path)) != FILE:
        raise ArtifactError(f"{path}: is {what}, no file; not opened")


def _in_short(error: Exception) -> str:
    """What an error says, in one line that can be printed."""
    told = printable(" ".join(str(error).split()))
    return f"{told[:_SHORT]}..." if len(told) > _SHORT else told or type(error).__name__


FILE = "a file"
_SHORT = 200


def kind_of(path: str | Path) -> str:
    """What stands at ``path``, links followed.

    Returns:
        ``FILE``, or what else in words.

    Raises:
        OSError: when there is nothing, or the way to it may not be gone.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - of many files
    except OSError as error:
        if not os.path.islink(path):  # noqa: PTH114 - of many files
            raise
        return f"a link that leads nowhere ({error.strerror})"
    kinds = {
        stat.S_IFREG: FILE,
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


def shown(path: str | Path) -> str:
    """``path`` as records name it: relative to the working folder where it lies in it."""
    absolute, here = os.path.abspath(path), os.getcwd()  # noqa: PTH100, PTH109 - keep links
    inside = absolute.startswith(here + os.sep)
    return os.path.relpath(absolute, here) if inside else absolute


def copy_file(source: str | Path, path: str | Path) -> None:
    """Copy a file as it is, without provenance."""
    with readable(Path(source)):
        content = Path(source).read_bytes()
    with writable(Path(path)), written_beside(Path(path)) as beside:
        beside.write_bytes(content)
