"""A file that a job leaves beside its result, so that the next one goes on where it stopped."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from actsearch.records.digests import canonical_json
from actsearch.records.files import require_file, written_beside

Content = TypeVar("Content")

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_ENDING = "new"  # not "tmp": a job that is killed while it writes is continued


class CheckpointFile:
    """What a job has done so far: written now and then, read by the next, removed at the end.

    What is wrong with it is said, and costs what it held; never the job.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, Any],
        seconds_between: float,
        say: Callable[[str], None],
        *,
        work: str,
        kin: str,
    ) -> None:
        """Name the file; nothing is read or written yet.

        Args:
            path: the file.
            identity: plain data that tell whether a file is of this job, see :meth:`belong_to`.
            seconds_between: from one writing to the next; 0 for one whenever it could be.
            say: called with a line for people.
            work: what goes on without a file that cannot be written: "the training".
            kin: what a file of another job differs in: "settings, code or data".
        """
        self._path = path
        self._identity = dict(identity)
        self._seconds_between = seconds_between
        self._say = say
        self._work = work
        self._kin = kin
        self._written = time.monotonic()

    def belong_to(self, **identity: Any) -> None:
        """Add to what tells whether a file is of this job, and start the clock."""
        self._identity |= identity
        self._written = time.monotonic()

    @property
    def stamp(self) -> str:
        """The identity as text, to be kept in the file."""
        return canonical_json(self._identity).decode()

    def is_due(self) -> bool:
        """Whether it is time to write the file again."""
        return time.monotonic() - self._written >= self._seconds_between

    def tell(self, text: str) -> None:
        """Say something about the file."""
        self._say(f"{self._path}: {text}")

    def read(self, load: Callable[[Path], tuple[str, Content]]) -> Content | None:
        """What the file holds, if there is one of this job.

        Args:
            load: reads a file: its stamp and its content. It may raise whatever it stumbles on.

        Returns:
            The content; None without a file, and when it cannot be read or is of another job.
        """
        if not os.path.lexists(self._path):
            return None
        try:
            require_file(self._path)
            stamp, content = load(self._path)
        except Exception as error:  # a damaged file raises whatever its reader stumbles on
            self.tell(f"ignored, it cannot be read ({_first_sentence(error)})")
            return None
        if stamp != self.stamp:
            self.tell(f"ignored, it is of other {self._kin}")
            return None
        return content

    def write(self, save: Callable[[BinaryIO], None]) -> None:
        """Write the file, which is replaced when all of the new one is on the disk.

        Args:
            save: writes stamp and content.
        """
        try:
            with (
                written_beside(self._path, ending=_ENDING, durable=True) as beside,
                beside.open("wb") as file,
            ):
                save(file)
        except (OSError, RuntimeError) as error:  # torch has the latter for a full disk
            self.tell(f"cannot be written, {self._work} goes on without ({error})")
        self._written = time.monotonic()

    def remove(self) -> None:
        """Remove the file, and what killed jobs have left of new ones: the result is there."""
        for path in [self._path, *self._path.parent.glob(f".{self._path.name}.*.{_ENDING}")]:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:  # it is no file, or somebody else's
                self.tell(f"cannot be removed ({error.strerror})")


def _first_sentence(error: Exception) -> str:
    """What an error says first, without colours: torch goes on with advice for its own users."""
    text = _COLOURS.sub("", str(error)).strip() or repr(error)
    return re.split(r"\.\s", text.splitlines()[0])[0]
