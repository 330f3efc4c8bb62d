"""A part of the FIM features whose job was stopped goes on after its last function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from actsearch.features.spectra import LayerSpectrum, pack_spectra, unpack_spectra
from actsearch.records.checkpoints import CheckpointFile

_SECONDS_BETWEEN = 60.0  # what is lost when a job is killed; a file takes a fraction of a second
_IDENTITY = "identity"


class UnfinishedPart:
    """The spectra of a part's first functions, in a file that the next job of the part reads."""

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, Any],
        say: Callable[[str], None] = lambda text: None,
        seconds_between: float = _SECONDS_BETWEEN,
    ) -> None:
        """Name the file; nothing is read or written yet.

        Args:
            path: the file.
            identity: plain data that tell whether a file is of this part: digests of settings, code
                and data, and on what else the bits hang. The functions' names are added.
            say: called with a line for people.
            seconds_between: from one writing to the next; 0 for one after every function.
        """
        self._file = CheckpointFile(
            path,
            identity,
            seconds_between,
            say,
            work="the part",
            kin="settings, code, data or functions",
        )
        self._names: list[str] = []
        self._held = 0

    def take_over(self, names: Sequence[str]) -> list[list[LayerSpectrum]]:
        """Spectra of the first of the part's functions ``names``, as an earlier job left them."""
        self._names = list(names)
        self._file.belong_to(names=self._names)
        found = self._file.read(_load)
        if found is not None:
            self._file.tell(f"goes on after {len(found)} of {len(names)} functions")
        self._held = len(found or [])
        return found or []

    def keep(self, spectra: Sequence[Sequence[LayerSpectrum]], *, now: bool = False) -> None:
        """Write the file if it is time, or ``now`` if there is more than it holds."""
        if (now or self._file.is_due()) and len(spectra) > self._held:
            self._write(spectra)
            self._held = len(spectra)

    def remove(self) -> None:
        """Remove the file: the part is finished."""
        self._file.remove()

    def _write(self, spectra: Sequence[Sequence[LayerSpectrum]]) -> None:
        arrays = pack_spectra(self._names[: len(spectra)], spectra)
        arrays[_IDENTITY] = np.array(self._file.stamp)

        def save(file: BinaryIO) -> None:
            np.savez(file, allow_pickle=False, **arrays)

        self._file.write(save)


def _load(path: Path) -> tuple[str, list[list[LayerSpectrum]]]:
    with np.load(path, allow_pickle=False) as arrays:
        held = dict(arrays)
    return str(held[_IDENTITY]), [layers for _, layers in unpack_spectra(held)]
