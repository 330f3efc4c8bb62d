"""Where Python looks for modules: in the working folder last.

So what lies there takes the place of no module of Python's or of an installed package, whatever it
is called. Nothing is imported here but what Python has read before any folder was looked into.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType
    from typing import Any

_STDLIB = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120
_OURS = "actsearch."
PACKAGES = ("site-packages", "dist-packages")
"""Names of folders of installed packages."""
_SAFE_PATH = "PYTHONSAFEPATH"
_SET_HERE = "actsearch"
"""Its value where the user has set none: any text will do for Python, and this tells it apart."""
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
    if not os.environ.get(_SAFE_PATH):
        os.environ[_SAFE_PATH] = _SET_HERE  # python -m and python -c put it first
    if _Finder not in sys.meta_path:
        at = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else len(sys.meta_path)
        sys.meta_path.insert(at, _Finder)


class UsersOwnProcesses:
    """While the user's code is called: what it starts looks for modules as Python always does.

    A script that it starts would not find what lies beside it otherwise.
    """

    def __enter__(self) -> None:
        """Take back what was set for processes that are started here."""
        self._is_ours = os.environ.get(_SAFE_PATH) == _SET_HERE
        if self._is_ours:
            del os.environ[_SAFE_PATH]

    def __exit__(self, *_: object) -> None:
        """Set it again."""
        if self._is_ours:
            os.environ.setdefault(_SAFE_PATH, _SET_HERE)


class _Finder:
    """Finds as Python does, but for two things.

    Names of Python's modules that this system lacks, which packages try, are not looked for in the
    working folder. And modules that are not installed are compiled from their source each time:
    Python goes by date and size of a file to take what it compiled before, and both may stay while
    the file changes.
    """

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module, as an import asks for it; ModuleNotFoundError for such a name."""
        if path is None and name in sys.stdlib_module_names:
            elsewhere = [folder for folder in sys.path if folder != home()]
            found = PathFinder.find_spec(name, elsewhere)
            if found is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return found
        found = PathFinder.find_spec(name, path, target)
        if found is not None and type(found.loader) is SourceFileLoader:
            place = str(found.origin)
            if not (place.startswith(_STDLIB) or _is_packaged(place) or name.startswith(_OURS)):
                found.loader = _FromSource(name, place)
        return found


def _is_packaged(place: str) -> bool:
    """Whether a file lies in a folder of installed packages, by its name alone."""
    return any(f"{os.sep}{kind}{os.sep}" in place for kind in PACKAGES)


class _FromSource(SourceFileLoader):
    """Loads a module from its source alone."""

    def path_stats(self, path: str) -> Mapping[str, Any]:
        """No facts by which something compiled before could be known again."""
        raise OSError(path)
