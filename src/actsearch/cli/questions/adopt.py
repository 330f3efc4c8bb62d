"""Command: adopt."""

from __future__ import annotations

from pathlib import Path

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile
from actsearch.cli.recording import load
from actsearch.config import ConfigError
from actsearch.plan import layout
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.outputs import Outputs, run, snakemake
from actsearch.plan.staleness import staleness
from actsearch.plan.steps import is_watching
from actsearch.records.audit import DAMAGES
from actsearch.records.folders import FOLDER, entries_under
from actsearch.records.formats import ArtifactError
from actsearch.records.lineage import SUFFIXES, read_all
from actsearch.records.names import printable, printable_name
from actsearch.records.reasons import REASON_KINDS, without_missing

EXAMPLES = 5
RESULTS = Path(layout.RESULTS)


@app.command()
def adopt(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Accept results copied from elsewhere, if they are what this workflow would make.

    Snakemake does not know files that were copied without its hidden folder. Their dates are
    changed, in order, and they are recorded as made; nothing else is changed.
    """
    settings = load(config)
    entries = list(entries_under(RESULTS)) if RESULTS.is_dir() else []
    standing = read_all(entry.path for entry in entries if entry.what != FOLDER)
    outputs = Outputs.of_workflow(config, standing)
    standing |= read_all(e.path for e in entries if e.what == FOLDER and e.path in outputs)
    artifacts = {path: a for path, a in standing.items() if path in outputs}
    if not artifacts:
        typer.echo(f"{RESULTS}/ holds nothing that this workflow makes: nothing to note")
        return
    stale = staleness(settings, artifacts, outputs.inputs_of, outputs.wanted)
    # The crate and the audit tell of what stood, files asked for by name too.
    told = {
        path: list(without_missing(stale(artifact)))
        for path, artifact in artifacts.items()
        if Path(path).suffix in SUFFIXES and not is_watching(artifact.step)
    }
    # Of another configuration, for one: they stand as they are, see `left-over` in an audit.
    damaged = {path for path, reasons in told.items() if any(r.kind in DAMAGES for r in reasons)}
    left = artifacts.keys() - outputs.wanted - damaged
    doubts = [(path, r) for path, reasons in told.items() if path not in left for r in reasons]
    if doubts:
        # Damaged files first.
        doubts.sort(key=lambda doubt: REASON_KINDS.index(doubt[1].kind))
        n_files = len({path for path, _ in doubts})
        lines = [
            f"  {printable_name(path)}: {doubt.kind}, {printable(doubt.text)}"
            for path, doubt in doubts[:EXAMPLES]
        ]
        if len(doubts) > EXAMPLES:
            lines.append(f"  and {len(doubts) - EXAMPLES} more")
        raise ArtifactError(
            f"{RESULTS}/ was brought here without Snakemake's records, and {n_files} of its "
            "files are not what this workflow would make:\n" + "\n".join(lines) + "\n"
            "See `actsearch audit`. To have them made again, move them away: "
            "`actsearch audit --list KIND` prints them."
        )
    # Asked for by name; without those of a task or a section that is gone.
    asked = (path for path in artifacts.keys() - outputs.files if not told.get(path))
    further = sorted(path for path in asked if outputs.inputs_of(path) is not None)
    # What is fetched lies outside, for other people too, who may have made it read-only.
    forced = ("--touch", "--forcerun", *outputs.rules, "--cores", "1")
    command = snakemake(*forced, "all", *further, config=config)
    done = run(command)
    if done.returncode:
        raise ConfigError(f"Snakemake cannot note what is in {RESULTS}/:\n{done.stderr.strip()}")
    n_noted = len(artifacts) - sum(1 for path in left if told.get(path))
    typer.echo(f"{n_noted} files were brought here and are what would be made: noted")
