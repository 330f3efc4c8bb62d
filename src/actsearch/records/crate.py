"""Results as a Workflow Run RO-Crate: an action for each execution, as the files tell it.

Profile: Provenance Run Crate 0.5 (https://w3id.org/ro/wfrun/provenance/0.5), on RO-Crate 1.1. Names
and times are those of the records and nothing is drawn at random, so the same files give the same
crate. What is not known (a publisher, the address of the code) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from rocrate.model import ContextEntity, SoftwareApplication

from actsearch.records.crate_entities import Entities, Entity, known, one
from actsearch.records.lineage import Artifact

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
WORKFLOW_PROFILE = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
COMPLETED = "http://schema.org/CompletedActionStatus"
MACHINE = ("host", "platform", "cpu", "device")
SPDX = "https://spdx.org/licenses/"


def build_crate(
    artifacts: Mapping[str, Artifact],
    sources: Iterable[str],
    *,
    folder: str,
    license: str | None = None,
    engine_version: str | None = None,
    describe: Callable[[Artifact], str | None] = lambda artifact: None,
) -> dict[str, Any]:
    """Describe files, what made them and the workflow as a Workflow Run RO-Crate.

    Args:
        artifacts: the files to describe, by path; each has a provenance block.
        sources: files of the workflow that lie in the folder too; the first is its main one.
        folder: the folder that becomes the crate; all paths begin with it.
        license: of the results: an SPDX identifier, a URL or a text.
        engine_version: the version of Snakemake.
        describe: what a file says, in a few words.

    Returns:
        The crate's metadata, a JSON-LD graph.

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


class _Crate(Entities):
    """A crate that is being filled with what was executed."""

    def __init__(
        self,
        folder: str,
        artifacts: Mapping[str, Artifact],
        describe: Callable[[Artifact], str | None],
    ) -> None:
        super().__init__(folder, artifacts, describe)
        self._actions: dict[str, list[Entity]] = {}
        self._all_actions: list[Entity] = []
        self._used = {source for a in artifacts.values() for source in a.inputs}

    # The workflow and what it executed

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
                known(
                    **{"@type": "CreateAction"},
                    name=" ".join([first.step, *filter(None, what), *_item(block)]),
                    description=f"actsearch {first.step} made {len(group)} file"
                    + ("s" if len(group) > 1 else ""),
                    instrument=self._tool(first, settings),
                    object=one([*read, *more]),
                    result=one(self._artifact(artifact) for artifact in group),
                    startTime=block.get("started"),
                    endTime=_ended(group),
                    agent=one(self._agent(block)),
                    environment=one(self._environment(block)),
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
        self._workflow["hasPart"] = one(self._tools.values())
        commits = {str(a.block.get("git", {}).get("commit", "")) for a in self._artifacts.values()}
        if commits := commits - {""}:
            self._workflow["version"] = ", ".join(sorted(commits))
        controls = self._add_steps()
        times = {
            "startTime": min(_started(artifact) for artifact in self._artifacts.values()),
            "endTime": _ended(self._artifacts.values()),
            "actionStatus": COMPLETED,
            **known(agent=one(self._people.values())),
        }
        run = self._add_whole(times)
        if controls:
            self._add_engine(engine_version, {"object": one(controls), "result": run, **times})
        for name, types in self._examples.items():
            self._entities[name]["additionalType"] = one(sorted(types))

    def _add_steps(self) -> list[Entity]:
        """The rules as the workflow's steps; returned is what the engine did for each."""
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
                    "workExample": one(self._entities[name] for name in used),
                },
            )
            steps.append(step)
            control = {"@type": "ControlAction", "name": f"rule {rule}", "instrument": step}
            properties = {**control, "object": one(actions), "actionStatus": COMPLETED}
            controls.append(self._add(ContextEntity, f"#control/{quote(rule)}", properties))
        if steps:
            self._workflow["step"] = one(steps)
        return controls

    def _add_whole(self, times: Mapping[str, Any]) -> Entity:
        """All executions as one action of the workflow, with its inputs and outputs."""
        last = [a for path, a in sorted(self._artifacts.items()) if path not in self._used]
        outputs = dict.fromkeys(f"#parameter/{quote(f'output/{a.step}')}" for a in last)
        self._workflow["output"] = one(self._entities[name] for name in outputs)
        values = [e for name, e in self._entities.items() if name.startswith("#settings/")]
        inputs = [e for n, e in self._entities.items() if n.startswith("#parameter/")]
        inputs = [e for e in inputs if not e.id.startswith("#parameter/output/")]
        if inputs:
            self._workflow["input"] = one(inputs)
        run = self._add(
            ContextEntity,
            "#run",
            {
                "@type": "CreateAction",
                "name": "the experiment",
                "description": "All executions whose files stand, from the first to the last, "
                "by one run of Snakemake or several.",
                "instrument": self._workflow,
                "result": one(self._artifact(artifact) for artifact in last),
                **known(object=one(values)),
                **times,
            },
        )
        self._all_actions.append(run)
        return run

    def _add_engine(self, version: str | None, did: Mapping[str, Any]) -> None:
        """Snakemake, which organized the steps."""
        address = "https://snakemake.github.io"
        properties = known(name="Snakemake", url=address, softwareVersion=version)
        engine = self._add(SoftwareApplication, address, properties)
        organized = {"@type": "OrganizeAction", "name": "run by Snakemake", "instrument": engine}
        self._add(ContextEntity, "#organization", {**organized, **did})

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
            root["author"] = one(self._people.values())
        for name, title in PROFILES.items():
            version = name.rsplit("/", 1)[-1]
            properties = {"@type": "CreativeWork", "name": title, "version": version}
            root.append_to("conformsTo", self._add(ContextEntity, name, properties))
        root["mentions"] = one(self._all_actions)

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
