"""Strategies of the user's, looked up before any job: nothing of theirs is imported."""

from __future__ import annotations

import ast
import os
import symtable
from importlib.util import decode_source

from actsearch.config import Config, ConfigError, named_strategy, users_strategy
from actsearch.config.base import guess
from actsearch.plan.dependencies import named_strategies
from actsearch.records.digests import DigestError
from actsearch.records.imports import Code, users_modules

MOST_SHOWN = 10
"""Names of a module in a message."""


def check_strategies(config: Config) -> None:
    """Refuse a strategy of the user's whose module or object is not there.

    Whether the object is a strategy is seen when it is first used, or by ``check_strategy``.

    Raises:
        ConfigError: with the key, the module and the names that it has.
    """
    for where, name in named_strategies(config):
        module = users_strategy(name)
        if not module:
            continue
        try:
            code = users_modules(module).modules[module]
        except DigestError as error:
            raise ConfigError(f"{where}: {name!r}: {error}") from None
        attribute = named_strategy(name).attribute
        if code.tree is None or _may_make_names(code.tree):
            continue
        bound = _bound(code)
        if attribute not in bound:
            shown = ", ".join(bound[:MOST_SHOWN]) or "nothing"
            more = ", ..." if len(bound) > MOST_SHOWN else ""
            raise ConfigError(
                f"{where}: {name!r}: {os.path.relpath(code.place)} has no "
                f"{attribute!r}{guess(attribute, bound)}; at "
                f"its top level it has: {shown}{more}"
            )


def _bound(code: Code) -> list[str]:
    """Names that a module binds at its top level, by an import too; in order."""
    table = symtable.symtable(decode_source(code.text), code.place, "exec")
    return sorted(
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    )


def _may_make_names(tree: ast.Module) -> bool:
    """Whether a module has names that its text does not show."""
    return any(
        (isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names))
        or (isinstance(node, ast.FunctionDef) and node.name == "__getattr__")
        or (isinstance(node, ast.Name) and node.id in ("globals", "setattr"))
        for node in ast.walk(tree)
    )
