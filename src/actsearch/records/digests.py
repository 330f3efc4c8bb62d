"""Digests of content, of settings and of code.

A content digest covers what a file says and leaves out its provenance block, so that a rerun
which gives the same numbers gives the same digest. A code digest covers the modules that a step
reaches through imports, as syntax trees without docstrings; comments and layout never enter it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

PROVENANCE_KEY = "provenance"
PARQUET_KEY = b"actsearch.provenance"
CSV_MARK = "# provenance: "
HTML_BLOCK = re.compile(
    r'<script type="application/ld\+json" id="provenance">(.*?)</script>\n?', re.DOTALL
)

# Rooms that carry numbers and compute none: what they pass on is covered by settings digests.
CARRIERS = ("actsearch.records", "actsearch.config", "actsearch.cli")


class DigestError(ValueError):
    """Something that cannot be digested; the message names it."""


def digest_bytes(data: bytes) -> str:
    """SHA-256 of ``data`` as ``sha256:<hex>``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def canonical_json(value: Any) -> bytes:
    """``value`` as JSON with sorted keys and no optional white space, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def settings_digest(settings: Any) -> str:
    """Digest of plain data, such as the part of the configuration that a step uses."""
    return digest_bytes(canonical_json(settings))


def _digest_json(path: Path) -> str:
    content = json.loads(path.read_bytes())
    if isinstance(content, dict):
        content.pop(PROVENANCE_KEY, None)
    return settings_digest(content)


def _digest_parquet(path: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path).combine_chunks()
    table = table.replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return digest_bytes(sink.getvalue().to_pybytes())


def _digest_npz(path: Path) -> str:
    import numpy as np

    digest = hashlib.sha256()
    with np.load(path, allow_pickle=False) as arrays:
        for name in sorted(set(arrays.files) - {PROVENANCE_KEY}):
            array = np.ascontiguousarray(arrays[name])
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(array.data if array.size else b"")
    return "sha256:" + digest.hexdigest()


def _digest_npy(path: Path) -> str:
    import numpy as np

    array = np.load(path, mmap_mode="r")
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}\n".encode())
    for start in range(0, len(array), 1024):
        digest.update(np.ascontiguousarray(array[start : start + 1024]).data)
    return "sha256:" + digest.hexdigest()


def _digest_csv(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return digest_bytes("".join(line for line in lines if not line.startswith("#")).encode())


def _digest_html(path: Path) -> str:
    return digest_bytes(HTML_BLOCK.sub("", path.read_text(encoding="utf-8")).encode())


_BY_SUFFIX: dict[str, Callable[[Path], str]] = {
    ".json": _digest_json,
    ".parquet": _digest_parquet,
    ".npz": _digest_npz,
    ".npy": _digest_npy,
    ".csv": _digest_csv,
    ".html": _digest_html,
}


def content_digest(path: str | Path) -> str:
    """Digest of what the file says, without its provenance.

    Known by suffix: ``.json``, ``.parquet``, ``.npz``, ``.npy``, ``.csv``, ``.html``; any other
    file is digested byte by byte.

    Raises:
        FileNotFoundError: when there is no such file.
    """
    path = Path(path)
    if path.suffix in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix](path)
    return digest_bytes(path.read_bytes())


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


def source_digest(source: str) -> str:
    """Digest of Python source as a syntax tree, without comments, docstrings and layout."""
    tree = _without_docstrings(ast.parse(source))
    # Unparsed rather than dumped: a dump changes with the version of Python.
    return digest_bytes(ast.unparse(tree).encode())


@functools.cache
def _import_graph() -> Any:
    import grimp

    return grimp.build_graph("actsearch", exclude_type_checking_imports=True, cache_dir=None)


def _source_of(module: str) -> Path:
    """Path of a module's source, found without importing anything."""
    search: Sequence[str] | None = None
    spec = None
    for part in itertools.accumulate(module.split("."), "{}.{}".format):
        spec = PathFinder.find_spec(part, search)
        if spec is None:
            break
        search = spec.submodule_search_locations
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise DigestError(f"no Python source for module {module!r}")
    return Path(spec.origin)


@functools.cache
def _module_digest(module: str) -> str:
    source = _source_of(module)
    # A package's templates are code too: they decide what its pages say.
    is_package = source.name == "__init__.py"
    templates = sorted((source.parent / "templates").glob("*")) if is_package else []
    digests = {template.name: digest_bytes(template.read_bytes()) for template in templates}
    return settings_digest([source_digest(source.read_text(encoding="utf-8")), digests])


def reached_modules(entries: Iterable[str]) -> list[str]:
    """Modules of this package that ``entries`` reach through imports, carriers left out, sorted."""
    graph = _import_graph()
    modules: set[str] = set()
    for entry in entries:
        modules |= {entry, *graph.find_upstream_modules(entry)}
    # Importing a module runs the packages it lies in.
    modules |= {module.rpartition(".")[0] for module in modules if module.count(".") > 1}
    return sorted(m for m in modules if not m.startswith(CARRIERS))


@functools.cache
def code_digest(*entries: str) -> str:
    """Digest of the code that a step can execute.

    Args:
        entries: dotted names of modules of this package (``actsearch.tasks.training``), or of
            modules of the user's, which are digested alone.

    Raises:
        DigestError: when a module has no Python source.
    """
    own = [entry for entry in entries if entry.split(".")[0] == "actsearch"]
    foreign = [entry for entry in entries if entry not in own]
    modules = [*reached_modules(own), *sorted(foreign)]
    return settings_digest({module: _module_digest(module) for module in modules})
