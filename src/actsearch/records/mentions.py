"""What the text of a module says of others: modules that it imports, and files that it names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

_BY_NAME = frozenset({"import_module", "__import__", "find_spec", "resolve_name", "run_module"})
"""Functions that import what their first argument names."""
_BY_PLACE = frozenset(
    {
        *("spec_from_file_location", "run_path", "exec", "load_source", "load_module"),
        *("SourceFileLoader", "SourcelessFileLoader", "ExtensionFileLoader", "FileFinder"),
        *("zipimporter", "iter_modules", "walk_packages"),
    }
)
"""What runs files, or lists modules to import."""
_BUILT_IN = frozenset({"eval", "compile"})
"""Run text, where they are Python's own and no method of something else."""
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
_LONGEST_NAME = 255
_WRITES = ("save", "write", "dump", "to_", "touch", "mkdir", "unlink")
"""Beginnings of functions whose arguments name what they write."""
_MODE = re.compile(r"[rwax][bt+]{0,2}")
_ANYTHING = "*"


class Mentions(NamedTuple):
    """What a module's code says of others."""

    modules: set[str]
    """Names of modules, or of what may be one."""
    texts: set[str]
    """Dotted texts, which may name a module and what it holds."""
    files: set[str]
    """Texts that may name a file or a folder; ``*`` stands for what is put in when it runs."""
    makes_up: bool
    """Whether it may import by a name that it makes up, or run what a file holds."""
    adds_folders: bool
    """Whether it changes the search path."""


def mentions(module: str, package: bool, tree: ast.Module | None) -> Mentions:
    """What a module says of others.

    Args:
        module: its dotted name.
        package: whether it is a package.
        tree: its code; None where it is no Python source.

    Returns:
        Everything that the text shows.
    """
    nodes = list(ast.walk(tree)) if tree is not None else []
    inside = module if package else module.rpartition(".")[0]
    plain = {id(node.func): node for node in nodes if isinstance(node, ast.Call)}
    modules: set[str] = set()
    texts = set(map(_text, nodes))
    makes_up = adds_folders = False
    for node in nodes:
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(inside, node.level, node.module)
            modules.update({base, *(f"{base}.{alias.name}" for alias in node.names)})
            makes_up |= any(alias.asname and _runs(alias.name) for alias in node.names)
        elif isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            given = _given_name(plain.get(id(node))) if name in _BY_NAME else ""
            if given:
                level = len(given) - len(given.lstrip("."))
                modules.add(_base(inside, level, given.lstrip(".")))
            elif _runs(name) or (isinstance(node, ast.Name) and name in _BUILT_IN):
                makes_up = True
            adds_folders |= _is_search_path(node)
    if package:  # names in __all__, which `import *` imports
        modules |= {f"{module}.{text}" for text in texts if text.isidentifier()}
    return Mentions(
        {name for name in modules if all(name.split("."))},
        set(filter(_DOTTED.fullmatch, texts)),
        {*_names_of_files(nodes)},
        makes_up or any(map(_runs, texts)),
        adds_folders,
    )


def _runs(name: str) -> bool:
    return name in _BY_NAME or name in _BY_PLACE


def _text(node: ast.AST | None) -> str:
    """The text that a node is; empty for any other."""
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else ""


def _given_name(call: ast.Call | None) -> str:
    """The text that a call has as its first argument."""
    return _text(call.args[0]) if call is not None and call.args else ""


def _is_search_path(node: ast.Name | ast.Attribute) -> bool:
    if not isinstance(node, ast.Attribute):
        return False
    return node.attr == "addsitedir" or (
        node.attr == "path" and getattr(node.value, "id", "") == "sys"
    )


def _base(package: str, level: int, module: str | None) -> str:
    """The module that ``from ...module import`` names in ``package``."""
    outer = package.split(".") if package else []
    above = outer[: len(outer) - level + 1] if level else []
    return ".".join([*above, *filter(None, [module])])


def _names_of_files(nodes: list[ast.AST]) -> Iterator[str]:
    """Texts that may name something that is read, but for those that name what is written."""
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    written = [part for call in calls for part in _written(call)]
    left_out = set(map(id, written))
    made = set(map(_text, written)) - {""}  # wherever else they stand
    left_out |= {id(node) for node in nodes if _text(node) in made}
    texts: list[tuple[ast.AST, str]] = [(node, _text(node)) for node in nodes]
    for joined in (node for node in nodes if isinstance(node, ast.JoinedStr)):
        left_out |= set(map(id, joined.values))
        texts.append((joined, "".join(_text(part) or _ANYTHING for part in joined.values)))
    for node, text in texts:
        is_name = 0 < len(text) <= _LONGEST_NAME and text.isprintable() and text.strip("*./")
        if is_name and id(node) not in left_out:
            yield text


def _written(call: ast.Call) -> Iterator[ast.AST]:
    """Parts of a call that name the file it writes."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    opens = name == "open" and any(map(_is_mode_of_writing, map(_text, given)))
    if not (opens or name.startswith(_WRITES)):
        return
    if isinstance(function, ast.Attribute):  # Path("x").write_text, (folder / "x").open
        of = function.value
        given += [of, *(of.args if isinstance(of, ast.Call) else [])]
    while given:
        part = given.pop()
        yield part
        given += [part.left, part.right] if isinstance(part, ast.BinOp) else []


def _is_mode_of_writing(text: str) -> bool:
    return bool(_MODE.fullmatch(text)) and not text.startswith("r")
