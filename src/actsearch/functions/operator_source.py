"""Torch functions of operators as source that needs nothing but torch.

A function of torch's own is called by its name. Any other is copied with what it uses: functions
beside it, numbers, torch and the standard library. What cannot be copied is refused with the
reason.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import copy
import inspect
import keyword
import math
import symtable
import sys
import textwrap
import types
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from actsearch.functions.operators import Operator

_FUNCTIONAL = "torch.nn.functional"
_PUBLIC = {
    "torch": torch,
    _FUNCTIONAL: functional,
    "torch.special": torch.special,
    "torch.nn": nn,
    "torch.Tensor": Tensor,
}
"""Where torch's objects are looked for, in this order."""
_WITH_TORCH = frozenset(_PUBLIC)
"""What ``import torch`` alone brings along."""


class SourceError(ValueError):
    """A function that cannot be written down by itself; the message says why."""


class Sources:
    """Imports and definitions of one file, collected while its functions are asked for.

    Args:
        reserved: names that the file uses otherwise.
    """

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._names: dict[str, Any] = dict.fromkeys(reserved, _Reserved)
        self._names |= {"torch": torch, "Tensor": Tensor, "nn": nn}
        self._imports = {"import torch"}
        self._members: dict[str, set[str]] = {"torch": {"Tensor", "nn"}}
        self._definitions: list[str] = []

    def call(self, operator: Operator) -> str:
        """The name under which the file calls the torch function of ``operator``.

        Returns:
            A name of a definition or an import that is now in the file.

        Raises:
            SourceError: when the function is not torch's and cannot be copied; nothing is added.
        """
        function = operator.torch_function
        dotted = operator.torch if isinstance(operator.torch, str) else ""
        if not dotted.startswith("torch."):
            dotted = _torch_name(function)
        if dotted:
            return self._name_in_torch(dotted)
        before = copy.deepcopy((self._imports, self._members)), dict(self._names)
        definitions = list(self._definitions)
        try:
            return self._copy(function)
        except SourceError:
            (self._imports, self._members), self._names = before
            self._definitions = definitions
            raise

    def define(self, name: str, definition: str) -> str:
        """Add a definition written elsewhere; returns its name, made new if it is taken."""
        while name in self._names or hasattr(builtins, name) or keyword.iskeyword(name):
            name += "_"
        self._names[name] = definition
        self._definitions.append(definition.replace("NAME", name, 1))
        return name

    def free(self, name: str) -> bool:
        """Whether the file does not use ``name`` yet."""
        return name not in self._names

    @property
    def imports(self) -> list[str]:
        """Import lines: those of the standard library, a blank one, those of torch."""
        members = (f"from {m} import {', '.join(sorted(n))}" for m, n in self._members.items())
        lines = [*sorted(self._imports), *sorted(members)]
        ours = [line for line in lines if line.split()[1].partition(".")[0] == "torch"]
        others = [line for line in lines if line not in ours]
        return [*others, *([""] if others else []), *ours]

    @property
    def definitions(self) -> list[str]:
        """Constants and functions, each after what it uses."""
        return self._definitions

    def _bind(self, name: str, value: Any) -> bool:
        """Take ``name`` for ``value``; False when it stands for it already."""
        known = name in self._names
        if self._names.setdefault(name, value) is not value:
            raise SourceError(f"{name!r} means two things")
        return not known

    def _import(self, module: str, alias: str = "") -> None:
        root = module.partition(".")[0]
        self._bind(alias or root, sys.modules[module if alias else root])
        self._imports.add(f"import {module} as {alias}" if alias else f"import {module}")

    def _name_in_torch(self, dotted: str) -> str:
        """``dotted`` as the file writes it, its module imported."""
        module = dotted.rpartition(".")[0]
        if module == _FUNCTIONAL and self._names.get("F", functional) is functional:
            self._import(module, "F")
            return f"F{dotted.removeprefix(module)}"
        while module not in sys.modules and module not in _WITH_TORCH:
            module = module.rpartition(".")[0]
        self._import("torch" if module in _WITH_TORCH else module)
        return dotted

    def _copy(self, function: Any) -> str:
        """Add the definition of ``function`` and of all it uses; returns its name."""
        source, tree = _definition(function)
        if not self._bind(tree.name, function):
            return tree.name
        needed, annotated = _global_names(tree)
        for name in needed:
            if name in function.__globals__:
                self._provide(name, function.__globals__[name])
            elif hasattr(builtins, name):
                self._bind(name, getattr(builtins, name))
        for name in annotated:  # never evaluated, so one may be missing
            if _importable(value := function.__globals__.get(name)):
                with contextlib.suppress(SourceError):
                    self._provide(name, value)
        self._definitions.append(source)
        return tree.name

    def _provide(self, name: str, value: Any) -> None:
        """Make ``name`` mean ``value`` in the file."""
        if isinstance(value, types.ModuleType):
            if not _importable(value):
                raise SourceError(f"it needs the module {value.__name__}")
            if (name, value) != ("nn", nn):  # imported anyway
                self._import(value.__name__, "" if name == value.__name__ else name)
        elif (text := _literal(value)) is not None:
            if name not in self._names:
                self._names[name] = value
                self._definitions.append(f"{name} = {text}")
            elif _literal(self._names[name]) != text:
                raise SourceError(f"{name!r} means two things")
        elif _importable(value):
            module, _, member = (_torch_name(value) or _public_name(value)).rpartition(".")
            self._bind(name, value)
            written = member if member == name else f"{member} as {name}"
            self._members.setdefault(module, set()).add(written)
        elif isinstance(value, types.FunctionType):
            written = self._copy(value)
            if written != name and self._bind(name, value):
                self._definitions.append(f"{name} = {written}")
        else:
            raise SourceError(f"it needs {name}, a {type(value).__name__}")


class _Reserved:
    """What a reserved name stands for."""


def _definition(function: Any) -> tuple[str, ast.FunctionDef]:
    """Source of a function written with ``def``, and its tree."""
    if not isinstance(function, types.FunctionType):
        raise SourceError(f"it is a {type(function).__name__}, not written with def")
    if function.__name__ == "<lambda>":
        raise SourceError("it is a lambda, not written with def")
    if function.__closure__:
        raise SourceError("it uses variables of the function it was made in")
    try:
        source = textwrap.dedent(inspect.getsource(function)).rstrip()
        (tree,) = ast.parse(source).body
        ast.unparse(tree)
    except (RecursionError, MemoryError):
        raise SourceError("its source is nested too deeply") from None
    except (OSError, TypeError, SyntaxError, ValueError):
        raise SourceError("its source cannot be found") from None
    if not isinstance(tree, ast.FunctionDef) or tree.name != function.__name__:
        raise SourceError("its source cannot be found")
    if tree.decorator_list:
        raise SourceError("it has decorators")
    return source, tree


def _global_names(tree: ast.FunctionDef) -> tuple[list[str], list[str]]:
    """Global names that a function uses, and further ones in its annotations; sorted."""
    whole = set(_referenced(symtable.symtable(ast.unparse(tree), "operator", "exec")))
    bare = ast.parse(ast.unparse(tree)).body[0]
    for node in ast.walk(bare):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
    used = set(_referenced(symtable.symtable(ast.unparse(bare), "operator", "exec")))
    return sorted(used - {tree.name}), sorted(whole - used - {tree.name})


def _referenced(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_declared_global() and symbol.is_assigned():
            raise SourceError(f"it changes the global {symbol.get_name()}")
        if symbol.is_global() and symbol.is_referenced():
            yield symbol.get_name()
    for child in table.get_children():
        yield from _referenced(child)


def _literal(value: Any) -> str | None:
    """``value`` as Python writes it, if it is a constant."""
    if type(value) is float and not math.isfinite(value):
        return f'float("{value}")'
    if type(value) is tuple:
        parts = [_literal(item) for item in value]
        whole = ", ".join(part for part in parts if part is not None)
        comma = "," if len(parts) == 1 else ""
        return f"({whole}{comma})" if None not in parts else None
    return repr(value) if value is None or type(value) in (bool, int, float, str) else None


def _importable(value: Any) -> bool:
    """Whether ``value`` is a module, class or function of torch or the standard library."""
    if isinstance(value, types.ModuleType):
        root = value.__name__.partition(".")[0]
        return root == "torch" or root in sys.stdlib_module_names
    return (_torch_name(value) or _public_name(value)) != ""


def _torch_name(value: Any) -> str:
    """Dotted name of an object of torch, empty where it has none."""
    name = getattr(value, "__name__", None)
    for place, space in _PUBLIC.items():
        if isinstance(name, str) and getattr(space, name, None) is value:
            return f"{place}.{name}"
    return ""


def _public_name(value: Any) -> str:
    """Dotted name of an object of the standard library or deep in torch, empty for others."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    root = str(module).partition(".")[0]
    if module in (None, "__main__") or not (root == "torch" or root in sys.stdlib_module_names):
        return ""
    return f"{module}.{name}" if getattr(sys.modules.get(module), str(name), None) is value else ""
