"""What a module of the user's reaches: modules of the user's that it imports, directly or not.

Import statements count wherever they stand, in a function too, and names of modules that are given
as text. Where a module finds others by a name that it makes up, all beside it count.
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
from actsearch.records.search_path import PACKAGES, home
from actsearch.records.sources import content, find, is_package, is_users, place_of_code

_OURS = "actsearch"
_BY_NAME = frozenset({"import_module", "__import__", "find_spec", "resolve_name", "run_module"})
"""Functions that import what their first argument names."""
_BY_PLACE = frozenset(
    {
        *("spec_from_file_location", "SourceFileLoader", "run_path", "exec"),
        *("iter_modules", "walk_packages", "load_source"),
    }
)
"""Functions that run files, or list modules to import."""
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
_COMPILED = (".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".pyx", ".so")
"""Endings of files that Python code compiles or loads."""
_NO_CODE = {"node_modules", *PACKAGES}
_MADE = {"results", "logs", "data"}
"""Folders in the working folder that hold no code."""


class Code(NamedTuple):
    """One module of the user's."""

    place: str
    text: bytes
    tree: ast.Module | None
    """None where it is no Python source: an extension module, or a file that is broken."""


class Mentions(NamedTuple):
    """What a module's code says of others."""

    modules: set[str]
    """Names of modules, or of what may be one."""
    texts: set[str]
    """Dotted texts, which may name a module and what it holds."""
    files: set[str]
    """Texts that name a file of code in another language."""
    makes_up: bool
    """Whether it imports by a name that it makes up."""
    adds_folders: bool
    """Whether it changes the search path."""


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
        Names that stand after the first part of an imported name, by that part.
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
        self._adds_folders = False
        self.found: dict[str, Code] = {}
        self._follow(set(_with_packages(entry)))
        if self._adds_folders:
            self._look_below_home()

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
            waiting |= self._reached_by(name, spec)

    def _reached_by(self, name: str, spec: ModuleSpec) -> set[str]:
        mentions = _mentions(name, is_package(spec), self.found[name].tree)
        self._adds_folders |= mentions.adds_folders
        for path in _named_files(mentions.files, Path(self.found[name].place).parent):
            self.found[os.path.relpath(path, home())] = Code(str(path), path.read_bytes(), None)
        self._named |= mentions.modules
        reached = {part for named in mentions.modules for part in _with_packages(named)}
        reached |= set(self._named_in(mentions.texts))
        return reached | (set(_beside(name, spec)) if mentions.makes_up else set())

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

    def _look_below_home(self) -> None:
        """Take files that code may find in folders that it adds to the search path itself.

        All below the working folder that have the name of a module which is mentioned and not
        found, or is installed.
        """
        files = list(_files_below(Path(home())))
        known = {code.place for code in self.found.values()}
        wanted = {name.partition(".")[0] for name in self._named}
        done: set[str] = set()
        while names := {n for n in wanted - done if not self._is_users(n)}:
            done |= names
            for path in files:
                inside = path.relative_to(home()).parts[:-1]
                if (path.stem in names or names & set(inside)) and str(path) not in known:
                    text = path.read_bytes()
                    code = Code(str(path), text, _tree_or_none(text))
                    self.found[str(path.relative_to(home()))] = code
                    mentioned = _mentions(path.stem, False, code.tree).modules
                    wanted |= {name.partition(".")[0] for name in mentioned}
            self._follow({name for name in wanted if self._is_users(name)})


def _named_files(texts: Iterable[str], folder: Path) -> Iterator[Path]:
    """Files of these names or patterns below the working folder, or the module's ``folder``."""
    wanted = {text.lstrip("./") for text in texts}
    for root in {Path(home()), folder} if wanted else ():
        for path in _files_below(root, _COMPILED):
            if any(path.match(text) for text in wanted):
                yield path


def _tree_or_none(text: bytes) -> ast.Module | None:
    try:
        return _parsed(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _with_packages(module: str) -> Iterator[str]:
    """A dotted name after the packages it lies in: importing it runs these."""
    return itertools.accumulate(module.split("."), "{}.{}".format)


def _files_below(folder: Path, endings: tuple[str, ...] = (".py",)) -> Iterator[Path]:
    """Files of code in a folder, hidden folders and those of results and packages left out."""
    for place, inner, files in os.walk(folder):
        passed_over = _NO_CODE | (_MADE if place == home() else set())
        inner[:] = [name for name in inner if not name.startswith(".") and name not in passed_over]
        yield from (Path(place, name) for name in files if name.endswith(endings))


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
    for path in _files_below(folder):
        parts = path.relative_to(folder).with_suffix("").parts
        yield ".".join([root, *(parts[:-1] if parts[-1] == "__init__" else parts)])


def _mentions(module: str, package: bool, tree: ast.Module | None) -> Mentions:
    found = Mentions(set(), set(), set(), False, False)
    inside = module if package else module.rpartition(".")[0]
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            found.modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(inside, node.level, node.module)
            found.modules.update({base, *(f"{base}.{alias.name}" for alias in node.names)})
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value.endswith(_COMPILED):
                found.files.add(node.value)
            if _DOTTED.fullmatch(node.value):
                found.texts.add(node.value)
            elif package and node.value.isidentifier():  # in __all__, which `import *` imports
                found.modules.add(f"{module}.{node.value}")
        elif isinstance(node, ast.Call):
            found = _with_call(found, inside, node)
        elif isinstance(node, ast.Attribute) and node.attr in ("path", "addsitedir"):
            is_path = node.attr == "addsitedir" or getattr(node.value, "id", "") == "sys"
            found = found._replace(adds_folders=found.adds_folders or is_path)
    return found._replace(modules={name for name in found.modules if all(name.split("."))})


def _base(package: str, level: int, module: str | None) -> str:
    """The module that ``from ...module import`` names in ``package``."""
    outer = package.split(".") if package else []
    above = outer[: len(outer) - level + 1] if level else []
    return ".".join([*above, *filter(None, [module])])


def _with_call(found: Mentions, package: str, call: ast.Call) -> Mentions:
    """``found`` with what a call imports by name."""
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if called in _BY_PLACE:
        return found._replace(makes_up=True)
    if called not in _BY_NAME:
        return found
    named = call.args[0] if call.args else None
    if not isinstance(named, ast.Constant) or not isinstance(named.value, str):
        return found._replace(makes_up=True)
    level = len(named.value) - len(named.value.lstrip("."))
    found.modules.add(_base(package, level, named.value.lstrip(".")))
    return found
