"""What a module of the user's reaches: modules of the user's that it imports, directly or not.

Import statements count wherever they stand, in a function too, and names of modules that are given
as text. Where a module finds others by a name that it makes up, all of its package count, and all
in the working folder. So do files that are named as text: weights, tables, other languages' code.
"""

from __future__ import annotations

import ast
import itertools
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import NamedTuple

from actsearch.records.digests import DigestError
from actsearch.records.mentions import Mentions, mentions
from actsearch.records.named_files import files_below, named_files, standing_for
from actsearch.records.search_path import home
from actsearch.records.sources import content, find, is_package, is_users, place_of_code

_OURS = "actsearch"


class Code(NamedTuple):
    """One module of the user's."""

    place: str
    text: bytes
    tree: ast.Module | None
    """None where it is no Python source: an extension module, data, or a file that is broken."""


class Reached(NamedTuple):
    """What a module reaches, itself among it."""

    modules: dict[str, Code]
    """Modules of the user's, by dotted name."""
    ours: set[str]
    """Names of modules of this package, or of what they hold."""


def users_modules(entry: str) -> Reached:
    """The module ``entry`` and all modules of the user's that it reaches.

    Args:
        entry: a dotted name.

    Returns:
        All of them. A module that is installed stands alone: its version is recorded.

    Raises:
        DigestError: when ``entry`` has no code of its own, or is no Python.
    """
    spec = find(entry)
    if spec is None or place_of_code(spec) is None:
        raise DigestError(
            f"no Python source for module {entry!r}; looked in {home()} and Python's own folders"
        )
    found = {entry: _read(spec)}
    if found[entry].tree is None and found[entry].place.endswith(".py"):
        raise DigestError(f"module {entry!r} is not valid Python: {_fault(found[entry].text)}")
    return _Walk(entry, spec).reached if is_users(spec) else Reached(found, set())


def used_names(code: Code) -> dict[str, set[str]]:
    """What a module takes from those that its import statements name, but for relative ones.

    Args:
        code: the module.

    Returns:
        Names that stand after the first part of an imported name, by that part; ``*`` for one that
        is imported for what its import does.
    """
    used: dict[str, set[str]] = {}
    called: dict[str, str] = {}  # first parts, by the name they have in the module
    nodes = list(ast.walk(code.tree)) if code.tree is not None else []
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                root, *inner = alias.name.split(".")
                used.setdefault(root, set()).update(inner[:1])
                if alias.asname is None or not inner:
                    called[alias.asname or root] = root
        elif isinstance(node, ast.ImportFrom) and not node.level:
            root, *inner = str(node.module).split(".")
            used.setdefault(root, set()).update(inner[:1] or [alias.name for alias in node.names])
    read = {node.id for node in nodes if isinstance(node, ast.Name)}
    for name in called.keys() - read:
        used[called[name]].add("*")
    for node in nodes:
        if isinstance(node, ast.Attribute) and (name := getattr(node.value, "id", "")) in called:
            used[called[name]].add(node.attr)
    return used


def _read(spec: ModuleSpec) -> Code:
    place = str(place_of_code(spec))
    try:
        text = content(spec)
    except OSError as error:
        raise DigestError(f"module {spec.name!r} cannot be read: {error}") from None
    try:
        return Code(place, text, _parsed(text) if place.endswith(".py") else None)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Code(place, text, None)


def _parsed(text: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in texts: Python says it on import
        return ast.parse(text)


def _fault(text: bytes) -> str:
    try:
        _parsed(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return ""


class _Walk:
    """From one module to all that it reaches; remembers what it has looked for."""

    def __init__(self, entry: str, spec: ModuleSpec) -> None:
        self._specs: dict[str, ModuleSpec | None] = {entry: spec}
        self._named: set[str] = set()
        self._files: set[Path] = set()
        self._makes_up = self._adds_folders = False
        self.found: dict[str, Code] = {}
        self._follow(set(_with_packages(entry)))
        while files := self._files_left():
            self._follow({name for path in files for name in self._take(path)})

    @property
    def reached(self) -> Reached:
        """All that was found."""
        return Reached(self.found, {n for n in self._named if n.startswith(f"{_OURS}.")})

    def _follow(self, waiting: set[str]) -> None:
        while waiting:
            name = waiting.pop()
            spec = self._spec(name)
            if spec is None or name in self.found or not self._is_users(name):
                continue
            self.found[name] = _read(spec)
            said = mentions(name, is_package(spec), self.found[name].tree)
            waiting |= self._noted(said, self.found[name])
            waiting |= set(_beside(name, spec)) if said.makes_up else set()

    def _take(self, path: Path) -> set[str]:
        """Take a file, which no import finds.

        Returns:
            Names of modules that it mentions.
        """
        is_python = path.suffix == ".py"
        text = path.read_bytes() if is_python else standing_for(path)
        code = Code(str(path), text, _tree_or_none(text) if is_python else None)
        self.found[os.path.relpath(path, home())] = code
        return self._noted(mentions(path.stem, False, code.tree), code)

    def _noted(self, said: Mentions, code: Code) -> set[str]:
        """Note what a module says of folders and files.

        Returns:
            Names of modules that it mentions.
        """
        self._makes_up |= said.makes_up
        self._adds_folders |= said.adds_folders
        self._named |= said.modules
        self._files |= set(named_files(said.files, Path(code.place).parent))
        reached = {part for named in said.modules for part in _with_packages(named)}
        return reached | set(self._named_in(said.texts))

    def _files_left(self) -> list[Path]:
        """Files that may be read or run, and were not taken.

        Returns:
            Those that are named; all code in the working folder where names are made up; where
            code adds folders to the search path itself, that which has the name of a module that
            is mentioned and not found, or is installed.
        """
        files = set(self._files)
        if self._makes_up or self._adds_folders:
            names = {name.partition(".")[0] for name in self._named}
            names = {name for name in names if not self._is_users(name)}
            for path in files_below(Path(home())):
                inside = {path.stem, *path.relative_to(home()).parts[:-1]}
                if self._makes_up or names & inside:
                    files.add(path)
        known = {os.path.realpath(code.place) for code in self.found.values()}
        return sorted(path for path in files if os.path.realpath(path) not in known)

    def _spec(self, name: str) -> ModuleSpec | None:
        if name not in self._specs:
            outer = name.rpartition(".")[0]
            # What lies in an installed package is installed: most names end here.
            skipped = bool(outer) and not self._may_hold_users(outer)
            self._specs[name] = None if skipped else find(name)
        return self._specs[name]

    def _is_users(self, name: str) -> bool:
        return name.partition(".")[0] != _OURS and is_users(self._spec(name))

    def _may_hold_users(self, name: str) -> bool:
        spec = self._spec(name)
        return spec is not None and (self._is_users(name) or spec.loader is None)

    def _named_in(self, texts: Iterable[str]) -> Iterator[str]:
        """Modules of the user's that dotted texts name, as a whole or with something they hold."""
        for text in texts:
            there = list(itertools.takewhile(self._may_hold_users, _with_packages(text)))
            spec = self._spec(there[-1]) if there else None
            if spec is None or not is_users(spec):
                continue
            rest = text.removeprefix(there[-1]).strip(".").partition(".")[0]
            if not rest or re.search(rb"\b%s\b" % rest.encode(), content(spec)):
                yield from there


def _tree_or_none(text: bytes) -> ast.Module | None:
    try:
        return _parsed(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _with_packages(module: str) -> Iterator[str]:
    """A dotted name after the packages it lies in: importing it runs these."""
    return itertools.accumulate(module.split("."), "{}.{}".format)


def _beside(name: str, spec: ModuleSpec) -> Iterator[str]:
    """Modules that ``name`` may make up the names of: of its package, or beside it."""
    place = Path(str(place_of_code(spec)))
    folder = place.parent
    if "." not in name and not is_package(spec):
        yield from (path.stem for path in folder.glob("*.py") if path.stem.isidentifier())
        return
    inner = name if is_package(spec) else name.rpartition(".")[0]
    for _ in range(inner.count(".")):
        folder = folder.parent
    root = name.partition(".")[0]
    for path in files_below(folder):
        parts = path.relative_to(folder).with_suffix("").parts
        yield ".".join([root, *(parts[:-1] if parts[-1] == "__init__" else parts)])
