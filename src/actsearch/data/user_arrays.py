"""Arrays that a function of the user's returns: called, and known again by their digests.

Every job of a task calls the function anew, so it must return the same arrays each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsearch.config import FAULTS, Data, describe_fault
from actsearch.data.sources.headers import check_parts, headers_of
from actsearch.data.sources.places import DataError
from actsearch.records.search_path import (
    MODULES_VARIABLE,
    UsersOwnProcesses,
    home,
    working_folder_last,
)

Named = Mapping[str, NDArray[Any]]
"""Arrays by name: ``x`` and ``y``, or such for each part (``headers.named_parts``)."""
Entries = list[dict[str, Any]]


def call(source: str) -> Named:
    """The arrays of ``package.module:function``, called in the folder of its experiment.

    Returns:
        As the function returns them, made arrays: ``x`` and ``y``, or what its dictionary names.

    Raises:
        DataError: when it cannot be imported, fails, or returns something else.
    """
    with UsersOwnProcesses(), contextlib.chdir(home()):  # a replay works in another
        result = _result(*source.split(":", 1))
    if isinstance(result, tuple) and len(result) == 2:
        result = {"x": result[0], "y": result[1]}
    if not isinstance(result, Mapping) or not all(isinstance(name, str) for name in result):
        raise DataError(
            f"must return (x, y), or a dictionary of x_train, y_train and so on, got "
            f"{type(result).__name__}"
        )
    return {name: np.asarray(array) for name, array in result.items()}


def _result(module: str, name: str) -> Any:
    try:
        function = getattr(importlib.import_module(module), name)
    except FAULTS as error:  # whatever the module stumbles over
        raise DataError(f"cannot be imported: {describe_fault(error)}") from error
    try:
        return function()
    except DataError:
        raise
    except FAULTS as error:
        raise DataError(f"fails: {describe_fault(error)}") from error


def entries(arrays: Named) -> Entries:
    """What a manifest says of arrays, under ``files``: shape, dtype and SHA-256 of each.

    Returns:
        An entry an array.
    """
    return [
        {
            "path": name,
            "shape": list(array.shape),
            "dtype": array.dtype.str,
            "sha256": _digest(array),
        }
        for name, array in arrays.items()
    ]


def _digest(array: NDArray[Any]) -> str:
    if array.dtype.hasobject or not array.dtype.itemsize:  # what checks the arrays refuses them
        return ""
    return hashlib.sha256(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).hexdigest()


def call_twice(source: str) -> Named:
    """Call a function here and in a process of its own, as two jobs would.

    Returns:
        The arrays.

    Raises:
        DataError: when the two differ, or it fails.
    """
    there, problem = _called_elsewhere(source)
    arrays = call(source)
    if there is None:
        raise DataError(f"cannot be called in a process of its own: {problem}")
    if there != entries(arrays):
        raise DataError("gives other arrays every time: seed it")
    return arrays


def _called_elsewhere(source: str) -> tuple[Entries | None, str]:
    """Entries of what another process gets, or why it gets nothing."""
    environment = os.environ | {MODULES_VARIABLE: home(), "PYTHONHASHSEED": "random"}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "entries.json"
        command = [sys.executable, "-m", "actsearch.data.user_arrays", source, str(answer)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0 and answer.is_file():
            return json.loads(answer.read_text(encoding="utf-8")), ""
    return None, (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def refuse_unsaid(data: Data, arrays: Named) -> None:
    """Refuse targets that are no classes, where that is not said: a plan is made before.

    Args:
        data: the source.
        arrays: what its function returned.

    Raises:
        DataError: with the key to set.
    """
    if data.targets is None:
        targets = check_parts(headers_of(arrays), data.arrays._replace(targets=None)).layout.targets
        if targets != data.known_targets:
            raise DataError(
                f"its targets are {targets}: say targets: {targets} of the data, since what a "
                "function returns is known after the plan is made, and counts as classes there"
            )


def refuse_others(source: str, arrays: Named, noted: Any, manifest: Path) -> None:
    """Refuse arrays that are not those which a manifest notes.

    The function is called once more to tell why: by chance, or since what it reads has changed.

    Args:
        source: the function.
        arrays: those that it gives now.
        noted: its entries.
        manifest: where it lies.

    Raises:
        DataError: naming the array.
    """
    now = entries(arrays)
    then, found = ({entry["path"]: entry for entry in some} for some in (noted, now))
    differing = [name for name in {**then, **found} if then.get(name) != found.get(name)]
    if not differing:
        return
    which = f"Its {' and '.join(differing)} are not those of {manifest}"
    if _called_elsewhere(source)[0] == now:
        raise DataError(
            "gives other arrays than when its manifest was written, and the same in two calls: "
            f"what it reads has changed. ({which}; if that is meant, remove this file)"
        )
    raise DataError(f"gives other arrays every time: seed it. ({which})")


def _main() -> None:
    working_folder_last()
    source, answer = sys.argv[1:]
    Path(answer).write_text(json.dumps(entries(call(source))), encoding="utf-8")


if __name__ == "__main__":
    _main()
