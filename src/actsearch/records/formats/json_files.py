"""JSON: a key ``provenance``; in a JSON-LD graph an entity, since a key would name the graph."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from actsearch.records.digests import (
    PROVENANCE_KEY,
    canonical_json,
    digest_parts,
    joined,
    settings_digest,
)
from actsearch.records.files import ArtifactError, readable, writable, written_beside
from actsearch.records.formats.format import Format, as_text, holds, is_large
from actsearch.records.seals import Provenance, sealed

_GRAPH_ENTITY = "#provenance"


def write_json(
    path: str | Path,
    content: Mapping[str, Any],
    provenance: Provenance,
    *,
    place: Path | None = None,
) -> None:
    """Write a JSON object; NaN is refused, so that any reader can read it.

    Args:
        path: the file.
        content: the object; the provenance of a JSON-LD graph becomes an entity of it.
        provenance: its block.
        place: where the file will stand, if it is written under another name first.

    Raises:
        ValueError: when the content has a key ``provenance``, or a number is not finite.
    """
    if PROVENANCE_KEY in content:
        raise ValueError(f"the content itself has a key {PROVENANCE_KEY!r}")
    with sealed(Path(path), provenance, _digest, place) as (beside, block):
        if "@graph" not in content:
            _write_object(beside, {**content, PROVENANCE_KEY: block})
            return
        entity = {"@id": _GRAPH_ENTITY, "@type": "PropertyValue", "name": PROVENANCE_KEY}
        graph = [*content["@graph"], {**entity, "value": as_text(block)}]
        _write_object(beside, {**content, "@graph": graph})


def object_text(content: Mapping[str, Any]) -> str:
    """A JSON object as it stands in a file; ValueError when a number is not finite."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _write_object(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(object_text(content), encoding="utf-8")


def write_entries(
    path: str | Path, entries: Iterable[tuple[str, Any]], provenance: Provenance | None
) -> None:
    """Write a large JSON object, a line an entry, of which one is held in memory at a time.

    Without provenance, for readers whose format has no place for it, a number may be NaN or
    infinite, as it may in their files.

    Raises:
        ValueError: when a key comes twice or, with provenance, is ``provenance``, or a number is
            not finite.
    """
    keys = set() if provenance is None else {PROVENANCE_KEY}
    with contextlib.ExitStack() as stack:
        if provenance is None:
            stack.enter_context(writable(Path(path)))
            beside, block = stack.enter_context(written_beside(Path(path))), None
        else:
            beside, block = stack.enter_context(sealed(Path(path), provenance, _digest))
        file = stack.enter_context(beside.open("w", encoding="utf-8"))
        separator = "{"
        for key, value in entries:
            if key in keys:
                raise ValueError(f"the content has a key {key!r} too many")
            keys.add(key)
            text = json.dumps(value, ensure_ascii=False, allow_nan=block is None)
            file.write(f"{separator}\n{json.dumps(key, ensure_ascii=False)}: {text}")
            separator = ","
        if block is not None:
            file.write(f'{separator}\n"{PROVENANCE_KEY}": {as_text(block)}')
            separator = ","
        file.write("{}\n" if separator == "{" else "\n}\n")


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object.

    Returns:
        What it holds, its provenance block too, if it has one.

    Raises:
        ArtifactError: when the file is missing, cut short or holds no object.
    """
    path = Path(path)
    with readable(path):
        content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ArtifactError(f"{path}: holds no JSON object")
    return content


def may_hold_provenance(path: Path) -> bool:
    """Whether the word stands in a JSON file, which may be too large to be read for nothing."""
    return holds(path, f'"{PROVENANCE_KEY}"')


def _split(content: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """What a JSON object says, and its provenance block or None."""
    if "@graph" not in content:
        rest = {key: value for key, value in content.items() if key != PROVENANCE_KEY}
        return rest, content.get(PROVENANCE_KEY)
    entities = [entity for entity in content["@graph"] if entity.get("@id") != _GRAPH_ENTITY]
    blocks = [entity for entity in content["@graph"] if entity.get("@id") == _GRAPH_ENTITY]
    return {**content, "@graph": entities}, json.loads(blocks[0]["value"]) if blocks else None


def _provenance(path: Path) -> Any:
    if is_large(path) and not may_hold_provenance(path):
        return None
    return _split(read_json(path))[1]


def _digest(path: Path) -> str:
    content = json.loads(path.read_bytes())
    if not isinstance(content, dict):
        return settings_digest(content)
    rest = _split(content)[0]
    entries = (canonical_json(key) + b":" + canonical_json(rest[key]) for key in sorted(rest))
    return digest_parts(joined(b"{", entries, b"}"))


def _leaves(value: Any, name: str = "") -> dict[str, Any]:
    """The values of nested objects and lists, by path: ``runs[0].seed``."""
    if isinstance(value, dict) and value:
        parts = [
            _leaves(item, f"{name}.{key}" if name else str(key)) for key, item in value.items()
        ]
    elif isinstance(value, list) and value:
        parts = [_leaves(item, f"{name}[{index}]") for index, item in enumerate(value)]
    else:
        # An empty list and a missing value are values; text keeps them apart from numbers.
        plain = isinstance(value, int | float | str)
        return {name: value if plain else json.dumps(value)}
    return {key: leaf for part in parts for key, leaf in part.items()}


FORMAT = Format(
    ".json",
    "application/json",
    provenance=_provenance,
    content_digest=_digest,
    parts=lambda path: _leaves(_split(read_json(path))[0]),
)
