"""The page's own script: modules in ``templates``, joined into one that needs no file."""

from __future__ import annotations

import re
from collections.abc import Callable

MODULES = ("store.js", "select.js", "figures.js", "panel.js", "list.js", "main.js")
"""In the order of their imports; names at their top level are used once."""
_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./[\w.-]+\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def join(read: Callable[[str], str]) -> str:
    """All modules as one.

    Args:
        read: gives the text of a module.

    Returns:
        The text of a module script without imports and exports.
    """
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", read(name))).strip() for name in MODULES)
