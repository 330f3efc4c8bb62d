"""Where Python looks for modules: in the working folder last.

So what lies there takes the place of no module of Python's or of an installed package, whatever it
is called. Nothing is imported here but what Python has read before any folder was looked into.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder

MODULES_VARIABLE = "ACTSEARCH_MODULES"
"""Names the folder of the user's modules, where it is not the working folder."""


def home() -> str:
    """The folder of the user's modules: the working folder, unless the environment names another.

    Returns:
        An absolute path.
    """
    return os.path.abspath(os.environ.get(MODULES_VARIABLE) or os.curdir)  # noqa: PTH100


def working_folder_last(*others: str) -> None:
    """Look for modules in the working folder last, here and in every process that is started.

    Args:
        others: folders that are not to be looked into, unless they are the working folder.
    """
    last = home()
    moved = {os.path.realpath(folder) for folder in (last, os.curdir, *others)}
    sys.path[:] = [path for path in sys.path if os.path.realpath(path) not in moved]
    sys.path.append(last)
    os.environ["PYTHONSAFEPATH"] = "1"  # python -m and python -c put it first
    if _NamesOfPython not in sys.meta_path:
        at = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else len(sys.meta_path)
        sys.meta_path.insert(at, _NamesOfPython)


class _NamesOfPython:
    """Keeps to Python the names of its modules that this system lacks, which packages try."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Find nothing; refuse a name of Python's that is only there in the working folder."""
        if path is None and name in sys.stdlib_module_names:
            elsewhere = [folder for folder in sys.path if folder != home()]
            if PathFinder.find_spec(name, elsewhere) is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
