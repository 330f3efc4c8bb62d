"""Command: crate."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, Out
from actsearch.cli.progress import say, track
from actsearch.cli.recording import execution, load
from actsearch.plan.environment import DEFAULT_CONFIG, SNAKEFILE_VARIABLE
from actsearch.plan.made import may_be_made
from actsearch.plan.steps import is_watching, step_called
from actsearch.records.digests import digest_file
from actsearch.records.formats import ArtifactError, copy_file, read_json, shown, write_json
from actsearch.records.lineage import SUFFIXES, Artifact, files_under, read_all
from actsearch.records.names import printable_name

EXAMPLES = 5


@app.command()
def crate(
    out: Out,
    copies: Annotated[Path, typer.Option(help="Where copies of the sources go, beside --out.")],
    sources: Annotated[
        list[str], typer.Argument(help="Sources in the Snakefile's folder, the main one first.")
    ],
    snakefile: Annotated[
        Path, typer.Option(envvar=SNAKEFILE_VARIABLE, help="The workflow's main file.")
    ] = Path("Snakefile"),
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Describe all results as a Workflow Run RO-Crate, for other tools."""
    from actsearch.records.crate import build_crate

    settings = load(config)
    record = execution("crate", settings)
    folder = Path(shown(out)).parent
    names = filter(may_be_made, files_under(folder))
    found = read_all(names, track=lambda paths: track(paths, "reading records"))
    sound = {path: artifact for path, artifact in found.items() if _belongs(artifact)}
    if not sound:
        raise ArtifactError(f"{folder}: holds no file to describe")
    if bad := [path for path, artifact in found.items() if _is_left_out(artifact)]:
        some = ", ".join(map(printable_name, bad[:EXAMPLES]))
        more = f" and {len(bad) - EXAMPLES} more" if len(bad) > EXAMPLES else ""
        say(f"left out, as they are not what was written: {some}{more}")
    for name in sources:
        copy_file(snakefile.parent / name, copies / name)
    copy_file(config, copies / "config.yaml")
    copied = [shown(copies / name) for name in [*sources, "config.yaml"]]
    graph = build_crate(
        sound,
        copied,
        folder=str(folder),
        license=settings.license,
        engine_version=_version("snakemake"),
        describe=_outcome,
    )
    inputs = {path: artifact.content for path, artifact in sound.items()}
    # Copies carry no provenance: the audit compares them with what is said here.
    digests = {path: digest_file(path) for path in copied}
    write_json(out, graph, record.block(inputs=inputs, copies=digests))


def _belongs(artifact: Artifact) -> bool:
    known = step_called(artifact.step) is not None and not is_watching(artifact.step)
    return known and artifact.problem is None and artifact.path.isprintable()


def _is_left_out(artifact: Artifact) -> bool:
    """Whether a file is none that can be told of, though it has the name or the record of one."""
    carries = Path(artifact.path).suffix in SUFFIXES
    return carries and not is_watching(artifact.step) and not _belongs(artifact)


def _outcome(artifact: Artifact) -> str | None:
    """Function, status and scores of a trial."""
    step = step_called(artifact.step)
    if step is None or not step.packed:
        return None
    trial = read_json(artifact.path)
    told = [f"{trial.get('function')}: {trial.get('status')}"]
    for part in ("validation", "test"):
        if isinstance(value := trial.get(f"{part}_score"), int | float):
            told.append(f"{part} {trial.get('score', 'score')} {value:.4f}")
    return ", ".join(told)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
