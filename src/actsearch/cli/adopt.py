"""Command: adopt."""

from __future__ import annotations

import subprocess
from pathlib import Path

import typer

from actsearch.cli.app import DEFAULT_CONFIG, ConfigFile, app, load
from actsearch.cli.present import Outputs, present_of, snakemake
from actsearch.config import ConfigError
from actsearch.records.audit import WATCHING, Finding, audit
from actsearch.records.formats import ArtifactError
from actsearch.records.lineage import read_artifacts
from actsearch.records.provenance import environment
from actsearch.records.sources import source_changes

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
    standing = read_artifacts(RESULTS)
    outputs = Outputs.of_workflow(config, standing)
    artifacts = {path: a for path, a in standing.items() if path in outputs}
    present = present_of(settings)
    findings = audit(
        # The crate and the audit tell of what stood, files asked for by name too.
        {path: a for path, a in artifacts.items() if a.step not in WATCHING},
        files=(),
        can_be_made=outputs.__contains__,
        present_of=present,
        inputs_of=outputs.inputs_of,
        environment=environment(),
    )

    def is_doubt(finding: Finding) -> bool:
        if finding.kind != "inputs":
            return finding.kind in DOUBTS
        artifact = artifacts[finding.path]
        planned = outputs.inputs_of(finding.path)
        changed = source_changes(artifact, artifacts, planned, present(artifact.block).data)
        # A missing input is none: what was made of it may stand without it.
        return any(change.how != "missing" for change in changed)

    doubts = list(filter(is_doubt, findings))
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
    # Asked for by name, for one; without those of a task or a section that is gone.
    others = artifacts.keys() - outputs.files
    further = sorted(path for path in others if outputs.inputs_of(path) is not None)
    # What is fetched lies outside, for other people too, who may have made it read-only.
    forced = ("--touch", "--forcerun", *outputs.rules, "--cores", "1")
    command = snakemake(*forced, "all", *further, config=config)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"Snakemake cannot note what is in {RESULTS}/:\n{done.stderr.strip()}")
    typer.echo(f"{len(artifacts)} files were brought here and are what would be made: noted")
