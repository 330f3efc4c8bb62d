"""Digests of code: the modules that a step reaches through imports, from its command on.

Taken over syntax trees without docstrings; comments and layout never enter them. Of commands,
options and their help are left out too.
"""

from __future__ import annotations

import ast
import functools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from actsearch.records.digests import DigestError, digest_bytes, settings_digest
from actsearch.records.imports import Code, users_modules
from actsearch.records.kept import KeptDigests
from actsearch.records.named_files import named_files, standing_for
from actsearch.records.search_path import home

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
_FILE = "file:"
_DEEPEST = 100
"""Levels of a syntax tree that can be written as text again, however deep the call is made."""


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


def source_digest(source: str | bytes, *, is_command: bool = False) -> str:
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


def _own_source(module: str) -> Path:
    """Path of the source of a module of this package."""
    place = Path(__file__).parents[1].joinpath(*module.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


@functools.cache
def _module_digest(module: str) -> str:
    source = _own_source(module)
    content, is_command = source.read_bytes(), module.startswith(_COMMANDS)
    digest = _kept(home()).digest(
        content,
        "command" if is_command else "module",
        lambda: source_digest(content, is_command=is_command),
    )
    return _with_templates(digest, source)


@functools.cache
def _kept(home: str) -> KeptDigests:
    return KeptDigests(Path(home), Path(__file__))


def forget_kept() -> None:
    """Have the digests of this package's sources made anew, and not read from where they are kept.

    An audit does: a file of digests could have been written by anybody.
    """
    _kept(home()).forget()
    for cached in (_module_digest, module_digests):
        cached.cache_clear()


def _with_templates(digest: str, source: Path) -> str:
    # A package's templates are code too: they decide what its pages say.
    is_package = source.name == "__init__.py"
    templates = sorted((source.parent / "templates").glob("*")) if is_package else []
    digests = {t.name: digest_bytes(t.read_bytes()) for t in templates if t.is_file()}
    return settings_digest([digest, digests])


def _digest_of(code: Code) -> str:
    """Digest of a module of the user's: of its syntax tree, or of its bytes without a fit one."""
    if code.tree is None or _is_deep(code.tree):
        return digest_bytes(code.text)
    digest = digest_bytes(ast.unparse(_without_docstrings(code.tree)).encode())
    return _with_templates(digest, Path(code.place))


def _is_deep(tree: ast.Module) -> bool:
    """Whether a tree has too many levels, such as a sum of many terms.

    Counted, since what Python can write as text depends on who calls: a digest must not.

    Returns:
        True where its bytes are to be digested.
    """
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = [inner for node in level for inner in ast.iter_child_nodes(node)]
    return bool(level)


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
            modules of the user's, which are digested with those that they import, or files as
            :func:`option_files` gives them.

    Returns:
        Digests by dotted name, sorted.

    Raises:
        DigestError: when a module has no Python source.
    """
    own = {entry for entry in entries if entry.split(".")[0] == "actsearch"}
    files = {entry for entry in entries if entry.startswith(_FILE)}
    theirs = {file: _digest_of_file(file) for file in files}
    for entry in sorted({*entries} - own - files):
        modules, ours = _reached_from(entry)
        theirs |= modules
        own |= ours
    digests = {module: _module_digest(module) for module in (reached_modules(own) if own else [])}
    _kept(home()).write()
    return digests | dict(sorted(theirs.items()))


def option_files(options: Mapping[str, Any]) -> list[str]:
    """Files that texts in the options of a network name: entries for :func:`module_digests`.

    Args:
        options: values of any depth, as JSON holds them.

    Returns:
        ``file:PATH``, from the working folder.
    """
    texts: set[str] = set()
    waiting: list[Any] = [options]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            texts.add(value)
        elif isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
    found = named_files({text for text in texts if "*" not in text}, Path(home()))
    return [_FILE + os.path.relpath(path, home()) for path in found]


def files_among(modules: Iterable[str]) -> list[str]:
    """Those of the names in :func:`module_digests` that are files which code reads.

    Args:
        modules: the names.

    Returns:
        Paths from the working folder, of files that are there.
    """
    paths = (name.removeprefix(_FILE) for name in modules)
    return [path for path in paths if not path.endswith(".py") and Path(home(), path).is_file()]


@functools.cache
def _digest_of_file(entry: str) -> str:
    return digest_bytes(standing_for(Path(home(), entry.removeprefix(_FILE))))


@functools.cache
def _reached_from(entry: str) -> tuple[dict[str, str], set[str]]:
    """Digests of the user's modules that one of them reaches, and modules of this package."""
    modules, named = users_modules(entry)
    ours = {name for name in named & _import_graph().modules if not _is_carrier(name)}
    return {name: _digest_of(code) for name, code in modules.items()}, ours


def code_digest(*entries: str) -> str:
    """One digest over the modules that a step can execute; see :func:`module_digests`."""
    return settings_digest(module_digests(*entries))


def read_again() -> None:
    """Forget the digests of the user's modules: the next are of their text as it is then."""
    module_digests.cache_clear()
    _reached_from.cache_clear()
    _digest_of_file.cache_clear()
