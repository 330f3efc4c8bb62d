"""Errors in code that is not ours, in a few words."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

_LIBRARIES = ("actsearch", "importlib", "numpy", "torch")


def describe_fault(error: BaseException) -> str:
    """``ValueError: its first line (my_lab/network.py, line 12)``.

    The place is the innermost one outside this package, NumPy and torch, where there is one. Set
    ``ACTSEARCH_TRACEBACK=1`` to see all of them.
    """
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    if isinstance(error, SyntaxError):  # its own text says the place
        return text
    places = [
        f"{_shown(frame.f_code.co_filename)}, line {line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").split(".")[0] not in _LIBRARIES
        and not frame.f_code.co_filename.startswith("<")
    ]
    return f"{text} ({places[-1]})" if places else text


def _shown(path: str) -> str:
    """``path`` as seen from the working folder, where it lies in it."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path
