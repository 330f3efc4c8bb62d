"""Modules found without importing anything: where they lie, and whether they are the user's.

A module is found as an import finds it: through the folders of the search path, archives, and the
hooks of packages that were installed with ``pip install -e``.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import pkgutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from actsearch.records.search_path import PACKAGES, home

_INSTALLED = [
    Path(os.path.realpath(sysconfig.get_path(kind)))
    for kind in ("stdlib", "platstdlib", "purelib", "platlib")
]


def find(module: str, folders: Iterable[str] | None = None) -> ModuleSpec | None:
    """Find a module without importing it, or the packages it lies in.

    Args:
        module: its dotted name.
        folders: where to look for its first part; where an import looks, when left out.

    Returns:
        Its spec; None where there is none.
    """
    search = None if folders is None else list(folders)
    spec = None
    for part in itertools.accumulate(module.split("."), "{}.{}".format):
        if spec is not None and search is None:  # a module, and no package
            return None
        spec = _by_hooks(part, search) if folders is None else None
        if spec is None and search is not None:
            spec = _in_folders(part, search)
        if spec is None:
            return None
        locations = spec.submodule_search_locations
        search = None if locations is None else list(locations)
    return spec


def _by_hooks(name: str, search: list[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        # For a package without __init__ in another such, it asks for the outer one imported.
        if search is not None and finder is PathFinder:
            continue
        try:
            spec = finder.find_spec(name, search)
        except ModuleNotFoundError:
            return None
        except Exception:  # a hook of somebody's, which an import would show
            continue
        if spec is not None:
            return spec
    return None


def _in_folders(name: str, folders: Iterable[str]) -> ModuleSpec | None:
    """A module in one of ``folders``, or a package without ``__init__`` in all of them."""
    portions: list[str] = []
    for folder in folders:
        finder: Any = pkgutil.get_importer(folder)
        try:
            spec = finder.find_spec(name) if finder is not None else None
        except (OSError, ValueError):  # a folder that cannot be read, a name that no file has
            continue
        if spec is not None and spec.loader is not None:
            return spec  # type: ignore[no-any-return]
        portions += (spec.submodule_search_locations or []) if spec is not None else []
    if not portions:
        return None
    whole = ModuleSpec(name, None, is_package=True)
    whole.submodule_search_locations = portions
    return whole


def in_home(module: str) -> ModuleSpec | None:
    """The module of this name in the working folder itself, whatever an import would find."""
    return find(module, [home()])


def taken_names() -> dict[str, str]:
    """Names in the working folder that an import finds elsewhere.

    Returns:
        Files of these modules in the working folder, by name. A folder without ``__init__`` takes
        no name from an installed package, wherever Python looks first.
    """
    taken: dict[str, str] = {}
    for _, name, _ in pkgutil.iter_modules([home()]):
        mine, found = place_of_code(in_home(name)), place_of_code(find(name))
        if mine and not (found and os.path.realpath(found) == os.path.realpath(mine)):
            taken[name] = mine
    return taken


def place_of_code(spec: ModuleSpec | None) -> str | None:
    """The file with a module's code, source or compiled; None where it has none of its own."""
    if spec is None or spec.loader is None or not spec.has_location or spec.origin is None:
        return None
    return spec.origin


def content(spec: ModuleSpec) -> bytes:
    """The file with a module's code, which may lie in an archive."""
    place = str(place_of_code(spec))
    read = getattr(spec.loader, "get_data", None)
    return bytes(read(place)) if read is not None else Path(place).read_bytes()


def is_package(spec: ModuleSpec) -> bool:
    """Whether it is a package."""
    return spec.submodule_search_locations is not None


def is_users(spec: ModuleSpec | None) -> bool:
    """Whether a module is code in progress, and not one of Python's or of an installed package.

    Returns:
        True for what lies outside of the folders of installed packages, and for what was installed
        from a folder of this machine: its version says little of it.
    """
    place = place_of_code(spec)
    if spec is None or place is None:
        return False
    root = spec.name.partition(".")[0]
    if not _is_installed(str(Path(place).parent), home()):
        return True
    return root in _installed_from_folders(tuple(sys.path))


@functools.cache
def _is_installed(folder: str, here: str) -> bool:
    place = Path(os.path.realpath(folder))
    if any(place.is_relative_to(installed) for installed in _INSTALLED):
        return True
    here = os.path.realpath(here)
    inner = place.relative_to(here) if place.is_relative_to(here) else place
    return any(part in PACKAGES for part in inner.parts)


@functools.cache
def _installed_from_folders(folders: tuple[str, ...]) -> frozenset[str]:
    """First names of modules that ``pip install FOLDER`` copied from a folder that still stands."""
    names: set[str] = set()
    for folder in folders:
        if not folder.endswith(PACKAGES):
            continue
        for note in Path(folder).glob("*.dist-info/direct_url.json"):
            if _is_folder_here(note):
                names |= set(_first_names(note.with_name("RECORD")))
    return frozenset(names - {"actsearch"})


def _is_folder_here(note: Path) -> bool:
    """Whether a package's note of where it came from (PEP 610) names a folder that is there."""
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        address = urlsplit(str(told["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False
    is_folder = "dir_info" in told and address.scheme == "file"
    return is_folder and Path(unquote(address.path)).is_dir()


def _first_names(record: Path) -> Iterator[str]:
    try:
        lines = record.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        first = line.partition(",")[0].strip('"').split("/")
        name = first[0] if len(first) > 1 else first[0].partition(".")[0]
        if name.isidentifier():
            yield name
