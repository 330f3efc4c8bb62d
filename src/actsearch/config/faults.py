"""Errors in code that is not ours, in a few words."""

from __future__ import annotations

import os
import sysconfig
import traceback
from pathlib import Path

_PACKAGES = tuple(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
_INSTALLED = (str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"), *_PACKAGES)


FAULTS = (Exception, SystemExit)
"""What code of the user's may raise: an exit in it would end a job as if all were well."""
_CTRL_C = 130  # as cluster.interrupts has it, which may import nothing that takes time


def pass_on_ctrl_c(error: BaseException) -> None:
    """Raise ``error`` again where it is the exit by which Ctrl-C ends a command."""
    if isinstance(error, SystemExit) and error.code == _CTRL_C:
        raise error


def describe_fault(error: BaseException) -> str:
    """What went wrong in code of the user's, and where, in one line.

    The place is the innermost one in code that is neither ours nor installed, where there is one.
    Set ``ACTSEARCH_TRACEBACK=1`` to see all of them.

    Returns:
        Such as ``ValueError: its first line (my_lab/network.py, line 12)``.

    Raises:
        SystemExit: ``error`` itself, where it is the exit by which Ctrl-C ends a command.
    """
    pass_on_ctrl_c(error)
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    if isinstance(error, SyntaxError):  # its own text says the place
        return text
    places = [
        place_in_code(frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(("<", *_INSTALLED))
    ]
    return f"{text} ({places[-1]})" if places else text


def place_in_code(path: str, line: int) -> str:
    """A line of a file as seen from the folder of packages or the working folder, if it lies there.

    Returns:
        Such as ``my_lab/network.py, line 12`` or ``torchvision/models/densenet.py, line 213``.
    """
    for folder in (*map(Path, _PACKAGES), Path.cwd()):
        if Path(path).is_relative_to(folder):
            return f"{os.path.relpath(path, folder)}, line {line}"
    return f"{path}, line {line}"
