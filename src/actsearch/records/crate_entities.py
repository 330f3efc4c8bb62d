"""Entities of an RO-Crate: files with digests, values, parameters, people, tools. See crate.py."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rocrate.model import ContextEntity, File, Person, SoftwareApplication
from rocrate.rocrate import ROCrate

from actsearch.records.differences import flat
from actsearch.records.digests import canonical_json, digest_bytes
from actsearch.records.formats import FORMATS
from actsearch.records.lineage import Artifact

TERMS = {
    term: f"https://w3id.org/ro/terms/workflow-run#{term}" for term in ("environment", "sha256")
}
"""Terms that RO-Crate 1.1 lacks, written into the context so that nothing has to be fetched."""
MEDIA_TYPES = {".yaml": "application/yaml"} | {
    suffix: known.media_type for suffix, known in FORMATS.items()
}
Entity = Any
"""An entity of the rocrate package."""


def one(values: Iterable[Any]) -> Any:
    """The values as JSON-LD wants them: a single one is no list."""
    listed = list(values)
    return listed[0] if len(listed) == 1 else listed


def known(**properties: Any) -> dict[str, Any]:
    """Those properties that have a value."""
    return {key: value for key, value in properties.items() if value not in (None, "", [])}


class Entities:
    """A crate and what is in it, each entity made once."""

    def __init__(
        self,
        folder: str,
        artifacts: Mapping[str, Artifact],
        describe: Callable[[Artifact], str | None],
    ) -> None:
        self._crate = ROCrate(version="1.1")
        self._crate.metadata.extra_terms.update(TERMS)
        self._folder = Path(folder)
        self._artifacts = artifacts
        self._describe = describe
        self._entities: dict[str, Entity] = {}
        self._examples: dict[str, set[str]] = {}
        self._people: dict[str, Entity] = {}
        self._tools: dict[str, Entity] = {}
        self._connected: set[tuple[str, str]] = set()

    def metadata(self) -> dict[str, Any]:
        """The graph."""
        graph: dict[str, Any] = self._crate.metadata.generate()
        return graph

    def _add(self, kind: type, name: str, properties: Mapping[str, Any]) -> Entity:
        """The entity called ``name``; made once."""
        if name not in self._entities:
            entity = kind(self._crate, name, properties=dict(properties))
            self._entities[name] = self._crate.add(entity)
        return self._entities[name]

    # Files

    def _name(self, path: str) -> str:
        """A path as the crate names it: relative to its folder."""
        return Path(path).relative_to(self._folder).as_posix()

    def _facts(self, path: str) -> dict[str, Any]:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = str(Path(path).stat().st_size)
        return {
            "name": self._name(path),
            "encodingFormat": MEDIA_TYPES.get(Path(path).suffix, "text/plain"),
            "contentSize": size,
            "sha256": digest,
        }

    def _file(self, path: str, **properties: Any) -> Entity:
        if path not in self._entities:
            whole = self._facts(path) | known(**properties)
            entity = File(self._crate, dest_path=self._name(path), properties=whole)
            self._entities[path] = self._crate.add(entity)
        return self._entities[path]

    def _artifact(self, artifact: Artifact) -> Entity:
        block = artifact.block
        output = self._parameter(f"output/{artifact.step}", f"files made by {artifact.step}")
        self._examples.setdefault(output.id, set()).add("File")
        return self._file(
            artifact.path,
            description=self._describe(artifact),
            dateModified=block.get("ended"),
            exampleOfWork=output,
        )

    def _source(self, path: str, digest: str) -> Entity:
        """What an execution read: a file of the crate, or one that lies elsewhere."""
        artifact = self._artifacts.get(path)
        if artifact is not None and artifact.content == digest:
            return self._artifact(artifact)
        name = f"#elsewhere/{quote(path)}={digest[7:19]}"
        described = "is not in this crate" if artifact is None else "says something else by now"
        return self._add(
            ContextEntity,
            name,
            {
                "@type": "CreativeWork",
                "name": path,
                "identifier": digest,
                "description": f"content that an execution read and that {described}",
            },
        )

    # Values

    def _parameter(self, name: str, description: str) -> Entity:
        properties = {"@type": "FormalParameter", "name": name, "description": description}
        return self._add(ContextEntity, f"#parameter/{quote(name)}", properties)

    def _value(self, kind: str, key: str, value: Any, parameter: Entity | None) -> Entity:
        scalar = isinstance(value, bool | int | float | str)
        # A list in JSON-LD is a set: what has an order is written as text.
        plain = value if scalar else json.dumps(value, ensure_ascii=False)
        if parameter is not None:
            types = {bool: "Boolean", int: "Integer", float: "Float"}
            self._examples.setdefault(parameter.id, set()).add(types.get(type(value), "Text"))
        name = f"#{kind}/{quote(key)}={digest_bytes(canonical_json(value))[7:19]}"
        properties = {"@type": "PropertyValue", "name": key, "value": plain}
        return self._add(ContextEntity, name, properties | known(exampleOfWork=parameter))

    def _values(self, kind: str, values: Mapping[str, Any]) -> list[Entity]:
        """One entity for nested values that stands for all of them; none where there are none."""
        leaves = {key: value for key, value in flat(values).items() if value not in (None, {}, [])}
        if not leaves:
            return []
        name = f"#{kind}={digest_bytes(canonical_json(leaves))[7:19]}"
        if name in self._entities:
            return [self._entities[name]]
        parts = []
        for key, value in leaves.items():
            of = self._parameter(key, "a key of the configuration") if kind == "settings" else None
            parts.append(self._value(kind, key, value, of))
        properties = {"@type": "PropertyValue", "name": kind, "value": one(parts)}
        return [self._add(ContextEntity, name, properties)]

    # People, tools

    def _agent(self, block: Mapping[str, Any]) -> list[Entity]:
        agent = block.get("agent", {})
        called = agent.get("account") or agent.get("name")
        if not called:
            return []
        name = f"#person/{quote(called)}"
        if agent.get("account") and agent.get("name"):
            name += f"/{quote(agent['name'])}"
        properties = known(name=agent.get("name") or agent.get("account"))
        if agent.get("account"):
            properties["identifier"] = agent["account"]
        self._people[name] = self._add(Person, name, properties)
        return [self._people[name]]

    def _tool(self, artifact: Artifact, settings: Iterable[Entity]) -> Entity:
        """The command that made a file, in the version of its code."""
        code = str(artifact.block.get("code_digest", ""))
        version = code[7:19] or str(artifact.block.get("git", {}).get("commit", ""))[:12]
        name = f"#actsearch/{quote(artifact.step)}" + (f"@{version}" if version else "")
        properties = known(
            name=f"actsearch {artifact.step}",
            softwareVersion=version,
            identifier=code,
            output=self._parameter(f"output/{artifact.step}", f"files made by {artifact.step}"),
        )
        tool = self._add(SoftwareApplication, name, properties)
        self._tools[name] = tool
        for group in settings:
            if (name, group.id) not in self._connected:
                self._connected.add((name, group.id))
                old = _listed(tool.get("input", []))
                read = [value["exampleOfWork"] for value in _listed(group["value"])]
                tool["input"] = one(
                    [*old, *(parameter for parameter in read if parameter not in old)]
                )
        return tool


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
