"""Digests of code: the modules that a step reaches through imports, from its command on.

Taken over syntax trees without docstrings; comments and layout never enter them. Of commands,
options and their help are left out too.
"""

from __future__ import annotations

import ast
import functools
import itertools
import sysconfig
from collections.abc import Iterable, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from actsearch.records.digests import DigestError, digest_bytes, settings_digest

CARRIERS = {
    "actsearch.records": "reads, writes and digests files",
    "actsearch.config": "its values are in the digest of settings",
    "actsearch.plan": "says what files depend on, and makes none",
    "actsearch.cluster": "decides when jobs run",
    "actsearch.cli": "options and progress; the command of a step is an entry itself",
    "actsearch.rehearsal": "refuses a network, or changes nothing",
}
"""Rooms and modules that pass numbers on and compute none, with the reason.

They are left out of digests, and what they import is not followed. A test traces every step and
finds what is executed outside of its digest: tests/workflow/test_traced_steps.py.
"""
_COMMANDS = "actsearch.cli."
_INSTALLED = tuple(sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib"))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [
                statement
                for statement in node.body
                # A bare string is a docstring or an attribute's description: neither is run.
                if not (
                    isinstance(statement, ast.Expr)
                    and isinstance(statement.value, ast.Constant)
                    and isinstance(statement.value.value, str)
                )
            ] or [ast.Pass()]
    return tree


def _without_options(tree: ast.Module) -> ast.Module:
    """Without what makes the options of a command: its decorator, and annotations."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = [d for d in node.decorator_list if not _makes_command(d)]
            node.returns = None
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None
    return tree


def _makes_command(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "app.command"


def source_digest(source: str, *, is_command: bool = False) -> str:
    """Digest of Python source as a syntax tree, without comments, docstrings and layout.

    Args:
        source: the text of a module.
        is_command: whether it defines a command, whose options and their help are no code.

    Returns:
        ``sha256:<hex>``.
    """
    tree = _without_docstrings(ast.parse(source))
    if is_command:
        tree = _without_options(tree)
    # Unparsed rather than dumped: a dump changes with the version of Python.
    return digest_bytes(ast.unparse(tree).encode())


@functools.cache
def _import_graph() -> Any:
    import grimp

    return grimp.build_graph("actsearch", exclude_type_checking_imports=True, cache_dir=None)


def _found(module: str) -> Path | None:
    """Path of a module's source, found without importing anything; None where there is none."""
    search: Sequence[str] | None = None
    spec = None
    for part in itertools.accumulate(module.split("."), "{}.{}".format):
        spec = PathFinder.find_spec(part, search)
        if spec is None:
            return None
        search = spec.submodule_search_locations
    python = spec is not None and spec.origin is not None and spec.origin.endswith(".py")
    return Path(str(spec.origin)) if spec is not None and python else None


def _source_of(module: str) -> Path:
    source = _found(module)
    if source is None:
        raise DigestError(
            f"no Python source for module {module!r}; looked in {Path.cwd()} and Python's own "
            "folders"
        )
    return source


def _imported(module: str, source: Path) -> set[str]:
    """Names that a module's import statements mention, and the packages it lies in."""
    package = module if source.name == "__init__.py" else module.rpartition(".")[0]
    names = set(itertools.accumulate(module.split("."), "{}.{}".format))
    try:
        tree = ast.parse(source.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise DigestError(f"module {module!r} is not valid Python: {error}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def _with_package(module: str) -> set[str]:
    """A module of the user's, and those of its package that it imports, directly or not.

    Returns:
        Dotted names. A module that is installed stands alone: its version is recorded, and a
        library imports itself whole.
    """
    if str(_source_of(module)).startswith(_INSTALLED):
        return {module}
    root = module.partition(".")[0]
    found: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        source = _found(name)
        if source is not None:
            found.add(name)
            same = {other for other in _imported(name, source) if other.split(".")[0] == root}
            waiting |= same - found
    return found


@functools.cache
def _module_digest(module: str) -> str:
    source = _source_of(module)
    # A package's templates are code too: they decide what its pages say.
    is_package = source.name == "__init__.py"
    templates = sorted((source.parent / "templates").glob("*")) if is_package else []
    digests = {template.name: digest_bytes(template.read_bytes()) for template in templates}
    text = source.read_text(encoding="utf-8")
    digest = source_digest(text, is_command=module.startswith(_COMMANDS))
    return settings_digest([digest, digests])


def _is_carrier(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in CARRIERS)


def reached_modules(entries: Iterable[str]) -> list[str]:
    """Modules of this package that ``entries`` reach through imports.

    Args:
        entries: dotted names.

    Returns:
        Dotted names, sorted. Carriers are neither among them nor looked behind, unless they are
        entries themselves.

    Raises:
        DigestError: when an entry is no module of this package.
    """
    entries = set(entries)
    graph = _import_graph()
    modules: set[str] = set()
    waiting = set(entries)
    if unknown := sorted(entries - graph.modules):
        raise DigestError(f"no module {unknown[0]!r} in this version of actsearch")
    while waiting:
        module = waiting.pop()
        modules.add(module)
        # Importing a module runs the package it lies in.
        imported = graph.find_modules_directly_imported_by(module) | {module.rpartition(".")[0]}
        waiting |= {m for m in imported - modules if m.count(".") > 0 and not _is_carrier(m)}
    return sorted(modules)


@functools.cache
def module_digests(*entries: str) -> dict[str, str]:
    """Digest of each module that a step can execute.

    Args:
        entries: dotted names of modules of this package (``actsearch.training.trial``), or of
            modules of the user's, which are digested with those of their package that they import.

    Returns:
        Digests by dotted name, sorted.

    Raises:
        DigestError: when a module has no Python source.
    """
    own = [entry for entry in entries if entry.split(".")[0] == "actsearch"]
    foreign = [entry for entry in entries if entry not in own]
    theirs = {module for entry in foreign for module in _with_package(entry)}
    return {module: _module_digest(module) for module in [*reached_modules(own), *sorted(theirs)]}


def code_digest(*entries: str) -> str:
    """One digest over the modules that a step can execute; see :func:`module_digests`."""
    return settings_digest(module_digests(*entries))
