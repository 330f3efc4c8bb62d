"""Results as a Workflow Run RO-Crate: an action for each execution, as the files tell it.

Profile: Provenance Run Crate 0.5 (https://w3id.org/ro/wfrun/provenance/0.5), on RO-Crate 1.1. Names
and times are those of the records and nothing is drawn at random, so the same files give the same
crate. What is not known (a publisher, the address of the code) is left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rocrate.model import ContextEntity, File, Person, SoftwareApplication
from rocrate.rocrate import ROCrate

from actsearch.records.differences import flat
from actsearch.records.digests import canonical_json, digest_bytes
from actsearch.records.lineage import Artifact

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
TERMS = {
    term: f"https://w3id.org/ro/terms/workflow-run#{term}" for term in ("environment", "sha256")
}
"""Terms that RO-Crate 1.1 lacks, written into the context so that nothing has to be fetched."""
WORKFLOW_PROFILE = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
COMPLETED = "http://schema.org/CompletedActionStatus"
FORMATS = {
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".npz": "application/zip",
    ".npy": "application/octet-stream",
    ".csv": "text/csv",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".yaml": "application/yaml",
}
MACHINE = ("host", "platform", "cpu", "device")
SPDX = "https://spdx.org/licenses/"

Entity = Any
"""An entity of the rocrate package."""


def build_crate(
    artifacts: Mapping[str, Artifact],
    sources: Iterable[str],
    *,
    folder: str,
    license: str | None = None,
    engine_version: str | None = None,
    describe: Callable[[Artifact], str | None] = lambda artifact: None,
) -> dict[str, Any]:
    """The crate's metadata, a JSON-LD graph.

    Args:
        artifacts: the files to describe, by path; each has a provenance block.
        sources: files of the workflow that lie in the folder too; the first is its main one.
        folder: the folder that becomes the crate; all paths begin with it.
        license: of the results: an SPDX identifier, a URL or a text.
        engine_version: the version of Snakemake.
        describe: what a file says, in a few words.

    Raises:
        ValueError: when there is no artifact.
    """
    if not artifacts:
        raise ValueError("a crate needs at least one artifact")
    crate = _Crate(folder, artifacts, describe)
    crate.add_workflow(list(sources))
    crate.add_executions()
    crate.add_run(engine_version)
    crate.describe_root(license)
    return crate.metadata()


def executions(artifacts: Mapping[str, Artifact]) -> list[list[Artifact]]:
    """Files by the execution that made them, in the order in which executions started."""
    groups: dict[tuple[str, ...], list[Artifact]] = {}
    for path in sorted(artifacts):
        groups.setdefault(artifacts[path].execution, []).append(artifacts[path])
    return sorted(groups.values(), key=lambda group: (_started(group[0]), group[0].path))


def _started(artifact: Artifact) -> str:
    return str(artifact.block.get("started", ""))


def _ended(group: Iterable[Artifact]) -> str:
    return max(str(artifact.block.get("ended", "")) for artifact in group)


def _one(values: Iterable[Any]) -> Any:
    """The values as JSON-LD wants them: a single one is no list."""
    listed = list(values)
    return listed[0] if len(listed) == 1 else listed


def _known(**properties: Any) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if value not in (None, "", [])}


class _Crate:
    """A crate that is being filled."""

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
        self._actions: dict[str, list[Entity]] = {}
        self._tools: dict[str, Entity] = {}
        self._connected: set[tuple[str, str]] = set()
        self._people: dict[str, Entity] = {}
        self._all_actions: list[Entity] = []
        self._used = {source for a in artifacts.values() for source in a.inputs}

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
            "encodingFormat": FORMATS.get(Path(path).suffix, "text/plain"),
            "contentSize": size,
            "sha256": digest,
        }

    def _file(self, path: str, **properties: Any) -> Entity:
        if path not in self._entities:
            whole = self._facts(path) | _known(**properties)
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
        return self._add(ContextEntity, name, properties | _known(exampleOfWork=parameter))

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
        properties = {"@type": "PropertyValue", "name": kind, "value": _one(parts)}
        return [self._add(ContextEntity, name, properties)]

    # People, tools, steps

    def _agent(self, block: Mapping[str, Any]) -> list[Entity]:
        agent = block.get("agent", {})
        if not agent:
            return []
        name = f"#person/{quote(agent.get('account') or agent['name'])}"
        if agent.get("account") and agent.get("name"):
            name += f"/{quote(agent['name'])}"
        properties = _known(name=agent.get("name") or agent.get("account"))
        if agent.get("account"):
            properties["identifier"] = agent["account"]
        self._people[name] = self._add(Person, name, properties)
        return [self._people[name]]

    def _tool(self, artifact: Artifact, settings: Iterable[Entity]) -> Entity:
        """The command that made a file, in the version of its code."""
        code = str(artifact.block.get("code_digest", ""))
        version = code[7:19] or str(artifact.block.get("git", {}).get("commit", ""))[:12]
        name = f"#actsearch/{quote(artifact.step)}" + (f"@{version}" if version else "")
        properties = _known(
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
                known = _listed(tool.get("input", []))
                read = [value["exampleOfWork"] for value in _listed(group["value"])]
                tool["input"] = _one([*known, *(one for one in read if one not in known)])
        return tool

    def add_workflow(self, sources: list[str]) -> None:
        """The workflow's files, the first of which stands for it."""
        main = sources[0]
        properties = {
            **self._facts(main),
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "conformsTo": {"@id": WORKFLOW_PROFILE},
        }
        self._workflow = self._crate.add_workflow(
            dest_path=self._name(main), properties=properties, main=True, lang="snakemake"
        )
        for path in sources[1:]:
            self._file(path)

    # Actions

    def add_executions(self) -> None:
        """An action for each execution."""
        for group in executions(self._artifacts):
            first = group[0]
            block = first.block
            settings = self._values("settings", block.get("settings", {}))
            read = [self._source(path, digest) for path, digest in sorted(first.inputs.items())]
            more = [
                *settings,
                *self._values("seeds", block.get("seeds", {})),
                *self._values("command", {"command": block.get("command")}),
            ]
            what = [block.get("task"), *map(str, block.get("wildcards", {}).values())]
            action = self._add(
                ContextEntity,
                f"#execution/{quote(self._name(first.path))}",
                _known(
                    **{"@type": "CreateAction"},
                    name=" ".join([first.step, *filter(None, what), *_item(block)]),
                    description=f"actsearch {first.step} made {len(group)} file"
                    + ("s" if len(group) > 1 else ""),
                    instrument=self._tool(first, settings),
                    object=_one([*read, *more]),
                    result=_one(self._artifact(artifact) for artifact in group),
                    startTime=block.get("started"),
                    endTime=_ended(group),
                    agent=_one(self._agent(block)),
                    environment=_one(self._environment(block)),
                    actionStatus=COMPLETED,
                ),
            )
            self._all_actions.append(action)
            if rule := block.get("rule"):
                self._actions.setdefault(rule, []).append(action)

    def _environment(self, block: Mapping[str, Any]) -> Iterator[Entity]:
        for kind in ("git", "environment", "slurm"):
            yield from self._values(kind, block.get(kind, {}))
        yield from self._values("machine", {key: block.get(key) for key in MACHINE})

    def add_run(self, engine_version: str | None) -> None:
        """The workflow as steps, and what ran them."""
        self._workflow["hasPart"] = _one(self._tools.values())
        commits = {str(a.block.get("git", {}).get("commit", "")) for a in self._artifacts.values()}
        if commits := commits - {""}:
            self._workflow["version"] = ", ".join(sorted(commits))
        steps, controls = [], []
        for position, (rule, actions) in enumerate(self._actions.items(), start=1):
            used = dict.fromkeys(action["instrument"].id for action in actions)
            step = self._add(
                ContextEntity,
                f"#step/{quote(rule)}",
                {
                    "@type": "HowToStep",
                    "name": rule,
                    "position": str(position),
                    "workExample": _one(self._entities[name] for name in used),
                },
            )
            steps.append(step)
            control = {"@type": "ControlAction", "name": f"rule {rule}", "instrument": step}
            properties = {**control, "object": _one(actions), "actionStatus": COMPLETED}
            controls.append(self._add(ContextEntity, f"#control/{quote(rule)}", properties))
        if steps:
            self._workflow["step"] = _one(steps)
        times = {
            "startTime": min(_started(artifact) for artifact in self._artifacts.values()),
            "endTime": _ended(self._artifacts.values()),
            "actionStatus": COMPLETED,
            **_known(agent=_one(self._people.values())),
        }
        last = [a for path, a in sorted(self._artifacts.items()) if path not in self._used]
        outputs = dict.fromkeys(f"#parameter/{quote(f'output/{a.step}')}" for a in last)
        self._workflow["output"] = _one(self._entities[name] for name in outputs)
        values = [e for name, e in self._entities.items() if name.startswith("#settings/")]
        inputs = [e for n, e in self._entities.items() if n.startswith("#parameter/")]
        inputs = [e for e in inputs if not e.id.startswith("#parameter/output/")]
        if inputs:
            self._workflow["input"] = _one(inputs)
        run = self._add(
            ContextEntity,
            "#run",
            {
                "@type": "CreateAction",
                "name": "the experiment",
                "description": "All executions whose files stand, from the first to the last, "
                "by one run of Snakemake or several.",
                "instrument": self._workflow,
                "result": _one(self._artifact(artifact) for artifact in last),
                **_known(object=_one(values)),
                **times,
            },
        )
        self._all_actions.append(run)
        if controls:
            engine = self._add(
                SoftwareApplication,
                "https://snakemake.github.io",
                _known(
                    name="Snakemake",
                    url="https://snakemake.github.io",
                    softwareVersion=engine_version,
                ),
            )
            properties = {"instrument": engine, "object": _one(controls), "result": run, **times}
            organized = {"@type": "OrganizeAction", "name": "run by Snakemake", **properties}
            self._add(ContextEntity, "#organization", organized)
        for name, types in self._examples.items():
            self._entities[name]["additionalType"] = _one(sorted(types))

    # The crate itself

    def describe_root(self, license: str | None) -> None:
        """What the crate says of itself."""
        tasks = sorted(
            {str(a.block["task"]) for a in self._artifacts.values() if "task" in a.block}
        )
        self._crate.name = "Activation function search" + (f": {', '.join(tasks)}" if tasks else "")
        self._crate.description = (
            f"{len(self._artifacts)} files of an activation function search by actsearch, with "
            f"the {len(self._all_actions) - 1} executions that made them."
        )
        self._crate.datePublished = _ended(self._artifacts.values())
        self._crate.license = self._license(license)
        root = self._crate.root_dataset
        if self._people:
            root["author"] = _one(self._people.values())
        for name, title in PROFILES.items():
            version = name.rsplit("/", 1)[-1]
            properties = {"@type": "CreativeWork", "name": title, "version": version}
            root.append_to("conformsTo", self._add(ContextEntity, name, properties))
        root["mentions"] = _one(self._all_actions)

    def _license(self, license: str | None) -> Entity | str:
        if license is None:
            return "No licence is stated; ask the authors."
        if " " in license:
            return license
        name = license if "://" in license else SPDX + license
        properties = {"@type": "CreativeWork", "name": license}
        return self._add(ContextEntity, name, properties)


def _item(block: Mapping[str, Any]) -> list[str]:
    return [str(block["item"])] if "item" in block else []


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
