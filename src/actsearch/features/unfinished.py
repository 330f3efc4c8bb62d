"""A part of the FIM features whose job was stopped goes on after its last function."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from actsearch.features.spectra import LayerSpectrum, pack_spectra, unpack_spectra

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
        self._path = path
        self._identity = dict(identity)
        self._say = say
        self._seconds_between = seconds_between
        self._written = time.monotonic()
        self._held = 0

    def take_over(self, names: Sequence[str]) -> list[list[LayerSpectrum]]:
        """Spectra of the first of the part's functions ``names``, as an earlier job left them."""
        self._identity["names"] = list(names)
        self._written = time.monotonic()
        found = self._read() if self._path.exists() else []
        self._held = len(found)
        return found

    def keep(self, spectra: Sequence[Sequence[LayerSpectrum]], *, now: bool = False) -> None:
        """Write the file if it is time, or ``now`` if there is more than it holds."""
        due = now or time.monotonic() - self._written >= self._seconds_between
        if due and len(spectra) > self._held:
            self._write(spectra)
            self._held, self._written = len(spectra), time.monotonic()

    def remove(self) -> None:
        """Remove the file: the part is finished."""
        for path in [self._path, *self._path.parent.glob(f"{self._path.name}.*.new")]:
            path.unlink(missing_ok=True)

    def _write(self, spectra: Sequence[Sequence[LayerSpectrum]]) -> None:
        arrays = pack_spectra(self._identity["names"][: len(spectra)], spectra)
        arrays[_IDENTITY] = np.array(json.dumps(self._identity, sort_keys=True))
        beside = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex[:8]}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            self._say(f"{self._path}: cannot be written, the part goes on without ({error})")

    def _read(self) -> list[list[LayerSpectrum]]:
        try:
            with np.load(self._path, allow_pickle=False) as arrays:
                held = dict(arrays)
            same = json.loads(str(held[_IDENTITY])) == json.loads(json.dumps(self._identity))
            spectra = [layers for _, layers in unpack_spectra(held)] if same else []
        except Exception as error:  # a damaged file raises whatever its reader stumbles on
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            self._say(f"{self._path}: ignored, it cannot be read ({reason})")
            return []
        if not same:
            self._say(f"{self._path}: ignored, it is of other settings, code, data or functions")
            return []
        names = self._identity["names"]
        self._say(f"{self._path}: goes on after {len(spectra)} of {len(names)} functions")
        return spectra
