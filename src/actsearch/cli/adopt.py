"""Command: adopt."""

from __future__ import annotations

import subprocess
from pathlib import Path

import typer

from actsearch.cli.app import DEFAULT_CONFIG, ConfigFile, app, load
from actsearch.cli.present import Outputs, data_digest, present_of, snakemake
from actsearch.config import ConfigError
from actsearch.records.artifacts import ArtifactError
from actsearch.records.audit import Finding, audit
from actsearch.records.lineage import Artifact, read_artifacts
from actsearch.records.provenance import environment

DOUBTS = ("unreadable", "altered", "moved", "settings", "code")
"""Kinds of findings for which Snakemake would make a file again, had it records of its own."""
EXAMPLES = 5
RESULTS = Path("results")


@app.command()
def adopt(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Note results that were copied here as made, if they are what this workflow would make.

    Snakemake knows nothing of files that were copied without its hidden folder. They are touched,
    in order; nothing else is changed.
    """
    settings = load(config)
    outputs = Outputs.of_workflow(config)
    artifacts = {path: a for path, a in read_artifacts(RESULTS).items() if path in outputs}
    findings = audit(
        artifacts,
        files=(),
        can_be_made=outputs.__contains__,
        present_of=present_of(settings),
        data_digest=data_digest,
        environment=environment(),
    )
    doubts = [finding for finding in findings if _doubtful(finding, artifacts)]
    if doubts:
        told = [f"  {doubt.path}: {doubt.kind}, {doubt.message}" for doubt in doubts[:EXAMPLES]]
        if len(doubts) > EXAMPLES:
            told.append(f"  and {len(doubts) - EXAMPLES} more")
        raise ArtifactError(
            f"{RESULTS}/ was brought here without Snakemake's records, and {len(doubts)} of its "
            "files are not what this workflow would make:\n" + "\n".join(told) + "\n"
            "See `actsearch audit`. To have them made again, move them away: "
            "`actsearch audit --list KIND` prints them."
        )
    further = sorted(artifacts.keys() - outputs.files)  # asked for by name, for one
    command = snakemake("--touch", "--forceall", "--cores", "1", "all", *further, config=config)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"Snakemake cannot note what is in {RESULTS}/:\n{done.stderr.strip()}")
    typer.echo(f"{len(artifacts)} files were brought here and are what would be made: noted")


def _doubtful(finding: Finding, artifacts: dict[str, Artifact]) -> bool:
    if finding.kind != "inputs":
        return finding.kind in DOUBTS
    # A missing input is none: what was made of it may stand without it.
    inputs = artifacts[finding.path].inputs
    return any(
        artifacts[path].content != digest if path in artifacts else data_digest(path) != digest
        for path, digest in inputs.items()
        if path in artifacts or Path(path).is_file()
    )
