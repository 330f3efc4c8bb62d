"""Tables of the configuration's keys for the site, made from the JSON schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
PLACES = {"data": "data.NAME", "spaces": "spaces.NAME", "tasks": "tasks.NAME"}
"""Keys that hold entries by name, as the headings show them."""


def config_tables(schema: Schema) -> str:
    """Markdown: a heading and a table for the file itself and for each object in it.

    Args:
        schema: the JSON schema of the configuration.

    Returns:
        One table per object, those of the file first, in the order in which they are met.
    """
    return "\n\n".join([_section(place, part, schema) for place, part in places(schema).items()])


def places(schema: Schema) -> dict[str, Schema]:
    """Every object of the schema by where it is written in the file; the file itself is ``""``.

    An object that can be written in several places has the first of them. Where a key can hold one
    of several objects, their names follow: ``data.NAME.options: Mnist1d``.

    Returns:
        A dictionary from a dotted place such as ``tasks.NAME.recipe`` to the object's schema.
    """
    found: dict[str, Schema] = {"": schema}
    seen: set[str] = set()

    def visit(place: str, part: Schema) -> None:
        for key, field in part.get("properties", {}).items():
            below = PLACES[key] if not place and key in PLACES else f"{place}.{key}".lstrip(".")
            names = list(_references(field))
            for name in names:
                if name not in seen:
                    seen.add(name)
                    own = below if len(names) == 1 else f"{below}: {name}"
                    found[own] = schema["$defs"][name]
                    visit(below, schema["$defs"][name])

    visit("", schema)
    return found


def _references(field: Schema) -> Iterator[str]:
    """Names of the objects that a field can hold, at any depth of lists and choices."""
    if "$ref" in field:
        yield str(field["$ref"]).rpartition("/")[2]
    parts = [*field.get("anyOf", []), *field.get("oneOf", []), field.get("items")]
    for part in [*parts, *field.get("patternProperties", {}).values()]:
        if part:
            yield from _references(part)


def anchor(place: str) -> str:
    """The heading's anchor on the page."""
    return re.sub(r"[^a-z0-9_]+", "-", f"config-{place}".lower()).strip("-")


def _section(place: str, part: Schema, schema: Schema) -> str:
    where, _, name = place.partition(": ")
    title = f"`{where}`" if place else "The file"
    title += f": {name}" if name else ""
    anchors = {
        name: anchor(where)
        for where, other in places(schema).items()
        for name, held in schema["$defs"].items()
        if held is other
    }
    required = set(part.get("required", []))
    rows = [
        f"| `{key}` | {kind(field, anchors)} | "
        f"{_default(field, key in required)} | {_cell(field.get('description', ''))} |"
        for key, field in part.get("properties", {}).items()
    ]
    table = "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows])
    said = plain(part.get("description", ""))
    return f"## {title} {{#{anchor(place)}}}\n\n{said}\n\n{table}"


def plain(text: str) -> str:
    """A docstring as Markdown: its literals in single backquotes, a line per paragraph."""
    paragraphs = re.split(r"\n\s*\n", text.replace("``", "`"))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _cell(text: str) -> str:
    return plain(text).replace("\n\n", "<br>").replace("|", "\\|")


def _default(field: Schema, required: bool) -> str:
    if required:
        return "**required**"
    if "default" not in field:
        return ""
    if "$ref" in field:  # its own table has the defaults
        return "see there"
    return f"`{_value(field['default'])}`"


def _value(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or "none"
    return json.dumps(value, ensure_ascii=False)


def kind(field: Schema, anchors: Mapping[str, str]) -> str:
    """What a field may hold, in words.

    Args:
        field: the field's schema.
        anchors: of the objects' tables, by their names in the schema.

    Returns:
        Markdown for a cell of a table.
    """
    choices = field.get("anyOf") or field.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(kind(choice, anchors) for choice in choices))
    if "$ref" in field:
        name = str(field["$ref"]).rpartition("/")[2]
        return f"[keys](#{anchors[name]})" if name in anchors else "keys"
    if "const" in field:
        return f"`{_value(field['const'])}`"
    if "enum" in field:
        return ", ".join(f"`{_value(value)}`" for value in field["enum"])
    return _by_type(field, anchors)


def _by_type(field: Schema, anchors: Mapping[str, str]) -> str:
    named = {"integer": "whole number", "number": "number", "string": "text",
             "boolean": "`true` or `false`", "null": "none"}  # fmt: skip
    match field.get("type"):
        case "array":
            if "prefixItems" in field:
                inner = ", ".join(kind(item, anchors) for item in field["prefixItems"])
                return f"list of {len(field['prefixItems'])}: {inner}"
            fewest = field.get("minItems", 0)
            more = f" ({fewest} or more)" if fewest else ""
            return f"list of: {kind(field.get('items', {}), anchors)}{more}"
        case "object":
            inner = [kind(value, anchors) for value in field.get("patternProperties", {}).values()]
            further = field.get("additionalProperties")
            if isinstance(further, Mapping):
                inner.append(kind(further, anchors))
            return f"names, each with: {' or '.join(inner)}" if inner else "keys and values"
        case None:
            return "any value"
        case name:
            return named[name] + _limits(field)


def _limits(field: Schema) -> str:
    words = {"minimum": "at least", "exclusiveMinimum": "above",
             "maximum": "at most", "exclusiveMaximum": "below"}  # fmt: skip
    said = [
        f"{word} {field[key]:,}"
        for key, word in words.items()
        if key in field and abs(field[key]) < 2**31 - 1  # the largest of all whole numbers
    ]
    return f" {', '.join(said)}" if said else ""
